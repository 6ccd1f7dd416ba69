internal import CEmbedded
internal import IsomerBytes

/// Character references of HTML, as Python's `html.unescape` replaces them.
///
/// Reference: python/cpython `Lib/html/__init__.py`, 3.11.
struct HTMLEntities: Sendable {
    static let shared = HTMLEntities()

    /// Names with their semicolon, if they have one.
    private var texts: [ArraySlice<UInt8>: String] = [:]

    private init() {
        // SAFETY: a constant of this length in the binary.
        let compressed = UnsafeRawBufferPointer(start: isomer_html_entities_bytes(), count: isomer_html_entities_count())
        // The data is part of the program, and tests read it.
        guard let bytes = try? Inflater.inflate(compressed, .gzip, size: .atMost(1 << 20)) else { return }
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            guard let tab = line.firstIndex(of: UInt8(ascii: "\t")) else { continue }
            texts[Array(line[..<tab])[...]] = String(decoding: line[(tab + 1)...], as: UTF8.self)
        }
        // Whose texts would end the line or the field.
        texts[Array("NewLine;".utf8)[...]] = "\n"
        texts[Array("Tab;".utf8)[...]] = "\t"
    }

    /// `text` with its references replaced, once.
    func unescape(_ text: String) -> String {
        let bytes = Array(text.utf8)
        guard bytes.contains(UInt8(ascii: "&")) else { return text }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var position = 0
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "&"), let (count, replacement) = reference(bytes[(position + 1)...]) {
                result += replacement
                position += 1 + count
            } else {
                result.append(bytes[position])
                position += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// What stands after an ampersand: how long it is, and what both become; `nil` if it is no reference.
    private func reference(_ text: ArraySlice<UInt8>) -> (Int, [UInt8])? {
        text.first == UInt8(ascii: "#") ? number(text.dropFirst()).map { ($0 + 1, $1) } : name(text)
    }

    private func number(_ text: ArraySlice<UInt8>) -> (Int, [UInt8])? {
        let isHex = text.first == UInt8(ascii: "x") || text.first == UInt8(ascii: "X")
        let digits = text.dropFirst(isHex ? 1 : 0).prefix {
            Character(Unicode.Scalar($0)).hexDigitValue.map { $0 < (isHex ? 16 : 10) } ?? false
        }
        guard !digits.isEmpty else { return nil }
        var value: UInt32 = 0
        for digit in digits {
            value = min(0x110000, value * (isHex ? 16 : 10) + UInt32(Character(Unicode.Scalar(digit)).hexDigitValue ?? 0))
        }
        let end = digits.endIndex
        let hasSemicolon = end < text.endIndex && text[end] == UInt8(ascii: ";")
        return (end - text.startIndex + (hasSemicolon ? 1 : 0), Array(Self.text(of: value).utf8))
    }

    private static func text(of value: UInt32) -> String {
        switch value {
        case 0: return "\u{FFFD}"
        case 0x0D: return "\r"
        case 0x80...0x9F: return String(windows1252(UInt8(value)))
        case 1...8, 0x0B, 0x0E...0x1F, 0x7F, 0xFDD0...0xFDEF: return ""
        case _ where value & 0xFFFE == 0xFFFE && value <= 0x10FFFF: return ""
        default: return Unicode.Scalar(value).map { String($0) } ?? "\u{FFFD}"
        }
    }

    /// What browsers show for the control characters U+0080 to U+009F.
    private static let windows1252Scalars: [Unicode.Scalar] = [
        "\u{20AC}", "\u{81}", "\u{201A}", "\u{192}", "\u{201E}", "\u{2026}", "\u{2020}", "\u{2021}", "\u{2C6}", "\u{2030}", "\u{160}",
        "\u{2039}", "\u{152}", "\u{8D}", "\u{17D}", "\u{8F}", "\u{90}", "\u{2018}", "\u{2019}", "\u{201C}", "\u{201D}", "\u{2022}",
        "\u{2013}", "\u{2014}", "\u{2DC}", "\u{2122}", "\u{161}", "\u{203A}", "\u{153}", "\u{9D}", "\u{17E}", "\u{178}",
    ]

    /// What Windows-1252, and with it browsers, have for a byte; bytes without a meaning and those of Latin-1 stand for themselves.
    static func windows1252(_ byte: UInt8) -> Unicode.Scalar {
        0x80...0x9F ~= byte ? windows1252Scalars[Int(byte) - 0x80] : Unicode.Scalar(byte)
    }

    /// The text that a name stands for, given with its semicolon if it has one.
    func text(of name: String) -> String? { texts[Array(name.utf8)[...]] }

    /// A name of up to 32 characters; of one that is not known, the longest start of two characters or more that is.
    private func name(_ text: ArraySlice<UInt8>) -> (Int, [UInt8])? {
        var end = text.startIndex
        var count = 0
        while end < text.endIndex, count < 32 {
            switch text[end] {
            case 0x09, 0x0A, 0x0C, 0x20, UInt8(ascii: "<"), UInt8(ascii: "&"), UInt8(ascii: "#"), UInt8(ascii: ";"): count = 64
            default:
                repeat { end += 1 } while end < text.endIndex && text[end] & 0xC0 == 0x80
                count += 1
            }
        }
        guard end > text.startIndex else { return nil }
        if end < text.endIndex, text[end] == UInt8(ascii: ";") { end += 1 }
        let whole = text[text.startIndex..<end]
        if let known = texts[whole] { return (whole.count, Array(known.utf8)) }
        for length in stride(from: whole.count - 1, to: 1, by: -1) {
            if let known = texts[whole.prefix(length)] { return (whole.count, Array(known.utf8) + whole.dropFirst(length)) }
        }
        return (whole.count, [UInt8(ascii: "&")] + whole)
    }
}
