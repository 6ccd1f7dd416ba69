internal import IsomerBytes

extension Tokenizer {
    /// The text of a `tokenizer.json` as huggingface/tokenizers writes it.
    public func json() -> [UInt8] {
        let added: [JSONValue] = addedTokens.map { token, id in
            [
                "id": .number(JSONNumber(id)), "content": .string(token.content), "single_word": .bool(token.isSingleWord),
                "lstrip": .bool(token.stripsLeft), "rstrip": .bool(token.stripsRight), "normalized": .bool(token.isNormalized),
                "special": .bool(token.isSpecial),
            ]
        }
        let root: JSONValue = [
            "version": "1.0", "truncation": truncation ?? .null, "padding": padding ?? .null, "added_tokens": .array(added),
            "normalizer": normalizer?.json ?? .null, "pre_tokenizer": preTokenizer?.json ?? .null,
            "post_processor": postProcessor?.json ?? .null, "decoder": decoder?.json ?? .null, "model": model.json,
        ]
        return JSONWriter(style: .pretty(indent: 2)).bytes(root)
    }
}

extension JSONValue {
    fileprivate init(_ pair: (String, TokenID)) { self = [.string(pair.0), .number(JSONNumber(pair.1))] }
}

extension TextPattern {
    fileprivate var json: JSONValue {
        switch self {
        case .text(let text): ["String": .string(text)]
        case .expression(let pattern): ["Regex": .string(pattern.source)]
        }
    }
}

extension Normalizer {
    fileprivate var json: JSONValue {
        switch self {
        case .sequence(let parts): ["type": "Sequence", "normalizers": .array(parts.map(\.json))]
        case .bert(let cleansText, let separatesIdeographs, let stripsAccents, let lowercases):
            [
                "type": "BertNormalizer", "clean_text": .bool(cleansText), "handle_chinese_chars": .bool(separatesIdeographs),
                "strip_accents": stripsAccents.map(JSONValue.bool) ?? .null, "lowercase": .bool(lowercases),
            ]
        case .strip(let left, let right): ["type": "Strip", "strip_left": .bool(left), "strip_right": .bool(right)]
        case .stripAccents: ["type": "StripAccents"]
        case .form(.nfc): ["type": "NFC"]
        case .form(.nfd): ["type": "NFD"]
        case .form(.nfkc): ["type": "NFKC"]
        case .form(.nfkd): ["type": "NFKD"]
        case .lowercase: ["type": "Lowercase"]
        case .nmt: ["type": "Nmt"]
        case .precompiled(let map): ["type": "Precompiled", "precompiled_charsmap": .string(Base64.encode(map.source))]
        case .replace(let pattern, let content): ["type": "Replace", "pattern": pattern.json, "content": .string(content)]
        case .prepend(let prefix): ["type": "Prepend", "prepend": .string(prefix)]
        case .byteLevel: ["type": "ByteLevel"]
        }
    }
}

extension PreTokenizer {
    fileprivate var json: JSONValue {
        switch self {
        case .sequence(let parts): ["type": "Sequence", "pretokenizers": .array(parts.map(\.json))]
        case .byteLevel(let addsPrefixSpace, let trimsOffsets, let usesExpression):
            [
                "type": "ByteLevel", "add_prefix_space": .bool(addsPrefixSpace), "trim_offsets": .bool(trimsOffsets),
                "use_regex": .bool(usesExpression),
            ]
        case .whitespace: ["type": "Whitespace"]
        case .whitespaceSplit: ["type": "WhitespaceSplit"]
        case .delimiter(let delimiter): ["type": "CharDelimiterSplit", "delimiter": .string(String(delimiter))]
        case .metaspace(let replacement, let scheme, let splits):
            [
                "type": "Metaspace", "replacement": .string(String(replacement)), "prepend_scheme": .string(scheme.rawValue),
                "split": .bool(splits),
            ]
        case .punctuation(let behavior): ["type": "Punctuation", "behavior": .string(behavior.rawValue)]
        case .split(let pattern, let behavior, let isInverted):
            ["type": "Split", "pattern": pattern.json, "behavior": .string(behavior.rawValue), "invert": .bool(isInverted)]
        case .digits(let individually): ["type": "Digits", "individual_digits": .bool(individually)]
        case .bert: ["type": "BertPreTokenizer"]
        case .unicodeScripts: ["type": "UnicodeScripts"]
        case .fixedLength(let length): ["type": "FixedLength", "length": .number(JSONNumber(length))]
        }
    }
}

