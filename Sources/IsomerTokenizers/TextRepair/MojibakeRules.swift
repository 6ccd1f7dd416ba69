/// Decides whether text looks as if it had been read in the wrong encoding: it has a run of characters that nobody writes.
///
/// Each rule is a run of sets of characters; one match anywhere is enough.
/// Reference: rspeer/python-ftfy `badness.py`, 6.3.1.
struct MojibakeRules: Sendable {
    static let shared = MojibakeRules()

    /// What one position of a rule accepts.
    private indirect enum Element: Sendable {
        case set(Set<UInt32>)
        /// White space as Python's `\s` counts it.
        case space
        /// White space, or nothing.
        case spaceOrNothing
        /// Letters, numbers and the underscore.
        case word
        case notASCIILetter
        /// Anything but a line feed.
        case any
        /// Nothing: the text begins here.
        case start
    }

    private let rules = MojibakeRules.table
    /// For characters that begin a rule, which; rules that begin otherwise are in `others`.
    private var rulesByFirst: [UInt32: [Int]] = [:]
    private var others: [Int] = []

    private static var table: [[Element]] {
        let tables = MojibakeTables.shared
        func names(_ names: String, _ characters: String = "") -> Element {
            .set(tables.union(names).union(characters.unicodeScalars.map(\.value)))
        }
        func one(of characters: String) -> Element { names("", characters) }
        let (small, capital) = ("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        let accented = "lower_accented upper_accented"
        let telling = "\(accented) box start_punctuation end_punctuation currency numeric law"
        let arabic = names("common currency bad numeric start_punctuation", "ŸŠ®°µ»")
        let marks = names("c1 bad start_punctuation end_punctuation currency", "°")
        let cyrillicMarks = names("c1 bad start_punctuation end_punctuation currency", "°µ")
        return [
            [names("c1")],
            [names("bad \(telling)"), names("bad")],
            [one(of: small + capital), names("lower_common upper_common"), names("bad")],
            [names("bad"), names(telling)],
            [names("lower_accented lower_common box end_punctuation currency numeric"), names("upper_accented")],
            [names("box end_punctuation currency numeric"), names("lower_accented")],
            [names("lower_accented box end_punctuation"), names("currency")],
            [.space, names("upper_accented"), names("currency")],
            [names("upper_accented box"), names("numeric law")],
            [names("\(accented) box currency end_punctuation"), names("start_punctuation"), names("numeric")],
            [names("\(accented) currency numeric box law"), names("end_punctuation"), names("start_punctuation")],
            [names("currency numeric box"), names("start_punctuation")],
            [one(of: small), names("upper_accented"), names("start_punctuation currency")],
            [names("box"), names("kaomoji")],
            [names("\(accented) currency numeric start_punctuation end_punctuation law"), names("box")],
            [names("box"), names("end_punctuation")],
            [names(accented), names("start_punctuation end_punctuation"), .word],
            [one(of: "Œœ"), .notASCIILetter],
            [names("upper_accented"), one(of: "°")],
            // What UTF-8 becomes in Windows-1252: two characters, four for Arabic, the first two of three for South Asia's scripts.
            [one(of: "ÂÃÎÐ"), names("start_punctuation end_punctuation", "€œŠš¢£Ÿž\u{A0}\u{AD}®©°·»–—´")],
            [one(of: "×"), one(of: "²³")],
            [one(of: "ØÙ"), arabic, one(of: "ØÙ"), arabic],
            [one(of: "à"), one(of: "²µ¹¼½¾")],
            // In Mac Roman.
            [one(of: "√"), one(of: "±∂†≠®™´≤≥¥µø")],
            [one(of: "≈"), one(of: "°¢")],
            [one(of: "‚"), one(of: "Ä"), one(of: "ìîïòôúùû†°¢π")],
            [one(of: "‚"), one(of: "âó"), one(of: "àä°ê")],
            // In Windows-1251, once and twice.
            [one(of: "в"), one(of: "Ђ")],
            [one(of: "ВГРС"), cyrillicMarks, one(of: "ВГРС")],
            [one(of: "Г"), one(of: "ў"), one(of: "В"), one(of: "Ђ"), one(of: "В"), .any, one(of: small + capital + " ")],
            // A grave and acute, and no-break spaces that became spaces.
            [one(of: "Ã"), one(of: "\u{A0}¡")],
            [one(of: small), .spaceOrNothing, one(of: "ÃÂ"), one(of: " ")],
            [.start, one(of: "ÃÂ"), one(of: " ")],
            [names("end_punctuation", small + ".,?!"), one(of: "Â"), names("start_punctuation end_punctuation", " ")],
            // In Windows-1253 and 1257.
            [one(of: "β"), one(of: "€"), one(of: "™\u{A0}Ά\u{AD}®°")],
            [one(of: "ΒΓΞΟ"), marks, one(of: "ΒΓΞΟ")],
            [one(of: "ā"), one(of: "€")],
        ]
    }

    private init() {
        for (index, rule) in rules.enumerated() {
            if case .set(let first) = rule[0] {
                for code in first { rulesByFirst[code, default: []].append(index) }
            } else {
                others.append(index)
            }
        }
    }

    /// Whether a rule matches anywhere. Linear in the text.
    func isBad(_ text: [Unicode.Scalar]) -> Bool {
        for start in text.indices {
            if let rules = rulesByFirst[text[start].value], rules.contains(where: { matches(self.rules[$0][...], text, start) }) {
                return true
            }
            if others.contains(where: { matches(self.rules[$0][...], text, start) }) { return true }
        }
        return false
    }

    /// No rule is longer than seven elements, which bounds the recursion.
    private func matches(_ rule: ArraySlice<Element>, _ text: [Unicode.Scalar], _ position: Int) -> Bool {
        guard let element = rule.first else { return true }
        let rest = rule.dropFirst()
        if case .start = element { return position == 0 && matches(rest, text, position) }
        if case .spaceOrNothing = element {
            let isSpace = position < text.count && CharacterClass.isPythonSpace(text[position])
            return (isSpace && matches(rest, text, position + 1)) || matches(rest, text, position)
        }
        guard position < text.count else { return false }
        let scalar = text[position]
        let isMatch =
            switch element {
            case .set(let set): set.contains(scalar.value)
            case .space: CharacterClass.isPythonSpace(scalar)
            case .word: Self.isWord(scalar)
            case .notASCIILetter: !(65...90 ~= scalar.value || 97...122 ~= scalar.value)
            case .any: scalar != "\n"
            case .start, .spaceOrNothing: false
            }
        return isMatch && matches(rest, text, position + 1)
    }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        let category = scalar.category(in: UnicodeEdition.python)
        return scalar == "_" || category.isLetter || category.isNumber
    }
}
