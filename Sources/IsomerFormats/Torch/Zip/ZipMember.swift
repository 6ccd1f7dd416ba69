/// One member of a zip archive, as the central directory describes it.
public struct ZipMember: Hashable, Sendable {
    /// How its bytes are stored.
    public enum Method: UInt16, Hashable, Sendable {
        case stored = 0
        case deflated = 8
    }

    /// Where its name lies in the directory.
    let nameRange: Range<Int>
    /// How its bytes are stored.
    public let method: Method
    /// CRC-32 of the plain bytes.
    public let crc32: UInt32
    /// Bytes in the file.
    public let storedSize: UInt64
    /// Plain bytes.
    public let size: UInt64
    /// Where its local header begins.
    let headerOffset: UInt64
    /// Whether sizes and checksum stand behind the data instead of in the local header.
    let hasDescriptor: Bool
}

extension ZipMember {
    /// Bit 0 encrypts, bits 1 and 2 tell how hard a compressor tried, bit 3 puts the sizes behind the data, bit 11 says that the name is UTF-8.
    enum Flag {
        static let effort: UInt16 = 0b110
        static let descriptor: UInt16 = 1 << 3
        static let unicode: UInt16 = 1 << 11
    }
}
