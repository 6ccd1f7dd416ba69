public import IsomerBytes

/// What the samples of one pixel mean, in the order in which they lie in memory.
public enum PixelChannels: Int, Hashable, Sendable, CaseIterable {
    case gray = 1
    case grayAlpha = 2
    case rgb = 3
    case rgba = 4

    /// Samples per pixel.
    public var count: Int { rawValue }
    public var hasAlpha: Bool { self == .grayAlpha || self == .rgba }
    public var isColour: Bool { self == .rgb || self == .rgba }
    /// The same without alpha.
    public var opaque: PixelChannels { isColour ? .rgb : .gray }
}

/// How one sample is stored. Integers run from black (0) to their largest value, in the machine's byte order.
public enum SampleType: Hashable, Sendable, CaseIterable {
    case uint8, uint16, float32

    public var byteCount: Int {
        switch self {
        case .uint8: 1
        case .uint16: 2
        case .float32: 4
        }
    }
}

/// Width and height in pixels.
public struct PixelSize: Hashable, Sendable, CustomStringConvertible {
    public var width: Int
    public var height: Int

    public init(_ width: Int, _ height: Int) {
        self.width = width
        self.height = height
    }

    public var area: Int { width.multipliedReportingOverflow(by: height).overflow ? Int.max : width * height }
    /// Width divided by height.
    public var aspect: Double { height == 0 ? 0 : Double(width) / Double(height) }
    public var description: String { "\(width)x\(height)" }
}

/// A picture in memory: rows from the top, pixels from the left, samples interleaved, without gaps.
///
/// A value type; copies share their memory until one of them is written to.
public struct Bitmap: Sendable {
    public let width: Int
    public let height: Int
    public let channels: PixelChannels
    public let samples: SampleType
    private(set) var storage: PixelStorage

    /// A bitmap with anything in it. Throws `limitExceeded` if it would take more than `limits.pictureBytes` or the memory is not there,
    /// `usage` if a side is less than 1.
    init(uninitialized width: Int, _ height: Int, _ channels: PixelChannels, _ samples: SampleType = .uint8, limits: Limits = Limits())
        throws(IsomerError)
    {
        guard width > 0, height > 0 else {
            throw IsomerError(.usage, "a picture needs at least one pixel", found: "\(width)x\(height)")
        }
        let pixels = UInt64(width).multipliedReportingOverflow(by: UInt64(height))
        let bytes = pixels.partialValue.multipliedReportingOverflow(by: UInt64(channels.count * samples.byteCount))
        guard !pixels.overflow, !bytes.overflow, bytes.partialValue <= limits.pictureBytes, let count = Int(exactly: bytes.partialValue)
        else {
            throw IsomerError(
                .limitExceeded, "the picture takes more memory than one picture may", expected: "at most \(limits.pictureBytes) bytes",
                found: "\(width)x\(height) pixels")
        }
        guard let storage = PixelStorage(count: count) else {
            throw IsomerError(.limitExceeded, "there is no memory for the picture", expected: "\(count) bytes")
        }
        self.width = width
        self.height = height
        self.channels = channels
        self.samples = samples
        self.storage = storage
    }

    /// A bitmap from samples in order. Throws `usage` if their number does not fit.
    public init(width: Int, height: Int, channels: PixelChannels, bytes: [UInt8], samples: SampleType = .uint8) throws(IsomerError) {
        try self.init(uninitialized: width, height, channels, samples)
        guard bytes.count == storage.count else {
            throw IsomerError(
                .usage, "the samples do not fill the picture", expected: "\(storage.count) bytes", found: "\(bytes.count) bytes")
        }
        bytes.withUnsafeBytes { source in
            if let address = source.baseAddress { storage.base.copyMemory(from: address, byteCount: source.count) }
        }
    }

    public var size: PixelSize { PixelSize(width, height) }
    /// Bytes from one row to the next.
    public var rowBytes: Int { width * channels.count * samples.byteCount }
    /// Bytes of all samples.
    public var byteCount: Int { storage.count }

    /// All samples as bytes.
    public func withUnsafeBytes<Result, Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Result) throws(Failure)
        -> Result
    {
        try body(UnsafeRawBufferPointer(start: storage.base, count: storage.count))
    }

    /// All samples as bytes, to be changed.
    public mutating func withUnsafeMutableBytes<Result, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        if !isKnownUniquelyReferenced(&storage), let copy = PixelStorage(count: storage.count) {
            copy.base.copyMemory(from: storage.base, byteCount: storage.count)
            storage = copy
        }
        return try body(UnsafeMutableRawBufferPointer(start: storage.base, count: storage.count))
    }

    /// A copy of all samples.
    public var bytes: [UInt8] { withUnsafeBytes { Array($0) } }

    // SAFETY: the kernels' way in. Valid while the bitmap lives, which the caller sees to (`self` and parameters live long enough; locals that
    // are not returned need `withExtendedLifetime`); `target` only right after `init(uninitialized:)`, before it is shared.
    var source: UnsafePointer<UInt8> { UnsafePointer(storage.base.assumingMemoryBound(to: UInt8.self)) }
    var target: UnsafeMutablePointer<UInt8> { storage.base.assumingMemoryBound(to: UInt8.self) }
}

extension Bitmap: Equatable {
    /// Same size, same layout, same samples.
    public static func == (left: Bitmap, right: Bitmap) -> Bool {
        left.width == right.width && left.height == right.height && left.channels == right.channels && left.samples == right.samples
            && left.withUnsafeBytes { a in right.withUnsafeBytes { b in a.elementsEqual(b) } }
    }
}
