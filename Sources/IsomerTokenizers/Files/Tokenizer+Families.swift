public import IsomerBytes

extension Tokenizer {
    /// GPT-2's pipeline around a vocabulary and merges, as transformers' `GPT2Tokenizer`.
    static func gpt2(_ model: BytePairModel, addsPrefixSpace: Bool = false) throws(IsomerError) -> Tokenizer {
        let end = "<|endoftext|>"
        return try Tokenizer(
            preTokenizer: .byteLevel(addsPrefixSpace: addsPrefixSpace, trimsOffsets: true, usesExpression: true),
            model: .bytePair(BytePairEncoder(model: model, continuingPrefix: "", endOfWordSuffix: "")),
            decoder: .byteLevel(addsPrefixSpace: true, trimsOffsets: true, usesExpression: true),
            added: model.vocabulary.id(of: end).map { [(AddedToken(end, isSpecial: true), $0)] } ?? [])
    }

    /// BERT's pipeline around a vocabulary, as transformers' `BertTokenizer`.
    static func bert(_ vocabulary: Vocabulary, lowercases: Bool = true) throws(IsomerError) -> Tokenizer {
        let marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].compactMap { mark in
            vocabulary.id(of: mark).map { (token: AddedToken(mark, isSpecial: true), id: $0) }
        }
        guard vocabulary.id(of: "[UNK]") != nil, let classifier = vocabulary.id(of: "[CLS]"), let separator = vocabulary.id(of: "[SEP]")
        else {
            throw IsomerError(
                .malformed, "the vocabulary lacks BERT's marks", expected: "[UNK], [CLS] and [SEP]",
                remedy: "use the vocab.txt of a BERT tokenizer, or a tokenizer.json")
        }
        return try Tokenizer(
            normalizer: .bert(cleansText: true, separatesIdeographs: true, stripsAccents: nil, lowercases: lowercases), preTokenizer: .bert,
            model: .wordPiece(
                WordPieceEncoder(vocabulary: vocabulary, unknown: "[UNK]", continuingPrefix: "##", greatestWordLength: 100)),
            postProcessor: .template(
                single: [.special("[CLS]", type: 0), .sequence(isPair: false, type: 0), .special("[SEP]", type: 0)],
                pair: [
                    .special("[CLS]", type: 0), .sequence(isPair: false, type: 0), .special("[SEP]", type: 0),
                    .sequence(isPair: true, type: 1), .special("[SEP]", type: 1),
                ],
                specials: [
                    .init(name: "[CLS]", ids: [classifier], tokens: ["[CLS]"]), .init(name: "[SEP]", ids: [separator], tokens: ["[SEP]"]),
                ]), decoder: .wordPiece(prefix: "##", cleansUp: true), added: marks)
    }

    /// The pipeline that transformers makes of a SentencePiece model, T5's if the model is of its kind.
    ///
    /// Its ids are those of the `tokenizer.json` that stands beside a text encoder; `SentencePieceTokenizer` gives SentencePiece's own.
    /// Cannot be carried over: whether SentencePiece removes extra spaces is T5's white space splitting or nothing; scores stay, but pieces
    /// of equal score may be joined in another order. Throws `unsupported` for kinds that cut at words.
    public init(_ model: SentencePieceModel) throws(IsomerError) {
        switch model.kind {
        case .unigram: self = try .unigram(model)
        case .bytePair: self = try .bytePair(model)
        case .word, .character:
            throw IsomerError(
                .unsupported, "this kind of SentencePiece model is not supported", expected: "Unigram or BPE", found: "\(model.kind)")
        }
    }

    private static func unigram(_ model: SentencePieceModel) throws(IsomerError) -> Tokenizer {
        var vocabulary = try model.vocabulary()
        var scores = model.pieces.map { Double($0.score) }
        var added = model.addedTokens
        // T5 has no beginning, and pads with 0.
        let isT5 = model.beginningID < 0 && model.paddingID == 0 && !model.fallsBackToBytes
        if isT5 {
            // Sentinels are numbered backwards from the end.
            for index in (0..<100).reversed() where vocabulary.id(of: "<extra_id_\(index)>") == nil {
                let (token, id) = ("<extra_id_\(index)>", TokenID(vocabulary.count))
                try vocabulary.insert(token, id: id)
                scores.append(0)
                added.append((AddedToken(token, isNormalized: false, isSpecial: true), id))
            }
        }
        let scheme: PreTokenizer.PrependScheme = model.addsDummyPrefix ? .always : .never
        let space = PreTokenizer.metaspace(replacement: spaceMark, scheme, splits: true)
        return try Tokenizer(
            normalizer: model.normalizers().first,
            preTokenizer: isT5 ? .sequence([.whitespaceSplit, space]) : space,
            model: .unigram(
                UnigramEncoder(
                    vocabulary: vocabulary, scores: scores, unknownID: model.unknownID, fallsBackToBytes: model.fallsBackToBytes)),
            postProcessor: isT5 ? model.ending : nil,
            decoder: model.fallsBackToBytes ? model.byteDecoder : .metaspace(replacement: spaceMark, scheme, splits: true), added: added)
    }

    private static func bytePair(_ model: SentencePieceModel) throws(IsomerError) -> Tokenizer {
        let merges = try MergeList.from(
            model.vocabulary(),
            order: model.pieces.indices.filter { model.pieces[$0].type == .normal }.sorted { left, right in
                (model.pieces[left].score, -left) > (model.pieces[right].score, -right)
            })
        let prefix: [Normalizer] = model.addsDummyPrefix ? [.prepend(String(spaceMark))] : []
        return try Tokenizer(
            normalizer: .sequence(model.normalizers() + prefix + [.replace(.text(" "), with: String(spaceMark))]),
            model: .bytePair(
                BytePairEncoder(
                    model: merges, unknown: model.pieces[Int(model.unknownID)].text, fusesUnknown: true,
                    fallsBackToBytes: model.fallsBackToBytes)),
            decoder: model.byteDecoder, added: model.addedTokens)
    }

    /// SentencePiece's stand-in for a space.
    fileprivate static let spaceMark: Unicode.Scalar = "\u{2581}"
}

