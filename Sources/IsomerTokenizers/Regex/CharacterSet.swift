/// The characters that one position of a pattern accepts.
struct CharacterSet: Sendable {
    enum Item: Sendable {
        case range(ClosedRange<UInt32>)
        case property(Property)
        case set(CharacterSet)
        /// What all of these accept (`[a-z&&[^b]]`).
        case intersection([CharacterSet])
    }

    /// What a character must be, in the edition of Unicode that patterns know.
    indirect enum Property: Hashable, Sendable {
        case letter, number, mark, punctuation, symbol, separator, other
        case category(Unicode.GeneralCategory)
        case whiteSpace, word, digit, alphabetic, han, any
        /// `\w` outside of brackets, and punctuation as `[:punct:]` means it: Oniguruma has two tables for each.
        case bareWord, posixPunctuation
        case not(Property)
    }

    var items: [Item] = []
    var isNegated = false
    var ignoresCase = false
    /// One bit for each ASCII character, filled by `prepare`.
    private var ascii: (UInt64, UInt64) = (0, 0)

    init(_ items: [Item] = [], isNegated: Bool = false, ignoresCase: Bool = false) {
        self.items = items
        self.isNegated = isNegated
        self.ignoresCase = ignoresCase
    }

    /// Settles the answer for ASCII once.
    mutating func prepare() {
        ascii = (0, 0)
        for value in UInt32(0)..<128 where decide(value) {
            if value < 64 { ascii.0 |= 1 << UInt64(value) } else { ascii.1 |= 1 << UInt64(value - 64) }
        }
    }

    @inline(__always)
    func contains(_ value: UInt32) -> Bool {
        if value < 64 { return ascii.0 >> UInt64(value) & 1 == 1 }
        if value < 128 { return ascii.1 >> UInt64(value - 64) & 1 == 1 }
        return decide(value)
    }

    /// The answer by definition.
    private func decide(_ value: UInt32) -> Bool {
        var found = holds(value)
        if !found, ignoresCase { found = CaseFolding.variants(of: value).contains(where: holds) }
        return found != isNegated
    }

    private func holds(_ value: UInt32) -> Bool {
        items.contains { item in
            switch item {
            case .range(let range): range ~= value
            case .property(let property): Unicode.Scalar(value).map(property.holds) ?? false
            case .set(let set): set.decide(value)
            case .intersection(let sets): sets.allSatisfy { $0.decide(value) }
            }
        }
    }
}

extension CharacterSet.Item {
    /// What stands for itself in a pattern: there `\w` takes six characters of Latin-1 more than in brackets.
    var outsideBrackets: CharacterSet.Item {
        switch self {
        case .property(.word): .property(.bareWord)
        case .property(.not(.word)): .property(.not(.bareWord))
        default: self
        }
    }
}

extension CharacterSet.Property {
    func holds(_ scalar: Unicode.Scalar) -> Bool {
        let edition = UnicodeEdition.pattern
        return switch self {
        case .letter: scalar.category(in: edition).isLetter
        case .number: scalar.category(in: edition).isNumber
        case .mark: scalar.category(in: edition).isMark
        case .punctuation: scalar.category(in: edition).isPunctuation
        case .symbol: scalar.category(in: edition).isSymbol
        case .separator: scalar.category(in: edition).isSeparator
        case .other: scalar.category(in: edition).isOther
        case .category(let category): scalar.category(in: edition) == category
        case .whiteSpace: CharacterClass.isWhiteSpace(scalar)
        case .word: CharacterClass.isPatternWord(scalar)
        case .bareWord: CharacterClass.isOnigurumaWord(scalar)
        case .posixPunctuation: scalar.category(in: edition).isPunctuation || scalar.category(in: edition).isSymbol
        case .digit: scalar.category(in: edition) == .decimalNumber
        case .alphabetic: scalar.isAssigned(in: edition) && scalar.properties.isAlphabetic
        case .han: Self.hanRanges.contains { $0 ~= scalar.value }
        case .any: true
        case .not(let property): !property.holds(scalar)
        }
    }

