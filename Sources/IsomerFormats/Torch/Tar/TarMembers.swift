internal import IsomerBytes

/// The regular files in a tar archive, by name. Nothing is unpacked; anything but plain members under plain names is refused.
///
/// Reference: POSIX.1-2017 `pax`, "ustar Interchange Format".
struct TarMembers {
    struct Member {
        let offset: UInt64
        let size: UInt64
    }

    private var members: [ExactString: Member] = [:]

    subscript(name: String) -> Member? { members[ExactString(name)] }

    init(_ file: ReadableFile, limits: Limits) throws(IsomerError) {
        var offset: UInt64 = 0
        while true {
            let header = try file.bytes(at: offset, count: 512)
            if header.allSatisfy({ $0 == 0 }) { break }
            let (name, size, kind) = try TarMembers.parse(header, at: offset)
            let start = offset + 512
            guard size <= file.size - start else {
                throw IsomerError(
                    .malformed, "the tar archive ends inside a member", item: name, byteOffset: start, expected: "\(size) bytes",
                    found: "\(file.size - start) bytes", remedy: "the file is cut short: get it again")
            }
            if kind == UInt8(ascii: "0") || kind == 0 {
                guard members.updateValue(Member(offset: start, size: size), forKey: ExactString(name)) == nil else {
                    throw IsomerError(.malformed, "two members of the tar archive have the same name", item: name, byteOffset: offset)
                }
                guard members.count <= limits.archiveMembers else {
                    throw IsomerError(.limitExceeded, "the tar archive has more members than an archive may", byteOffset: offset)
                }
            } else {
                throw IsomerError(
                    .malformed, "the tar archive has a member that is not a regular file", item: name, byteOffset: offset,
                    remedy: "do not unpack this file")
            }
            offset = start + (size + 511) / 512 * 512
            guard offset <= file.size else {
                throw IsomerError(.malformed, "the tar archive ends inside a member", item: name, byteOffset: start)
            }
        }
        try TarMembers.checkPadding(file, from: offset)
    }

    /// Tar files end in zeros.
    private static func checkPadding(_ file: ReadableFile, from start: UInt64) throws(IsomerError) {
        var offset = start
        while offset < file.size {
            let count = Int(min(64 << 10, file.size - offset))
            guard try file.bytes(at: offset, count: count).allSatisfy({ $0 == 0 }) else {
                throw IsomerError(
                    .malformed, "there are bytes after the end of the tar archive", byteOffset: offset,
                    remedy: "the file is damaged or holds something hidden: get it again")
            }
            offset += UInt64(count)
        }
    }

    private static func parse(_ header: [UInt8], at offset: UInt64) throws(IsomerError) -> (name: String, size: UInt64, kind: UInt8) {
        let name = String(decoding: header[..<100].prefix { $0 != 0 }, as: UTF8.self)
        guard let size = octal(header[124..<136]), let sum = octal(header[148..<156]) else {
            throw IsomerError(.malformed, "a tar header has a number that is not octal", item: name, byteOffset: offset)
        }
        // The sum is taken with its own field full of spaces.
        let actual = header.enumerated().reduce(UInt64(0)) { $0 + ((148..<156).contains($1.offset) ? 0x20 : UInt64($1.element)) }
        guard sum == actual else {
            throw IsomerError(
                .mismatch, "a tar header does not have its checksum", item: name, byteOffset: offset, expected: "\(sum)",
                found: "\(actual)",
                remedy: "the file is damaged: get it again")
        }
        guard header[345] == 0, !name.isEmpty, !name.contains("/"), !name.contains("\\"), name != ".." else {
            throw IsomerError(.malformed, "a member of the tar archive has a name that no checkpoint has", item: name, byteOffset: offset)
        }
        return (name, size, header[156])
    }

    private static func octal(_ field: ArraySlice<UInt8>) -> UInt64? {
        let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0x20 && $0 != 0 }
        guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x37).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 << 3 | UInt64($1 - 0x30) }
    }
}
