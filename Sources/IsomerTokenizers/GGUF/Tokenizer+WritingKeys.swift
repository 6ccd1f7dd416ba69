public import IsomerBytes

extension Tokenizer {
    /// The tokenizer as the `tokenizer.*` keys of a GGUF file, in llama.cpp's order, and what they do not say.
    ///
    /// The whole `tokenizer.json` is among them, so that nothing is lost to readers that look at it; `notCarried` is for those that do not.
    /// Throws `unsupported` for a kind that llama.cpp has no name for.
    public func keys() throws(IsomerError) -> (keys: [(key: String, value: TokenizerKeyValue)], notCarried: [String]) {
        var list = KeyList()
        let tokens = (0..<TokenID(idBound)).map { token($0) ?? "" }
        switch model {
        case .unigram(let encoder): put(encoder, tokens, in: &list)
        case .bytePair(let encoder) where encoder.fallsBackToBytes: put(fallingBack: encoder, tokens, in: &list)
        case .bytePair(let encoder): try put(encoder, tokens, in: &list)
        case .wordPiece(let encoder): try put(encoder, tokens, in: &list)
        case .wordLevel: throw IsomerError(.unsupported, "llama.cpp has no tokenizer of this kind", found: model.name)
        }
        let found = Dictionary(list.keys.map { (ExactString($0.key), $0.value) }) { first, _ in first }
        let again = try Tokenizer(keys: { key throws(IsomerError) in found[ExactString(key)] })
        list.keys.append((TokenizerKeys.wholeFile, .string(String(decoding: json(), as: UTF8.self))))
        return (list.keys, differences(from: again))
    }

    /// Keys in the order in which they are written.
    private struct KeyList {
        var keys: [(key: String, value: TokenizerKeyValue)] = []

        mutating func put(_ name: String, _ value: TokenizerKeyValue) { keys.append((TokenizerKeys.prefix + name, value)) }
    }

    private func put(_ encoder: UnigramEncoder, _ tokens: [String], in list: inout KeyList) {
        list.put("model", .string("t5"))
        list.put("pre", .string("default"))
        list.put("tokens", .strings(tokens))
        list.put("scores", .floats(tokens.indices.map { $0 < encoder.scores.count ? Float(encoder.scores[$0]) : 0 }))
        putTypes(unknown: encoder.unknownID, bytes: encoder.fallsBackToBytes, in: &list)
        putMarks(unknown: encoder.unknownID, in: &list)
        if let map = compiledMap { list.put("precompiled_charsmap", .integers(map.map { Int($0) })) }
        list.put("add_space_prefix", .bool(metaspace.map { $0 != .never } ?? false))
        list.put("remove_extra_whitespaces", .bool(true))
    }

    /// SentencePiece's pairs, as Llama's.
    private func put(fallingBack encoder: BytePairEncoder, _ tokens: [String], in list: inout KeyList) {
        list.put("model", .string("llama"))
        list.put("pre", .string("default"))
        list.put("tokens", .strings(tokens))
        // The earlier a merge, the better what it makes.
        var scores = [Float](repeating: -Float(encoder.model.order.count), count: tokens.count)
        for (rank, pair) in encoder.model.order.enumerated().reversed() {
            if let merge = encoder.model.merges.merge(pair.left, pair.right) { scores[Int(merge.result)] = -Float(rank) }
        }
        list.put("scores", .floats(scores))
        putTypes(unknown: encoder.unknownID, bytes: true, in: &list)
        putMarks(unknown: encoder.unknownID, in: &list)
        list.put("add_space_prefix", .bool(prependsMark))
    }

    private func put(_ encoder: BytePairEncoder, _ tokens: [String], in list: inout KeyList) throws(IsomerError) {
        guard (encoder.endOfWordSuffix ?? "").isEmpty, (encoder.continuingPrefix ?? "").isEmpty, let cut = cutName else {
            throw IsomerError(
                .unsupported, "llama.cpp has no tokenizer of this kind",
                expected: "byte-level pairs cut as \((["gpt-2"] + TokenizerKeys.expressions.map(\.name)).joined(separator: ", ")) does",
                found: (encoder.endOfWordSuffix ?? "").isEmpty ? "another pre-tokenizer" : "a suffix that ends words, as CLIP's")
        }
        let vocabulary = model.vocabulary
        list.put("model", .string("gpt2"))
        list.put("pre", .string(cut))
        list.put("tokens", .strings(tokens))
        putTypes(unknown: nil, bytes: false, in: &list)
        list.put(
            "merges", .strings(encoder.model.order.map { "\(vocabulary.token($0.left) ?? "") \(vocabulary.token($0.right) ?? "")" }))
        putMarks(unknown: encoder.unknownID, in: &list)
    }

    private func put(_ encoder: WordPieceEncoder, _ tokens: [String], in list: inout KeyList) throws(IsomerError) {
        guard encoder.continuingPrefix == "##" else {
            throw IsomerError(.unsupported, "llama.cpp knows WordPiece with ## only", found: encoder.continuingPrefix)
        }
        list.put("model", .string("bert"))
        list.put("pre", .string("default"))
        let marked = tokens.map { token in
            if token.hasPrefix("##") { return String(token.unicodeScalars.dropFirst(2)) }
            return token.hasPrefix("[") && token.hasSuffix("]") && token.utf8.count > 2 ? token : "\u{2581}" + token
        }
        list.put("tokens", .strings(marked))
        putTypes(unknown: id(of: encoder.unknown), bytes: false, in: &list)
        putMarks(unknown: id(of: encoder.unknown), in: &list)
    }

    private func putTypes(unknown: TokenID?, bytes: Bool, in list: inout KeyList) {
        list.put("token_type", .integers((0..<TokenID(idBound)).map { type($0, unknown: unknown, bytes: bytes) }))
    }

    private func putMarks(unknown: TokenID?, in list: inout KeyList) {
        for (name, texts) in [
            ("bos", ["<s>", "<|startoftext|>"]), ("eos", ["</s>", "<|endoftext|>"]), ("padding", ["<pad>", "[PAD]"]),
            ("seperator", ["[SEP]"]), ("cls", ["[CLS]"]), ("mask", ["[MASK]", "<mask>"]),
        ] {
            if let id = texts.lazy.compactMap({ text in added.id(of: text) }).first { list.put(name + "_token_id", .integer(Int(id))) }
        }
        if let unknown { list.put("unknown_token_id", .integer(Int(unknown))) }
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
