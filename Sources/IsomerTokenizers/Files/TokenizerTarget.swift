public import IsomerBytes

/// What a tokenizer is to be written as.
public enum TokenizerTarget: String, Hashable, Sendable, CaseIterable {
    /// A `tokenizer.json`.
    case tokenizerJSON = "tokenizer.json"
    /// `vocab.json` and `merges.txt`, or `vocab.txt`, with the configurations that make transformers read them as the same tokenizer.
    case vocabularyFiles = "vocabulary files"
    /// OpenAI's `bpe_simple_vocab_16e6.txt.gz`.
    case openCLIP = "bpe_simple_vocab_16e6.txt.gz"
    /// A WordPiece `vocab.txt`.
    case lines = "vocab.txt"
    /// A `.tiktoken` file.
    case tiktoken
}

extension TokenizerFile {
    /// The files of the tokenizer in another form, and what of it they do not say.
    ///
    /// What is not carried is found by reading the files back as `TokenizerFile` reads them and comparing. Throws `unsupported` if the form has
    /// no room for this kind of model.
    public func files(as target: TokenizerTarget) throws(IsomerError) -> (files: [Tokenizer.File], notCarried: [String]) {
        var files: [Tokenizer.File]
        switch target {
        case .tokenizerJSON: return ([.init(name: "tokenizer.json", bytes: tokenizer.json())], [])
        case .vocabularyFiles:
            files = try tokenizer.vocabularyFiles().files
            if let settings { files.append(contentsOf: settings) }
        case .openCLIP: files = [.init(name: target.rawValue, bytes: StoredGzip.bytes(try tokenizer.openCLIPTable()))]
        case .lines:
            guard case .wordPiece(let encoder) = tokenizer.model else {
                throw IsomerError(.unsupported, "a vocab.txt holds WordPiece models", found: tokenizer.model.name)
            }
            files = [.init(name: target.rawValue, bytes: VocabularyFiles.lines(encoder.vocabulary))]
        case .tiktoken: files = [.init(name: "tokenizer.tiktoken", bytes: try tokenizer.tiktokenRanks())]
        }
        let again: TokenizerFile
        do throws(IsomerError) {
            again =
                target == .tiktoken
                ? TokenizerFile(tokenizer: try VocabularyFiles.tiktoken(files[0].bytes), origin: "", window: nil, padding: nil)
                : try TokenizerFile(files, path: FilePath(target.rawValue))
        } catch {
            throw IsomerError(
                .unsupported, "the tokenizer cannot be read back out of this form: \(error.what)", item: error.location.item,
                remedy: "write a tokenizer.json")
        }
        return (files.sorted { $0.name < $1.name }, tokenizer.differences(from: again.tokenizer))
    }

    /// The configurations that make transformers read vocabulary files with the right class, if it has one for them.
    private var settings: [Tokenizer.File]? {
        let object: JSONObject
        switch tokenizer.model {
        case .bytePair where tokenizer.hasCLIPPipeline && tokenizer.id(of: CLIPVocabulary.startMark) != nil:
            let pads = padding == tokenizer.id(of: "!") ? CLIPPadding.exclamation : .endOfText
            return [
                .init(name: "special_tokens_map.json", bytes: CLIPTokenizerFiles.specialTokensMap(padding: pads)),
                .init(name: "tokenizer_config.json", bytes: CLIPTokenizerFiles.configuration(padding: pads)),
            ]
        case .bytePair:
            guard case .byteLevel(let addsPrefixSpace, _, usesExpression: true) = tokenizer.preTokenizer else { return nil }
            object = ["add_prefix_space": .bool(addsPrefixSpace), "tokenizer_class": "GPT2Tokenizer"]
        case .wordPiece:
            guard case .bert(_, _, _, let lowercases) = tokenizer.normalizer else { return nil }
            object = ["do_lower_case": .bool(lowercases), "tokenizer_class": "BertTokenizer"]
        case .unigram, .wordLevel: return nil
        }
        return [.init(name: "tokenizer_config.json", bytes: JSONWriter(style: .pretty(indent: 2)).bytes(.object(object)) + [0x0A])]
    }
}

extension TokenModel {
    /// What the library calls it.
    var name: String {
        switch self {
        case .bytePair: "BPE"
        case .unigram: "Unigram"
        case .wordPiece: "WordPiece"
        case .wordLevel: "WordLevel"
        }
    }
}

extension Tokenizer {
    /// Whether this is a WordPiece model.
    public var isWordPiece: Bool { if case .wordPiece = model { true } else { false } }

