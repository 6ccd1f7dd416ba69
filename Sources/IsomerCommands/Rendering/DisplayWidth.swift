/// How many columns a terminal gives to text: two for East Asian wide characters and most emoji, none for combining marks.
///
/// Reference: Unicode Standard Annex 11; the ranges are those whose East_Asian_Width is W or F, merged where only unassigned scalars lie
/// between them.
func displayWidth(_ text: String) -> Int {
    text.utf8.allSatisfy { $0 < 0x80 } ? text.utf8.count : text.unicodeScalars.reduce(0) { $0 + displayWidth($1) }
}

private func displayWidth(_ scalar: Unicode.Scalar) -> Int {
    switch scalar.value {
    case 0..<0x300: 1
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
        0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x1B2FF, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
        2
    default:
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format, .control: 0
        default: 1
        }
    }
}

/// The text cut to so many columns, its middle replaced by `…`, because names differ most at their ends.
func shortened(_ text: String, columns: Int) -> String {
    guard displayWidth(text) > columns else { return text }
    guard columns > 1 else { return columns == 1 ? "…" : "" }
    let tailColumns = (columns - 1) / 2
    let headColumns = columns - 1 - tailColumns
    var head = ""
    var width = 0
    for character in text {
        width += displayWidth(String(character))
        guard width <= headColumns else { break }
        head.append(character)
    }
    var tail: [Character] = []
    width = 0
    for character in text.reversed() {
        width += displayWidth(String(character))
        guard width <= tailColumns else { break }
        tail.append(character)
    }
    return head + "…" + String(tail.reversed())
}
