/// Text that people wrote with an editor: captions, prompts, tables.
public enum PlainText {
    /// The text of a whole file: UTF-8, or UTF-16 where a byte order mark says so, as some editors save it. The mark is no part of the text.
    ///
    /// - Throws: `malformed` with the first byte that is neither.
    public static func decode(_ bytes: [UInt8]) throws(IsomerError) -> String {
        if let isBigEndian = order(bytes) { return try decode16(bytes, isBigEndian: isBigEndian) }
        let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        guard let text = String(validating: bytes[start...], as: UTF8.self) else {
            let place = firstInvalid(bytes)
            throw IsomerError(
                .malformed, "the text is not UTF-8", byteOffset: UInt64(place),
                found: bytes.indices.contains(place) ? "byte 0x" + String(bytes[place], radix: 16, uppercase: true) : nil,
                remedy: "save it as UTF-8")
        }
        return text
    }

    private static func order(_ bytes: [UInt8]) -> Bool? {
        if bytes.starts(with: [0xFF, 0xFE]) { return false }
        return bytes.starts(with: [0xFE, 0xFF]) ? true : nil
    }

    private static func decode16(_ bytes: [UInt8], isBigEndian: Bool) throws(IsomerError) -> String {
        let units = stride(from: 2, to: bytes.count - 1, by: 2).map { index in
            let (first, second) = (UInt16(bytes[index]), UInt16(bytes[index + 1]))
            return isBigEndian ? first << 8 | second : second << 8 | first
        }
        guard bytes.count.isMultiple(of: 2), let text = String(validating: units, as: UTF16.self) else {
            throw IsomerError(
                .malformed, "the text begins as UTF-16 and is none", found: "\(bytes.count) bytes", remedy: "save it as UTF-8")
        }
        return text
    }

    private static func firstInvalid(_ bytes: [UInt8]) -> Int {
        var parser = Unicode.UTF8.ForwardParser()
        var iterator = bytes.makeIterator()
        var place = 0
        while case .valid(let encoded) = parser.parseScalar(from: &iterator) { place += encoded.count }
        return place
    }
}
