/// Repairs text that programs have damaged: read in the wrong encoding, escaped for HTML, set with ligatures and full-width letters.
///
/// open_clip does this to every prompt, and the older of transformers' CLIP tokenizers too, so ids depend on it.
/// Reference: rspeer/python-ftfy `fix_text`, 6.3.1, with its standard settings.
public enum TextRepair {
    /// Longer lines are repaired in parts of this many characters.
    private static let longestSegment = 1_000_000

    /// The text as `ftfy.fix_text` gives it: line by line; once a `<` was seen, HTML's references stay.
    public static func fix(_ text: String) -> String {
        var scalars = Array(text.unicodeScalars)[...]
        var result = String.UnicodeScalarView()
        var unescapes = true
        while !scalars.isEmpty {
            let line = scalars.prefix { $0 != "\n" }.count
            let count = min(line < scalars.count ? line + 1 : line, Self.longestSegment)
            let segment = Array(scalars.prefix(count))
            if segment.contains("<") { unescapes = false }
            result.append(contentsOf: fix(segment, unescapes: unescapes))
            scalars = scalars.dropFirst(count)
        }
        return String(result)
    }

    private static func fix(_ segment: [Unicode.Scalar], unescapes: Bool) -> [Unicode.Scalar] {
        var text = segment
        // Each pass undoes one layer; text never grows by them but for ligatures, which are undone for good.
        for _ in 0...segment.count {
            let before = text
            if unescapes { text = unescape(text) }
            text = fixEncoding(text)
            text = fixControls(text)
            text = spellOut(text)
            text = uncurlAndBreak(text)
            text = removeEscapes(text)
            text.removeAll { isControl($0.value) }
            if text.contains(where: { $0.value >= 0x300 }) {
                text = NormalForm.nfc.changes(text, edition: UnicodeEdition.python).map(\.scalar)
            }
            if text == before { break }
        }
        return text
    }

    /// HTML's references, if they end in a semicolon and mean one thing.
    private static func unescape(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        guard text.contains("&") else { return text }
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        var position = 0
        while position < text.count {
            if text[position] == "&", let (count, replacement) = reference(text[(position + 1)...]) {
                result += replacement
                position += 1 + count
            } else {
                result.append(text[position])
                position += 1
            }
        }
        return result
    }

    /// The reference behind an ampersand: up to 24 letters and digits, perhaps behind a number sign, and a semicolon.
    private static func reference(_ text: ArraySlice<Unicode.Scalar>) -> (Int, [Unicode.Scalar])? {
        let isNumber = text.first == "#"
        let name = text.dropFirst(isNumber ? 1 : 0).prefix(25).prefix { $0.value < 0x80 && ASCII.isAlphanumeric(UInt8($0.value)) }
        guard 1...24 ~= name.count, name.endIndex < text.endIndex, text[name.endIndex] == ";" else { return nil }
        var whole = String.UnicodeScalarView()
        whole.append(contentsOf: text[..<name.endIndex])
        let count = whole.count + 1
        if isNumber {
            let plain = HTMLEntities.shared.unescape("&" + String(whole) + ";")
            // What is replaced in part only, or not at all, stays.
            return plain.utf8.contains(UInt8(ascii: ";")) ? nil : (count, Array(plain.unicodeScalars))
        }
        let key = String(whole) + ";"
        return (HTMLEntities.shared.text(of: key) ?? MojibakeTables.shared.entities[key]).map { (count, Array($0.unicodeScalars)) }
    }

    /// Latin ligatures and digraphs as their letters, full-width and half-width forms as ordinary ones.
    private static func spellOut(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        guard text.contains(where: { $0.value >= 0x132 }) else { return text }
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        for scalar in text {
            switch scalar.value {
            // Its first letter is a long s, which NFKC would shorten.
            case 0xFB05: result += ["\u{17F}", "t"]
            case 0x132, 0x133, 0x149, 0x1C4...0x1CC, 0x1F1...0x1F3, 0xFB00...0xFB04, 0xFB06, 0xFF01...0xFFEF:
                result += NormalForm.nfkc.changes([scalar], edition: UnicodeEdition.python).map(\.scalar)
            case 0x3000: result.append(" ")
            default: result.append(scalar)
            }
        }
        return result
    }

    /// Straight quotes, and one kind of line end.
    private static func uncurlAndBreak(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        for (index, scalar) in text.enumerated() {
            switch scalar.value {
            case 0x2BC, 0x2018...0x201B: result.append("'")
            case 0x201C...0x201F: result.append("\"")
            case 0x0D:
                // The line feed of a pair comes next.
                if index + 1 < text.count, text[index + 1] == "\n" { continue }
                result.append("\n")
            case 0x2028, 0x2029, 0x85: result.append("\n")
            default: result.append(scalar)
            }
        }
        return result
    }

    /// Takes out what colours text in terminals: escape, `[`, digits and semicolons, a letter.
    private static func removeEscapes(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        guard text.contains("\u{1B}") else { return text }
        var result: [Unicode.Scalar] = []
        var position = 0
        while position < text.count {
            if text[position] == "\u{1B}", position + 1 < text.count, text[position + 1] == "[" {
                var end = position + 2
                while end < text.count, text[end] == ";" || text[end].category(in: UnicodeEdition.python) == .decimalNumber { end += 1 }
                if end < text.count, 65...90 ~= text[end].value || 97...122 ~= text[end].value {
                    position = end + 1
                    continue
                }
            }
            result.append(text[position])
            position += 1
        }
        return result
    }

    /// Control characters that nobody means: C0 but white space, deprecated formats, the byte order mark, annotations.
    private static func isControl(_ value: UInt32) -> Bool {
        switch value {
        case 0x00...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x206A...0x206F, 0xFEFF, 0xFFF9...0xFFFC: true
        default: false
        }
    }
}