extension PostProcessor {
    fileprivate var json: JSONValue {
        switch self {
        case .sequence(let parts): return ["type": "Sequence", "processors": .array(parts.map(\.json))]
        case .bert(let separator, let classifier):
            return ["type": "BertProcessing", "sep": JSONValue(separator), "cls": JSONValue(classifier)]
        case .roberta(let separator, let classifier, let trimsOffsets, let addsPrefixSpace):
            return [
                "type": "RobertaProcessing", "sep": JSONValue(separator), "cls": JSONValue(classifier),
                "trim_offsets": .bool(trimsOffsets), "add_prefix_space": .bool(addsPrefixSpace),
            ]
        case .byteLevel(let addsPrefixSpace, let trimsOffsets, let usesExpression):
            return [
                "type": "ByteLevel", "add_prefix_space": .bool(addsPrefixSpace), "trim_offsets": .bool(trimsOffsets),
                "use_regex": .bool(usesExpression),
            ]
        case .template(let single, let pair, let specials):
            var members = JSONObject()
            // The library orders them by name.
            for special in specials.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
                members[special.name] = [
                    "id": .string(special.name), "ids": .array(special.ids.map { .number(JSONNumber($0)) }),
                    "tokens": .array(special.tokens.map(JSONValue.string)),
                ]
            }
            return [
                "type": "TemplateProcessing", "single": .array(single.map(\.json)), "pair": .array(pair.map(\.json)),
                "special_tokens": .object(members),
            ]
        }
    }
}

extension PostProcessor.Part {
    fileprivate var json: JSONValue {
        switch self {
        case .sequence(let isPair, let type): ["Sequence": ["id": isPair ? "B" : "A", "type_id": .number(JSONNumber(type))]]
        case .special(let name, let type): ["SpecialToken": ["id": .string(name), "type_id": .number(JSONNumber(type))]]
        }
    }
}

extension Decoder {
    fileprivate var json: JSONValue {
        switch self {
        case .sequence(let parts): ["type": "Sequence", "decoders": .array(parts.map(\.json))]
        case .bytePair(let suffix): ["type": "BPEDecoder", "suffix": .string(suffix)]
        case .byteLevel(let addsPrefixSpace, let trimsOffsets, let usesExpression):
            // What undoes a pre-tokenizer is written as that is.
            PreTokenizer.byteLevel(addsPrefixSpace: addsPrefixSpace, trimsOffsets: trimsOffsets, usesExpression: usesExpression).json
        case .wordPiece(let prefix, let cleansUp): ["type": "WordPiece", "prefix": .string(prefix), "cleanup": .bool(cleansUp)]
        case .metaspace(let replacement, let scheme, let splits):
            PreTokenizer.metaspace(replacement: replacement, scheme, splits: splits).json
        case .ctc(let padding, let delimiter, let cleansUp):
            [
                "type": "CTC", "pad_token": .string(padding), "word_delimiter_token": .string(delimiter), "cleanup": .bool(cleansUp),
            ]
        case .replace(let pattern, let content): ["type": "Replace", "pattern": pattern.json, "content": .string(content)]
        case .fuse: ["type": "Fuse"]
        case .strip(let content, let start, let stop):
            [
                "type": "Strip", "content": .string(String(content)), "start": .number(JSONNumber(start)),
                "stop": .number(JSONNumber(stop)),
            ]
        case .byteFallback: ["type": "ByteFallback"]
        }
    }
}

extension Vocabulary {
    /// Tokens in order of their ids.
    fileprivate var json: JSONValue {
        var object = JSONObject()
        for id in 0..<TokenID(idBound) { if let token = token(id) { object[token] = .number(JSONNumber(id)) } }
        return .object(object)
    }
}

extension TokenModel {
    fileprivate var json: JSONValue {
        switch self {
        case .bytePair(let encoder):
            let vocabulary = encoder.model.vocabulary
            return [
                "type": "BPE", "dropout": encoder.dropout.map { .number(JSONNumber($0)) } ?? .null,
                "unk_token": encoder.unknown.map(JSONValue.string) ?? .null,
                "continuing_subword_prefix": encoder.continuingPrefix.map(JSONValue.string) ?? .null,
                "end_of_word_suffix": encoder.endOfWordSuffix.map(JSONValue.string) ?? .null, "fuse_unk": .bool(encoder.fusesUnknown),
                "byte_fallback": .bool(encoder.fallsBackToBytes), "ignore_merges": .bool(encoder.ignoresMerges), "vocab": vocabulary.json,
                "merges": .array(
                    encoder.model.order.map { [.string(vocabulary.token($0.left) ?? ""), .string(vocabulary.token($0.right) ?? "")] }),
            ]
        case .unigram(let encoder):
            return [
                "type": "Unigram", "unk_id": encoder.unknownID.map { .number(JSONNumber($0)) } ?? .null,
                "vocab": .array(
                    encoder.scores.enumerated().map {
                        [.string(encoder.vocabulary.token(TokenID($0)) ?? ""), .number(JSONNumber(encoder.writtenScores[$0] ?? $1))]
                    }),
                "byte_fallback": .bool(encoder.fallsBackToBytes),
            ]
        case .wordPiece(let encoder):
            return [
                "type": "WordPiece", "unk_token": .string(encoder.unknown),
                "continuing_subword_prefix": .string(encoder.continuingPrefix),
                "max_input_chars_per_word": .number(JSONNumber(encoder.greatestWordLength)), "vocab": encoder.vocabulary.json,
            ]
        case .wordLevel(let encoder):
            return ["type": "WordLevel", "vocab": encoder.vocabulary.json, "unk_token": .string(encoder.unknown)]
        }
    }
}