    /// Whether this kind of model has vocabulary files of its own.
    public var hasVocabularyFiles: Bool {
        switch model {
        case .bytePair, .wordPiece: true
        case .unigram, .wordLevel: false
        }
    }

    /// What this tokenizer says and `other` does not, in words.
    func differences(from other: Tokenizer) -> [String] {
        guard let mine = try? JSONValue(parsing: json()), let theirs = try? JSONValue(parsing: other.json()) else { return [] }
        var result: [String] = []
        for key in ["normalizer", "pre_tokenizer", "post_processor", "decoder", "truncation", "padding"] where mine[key] != theirs[key] {
            result.append("the \(key.replacing("_", with: "-"))")
        }
        if case .object(let model)? = mine["model"], case .object(let otherModel)? = theirs["model"] {
            for (key, value) in model where !Self.means(value, otherModel[key]) { result.append("the model's \(key)") }
        }
        for (token, id) in addedTokens where other.added.tokens[id] != token {
            guard result.count < 64 else {
                result.append("other added tokens")
                break
            }
            result.append(
                other.token(id)?.utf8.elementsEqual(token.content.utf8) == true
                    ? "that \(token.content) is found in prompts as it is here" : "the added token \(token.content)")
        }
        return result
    }

    /// Whether two values of a model's option mean the same: none and an empty affix do.
    private static func means(_ value: JSONValue, _ other: JSONValue?) -> Bool {
        let nothing: [JSONValue] = [.null, .string(""), .bool(false)]
        let other = other ?? .null
        return value == other || (nothing.contains(value) && nothing.contains(other))
    }

    /// OpenAI's table of merges, as far as its reader looks at it.
    ///
    /// Throws `unsupported` if ids do not follow from the merges as its reader numbers them.
    func openCLIPTable() throws(IsomerError) -> [UInt8] {
        guard case .bytePair(let encoder) = model, encoder.endOfWordSuffix == CLIPVocabulary.endOfWord else {
            throw IsomerError(.unsupported, "the table holds byte pairs that end words with </w>", found: model.name)
        }
        let merges = encoder.model.mergesText()
        let implied: CLIPVocabulary
        do throws(IsomerError) {
            implied = try CLIPVocabulary(merges: merges)
        } catch {
            throw IsomerError(.unsupported, "the merges do not make the vocabulary as OpenAI's reader makes it: \(error.what)")
        }
        let own = encoder.model.vocabulary
        for id in 0..<TokenID(own.idBound) {
            let (mine, theirs) = (own.bytes(of: id).map(Array.init), implied.model.vocabulary.bytes(of: id).map(Array.init))
            guard mine == theirs else {
                throw IsomerError(
                    .unsupported, "the table's reader would number the tokens otherwise", item: own.token(id), expected: "the id \(id)",
                    found: own.token(id).flatMap { implied.model.vocabulary.id(of: $0) }.map { "\($0)" } ?? "no such token")
            }
        }
        var text = Array("\"bpe_simple_vocab_16e6.txt#version: 0.2\n".utf8)
        text += merges.drop { $0 != 0x0A }.dropFirst()
        return text
    }

    /// The text of a `.tiktoken` file: every token's bytes and its rank, which is its id.
    ///
    /// Throws `unsupported` if merges are not in order of the tokens that they make: tiktoken knows no other order.
    func tiktokenRanks() throws(IsomerError) -> [UInt8] {
        guard case .bytePair(let encoder) = model, (encoder.endOfWordSuffix ?? "").isEmpty, (encoder.continuingPrefix ?? "").isEmpty,
            !encoder.fallsBackToBytes
        else {
            throw IsomerError(.unsupported, "tiktoken holds byte pairs over bytes, without affixes", found: model.name)
        }
        let vocabulary = encoder.model.vocabulary
        var last: TokenID = 0
        for (left, right) in encoder.model.order {
            guard let merge = encoder.model.merges.merge(left, right) else { continue }
            guard merge.result >= last else {
                throw IsomerError(
                    .unsupported, "merges are not in the order of the tokens that they make, and tiktoken knows no other",
                    item: vocabulary.token(merge.result))
            }
            last = merge.result
        }
        var text: [UInt8] = []
        for id in 0..<TokenID(vocabulary.idBound) {
            // Tokens that are found whole in prompts stand in tiktoken's callers, not in its files.
            guard let token = vocabulary.token(id), added.tokens[id] == nil else { continue }
            let bytes = token.unicodeScalars.compactMap(ByteAlphabet.byte)
            guard bytes.count == token.unicodeScalars.count else {
                throw IsomerError(.unsupported, "a token does not stand for bytes", item: token)
            }
            text += "\(Base64.encode(bytes)) \(id)\n".utf8
        }
        return text
    }
}
