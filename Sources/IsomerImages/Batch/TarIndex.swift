public import IsomerBytes

/// The regular files in a tar archive, as WebDataset shards have them: `key.jpg`, `key.txt`, `key.json`.
///
/// Grammar (POSIX ustar, pax and GNU long names): 512-byte headers with `name₁₀₀ … size₁₂(octal) … checksum₈ type₁ … prefix₁₅₅`, each followed
/// by its content, filled up to 512 bytes; two empty blocks at the end.
public struct TarIndex: Sendable {
    /// One regular file.
    public struct Member: Hashable, Sendable {
        /// The path inside the archive.
        public var name: String
        /// Where its content begins in the archive, in bytes.
        public var offset: UInt64
        /// The bytes of its content.
        public var size: UInt64
    }

    /// In the archive's order.
    public let members: [Member]

    /// Reads the headers. Throws `malformed` for a broken one, `limitExceeded` for more members than `limits` allow.
    public init(_ file: ReadableFile, limits: Limits = Limits()) throws(IsomerError) {
        var members: [Member] = []
        var position: UInt64 = 0
        var longName: String?
        while position + 512 <= file.size {
            let header = try file.bytes(at: position, count: 512)
            if header.allSatisfy({ $0 == 0 }) { break }
            func failure(_ what: String) -> IsomerError {
                IsomerError(.malformed, "this is no usable tar archive: \(what)", path: file.path, byteOffset: position)
            }
            let sum = header.enumerated().reduce(0) { $0 + ((148..<156).contains($1.offset) ? 32 : Int($1.element)) }
            guard Self.octal(header[148..<156]) == UInt64(sum) else { throw failure("a header's checksum does not hold") }
            guard let size = Self.octal(header[124..<136]), size <= file.size - position - 512 else {
                throw failure("a member is longer than the archive")
            }
            let content = position + 512
            switch header[156] {
            case UInt8(ascii: "0"), 0:
                var name = Self.text(header[0..<100])
                if header[257..<262].elementsEqual("ustar".utf8), header[345] != 0 { name = Self.text(header[345..<500]) + "/" + name }
                members.append(Member(name: longName ?? name, offset: content, size: size))
                longName = nil
                guard members.count <= limits.archiveMembers else {
                    throw IsomerError(.limitExceeded, "the archive has more members than an archive may", path: file.path)
                }
            case UInt8(ascii: "L") where size <= 65536:
                longName = Self.text(try file.bytes(at: content, count: Int(size))[...])
            case UInt8(ascii: "x") where size <= 65536:
                longName = Self.paxPath(try file.bytes(at: content, count: Int(size))) ?? longName
            default: longName = nil
            }
            position = content + (size + 511) / 512 * 512
        }
        self.members = members
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    private static func octal(_ field: ArraySlice<UInt8>) -> UInt64? {
        let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0 && $0 != 0x20 }
        guard !digits.isEmpty, digits.count <= 20 else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            guard (0x30...0x37).contains(digit), value < 1 << 60 else { return nil }
            value = value << 3 | UInt64(digit - 0x30)
        }
        return value
    }

    /// The member `path` of a pax header: lines of `length key=value`.
    private static func paxPath(_ bytes: [UInt8]) -> String? {
        var rest = bytes[...]
        while let space = rest.firstIndex(of: 0x20), let length = Int(String(decoding: rest[..<space], as: UTF8.self)),
            length > space - rest.startIndex + 1, length <= rest.count
        {
            let line = rest[(space + 1)..<(rest.startIndex + length - 1)]
            if line.starts(with: "path=".utf8) { return String(decoding: line.dropFirst(5), as: UTF8.self) }
            rest = rest.dropFirst(length)
        }
        return nil
    }
}

/// Makes the blocks of a tar archive: no owner, no times, so the same members always give the same bytes.
public enum TarWriter {
    /// A member with its header and filling. Names above 100 bytes get a pax header.
    public static func member(_ name: String, _ content: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        if name.utf8.count > 100 { output += block("pax", Array(paxBody(name).utf8), type: "x") }
        return output + block(name, content, type: "0")
    }

    /// The bytes before a member's content, and all of them with its filling.
    static func size(_ name: String, _ content: UInt64) -> (header: UInt64, whole: UInt64) {
        let header: UInt64 = name.utf8.count > 100 ? 512 + UInt64((paxBody(name).utf8.count + 511) / 512 * 512) + 512 : 512
        return (header, header + (content + 511) / 512 * 512)
    }

    /// The pax record of a long name: its length counts its own digits.
    private static func paxBody(_ name: String) -> String {
        let body = " path=\(name)\n"
        var length = body.utf8.count + 1
        while "\(length)".utf8.count + body.utf8.count != length { length = "\(length)".utf8.count + body.utf8.count }
        return "\(length)\(body)"
    }

    public static let end = [UInt8](repeating: 0, count: 1024)

    private static func block(_ name: String, _ content: [UInt8], type: Character) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int, _ limit: Int) {
            for (i, byte) in text.utf8.prefix(limit).enumerated() { header[offset + i] = byte }
        }
        func octal(_ value: Int, _ digits: Int) -> String {
            let text = String(value, radix: 8)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        put(name, at: 0, 100)
        put("0000644", at: 100, 7)
        put("0000000", at: 108, 7)
        put("0000000", at: 116, 7)
        put(octal(content.count, 11), at: 124, 11)
        put(octal(0, 11), at: 136, 11)
        put("        ", at: 148, 8)
        put(String(type), at: 156, 1)
        put("ustar", at: 257, 5)
        put("00", at: 263, 2)
        put(octal(header.reduce(0) { $0 + Int($1) }, 6), at: 148, 6)
        header[154] = 0
        return header + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }
}
