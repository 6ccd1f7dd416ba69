public import IsomerBytes

extension Tokenizer {
    /// Reads the `tokenizer.*` keys of a GGUF file.
    ///
    /// A whole `tokenizer.json` among them has the last word; else the pipeline is what llama.cpp's kind of model stands for.
    ///
    /// - Parameter values: looks a key up; `nil` for one that is not there.
    /// - Throws: `cannotRead` if there are none, `malformed` naming the key, `unsupported` for a kind of model or cut that is not known.
    public init(
        keys values: @escaping (String) throws(IsomerError) -> TokenizerKeyValue?, path: FilePath? = nil, limits: Limits = Limits()
    ) throws(IsomerError) {
        do throws(IsomerError) {
            if case .string(let text)? = try values(TokenizerKeys.wholeFile) {
                try self.init(json: Array(text.utf8), limits: limits)
                return
            }
            try self.init(TokenizerKeyReader(values: values))
        } catch {
            throw error.inFile(path)
        }
    }

    private init(_ keys: TokenizerKeyReader) throws(IsomerError) {
        guard let kind = try keys.string("model"), let tokens = try keys.strings("tokens") else {
            throw IsomerError(
                .cannotRead, "the file holds no tokenizer", expected: "tokenizer.ggml.model and tokenizer.ggml.tokens",
                remedy: "give the tokenizer's own file or folder")
        }
        guard !tokens.isEmpty, tokens.count <= Int(Vocabulary.largestID) else {
            throw IsomerError(.limitExceeded, "the vocabulary has no or too many tokens", found: "\(tokens.count)")
        }
        let numbers = try keys.integers("token_type") ?? Array(repeating: 1, count: tokens.count)
        guard numbers.count == tokens.count else {
            throw IsomerError(
                .malformed, "there are not as many types as tokens", item: "tokenizer.ggml.token_type", expected: "\(tokens.count)",
                found: "\(numbers.count)")
        }
        var types: [SentencePieceModel.PieceType] = []
        for (id, number) in numbers.enumerated() {
            guard let type = TokenizerKeys.type(number) else {
                throw IsomerError(.unsupported, "token \(id) has an unknown type", item: "tokenizer.ggml.token_type", found: "\(number)")
            }
            types.append(type)
        }
        switch kind {
        case "t5", "llama": try self.init(try SentencePieceModel(keys, tokens, types, isUnigram: kind == "t5"))
        case "gpt2": try self.init(gpt2: keys, tokens, types)
        case "bert": try self.init(bert: tokens)
        default:
            throw IsomerError(
                .unsupported, "this kind of tokenizer is not known", item: "tokenizer.ggml.model", expected: "t5, llama, gpt2 or bert",
                found: kind)
        }
    }

    private init(gpt2 keys: TokenizerKeyReader, _ tokens: [String], _ types: [SentencePieceModel.PieceType]) throws(IsomerError) {
        var vocabulary = Vocabulary(capacity: tokens.count)
        for (id, token) in tokens.enumerated() { try vocabulary.insert(token, id: TokenID(id)) }
        var text: [UInt8] = []
        for merge in try keys.strings("merges") ?? [] { text += Array(merge.utf8) + [0x0A] }
        let model: BytePairModel
        do throws(IsomerError) {
            model = try BytePairModel(vocabulary: vocabulary, text: try MergesText(text))
        } catch {
            throw error.about("tokenizer.ggml.merges")
        }
        let name = try keys.string("pre") ?? "gpt-2"
        let cuts: PreTokenizer
        if ["gpt-2", "default"].contains(name) {
            cuts = .byteLevel(addsPrefixSpace: try keys.flag("add_space_prefix", false), trimsOffsets: true, usesExpression: true)
        } else if let known = TokenizerKeys.expressions.first(where: { $0.name == name }) {
            cuts = .sequence([
                .split(.expression(try Pattern(known.expression)), .isolated, isInverted: false),
                .byteLevel(addsPrefixSpace: false, trimsOffsets: true, usesExpression: false),
            ])
        } else {
            throw IsomerError(
                .unsupported, "how this tokenizer cuts text is not known", item: "tokenizer.ggml.pre",
                expected: (["gpt-2", "default"] + TokenizerKeys.expressions.map(\.name)).joined(separator: ", "), found: name)
        }
        try self.init(
            preTokenizer: cuts, model: .bytePair(BytePairEncoder(model: model)),
            decoder: .byteLevel(addsPrefixSpace: true, trimsOffsets: true, usesExpression: true),
            added: zip(tokens, types).enumerated().compactMap { id, pair in
                switch pair.1 {
                case .control: (AddedToken(pair.0, isSpecial: true), TokenID(id))
                case .userDefined: (AddedToken(pair.0, isNormalized: false), TokenID(id))
                default: nil
                }
            })
    }

    /// WordPiece, whose pieces llama.cpp marks at the beginning of words and not inside.
    private init(bert tokens: [String]) throws(IsomerError) {
        var vocabulary = Vocabulary(capacity: tokens.count)
        for (id, token) in tokens.enumerated() {
            let isMark = token.hasPrefix("[") && token.hasSuffix("]") && token.utf8.count > 2
            let text = token.hasPrefix("\u{2581}") ? String(token.unicodeScalars.dropFirst()) : isMark ? token : "##" + token
            try vocabulary.insert(text, id: TokenID(id))
        }
        self = try .bert(vocabulary)
    }
}

extension SentencePieceModel {
    /// The model that llama.cpp's keys for SentencePiece describe.
    init(_ keys: TokenizerKeyReader, _ tokens: [String], _ types: [PieceType], isUnigram: Bool) throws(IsomerError) {
        let scores = try keys.floats("scores") ?? []
        guard scores.count == tokens.count else {
            throw IsomerError(
                .malformed, "there are not as many scores as tokens", item: "tokenizer.ggml.scores", expected: "\(tokens.count)",
                found: "\(scores.count)")
        }
        var pieces: [Piece] = []
        pieces.reserveCapacity(tokens.count)
        for (id, token) in tokens.enumerated() {
            guard !token.isEmpty else { throw IsomerError(.malformed, "token \(id) is empty", item: "tokenizer.ggml.tokens") }
            pieces.append(Piece(text: token, score: scores[id], type: types[id]))
        }
        let map = try keys.integers("precompiled_charsmap") ?? []
        try self.init(
            pieces: pieces, kind: isUnigram ? .unigram : .bytePair, fallsBackToBytes: types.contains(.byte),
            unknown: try keys.id("unknown", of: tokens.count), beginning: try keys.id("bos", of: tokens.count),
            end: try keys.id("eos", of: tokens.count), padding: try keys.id("padding", of: tokens.count),
            compiledMap: map.map { UInt8(truncatingIfNeeded: $0) }, addsDummyPrefix: try keys.flag("add_space_prefix", true),
            removesExtraSpaces: try keys.flag("remove_extra_whitespaces", true))
    }
}
