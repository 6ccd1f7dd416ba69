/// Reads little-endian numbers and byte ranges from memory, in order, never past the end.
///
/// `base` is where the first byte lies in the file, so that errors name file offsets.
public struct ByteReader: Sendable {
    private let bytes: ArraySlice<UInt8>
    private let base: UInt64
    /// Bytes read so far.
    public private(set) var position: Int = 0

    public init(_ bytes: ArraySlice<UInt8>, base: UInt64 = 0) {
        self.bytes = bytes
        self.base = base
    }

    public init(_ bytes: [UInt8], base: UInt64 = 0) {
        self.init(bytes[...], base: base)
    }

    /// Bytes not read yet.
    public var remaining: Int { bytes.count - position }

    /// The offset in the file of the next byte.
    public var fileOffset: UInt64 { base + UInt64(position) }

    /// The next integer, least significant byte first.
    public mutating func read<Number: FixedWidthInteger>(_ type: Number.Type = Number.self, _ meaning: String) throws(IsomerError) -> Number
    {
        let size = Number.bitWidth / 8
        let slice = try take(size, meaning)
        return slice.reversed().reduce(Number.zero) { value, byte in (value << 8) | Number(truncatingIfNeeded: byte) }
    }

    /// The next `count` bytes.
    public mutating func take(_ count: Int, _ meaning: String) throws(IsomerError) -> ArraySlice<UInt8> {
        guard count >= 0, count <= remaining else {
            throw IsomerError(
                .malformed, "the file ends inside \(meaning)", byteOffset: fileOffset,
                expected: "\(count) bytes", found: "\(remaining) bytes", remedy: "the file is cut short or damaged: get it again")
        }
        let start = bytes.startIndex + position
        position += count
        return bytes[start..<start + count]
    }

    /// Moves on without looking.
    public mutating func skip(_ count: Int, _ meaning: String) throws(IsomerError) {
        _ = try take(count, meaning)
    }
}
