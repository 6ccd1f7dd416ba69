/// A gzip file whose content is stored and not compressed, for readers that take nothing but gzip.
///
/// Reference: RFC 1952 (gzip), RFC 1951 section 3.2.4 (stored blocks).
enum StoredGzip {
    private static let longestBlock = 0xFFFF

    static func bytes(_ content: [UInt8]) -> [UInt8] {
        // Deflate, no flags, no time, unknown system: the same content is the same file.
        var result: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF]
        result.reserveCapacity(content.count + content.count / longestBlock * 5 + 32)
        var rest = content[...]
        repeat {
            let block = rest.prefix(longestBlock)
            rest = rest.dropFirst(block.count)
            let count = UInt16(truncatingIfNeeded: block.count)
            result.append(rest.isEmpty ? 1 : 0)
            result += [UInt8(truncatingIfNeeded: count), UInt8(truncatingIfNeeded: count >> 8)]
            result += [UInt8(truncatingIfNeeded: ~count), UInt8(truncatingIfNeeded: ~count >> 8)]
            result += block
        } while !rest.isEmpty
        for word in [checksum(content), UInt32(truncatingIfNeeded: content.count)] {
            for shift in stride(from: UInt32(0), to: 32, by: 8) { result.append(UInt8(truncatingIfNeeded: word >> shift)) }
        }
        return result
    }

    /// CRC-32.
    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        let table = (UInt32(0)..<256).map { value in
            (0..<8).reduce(value) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
        }
        return ~bytes.reduce(UInt32.max) { $0 >> 8 ^ table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
    }
}
