internal import IsomerBytes

/// A token that is found in the prompt before the model sees it.
public struct AddedToken: Hashable, Sendable {
    /// Its text in the prompt.
    public var content: String
    /// Whether it counts only where no letter, digit or mark touches it.
    public var isSingleWord: Bool
    /// Whether it takes the white space before it along.
    public var stripsLeft: Bool
    /// Whether it takes the white space after it along.
    public var stripsRight: Bool
    /// Whether it is looked for in the normalised prompt, in its own normalised form.
    public var isNormalized: Bool
    /// Whether it is left out when ids are decoded.
    public var isSpecial: Bool

    public init(
        _ content: String, isSingleWord: Bool = false, stripsLeft: Bool = false, stripsRight: Bool = false, isNormalized: Bool? = nil,
        isSpecial: Bool = false
    ) {
        self.content = content
        self.isSingleWord = isSingleWord
        self.stripsLeft = stripsLeft
        self.stripsRight = stripsRight
        self.isNormalized = isNormalized ?? !isSpecial
        self.isSpecial = isSpecial
    }
}

/// The added tokens of a tokenizer with their ids.
struct AddedVocabulary: Sendable {
    /// By id.
    private(set) var tokens: [TokenID: AddedToken] = [:]
    private var ids: [[UInt8]: TokenID] = [:]
    /// What added tokens look like after normalisation, where that differs.
    private var normalizedContents: [TokenID: String] = [:]
    private(set) var plain = LiteralMatcher()
    private(set) var normalized = LiteralMatcher()

    func id(of content: String) -> TokenID? { ids[Array(content.utf8)] }

    /// The token's text as decoders see it.
    func text(_ id: TokenID) -> String? { normalizedContents[id] ?? tokens[id]?.content }

    /// Whether a token of this text is special.
    func isSpecial(_ id: TokenID) -> Bool { tokens[id]?.isSpecial ?? false }

    /// Adds tokens with their ids. An id that is taken by another token of the model is `malformed`.
    mutating func add(_ added: [(token: AddedToken, id: TokenID)], _ model: Vocabulary, _ normalizer: Normalizer?) throws(IsomerError) {
        for (token, id) in added {
            guard !token.content.isEmpty else {
                throw IsomerError(.malformed, "an added token is empty", found: "id \(id)")
            }
            guard id <= Vocabulary.largestID else {
                throw IsomerError(
                    .limitExceeded, "a token's id is larger than any vocabulary's", item: token.content,
                    expected: "at most \(Vocabulary.largestID)", found: "\(id)")
            }
            if let other = tokens[id]?.content ?? model.token(id), !other.utf8.elementsEqual(token.content.utf8) {
                throw IsomerError(.malformed, "two tokens have the id \(id)", item: token.content, found: "the other is \"\(other)\"")
            }
            if let other = ids[Array(token.content.utf8)] ?? model.id(of: token.content), other != id {
                throw IsomerError(.malformed, "a token has two ids", item: token.content, found: "\(other) and \(id)")
            }
            if token.isNormalized, let normalizer {
                var text = AlignedText(Array(token.content.utf8))
                try normalizer.normalize(&text)
                let content = String(decoding: text.bytes, as: UTF8.self)
                if !content.utf8.elementsEqual(token.content.utf8) { normalizedContents[id] = content }
            }
            ids[Array(token.content.utf8)] = id
            tokens[id] = token
        }
        plain = LiteralMatcher(tokens.filter { !$0.value.isNormalized }.map { ($0.value.content, $0.key) })
        normalized = LiteralMatcher(tokens.filter(\.value.isNormalized).map { (normalizedContents[$0.key] ?? $0.value.content, $0.key) })
    }

    /// The prompt with its added tokens taken out and the rest normalised.
    func extract(_ prompt: AlignedText, _ normalizer: Normalizer?) throws(IsomerError) -> [Piece] {
        var pieces: [Piece] = []
        for piece in split(prompt, plain) {
            guard piece.tokens == nil else {
                pieces.append(piece)
                continue
            }
            var text = piece.text
            try normalizer?.normalize(&text)
            pieces += split(text, normalized).filter { !$0.text.isEmpty }
        }
        return pieces
    }

