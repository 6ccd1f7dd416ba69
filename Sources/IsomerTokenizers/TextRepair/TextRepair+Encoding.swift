extension TextRepair {
    /// Undoes readings in wrong encodings, one after another, until none is left.
    static func fixEncoding(_ text: [Unicode.Scalar], depth: Int = 0) -> [Unicode.Scalar] {
        var text = text
        // Every step but the last makes the text shorter or takes control characters out of it; the bound is for what was not foreseen.
        for _ in 0...text.count {
            let fixed = fixEncodingOnce(text, depth)
            if fixed == text { break }
            text = fixed
        }
        return text
    }

    private static func fixEncodingOnce(_ text: [Unicode.Scalar], _ depth: Int) -> [Unicode.Scalar] {
        guard text.contains(where: { $0.value >= 0x80 }), MojibakeRules.shared.isBad(text) else { return text }
        var latin: [UInt8]?
        for (index, encoding) in MojibakeTables.shared.encodings.enumerated() {
            guard var bytes = encoding.encode(text) else { continue }
            if index == 0 { latin = bytes }
            if encoding.name != "macroman" { bytes = ByteSequences.restoreNoBreakSpaces(bytes) }
            if encoding.isSloppy { bytes = ByteSequences.replaceLost(bytes) }
            if bytes.contains(0xED) || bytes.contains(0xC0) {
                if let fixed = VariantUTF8.decode(bytes) { return fixed }
            } else if let fixed = String(validating: bytes, as: UTF8.self) {
                return Array(fixed.unicodeScalars)
            }
        }
        let fixed = fixEmbedded(text, depth)
        if fixed != text { return fixed }
        // Latin-1 with control characters was Windows-1252.
        if let latin, let fixed = windows1252(latin), fixed != text { return fixed }
        return fixControls(text)
    }

    /// The text of bytes in Windows-1252; `nil` if a byte has no meaning there.
    private static func windows1252(_ bytes: [UInt8]) -> [Unicode.Scalar]? {
        var text: [Unicode.Scalar] = []
        text.reserveCapacity(bytes.count)
        for byte in bytes {
            guard ![0x81, 0x8D, 0x8F, 0x90, 0x9D].contains(byte) else { return nil }
            text.append(HTMLEntities.windows1252(byte))
        }
        return text
    }

    /// Repairs stretches that look like UTF-8 in a wrong encoding inside text that is right.
    private static func fixEmbedded(_ text: [Unicode.Scalar], _ depth: Int) -> [Unicode.Scalar] {
        // A stretch is shorter than what it stands in; hardly any is misread more than thrice.
        guard depth < 32 else { return text }
        let clues = Clues.shared
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        var start = 0
        while start < text.count {
            let end = start > 0 && clues.strict.contains(text[start - 1].value) ? start : clues.end(of: text, from: start)
            guard end > start else {
                result.append(text[start])
                start += 1
                continue
            }
            let stretch = Array(text[start..<end])
            if stretch.count < text.count, MojibakeRules.shared.isBad(stretch) {
                result += fixEncoding(stretch, depth: depth + 1)
            } else {
                result += stretch
            }
            start = end
        }
        return result
    }

    /// Which characters the bytes of UTF-8 become.
    private struct Clues: Sendable {
        static let shared = Clues()
        private let leading: [(set: Set<UInt32>, count: Int)]
        private let continuation: Set<UInt32>
        let strict: Set<UInt32>

        private init() {
            let tables = MojibakeTables.shared
            leading = [("utf8_first_of_2", 1), ("utf8_first_of_3", 2), ("utf8_first_of_4", 3)].map { (tables.union($0.0), $0.1) }
            continuation = tables.union("utf8_continuation")
            strict = tables.union("utf8_continuation_strict")
        }

        /// Where the sequences that begin at `start` end, one after another; `start` if there is none.
        func end(of text: [Unicode.Scalar], from start: Int) -> Int {
            var end = start
            while end < text.count {
                let position = end
                let next = leading.first { set, count in
                    set.contains(text[position].value) && position + count < text.count
                        && text[position + 1...position + count].allSatisfy { continuation.contains($0.value) }
                }
                guard let next else { break }
                end += 1 + next.count
            }
            return end
        }
    }

    /// Control characters from U+0080 as what Windows has there.
    static func fixControls(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        text.map { 0x80...0x9F ~= $0.value ? HTMLEntities.windows1252(UInt8($0.value)) : $0 }
    }
}
