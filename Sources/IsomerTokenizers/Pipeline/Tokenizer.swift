public import IsomerBytes

/// A tokenizer of any family: what happens to text, how it is cut, the model, what is put around it, and the way back.
///
/// Ids, offsets and decoded text equal those of the library that defines `tokenizer.json` (huggingface/tokenizers 0.23) for the same file.
public struct Tokenizer: Sendable {
    var normalizer: Normalizer?
    var preTokenizer: PreTokenizer?
    var model: TokenModel
    var postProcessor: PostProcessor?
    var decoder: Decoder?
    var added = AddedVocabulary()
    /// Applied to decoded text, as transformers does for CLIP: the suffix becomes a space, white space at either end goes.
    var decodedSuffix: String?
    /// Sections of `tokenizer.json` that are kept for writing.
    var truncation: JSONValue?
    var padding: JSONValue?

    /// The longest prompt, in bytes: a gibibyte.
    public static let longestPrompt = 1 << 30

    init(
        normalizer: Normalizer? = nil, preTokenizer: PreTokenizer? = nil, model: TokenModel, postProcessor: PostProcessor? = nil,
        decoder: Decoder? = nil, added tokens: [(token: AddedToken, id: TokenID)] = []
    ) throws(IsomerError) {
        self.normalizer = normalizer
        self.preTokenizer = preTokenizer
        self.model = model
        self.postProcessor = postProcessor
        self.decoder = decoder
        try added.add(tokens, model.vocabulary, normalizer)
    }

    /// Throws `malformed` if an id between 0 and the largest belongs to no token.
    func checkGaps() throws(IsomerError) {
        let bound = idBound
        for id in 0..<TokenID(bound) where model.vocabulary.bytes(of: id) == nil && added.tokens[id] == nil {
            throw IsomerError(
                .malformed, "no token has the id \(id)", expected: "ids 0 to \(bound - 1) without gaps",
                remedy: "a file of added tokens may be missing")
        }
    }

    /// One more than the largest id: the rows an embedding table needs.
    public var idBound: Int {
        max(model.vocabulary.idBound, added.tokens.keys.max().map { Int($0) + 1 } ?? 0)
    }

    /// The added tokens with their ids, in order of id.
    public var addedTokens: [(token: AddedToken, id: TokenID)] {
        added.tokens.sorted { $0.key < $1.key }.map { ($0.value, $0.key) }
    }

    /// The id of a token given as the vocabulary has it, or `nil`.
    public func id(of token: String) -> TokenID? {
        added.id(of: token) ?? model.vocabulary.id(of: token)
    }

    /// The text of a token as the vocabulary has it, or `nil`.
    public func token(_ id: TokenID) -> String? {
        added.tokens[id]?.content ?? model.vocabulary.token(id)
    }

    /// Adds tokens after the largest id, or finds those that are there, and returns their ids.
    ///
    /// Throws `malformed` for an empty token.
    public mutating func add(_ tokens: [AddedToken]) throws(IsomerError) -> [TokenID] {
        var ids: [TokenID] = []
        var next = TokenID(idBound)
        for token in tokens {
            let id: TokenID
            if let known = self.id(of: token.content) {
                id = known
            } else {
                id = next
                next += 1
            }
            try added.add([(token, id)], model.vocabulary, normalizer)
            ids.append(id)
        }
        return ids
    }

    /// The tokens of a prompt.
    ///
    /// - Parameters:
    ///   - addsSpecials: whether the post-processor puts its tokens around them.
    ///   - unit: what offsets count.
    /// - Throws: `limitExceeded` for a prompt beyond a gibibyte, `malformed` if the model lacks an unknown token that it needs.
    public func encode(_ prompt: String, addsSpecials: Bool = true, offsets unit: OffsetUnit = .bytes) throws(IsomerError) -> Encoding {
        let bytes = Array(prompt.utf8)
        guard bytes.count <= Self.longestPrompt else {
            throw IsomerError(
                .limitExceeded, "the text is too long for one prompt", expected: "at most \(Self.longestPrompt) bytes",
                found: "\(bytes.count) bytes")
        }
        var pieces = try added.extract(AlignedText(bytes), normalizer)
        try preTokenizer?.split(&pieces)
        var encoding = Encoding()
        for piece in pieces {
            let tokens: [Piece.Token]
            if let known = piece.tokens { tokens = known } else { tokens = try model.tokens(of: piece.text.bytes) }
            for token in tokens {
                let isAdded = piece.tokens != nil
                let text =
                    isAdded
                    ? String(decoding: piece.text.bytes, as: UTF8.self) : token.surface ?? model.vocabulary.token(token.id) ?? ""
                encoding.append(token.id, text, piece.text.origin(of: token.range))
            }
        }
        if unit == .scalars { encoding.countScalars(of: bytes) }
        postProcessor?.process(&encoding, addsSpecials: addsSpecials)
        return encoding
    }

    /// The text of `ids`. Ids that no token has are left out.
    public func decode(_ ids: [TokenID], skipsSpecials: Bool = false) throws(IsomerError) -> String {
        let tokens = ids.compactMap { id -> String? in
            if skipsSpecials, added.isSpecial(id) { return nil }
            return added.text(id) ?? model.vocabulary.token(id)
        }
        guard let decoder else { return tokens.joined(separator: " ") }
        let text = tokens.isEmpty ? "" : try decoder.decode(tokens).joined()
        guard let decodedSuffix else { return text }
        return text.replacing(decodedSuffix, with: " ").strippedOfPythonSpace
    }
}

extension String {
    /// The text without white space at either end, as Python's `str.strip` counts it.
    var strippedOfPythonSpace: String {
        var scalars = Array(unicodeScalars)[...]
        while let first = scalars.first, CharacterClass.isPythonSpace(first) { scalars.removeFirst() }
        while let last = scalars.last, CharacterClass.isPythonSpace(last) { scalars.removeLast() }
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars)
        return String(text)
    }
}