    private func split(_ text: AlignedText, _ matcher: LiteralMatcher) -> [Piece] {
        guard !matcher.isEmpty, !text.isEmpty else { return text.isEmpty ? [] : [Piece(text)] }
        let bytes = text.bytes
        var pieces: [Piece] = []
        var end = 0
        for match in matcher.matches(in: bytes) {
            guard let token = tokens[match.id] else { continue }
            var (start, stop) = (match.range.lowerBound, match.range.upperBound)
            if token.isSingleWord, Self.isWord(before: start, bytes) || Self.isWord(after: stop, bytes) { continue }
            if token.stripsLeft { start = max(Self.whiteSpaceStart(before: start, bytes), end) }
            if token.stripsRight { stop = Self.whiteSpaceEnd(after: stop, bytes) }
            if end < start { pieces.append(Piece(text.slice(end..<start))) }
            // A token that reaches into white space already taken begins after it.
            let range = max(end, start)..<max(stop, end, start)
            pieces.append(Piece(text.slice(range), tokens: [.init(id: match.id, range: 0..<range.count)]))
            end = range.upperBound
        }
        if end < bytes.count { pieces.append(Piece(text.slice(end..<bytes.count))) }
        return pieces
    }

    private static func scalar(before offset: Int, _ bytes: [UInt8]) -> Unicode.Scalar? {
        guard offset > 0 else { return nil }
        var start = offset - 1
        while start > 0, bytes[start] & 0xC0 == 0x80 { start -= 1 }
        return String(decoding: bytes[start..<offset], as: UTF8.self).unicodeScalars.first
    }

    private static func scalar(after offset: Int, _ bytes: [UInt8]) -> Unicode.Scalar? {
        String(decoding: bytes[offset..<min(offset + 4, bytes.count)], as: UTF8.self).unicodeScalars.first
    }

    private static func isWord(before offset: Int, _ bytes: [UInt8]) -> Bool {
        scalar(before: offset, bytes).map(CharacterClass.isWord) ?? false
    }

    private static func isWord(after offset: Int, _ bytes: [UInt8]) -> Bool {
        scalar(after: offset, bytes).map(CharacterClass.isWord) ?? false
    }

    private static func whiteSpaceStart(before offset: Int, _ bytes: [UInt8]) -> Int {
        var start = offset
        while let scalar = scalar(before: start, bytes), CharacterClass.isWhiteSpace(scalar) { start -= UTF8.width(scalar) }
        return start
    }

    private static func whiteSpaceEnd(after offset: Int, _ bytes: [UInt8]) -> Int {
        var end = offset
        while end < bytes.count, let scalar = scalar(after: end, bytes), CharacterClass.isWhiteSpace(scalar) { end += UTF8.width(scalar) }
        return end
    }
}

/// Finds the leftmost, and there the longest, of many texts.
struct LiteralMatcher: Sendable {
    private var nodes: [[UInt8: Int]] = [[:]]
    private var ids: [Int: TokenID] = [:]
    private(set) var isFirst = [Bool](repeating: false, count: 256)

    init(_ literals: [(text: String, id: TokenID)] = []) {
        for (text, id) in literals {
            guard let first = text.utf8.first else { continue }
            isFirst[Int(first)] = true
            var node = 0
            for byte in text.utf8 {
                if let next = nodes[node][byte] {
                    node = next
                } else {
                    nodes.append([:])
                    nodes[node][byte] = nodes.count - 1
                    node = nodes.count - 1
                }
            }
            // Of tokens that normalise to one text the lowest id counts.
            ids[node] = min(ids[node] ?? .max, id)
        }
    }

    var isEmpty: Bool { ids.isEmpty }

    func matches(in text: [UInt8]) -> [(range: Range<Int>, id: TokenID)] {
        var matches: [(Range<Int>, TokenID)] = []
        var start = 0
        while start < text.count {
            guard isFirst[Int(text[start])] else {
                start += 1
                continue
            }
            if let found = longest(at: start, in: text[...]) {
                matches.append((start..<start + found.count, found.id))
                start += found.count
            } else {
                start += 1
            }
        }
        return matches
    }

    /// The longest text that starts at `start`.
    func longest(at start: Int, in text: ArraySlice<UInt8>) -> (count: Int, id: TokenID)? {
        var node = 0
        var end = start
        var found: (Int, TokenID)?
        while end < text.endIndex, let next = nodes[node][text[end]] {
            node = next
            end += 1
            if let id = ids[node] { found = (end - start, id) }
        }
        return found
    }
}
