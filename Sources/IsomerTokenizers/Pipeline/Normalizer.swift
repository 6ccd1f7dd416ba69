internal import IsomerBytes

/// What is done to text before it is taken apart. The kinds are those of `tokenizer.json`.
indirect enum Normalizer: Sendable {
    case sequence([Normalizer])
    case bert(cleansText: Bool, separatesIdeographs: Bool, stripsAccents: Bool?, lowercases: Bool)
    case strip(left: Bool, right: Bool)
    case stripAccents
    case form(NormalForm)
    case lowercase
    case nmt
    case precompiled(PrecompiledMap)
    case replace(TextPattern, with: String)
    case prepend(String)
    case byteLevel

    func normalize(_ text: inout AlignedText) throws(IsomerError) {
        switch self {
        case .sequence(let normalizers): for normalizer in normalizers { try normalizer.normalize(&text) }
        case .bert(let cleansText, let separatesIdeographs, let stripsAccents, let lowercases):
            if cleansText {
                text.filter { $0.value != 0 && $0.value != 0xFFFD && !CharacterClass.isControl($0) }
                text.map { CharacterClass.isWhiteSpace($0) ? " " : $0 }
            }
            if separatesIdeographs {
                text.transform(text.scalars.flatMap { CharacterClass.isIdeograph($1) ? [(" ", 0), ($1, 1), (" ", 1)] : [($1, 0)] })
            }
            if stripsAccents ?? lowercases {
                Self.apply(.nfd, &text)
                text.filter { !CharacterClass.isNonspacingMark($0) }
            }
            if lowercases { Self.lowercase(&text) }
        case .strip(let left, let right): text.strip(left: left, right: right)
        case .stripAccents: text.filter { !CharacterClass.isCombiningMark($0) }
        case .form(let form): Self.apply(form, &text)
        case .lowercase: Self.lowercase(&text)
        case .nmt: Self.nmt(&text)
        case .precompiled(let map): map.normalize(&text)
        case .replace(let pattern, let content): text.replace(try pattern.matches(in: text), with: content)
        case .prepend(let prefix): text.prepend(prefix)
        case .byteLevel: Self.byteLevel(&text)
        }
    }

    private static func apply(_ form: NormalForm, _ text: inout AlignedText) {
        // ASCII is in every normal form.
        if text.bytes.allSatisfy({ $0 < 0x80 }) { return }
        text.transform(form.changes(text.scalars.map(\.scalar), edition: UnicodeEdition.normalization))
    }

    static func lowercase(_ text: inout AlignedText) {
        text.transform(
            text.scalars.flatMap { _, scalar -> [AlignedText.Change] in
                if scalar.value < 0x80 { return [(65...90 ~= scalar.value ? Unicode.Scalar(scalar.value + 32) ?? scalar : scalar, 0)] }
                return scalar.properties.lowercaseMapping.unicodeScalars.enumerated().map { ($1, $0 == 0 ? 0 : 1) }
            })
    }

    /// The normalisation of Google's NMT, without NFKC.
    private static func nmt(_ text: inout AlignedText) {
        text.filter { scalar in
            switch scalar.value {
            case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: false
            default: true
            }
        }
        text.map { scalar in
            switch scalar.value {
            case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD: " "
            default: scalar
            }
        }
    }

    /// Bytes as characters of GPT-2's alphabet.
    static func byteLevel(_ text: inout AlignedText) {
        var changes: [AlignedText.Change] = []
        changes.reserveCapacity(text.bytes.count)
        for byte in text.bytes { changes.append((ByteAlphabet.scalars[Int(byte)], byte & 0xC0 == 0x80 ? 1 : 0)) }
        text.transform(changes)
    }
}

/// A pattern of `Replace` or `Split`: a text or a regular expression.
enum TextPattern: Sendable {
    case text(String)
    case expression(Pattern)

    /// The byte ranges that match, from left to right.
    func matches(in text: AlignedText) throws(IsomerError) -> [Range<Int>] {
        switch self {
        case .text(let wanted): Self.find(Array(wanted.utf8), in: text.bytes)
        case .expression(let pattern): try pattern.matches(in: Pattern.Subject(text))
        }
    }

    func matches(in text: String) throws(IsomerError) -> [Range<Int>] {
        switch self {
        case .text(let wanted): Self.find(Array(wanted.utf8), in: Array(text.utf8))
        case .expression(let pattern): try pattern.matches(in: Pattern.Subject(text))
        }
    }

    static func find(_ wanted: [UInt8], in text: [UInt8]) -> [Range<Int>] {
        guard let first = wanted.first else { return [] }
        var matches: [Range<Int>] = []
        var position = 0
        while position + wanted.count <= text.count {
            if text[position] == first, text[position..<position + wanted.count].elementsEqual(wanted) {
                matches.append(position..<position + wanted.count)
                position += wanted.count
            } else {
                position += 1
            }
        }
        return matches
    }
}
