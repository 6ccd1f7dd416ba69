internal import CKernels
public import IsomerBytes

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// How far two tensors of the same shape lie apart, gathered range by range. Their types may differ.
///
/// Workers may share the tensors out and `merge`; the result does not depend on how, as for `TensorStatistics`, whose
/// `blockElementCount` ranges start at multiples of. A complex number counts as two elements.
public struct TensorDifference: Hashable, Sendable {
    /// The type of the first tensor, the reference.
    public let reference: ScalarType
    /// The type of the second.
    public let other: ScalarType
    /// Pairs compared.
    public private(set) var elementCount: UInt64 = 0
    /// Pairs of different value. NaN equals NaN, and zero its negative.
    public private(set) var differingCount: UInt64 = 0
    /// Of the differing pairs, those where a value is NaN or infinite. The figures below leave them out.
    public private(set) var notFiniteCount: UInt64 = 0
    /// The largest |a - b|.
    public private(set) var largestAbsolute = 0.0
    /// The largest |a - b| / max(|a|, |b|): 0 for equal values, 2 for opposite ones.
    public private(set) var largestRelative = 0.0
    /// The largest finite |a| of the reference.
    public private(set) var peak = 0.0
    private var sumOfSquares = ExactSum()

    /// Throws `unsupported` unless both types are real or both complex, and neither is quantized.
    public init(from reference: ScalarType, to other: ScalarType) throws(IsomerError) {
        guard reference.hasValues, other.hasValues, (reference.kind == .complex) == (other.kind == .complex) else {
            throw IsomerError(
                .unsupported, "tensors of these types cannot be compared by value", found: "\(reference.rawValue) and \(other.rawValue)")
        }
        self.reference = reference
        self.other = other
    }

    /// Whether every pair was of equal value.
    public var isEqual: Bool { differingCount == 0 }

    /// The root of the mean squared difference.
    public var rootMeanSquare: Double {
        elementCount > 0 ? (sumOfSquares.value / Double(elementCount)).squareRoot() : 0
    }

    /// The ratio of the peak to the root mean square difference, in decibels. Infinite if nothing differs.
    public var peakSignalToNoiseRatio: Double {
        rootMeanSquare > 0 ? 20 * log10(peak / rootMeanSquare) : .infinity
    }

    /// Compares two ranges of as many elements. Throws `usage` if they do not hold whole elements, or not equally many.
    public mutating func update(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) throws(IsomerError) {
        try update(first, second, level: .current)
    }

    mutating func update(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, level: KernelLevel
    ) throws(IsomerError) {
        guard let left = ElementBlocks(reference, first), let right = ElementBlocks(other, second), left.elementCount == right.elementCount
        else {
            throw IsomerError(
                .usage, "the ranges to compare do not hold equally many whole elements",
                found: "\(first.count) bytes of \(reference.rawValue) and \(second.count) of \(other.rawValue)")
        }
        let capacity = TensorStatistics.blockElementCount
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * capacity) { buffer in
            let leftBuffer = UnsafeMutableBufferPointer(rebasing: buffer[..<capacity])
            let rightBuffer = UnsafeMutableBufferPointer(rebasing: buffer[capacity...])
            for index in 0..<left.blockCount {
                let a = left.block(index, into: leftBuffer, level: level)
                let b = right.block(index, into: rightBuffer, level: level)
                var found = isomer_block_difference()
                // SAFETY: both blocks hold equally many numbers, since both tensors have equally many elements and one block size.
                isomer_difference(level.native, a.baseAddress, b.baseAddress, a.count, &found)
                elementCount &+= UInt64(a.count)
                differingCount &+= found.differing
                notFiniteCount &+= found.not_finite
                largestAbsolute = max(largestAbsolute, found.largest_absolute)
                largestRelative = max(largestRelative, found.largest_relative)
                peak = max(peak, found.peak)
                sumOfSquares += found.sum_of_squares
            }
        }
        if reference == other, reference == .i64 || reference == .u64 { countDifferencesBeyondDouble(first, second) }
    }

    /// Sixty-four-bit integers may differ where binary64 does not.
    private mutating func countDifferencesBeyondDouble(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) {
        for offset in stride(from: 0, to: first.count, by: 8) {
            let a = first.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let b = second.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            guard a != b else { continue }
            let isSigned = reference == .i64
            let (left, right) = isSigned ? (Double(Int64(bitPattern: a)), Double(Int64(bitPattern: b))) : (Double(a), Double(b))
            guard left == right else { continue }
            let distance = isSigned ? (Int64(bitPattern: a) &- Int64(bitPattern: b)).magnitude : max(a, b) - min(a, b)
            differingCount &+= 1
            largestAbsolute = max(largestAbsolute, Double(distance))
            largestRelative = max(largestRelative, Double(distance) / abs(left))
            sumOfSquares += Double(distance) * Double(distance)
        }
    }

    /// Adds what another worker saw. The types must be the same.
    public mutating func merge(_ worker: TensorDifference) {
        elementCount &+= worker.elementCount
        differingCount &+= worker.differingCount
        notFiniteCount &+= worker.notFiniteCount
        largestAbsolute = max(largestAbsolute, worker.largestAbsolute)
        largestRelative = max(largestRelative, worker.largestRelative)
        peak = max(peak, worker.peak)
        sumOfSquares += worker.sumOfSquares
    }
}
