/// Vocabularies as the text of the files that publish them.
public enum VocabularyText {
    /// The bytes of a `vocab.json` as transformers writes it: tokens in order of their code points, two spaces of indentation, nothing
    /// beyond ASCII escaped, a line end at the end.
    public static func json(_ vocabulary: Vocabulary) -> [UInt8] {
        // UTF-8 sorts like code points.
        let tokens = (0..<TokenID(vocabulary.idBound)).compactMap { id in vocabulary.bytes(of: id).map { (id, $0) } }
            .sorted { $0.1.lexicographicallyPrecedes($1.1) }
        var text: [UInt8] = [UInt8(ascii: "{")]
        for (position, (id, token)) in tokens.enumerated() {
            text.append(contentsOf: (position == 0 ? "\n  \"" : ",\n  \"").utf8)
            for byte in token { appendEscaped(byte, to: &text) }
            text.append(contentsOf: "\": \(id)".utf8)
        }
        text.append(contentsOf: (tokens.isEmpty ? "}\n" : "\n}\n").utf8)
        return text
    }

    /// One byte of a JSON string as Python's `json` writes it with `ensure_ascii=False`.
    static func appendEscaped(_ byte: UInt8, to text: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += [UInt8(ascii: "\\"), byte]
        case UInt8(ascii: "\n"): text.append(contentsOf: "\\n".utf8)
        case UInt8(ascii: "\r"): text.append(contentsOf: "\\r".utf8)
        case UInt8(ascii: "\t"): text.append(contentsOf: "\\t".utf8)
        case 0x08: text.append(contentsOf: "\\b".utf8)
        case 0x0C: text.append(contentsOf: "\\f".utf8)
        case 0..<0x20: text.append(contentsOf: "\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8)
        default: text.append(byte)
        }
    }
}
