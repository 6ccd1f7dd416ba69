/// The chunks of a PNG file, one after another, to the one that ends it.
///
/// Reference: PNG specification, third edition, 5.3: length (4 bytes, most significant first), kind (4 letters), body, CRC-32.
public struct PNGChunks {
    /// One chunk.
    public struct Chunk: Hashable, Sendable {
        /// Four letters: "IHDR".
        public let kind: String
        /// Where its body lies in the file.
        public let offset: UInt64
        /// Bytes of its body.
        public let count: UInt64
    }

    /// What every PNG file begins with.
    public static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    private let file: ReadableFile
    private var offset = UInt64(signature.count)
    private var left: Int
    private let most: Int

    /// `nil` if `file` does not begin as PNG files do.
    public init?(_ file: ReadableFile, limits: Limits = Limits()) throws(IsomerError) {
        let signature = Self.signature
        guard file.size >= UInt64(signature.count), try file.bytes(at: 0, count: signature.count) == signature else { return nil }
        self.file = file
        most = limits.archiveMembers
        left = most
    }

    /// The next one; `nil` behind the last.
    ///
    /// Throws `malformed` if the file ends inside a chunk, `limitExceeded` for more chunks than an archive may have members.
    public mutating func next() throws(IsomerError) -> Chunk? {
        guard offset < file.size, file.size - offset >= 12 else { return nil }
        guard left > 0 else {
            throw IsomerError(
                .limitExceeded, "the picture has too many chunks", path: file.path, byteOffset: offset, expected: "at most \(most)")
        }
        left -= 1
        let header = try file.bytes(at: offset, count: 8)
        let count = header[..<4].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard count <= file.size - offset - 12 else {
            throw IsomerError(.malformed, "a chunk of the picture is longer than the file", path: file.path, byteOffset: offset)
        }
        let chunk = Chunk(kind: String(decoding: header[4...], as: UTF8.self), offset: offset + 8, count: count)
        offset = chunk.kind == "IEND" ? file.size : offset + 12 + count
        return chunk
    }
}
