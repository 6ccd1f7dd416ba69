public import IsomerBytes

extension Tokenizer {
    /// The tokenizer as the `tokenizer.*` keys of a GGUF file, in llama.cpp's order, and what they do not say.
    ///
    /// The whole `tokenizer.json` is among them, so that nothing is lost to readers that look at it; `notCarried` is for those that do not.
    /// Throws `unsupported` for a kind that llama.cpp has no name for.
    public func keys() throws(IsomerError) -> (keys: [(key: String, value: TokenizerKeyValue)], notCarried: [String]) {
        var keys: [(String, TokenizerKeyValue)] = []
        func put(_ name: String, _ value: TokenizerKeyValue) { keys.append((TokenizerKeys.prefix + name, value)) }
        let vocabulary = model.vocabulary
        let bound = TokenID(idBound)
        let tokens = (0..<bound).map { token($0) ?? "" }
        switch model {
        case .unigram(let encoder):
            put("model", .string("t5"))
            put("pre", .string("default"))
            put("tokens", .strings(tokens))
            put("scores", .floats((0..<bound).map { Int($0) < encoder.scores.count ? Float(encoder.scores[Int($0)]) : 0 }))
            put("token_type", .integers((0..<bound).map { type($0, unknown: encoder.unknownID, bytes: encoder.fallsBackToBytes) }))
            putMarks(unknown: encoder.unknownID, put)
            if let map = compiledMap { put("precompiled_charsmap", .integers(map.map { Int($0) })) }
            put("add_space_prefix", .bool(metaspace.map { $0 != .never } ?? false))
            put("remove_extra_whitespaces", .bool(true))
        case .bytePair(let encoder) where encoder.fallsBackToBytes:
            put("model", .string("llama"))
            put("pre", .string("default"))
            put("tokens", .strings(tokens))
            // The earlier a merge, the better what it makes.
            var scores = [Float](repeating: -Float(encoder.model.order.count), count: Int(bound))
            for (rank, pair) in encoder.model.order.enumerated().reversed() {
                if let merge = encoder.model.merges.merge(pair.left, pair.right) { scores[Int(merge.result)] = -Float(rank) }
            }
            put("scores", .floats(scores))
            put("token_type", .integers((0..<bound).map { type($0, unknown: encoder.unknownID, bytes: true) }))
            putMarks(unknown: encoder.unknownID, put)
            put("add_space_prefix", .bool(prependsMark))
        case .bytePair(let encoder):
            guard (encoder.endOfWordSuffix ?? "").isEmpty, (encoder.continuingPrefix ?? "").isEmpty, let cut = cutName else {
                throw IsomerError(
                    .unsupported, "llama.cpp has no tokenizer of this kind",
                    expected: "byte-level pairs cut as \((["gpt-2"] + TokenizerKeys.expressions.map(\.name)).joined(separator: ", ")) does",
                    found: (encoder.endOfWordSuffix ?? "").isEmpty ? "another pre-tokenizer" : "a suffix that ends words, as CLIP's")
            }
            put("model", .string("gpt2"))
            put("pre", .string(cut))
            put("tokens", .strings(tokens))
            put("token_type", .integers((0..<bound).map { type($0, unknown: nil, bytes: false) }))
            put(
                "merges",
                .strings(encoder.model.order.map { "\(vocabulary.token($0.left) ?? "") \(vocabulary.token($0.right) ?? "")" }))
            putMarks(unknown: encoder.unknownID, put)
        case .wordPiece(let encoder):
            guard encoder.continuingPrefix == "##" else {
                throw IsomerError(.unsupported, "llama.cpp knows WordPiece with ## only", found: encoder.continuingPrefix)
            }
            put("model", .string("bert"))
            put("pre", .string("default"))
            let marked = tokens.map { token in
                if token.hasPrefix("##") { return String(token.unicodeScalars.dropFirst(2)) }
                return token.hasPrefix("[") && token.hasSuffix("]") && token.utf8.count > 2 ? token : "\u{2581}" + token
            }
            put("tokens", .strings(marked))
            put("token_type", .integers((0..<bound).map { type($0, unknown: id(of: encoder.unknown), bytes: false) }))
            putMarks(unknown: id(of: encoder.unknown), put)
        case .wordLevel: throw IsomerError(.unsupported, "llama.cpp has no tokenizer of this kind", found: model.name)
        }
        let found = Dictionary(keys.map { (ExactString($0.0), $0.1) }) { first, _ in first }
        let again = try Tokenizer(keys: { key throws(IsomerError) in found[ExactString(key)] })
        keys.append((TokenizerKeys.wholeFile, .string(String(decoding: json(), as: UTF8.self))))
        return (keys.map { (key: $0.0, value: $0.1) }, differences(from: again))
    }

    private func putMarks(unknown: TokenID?, _ put: (String, TokenizerKeyValue) -> Void) {
        for (name, texts) in [
            ("bos", ["<s>", "<|startoftext|>"]), ("eos", ["</s>", "<|endoftext|>"]), ("padding", ["<pad>", "[PAD]"]),
            ("seperator", ["[SEP]"]),
            ("cls", ["[CLS]"]), ("mask", ["[MASK]", "<mask>"]),
        ] {
            if let id = texts.lazy.compactMap({ text in added.id(of: text) }).first { put(name + "_token_id", .integer(Int(id))) }
        }
        if let unknown { put("unknown_token_id", .integer(Int(unknown))) }
    }

    private func type(_ id: TokenID, unknown: TokenID?, bytes: Bool) -> Int {
        if id == unknown { return Int(SentencePieceModel.PieceType.unknown.rawValue) }
        if let token = added.tokens[id] { return Int((token.isSpecial ? SentencePieceModel.PieceType.control : .userDefined).rawValue) }
        if bytes, let token = model.vocabulary.bytes(of: id), Decoder.byte(named: token) != nil {
            return Int(SentencePieceModel.PieceType.byte.rawValue)
        }
        return Int(SentencePieceModel.PieceType.normal.rawValue)
    }

    private var compiledMap: [UInt8]? {
        switch normalizer {
        case .precompiled(let map): map.source
        case .sequence(let parts): parts.lazy.compactMap { if case .precompiled(let map) = $0 { map.source } else { nil } }.first
        default: nil
        }
    }

    private var metaspace: PreTokenizer.PrependScheme? {
        switch preTokenizer {
        case .metaspace(_, let scheme, _): scheme
        case .sequence(let parts): parts.lazy.compactMap { if case .metaspace(_, let scheme, _) = $0 { scheme } else { nil } }.first
        default: nil
        }
    }

    private var prependsMark: Bool {
        if case .sequence(let parts) = normalizer, parts.contains(where: { if case .prepend = $0 { true } else { false } }) { return true }
        return metaspace.map { $0 != .never } ?? false
    }

    /// llama.cpp's name for how text is cut.
    private var cutName: String? {
        switch preTokenizer {
        case .byteLevel(_, _, usesExpression: true): return "gpt-2"
        case .sequence(let parts):
            guard parts.count == 2, case .split(.expression(let pattern), .isolated, isInverted: false) = parts[0],
                case .byteLevel(addsPrefixSpace: false, _, usesExpression: false) = parts[1]
            else { return nil }
            return TokenizerKeys.expressions.first { $0.expression.utf8.elementsEqual(pattern.source.utf8) }?.name
        default: return nil
        }
    }
}