    /// Script=Han of Unicode 16; Swift publishes no scripts.
    private static let hanRanges: [ClosedRange<UInt32>] = [
        0x2E80...0x2E99, 0x2E9B...0x2EF3, 0x2F00...0x2FD5, 0x3005...0x3005, 0x3007...0x3007, 0x3021...0x3029, 0x3038...0x303B,
        0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFA6D, 0xFA70...0xFAD9, 0x16FE2...0x16FE3, 0x16FF0...0x16FF1, 0x20000...0x2A6DF,
        0x2A700...0x2B739, 0x2B740...0x2B81D, 0x2B820...0x2CEA1, 0x2CEB0...0x2EBE0, 0x2EBF0...0x2EE5D, 0x2F800...0x2FA1D,
        0x30000...0x3134A, 0x31350...0x323AF,
    ]

    /// The property that `[:name:]` names, or `nil`.
    init?(bracketName name: String) {
        self.init(name: name)
        if name == "punct" { self = .posixPunctuation }
    }

    /// The property that `\p{name}` names, or `nil`.
    init?(name: String) {
        let plain = name.lowercased().filter { $0 != "_" && $0 != " " && $0 != "-" }
        guard let property = Self.names[plain] else { return nil }
        self = property
    }

    private static let names: [String: CharacterSet.Property] = [
        "l": .letter, "letter": .letter, "n": .number, "number": .number, "m": .mark, "mark": .mark, "p": .punctuation,
        "punctuation": .punctuation, "punct": .punctuation, "s": .symbol, "symbol": .symbol, "z": .separator, "separator": .separator,
        "c": .other, "other": .other, "lu": .category(.uppercaseLetter), "ll": .category(.lowercaseLetter),
        "lt": .category(.titlecaseLetter), "lm": .category(.modifierLetter), "lo": .category(.otherLetter),
        "nd": .category(.decimalNumber), "nl": .category(.letterNumber), "no": .category(.otherNumber), "mn": .category(.nonspacingMark),
        "mc": .category(.spacingMark), "me": .category(.enclosingMark), "pc": .category(.connectorPunctuation),
        "pd": .category(.dashPunctuation), "ps": .category(.openPunctuation), "pe": .category(.closePunctuation),
        "pi": .category(.initialPunctuation), "pf": .category(.finalPunctuation), "po": .category(.otherPunctuation),
        "sm": .category(.mathSymbol), "sc": .category(.currencySymbol), "sk": .category(.modifierSymbol), "so": .category(.otherSymbol),
        "zs": .category(.spaceSeparator), "zl": .category(.lineSeparator), "zp": .category(.paragraphSeparator),
        "cc": .category(.control), "cf": .category(.format), "co": .category(.privateUse), "cn": .category(.unassigned),
        "alpha": .alphabetic, "alphabetic": .alphabetic, "space": .whiteSpace, "whitespace": .whiteSpace, "word": .word, "digit": .digit,
        "han": .han, "script=han": .han, "sc=han": .han, "any": .any,
    ]
}

/// Simple case folding: characters that differ only in case.
enum CaseFolding {
    /// Lower case of upper case, where both are single characters.
    static func fold(_ value: UInt32) -> UInt32 {
        if value < 0x80 { return 65...90 ~= value ? value + 32 : value }
        guard let scalar = Unicode.Scalar(value) else { return value }
        let upper = single(scalar.properties.uppercaseMapping) ?? scalar
        return (single(upper.properties.lowercaseMapping) ?? upper).value
    }

    /// The other cases of a character.
    static func variants(of value: UInt32) -> [UInt32] {
        guard let scalar = Unicode.Scalar(value) else { return [] }
        let folded = fold(value)
        let others = [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping].compactMap { single($0)?.value }
        // The long s and the Kelvin sign are the only others that fold to ASCII.
        let rare: [UInt32] = folded == 0x73 ? [0x53, 0x73, 0x17F] : folded == 0x6B ? [0x4B, 0x6B, 0x212A] : []
        return ([folded] + others + rare).filter { $0 != value }
    }

    private static func single(_ text: String) -> Unicode.Scalar? {
        let scalars = text.unicodeScalars
        return scalars.count == 1 ? scalars.first : nil
    }
}