extension SentencePieceModel {
    fileprivate func vocabulary() throws(IsomerError) -> Vocabulary {
        var vocabulary = Vocabulary(capacity: pieces.count)
        for (id, piece) in pieces.enumerated() { try vocabulary.insert(piece.text, id: TokenID(id)) }
        return vocabulary
    }

    /// The pieces that are found in a text before the model sees it.
    fileprivate var addedTokens: [(token: AddedToken, id: TokenID)] {
        var added: [(token: AddedToken, id: TokenID)] = []
        for (id, piece) in pieces.enumerated() {
            switch piece.type {
            case .control, .unknown: added.append((AddedToken(piece.text, isNormalized: false, isSpecial: true), TokenID(id)))
            case .userDefined: added.append((AddedToken(piece.text, isNormalized: false), TokenID(id)))
            default: break
            }
        }
        return added
    }

    /// What the model's own map does to a text; none or one.
    fileprivate func normalizers() throws(IsomerError) -> [Normalizer] {
        compiledMap.isEmpty ? [] : [.precompiled(try PrecompiledMap(compiledMap))]
    }

    /// Puts the end of the text behind it; `nil` if the model has no such piece.
    fileprivate var ending: PostProcessor? {
        guard pieces.indices ~= Int(endID) else { return nil }
        let end = pieces[Int(endID)].text
        let single: [PostProcessor.Part] = [.sequence(isPair: false, type: 0), .special(end, type: 0)]
        return .template(
            single: single, pair: single + [.sequence(isPair: true, type: 0), .special(end, type: 0)],
            specials: [.init(name: end, ids: [TokenID(endID)], tokens: [end])])
    }

    /// Bytes for what stands for them, and spaces for what stands for these, but for the one that was put in front.
    fileprivate var byteDecoder: Decoder {
        .sequence(
            [.replace(.text(String(Tokenizer.spaceMark)), with: " "), .byteFallback, .fuse]
                + (addsDummyPrefix ? [.strip(" ", start: 1, stop: 0)] : []))
    }
}

/// Merges that a list of tokens in order of their ranks implies: every way to cut a token into two tokens.
///
/// Reference: huggingface/transformers `convert_slow_tokenizer.py` `generate_merges`, 5.23.
enum MergeList {
    /// No token of a published vocabulary is longer.
    private static let longestToken = 4_096

    /// - Parameter order: the ids of the tokens that merges make, earliest first.
    static func from(_ vocabulary: Vocabulary, order ids: [Int]) throws(IsomerError) -> BytePairModel {
        var table = MergeTable(capacity: ids.count * 2)
        var order: [(left: TokenID, right: TokenID)] = []
        for id in ids {
            guard let token = vocabulary.bytes(of: TokenID(id)) else { continue }
            guard token.count <= longestToken else {
                throw IsomerError(
                    .limitExceeded, "a token is longer than any vocabulary's", item: String(decoding: token.prefix(40), as: UTF8.self),
                    expected: "at most \(longestToken) bytes", found: "\(token.count) bytes")
            }
            let bytes = Array(token)
            var cuts: [(left: TokenID, right: TokenID)] = []
            for cut in bytes.indices.dropFirst() where bytes[cut] & 0xC0 != 0x80 {
                if let left = vocabulary.id(of: bytes.span.extracting(0..<cut)),
                    let right = vocabulary.id(of: bytes.span.extracting(cut..<bytes.count))
                {
                    cuts.append((left, right))
                }
            }
            for (left, right) in cuts.sorted(by: { ($0.left, $0.right) < ($1.left, $1.right) })
            where table.insert(left, right, .init(rank: UInt32(order.count), result: TokenID(id))) {
                order.append((left, right))
            }
        }
        return BytePairModel(vocabulary: vocabulary, merges: table, order: order)
    }
}
