internal import CKernels

/// The checksum of zip and PNG: CRC-32 with the reflected polynomial 0xEDB88320.
///
/// Sums of neighbouring ranges join (`append`), so that several workers can sum one file:
///
///     var whole = CRC32(first)
///     whole.append(CRC32(second))     // as if `second`'s bytes had followed `first`'s
public struct CRC32: Hashable, Sendable {
    /// The sum of the bytes so far: 0 for none.
    public private(set) var value: UInt32
    /// How many bytes were summed.
    public private(set) var byteCount: UInt64

    /// The sum of no bytes.
    public init() {
        value = 0
        byteCount = 0
    }

    /// The sum of `bytes`.
    public init(_ bytes: UnsafeRawBufferPointer) {
        self.init()
        update(bytes)
    }

    /// The sum of `bytes`.
    public init(_ bytes: [UInt8]) {
        self.init()
        bytes.withUnsafeBytes { update($0) }
    }

    /// A sum made elsewhere, over `byteCount` bytes.
    public init(value: UInt32, byteCount: UInt64) {
        self.value = value
        self.byteCount = byteCount
    }

    /// Goes on with `bytes`.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        update(bytes, level: .current)
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer, level: KernelLevel) {
        // SAFETY: an empty buffer may have no address; the kernel does not look at one when the count is 0.
        value = isomer_crc32(level.native, value, bytes.baseAddress, bytes.count)
        byteCount &+= UInt64(bytes.count)
    }

    /// Goes on with the bytes that `next` was made of, without looking at them again. Takes time in the logarithm of their number.
    public mutating func append(_ next: CRC32) {
        value = isomer_crc32_combine(value, next.value, next.byteCount)
        byteCount &+= next.byteCount
    }
}
