internal import IsomerBytes

/// How text is cut into the words that the model sees. The kinds are those of `tokenizer.json`.
indirect enum PreTokenizer: Sendable {
    /// What becomes of the delimiters.
    enum Behavior: String, Sendable {
        case removed = "Removed"
        case isolated = "Isolated"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"
        case contiguous = "Contiguous"
    }

    /// When a space's stand-in is put before the text.
    enum PrependScheme: String, Sendable {
        case first, never, always
    }

    case sequence([PreTokenizer])
    case byteLevel(addsPrefixSpace: Bool, trimsOffsets: Bool, usesExpression: Bool)
    case whitespace
    case whitespaceSplit
    case delimiter(Unicode.Scalar)
    case metaspace(replacement: Unicode.Scalar, PrependScheme, splits: Bool)
    case punctuation(Behavior)
    case split(TextPattern, Behavior, isInverted: Bool)
    case digits(individually: Bool)
    case bert
    case fixedLength(Int)
    case unicodeScripts

    /// GPT-2's pattern.
    static let gpt2Pattern = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    private static let gpt2 = Result { () throws(IsomerError) in try Pattern(gpt2Pattern) }

    /// Cuts every piece of `pieces` that is no token yet; empty pieces vanish.
    func split(_ pieces: inout [Piece]) throws(IsomerError) {
        switch self {
        case .sequence(let parts): for part in parts { try part.split(&pieces) }
        case .byteLevel(let addsPrefixSpace, _, let usesExpression):
            let pattern = try Self.gpt2.get()
            try Piece.replace(&pieces) { piece throws(IsomerError) in
                var text = piece
                if addsPrefixSpace, text.bytes.first != UInt8(ascii: " ") { text.prepend(" ") }
                guard usesExpression else { return [text] }
                return Self.cut(text, try pattern.matches(in: Pattern.Subject(text)), .isolated)
            }
            for index in pieces.indices where pieces[index].tokens == nil { Normalizer.byteLevel(&pieces[index].text) }
        case .whitespace:
            try Piece.replace(&pieces) { text throws(IsomerError) in Self.words(in: text).map(text.slice) }
        case .whitespaceSplit: try split(&pieces, .removed, CharacterClass.isWhiteSpace)
        case .delimiter(let delimiter): try split(&pieces, .removed) { $0 == delimiter }
        case .metaspace(let replacement, let scheme, let splits):
            let mark = String(replacement)
            try Piece.replace(&pieces) { piece throws(IsomerError) in
                let text = Self.marked(piece, mark, scheme)
                guard splits else { return [text] }
                return Self.cut(text, TextPattern.find(Array(mark.utf8), in: text.bytes), .mergedWithNext)
            }
        case .punctuation(let behavior): try split(&pieces, behavior, CharacterClass.isPunctuation)
        case .split(let pattern, let behavior, let isInverted):
            try Piece.replace(&pieces) { text throws(IsomerError) in
                Self.cut(text, try pattern.matches(in: text), behavior, isInverted: isInverted)
            }
        case .digits(let individually): try split(&pieces, individually ? .isolated : .contiguous, CharacterClass.isNumeric)
        case .bert:
            try split(&pieces, .removed, CharacterClass.isWhiteSpace)
            try split(&pieces, .isolated, CharacterClass.isPunctuation)
        case .fixedLength(let length):
            try Piece.replace(&pieces) { text throws(IsomerError) in
                let offsets = text.scalars.map(\.offset) + [text.bytes.count]
                return stride(from: 0, to: offsets.count - 1, by: length).map {
                    text.slice(offsets[$0]..<offsets[min($0 + length, offsets.count - 1)])
                }
            }
        case .unicodeScripts:
            try Piece.replace(&pieces) { text throws(IsomerError) in
                let starts = ScriptTable.shared.starts(in: text)
                return zip(starts, starts.dropFirst() + [text.bytes.count]).map { text.slice($0..<$1) }
            }
        }
    }

    /// What `\w+|[^\w\s]+` matches.
    private static func words(in text: AlignedText) -> [Range<Int>] {
        var words: [Range<Int>] = []
        var kind = 0
        for (offset, scalar) in text.scalars {
            let next = CharacterClass.isWord(scalar) ? 1 : CharacterClass.isWhiteSpace(scalar) ? 0 : 2
            let end = offset + UTF8.width(scalar)
            if next != 0 {
                if next == kind, let last = words.popLast() {
                    words.append(last.lowerBound..<end)
                } else {
                    words.append(offset..<end)
                }
            }
            kind = next
        }
        return words
    }

    /// `text` with `mark` for each space, and in front of it if `scheme` says so.
    private static func marked(_ text: AlignedText, _ mark: String, _ scheme: PrependScheme) -> AlignedText {
        var text = text
        text.replace(TextPattern.find([UInt8(ascii: " ")], in: text.bytes), with: mark)
        let starts = text.bytes.starts(with: mark.utf8)
        switch scheme {
        case .always: if !starts { text.prepend(mark) }
        case .first: if !starts, text.origin == 0 { text.prepend(mark) }
        case .never: break
        }
        return text
    }

    private func split(_ pieces: inout [Piece], _ behavior: Behavior, _ isDelimiter: (Unicode.Scalar) -> Bool) throws(IsomerError) {
        try Piece.replace(&pieces) { text throws(IsomerError) in
            let matches = text.scalars.compactMap { offset, scalar in
                isDelimiter(scalar) ? offset..<offset + UTF8.width(scalar) : nil
            }
            return Self.cut(text, matches, behavior)
        }
    }

    /// Cuts `text` at `matches`, which are in order, doing with them what `behavior` says; inverted, the rest are the delimiters.
    static func cut(_ text: AlignedText, _ matches: [Range<Int>], _ behavior: Behavior, isInverted: Bool = false) -> [AlignedText] {
        var parts: [(range: Range<Int>, isMatch: Bool)] = []
        var end = 0
        for match in matches {
            if match.lowerBound > end { parts.append((end..<match.lowerBound, isInverted)) }
            parts.append((match, !isInverted))
            end = match.upperBound
        }
        if end < text.bytes.count { parts.append((end..<text.bytes.count, isInverted)) }
        var ranges: [Range<Int>] = []
        var wasMatch = false
        switch behavior {
        case .isolated: ranges = parts.map(\.range)
        case .removed: ranges = parts.filter { !$0.isMatch }.map(\.range)
        case .contiguous:
            for part in parts {
                if part.isMatch == wasMatch, let last = ranges.popLast() {
                    ranges.append(last.lowerBound..<part.range.upperBound)
                } else {
                    ranges.append(part.range)
                }
                wasMatch = part.isMatch
            }
        case .mergedWithPrevious:
            for part in parts {
                if part.isMatch, !wasMatch, let last = ranges.popLast() {
                    ranges.append(last.lowerBound..<part.range.upperBound)
                } else {
                    ranges.append(part.range)
                }
                wasMatch = part.isMatch
            }
        case .mergedWithNext:
            for part in parts.reversed() {
                if part.isMatch, !wasMatch, let last = ranges.popLast() {
                    ranges.append(part.range.lowerBound..<last.upperBound)
                } else {
                    ranges.append(part.range)
                }
                wasMatch = part.isMatch
            }
            ranges.reverse()
        }
        return ranges.map(text.slice)
    }
}

/// A part of the prompt on its way: text, or tokens already.
struct Piece: Sendable {
    /// A token of a piece and the bytes of the piece's text that it covers.
    struct Token: Sendable {
        var id: TokenID
        var range: Range<Int>
        /// The token's text where it is not the vocabulary's (a fused unknown).
        var surface: String?
    }

    var text: AlignedText
    var tokens: [Token]?

    init(_ text: AlignedText, tokens: [Token]? = nil) {
        self.text = text
        self.tokens = tokens
    }

    /// Puts what `body` makes of each piece that is no token yet in its place, leaving out what is empty.
    static func replace(_ pieces: inout [Piece], _ body: (AlignedText) throws(IsomerError) -> [AlignedText]) throws(IsomerError) {
        var result: [Piece] = []
        result.reserveCapacity(pieces.count)
        for piece in pieces {
            if piece.tokens != nil {
                result.append(piece)
            } else {
                for text in try body(piece.text) where !text.isEmpty { result.append(Piece(text)) }
            }
        }
        pieces = result
    }
}
