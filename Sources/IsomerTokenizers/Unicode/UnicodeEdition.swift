/// A version of Unicode, as a reference implementation knows it.
///
/// Swift 6.3 knows Unicode 17; most references know less. Since properties of an assigned character hardly ever change, an older edition
/// is Swift's own tables without the characters that came later, and the few that did change are named where they matter.
/// Measured over all code points against tokenizers 0.23.3 and Python 3.11 (`Tools/Goldens/unicode.py`).
enum UnicodeEdition {
    /// Rust's standard library in tokenizers 0.23: white space, numeric, lower case. All that Swift has.
    static let rust: (UInt8, UInt8) = (17, 0)
    /// Oniguruma in tokenizers 0.23, and Rust's `regex` there: classes in patterns.
    static let pattern: (UInt8, UInt8) = (16, 0)
    /// Python 3.11's `unicodedata` and `str` methods.
    static let python: (UInt8, UInt8) = (14, 0)
    /// The crate `unicode-normalization-alignments`: NFC, NFD, NFKC, NFKD, combining marks.
    static let normalization: (UInt8, UInt8) = (9, 0)
    /// The crate `unicode_categories`: punctuation, control characters and non-spacing marks of BERT.
    static let categories: (UInt8, UInt8) = (8, 0)

    /// Letters of Unicode 18, which Swift 6.3 does not know and Python's `regex` 2026.11 does.
    static func isNewLetter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case ..<0x558: false
        case 0x558, 0x58B...0x58C, 0x208F, 0x209D...0x209F, 0xA7DD, 0xA7E2, 0xAB6C...0xAB6D, 0x107BB...0x107BF, 0x10ED9...0x10EEE, 0x11B0A,
            0x11DF1, 0x18CD6...0x18CDA, 0x18D1F...0x18D20, 0x18E00...0x19191, 0x191A0...0x191D2, 0x1B123...0x1B128, 0x1B168, 0x1D6A6,
            0x1DF1F...0x1DF24, 0x1DF2B...0x1DF81, 0x1DF90...0x1DF96, 0x1DFCD...0x1DFFF, 0x2B81E, 0x3D000...0x3FC3F:
            true
        default: false
        }
    }

    /// Numbers of Unicode 18, likewise.
    static func isNewNumber(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x1246F, 0x12475...0x1247F, 0x12550...0x12686: true
        default: false
        }
    }
}

extension Unicode.Scalar {
    /// Whether the character was there in `edition`.
    func isAssigned(in edition: (UInt8, UInt8)) -> Bool {
        if value < 0x80 { return true }
        guard let age = properties.age else { return false }
        return (age.major, age.minor) <= (Int(edition.0), Int(edition.1))
    }

    /// The general category in `edition`; `unassigned` if the character came later.
    func category(in edition: (UInt8, UInt8)) -> Unicode.GeneralCategory {
        isAssigned(in: edition) ? properties.generalCategory : .unassigned
    }
}

extension Unicode.GeneralCategory {
    var isLetter: Bool {
        switch self {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }

    var isNumber: Bool {
        switch self {
        case .decimalNumber, .letterNumber, .otherNumber: true
        default: false
        }
    }

    var isMark: Bool {
        switch self {
        case .nonspacingMark, .spacingMark, .enclosingMark: true
        default: false
        }
    }

    var isPunctuation: Bool {
        switch self {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation, .finalPunctuation,
            .otherPunctuation:
            true
        default: false
        }
    }

    var isSymbol: Bool {
        switch self {
        case .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol: true
        default: false
        }
    }

    var isSeparator: Bool {
        switch self {
        case .spaceSeparator, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    var isOther: Bool {
        switch self {
        case .control, .format, .surrogate, .privateUse, .unassigned: true
        default: false
        }
    }
}

/// What the libraries behind tokenizers say of a character.
enum CharacterClass {
    /// Rust's `char::is_whitespace`; Oniguruma's `\s` is the same.
    static func isWhiteSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x80 ? scalar == " " || 9...13 ~= scalar.value : scalar.properties.isWhitespace
    }

    /// Python's `str.isspace`: white space and the four separators U+001C to U+001F.
    static func isPythonSpace(_ scalar: Unicode.Scalar) -> Bool {
        isWhiteSpace(scalar) || 0x1C...0x1F ~= scalar.value
    }

    /// Rust's `char::is_numeric`.
    static func isNumeric(_ scalar: Unicode.Scalar) -> Bool {
        scalar.category(in: UnicodeEdition.rust).isNumber
    }

    /// `\w` of Rust's `regex`.
    static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        isPatternWord(scalar) || (scalar.properties.isJoinControl)
    }

    /// Alphabetic, marks, decimal digits, connectors: what both engines' `\w` share.
    static func isPatternWord(_ scalar: Unicode.Scalar) -> Bool {
        let category = scalar.category(in: UnicodeEdition.pattern)
        guard category != .unassigned else { return false }
        return category == .decimalNumber || category == .connectorPunctuation || category.isMark || scalar.properties.isAlphabetic
    }

    /// `\w` of Oniguruma outside of brackets, where superscript digits and fractions of Latin-1 count among words.
    static func isOnigurumaWord(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0xB2, 0xB3, 0xB9, 0xBC...0xBE: true
        default: isPatternWord(scalar)
        }
    }

    /// BERT's punctuation: ASCII's, and category P as in Unicode 8.
    static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: true
        case 0..<0x80: false
        // Po until Unicode 12 and 11.
        case 0x166D, 0x111C9: true
        default: scalar.category(in: UnicodeEdition.categories).isPunctuation
        }
    }

    /// What BERT removes as control characters: Cc, Cf and Co, but not tab, line feed and carriage return.
    static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 9, 10, 13: return false
        case 0xD800...0xDFFF: return true
        default:
            let category = scalar.category(in: UnicodeEdition.categories)
            return category == .control || category == .format || category == .privateUse
        }
    }

    /// What BERT strips as accents: category Mn as in Unicode 8.
    static func isNonspacingMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x300: false
        // Became Mc in Unicode 14 and 15.1; were not yet Mn.
        case 0x1734, 0x1171E: true
        case 0x1885, 0x1886, 0xA9BD, 0x111C9: false
        default: scalar.category(in: UnicodeEdition.categories) == .nonspacingMark
        }
    }

    /// What `StripAccents` strips: category M as in Unicode 9.
    static func isCombiningMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x300: false
        case 0x1CF2, 0x1CF3: true
        case 0x111C9: false
        default: scalar.category(in: UnicodeEdition.normalization).isMark
        }
    }

    /// The ideographs that BERT sets apart.
    static func isIdeograph(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F, 0x2B920...0x2CEAF,
            0xF900...0xFAFF, 0x2F800...0x2FA1F:
            true
        default: false
        }
    }
}
