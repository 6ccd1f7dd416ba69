internal import CKernels
public import IsomerBytes

/// What a cast could not keep. Reports of the parts of a tensor add up to the report of the whole.
public struct CastReport: Hashable, Sendable {
    /// Values too large for the target type: finite ones that became infinite, NaN or the largest number there is, infinities where the
    /// target has none, and negative numbers in `f8e8m0`, which has no sign.
    public var overflowed: UInt64
    /// Values other than zero that became zero.
    public var flushed: UInt64
    /// NaN that became the largest number, in a target without NaN.
    public var lostNaN: UInt64

    public init(overflowed: UInt64 = 0, flushed: UInt64 = 0, lostNaN: UInt64 = 0) {
        self.overflowed = overflowed
        self.flushed = flushed
        self.lostNaN = lostNaN
    }

    public static func + (left: CastReport, right: CastReport) -> CastReport {
        CastReport(
            overflowed: left.overflowed &+ right.overflowed, flushed: left.flushed &+ right.flushed, lostNaN: left.lostNaN &+ right.lostNaN)
    }

    public static func += (left: inout CastReport, right: CastReport) { left = left + right }
}

/// A conversion of elements from one type to another.
///
/// Between floating types, from integers and booleans to floating types, and between complex types. Numbers are rounded once, to nearest,
/// ties to even; infinities, NaN and subnormal numbers come out as PyTorch's CPU code gives them for large tensors. It differs in one
/// point: PyTorch goes from `f64` and wide integers to types below `f32` by way of `f32`, which rounds twice; this does not.
/// Nothing is ever cast to an integer, and a type to itself is a copy. Block types are made bit for bit as ggml's reference code makes them,
/// from the elements as `f32`.
///
/// Reference: PyTorch 2.13, `Tensor.to`, x86-64 with AVX-512; for `f4`, `f6e2m3` and `f6e3m2`, which it does not cast, OCP Microscaling
/// Formats 1.0, saturating.
public struct Cast: Hashable, Sendable {
    /// The type of the elements that come in.
    public let source: ScalarType
    /// The type of the elements that go out.
    public let target: ScalarType

    /// Throws `unsupported` if there is no such cast.
    public init(from source: ScalarType, to target: ScalarType) throws(IsomerError) {
        let isKnown =
            switch (source.kind, target.kind) {
            case (.float, .float), (.boolean, .float), (.unsigned, .float), (.signed, .float), (.complex, .complex), (.block, .float): true
            case (.float, .block), (.block, .block): target.isWritableBlock || source == target
            default: source == target
            }
        guard isKnown else {
            throw IsomerError(
                .unsupported, "there is no cast between these types", expected: "a floating type from a real one, or complex from complex",
                found: "\(source.rawValue) to \(target.rawValue)", remedy: "leave the tensor's type as it is")
        }
        self.source = source
        self.target = target
    }

    /// Converts `elementCount` elements.
    ///
    /// Throws `usage` if a buffer is too small, or if elements below a byte do not fill their last byte.
    /// Buffers need no alignment and must not overlap. Any thread may convert any part.
    @discardableResult
    public func apply(
        _ elements: UnsafeRawBufferPointer, _ destination: UnsafeMutableRawBufferPointer, elementCount: Int
    ) throws(IsomerError) -> CastReport {
        try apply(elements, destination, elementCount: elementCount, level: .current)
    }

    func apply(
        _ elements: UnsafeRawBufferPointer, _ destination: UnsafeMutableRawBufferPointer, elementCount: Int, level: KernelLevel
    ) throws(IsomerError) -> CastReport {
        let sourceBytes = try checkedByteCount(elements, destination, elementCount)
        guard let input = elements.baseAddress, let output = destination.baseAddress, elementCount > 0 else { return CastReport() }
        guard source != target else {
            output.copyMemory(from: input, byteCount: sourceBytes)
            return CastReport()
        }
        if source.kind == .block || target.kind == .block {
            return castBlocks(input, output, elementCount: elementCount, level: level, error: nil)
        }
        guard let from = source.native, let to = target.native else { return CastReport() }
        var counts = isomer_cast_counts()
        let parts = source.kind == .complex ? 2 : 1
        // SAFETY: both buffers were just measured; a complex number is two real ones.
        _ = isomer_cast(level.native, from, to, input, output, elementCount * parts, &counts)
        return CastReport(overflowed: counts.overflowed, flushed: counts.flushed, lostNaN: counts.lost_nan)
    }

    /// The bytes of `elementCount` elements of the source. Throws `usage` unless both buffers hold as many.
    func checkedByteCount(
        _ elements: UnsafeRawBufferPointer, _ destination: UnsafeMutableRawBufferPointer, _ elementCount: Int
    ) throws(IsomerError) -> Int {
        guard let sourceBytes = source.byteCount(of: elementCount), let targetBytes = target.byteCount(of: elementCount),
            elements.count >= sourceBytes, destination.count >= targetBytes
        else {
            throw IsomerError(
                .usage, "a cast's buffers do not hold its elements",
                expected: "\(elementCount) elements of \(source.rawValue) and \(target.rawValue)",
                found: "\(elements.count) and \(destination.count) bytes")
        }
        return sourceBytes
    }
}
