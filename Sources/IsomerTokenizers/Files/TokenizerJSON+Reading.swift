public import IsomerBytes

extension Tokenizer {
    /// Reads the text of a `tokenizer.json`.
    ///
    /// Every kind of component of huggingface/tokenizers 0.23 is known. Throws `malformed` or `unsupported` with the
    /// path of keys to what is wrong. The sections `truncation` and `padding` are kept for writing but not applied: how long a prompt may be
    /// is its text encoder's business.
    public init(json bytes: [UInt8], path: FilePath? = nil, limits: Limits = Limits()) throws(IsomerError) {
        do throws(IsomerError) {
            let root = JSONCursor(try JSONValue(parsing: bytes, limits: limits), path: path)
            try self.init(root)
        } catch {
            throw error.inFile(path)
        }
    }

    private init(_ root: JSONCursor) throws(IsomerError) {
        if let version = try root.optional("version"), try version.string() != "1.0" {
            throw version.unsupported("this version of tokenizer.json is not known", expected: "1.0")
        }
        for (key, _) in try root.object() where !Self.sections.contains(key) {
            throw try root.required(key).unsupported("a tokenizer.json has no such section")
        }
        try self.init(
            normalizer: try root.optional("normalizer").map { cursor throws(IsomerError) in try Normalizer(cursor) },
            preTokenizer: try root.optional("pre_tokenizer").map { cursor throws(IsomerError) in try PreTokenizer(cursor) },
            model: try TokenModel(try root.required("model")),
            postProcessor: try root.optional("post_processor").map { cursor throws(IsomerError) in try PostProcessor(cursor) },
            decoder: try root.optional("decoder").map { cursor throws(IsomerError) in try Decoder(cursor) },
            added: try root.optional("added_tokens")?.elements().map { cursor throws(IsomerError) in
                (try AddedToken(cursor, isComplete: true), TokenID(try cursor.required("id").integer(in: 0...Int(Vocabulary.largestID))))
            } ?? [])
        truncation = try root.optional("truncation")?.value
        padding = try root.optional("padding")?.value
        try checkGaps()
    }

    /// One that is not known could change every id, so the library refuses it too.
    private static let sections: Set<String> = [
        "version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder", "model",
    ]
}

extension JSONCursor {
    func unsupported(_ what: String, expected: String? = nil) -> IsomerError {
        var error = failure(what, expected: expected, found: (try? string()) ?? value.kind)
        error.code = .unsupported
        return error
    }

    /// A member that is true or false, or `standard` if it is absent.
    func flag(_ key: String, _ standard: Bool? = nil) throws(IsomerError) -> Bool {
        if let standard, try optional(key) == nil { return standard }
        return try required(key).bool()
    }

    func scalar() throws(IsomerError) -> Unicode.Scalar {
        let text = try string().unicodeScalars
        guard text.count == 1, let scalar = text.first else { throw failure("the field is not one character", found: String(text)) }
        return scalar
    }

    /// `{"String": …}` or `{"Regex": …}`.
    func pattern() throws(IsomerError) -> TextPattern {
        if let text = try optional("String") { return .text(try text.string()) }
        let expression = try required("Regex")
        do throws(IsomerError) {
            return .expression(try Pattern(try expression.string()))
        } catch {
            throw error.about(keyPath)
        }
    }

    /// A token and its id as an array of two.
    func pair() throws(IsomerError) -> (String, TokenID) {
        let elements = try elements()
        guard elements.count == 2 else { throw failure("the field is not a token and its id") }
        return (try elements[0].string(), TokenID(try elements[1].integer(in: 0...Int(Vocabulary.largestID))))
    }
}

extension AddedToken {
    /// - Parameter isComplete: every flag must be there, as the library wants it. transformers' own files leave some away.
    init(_ cursor: JSONCursor, isComplete: Bool = false) throws(IsomerError) {
        func flag(_ key: String, _ standard: Bool) throws(IsomerError) -> Bool { try cursor.flag(key, isComplete ? nil : standard) }
        self.init(
            try cursor.required("content").string(), isSingleWord: try flag("single_word", false), stripsLeft: try flag("lstrip", false),
            stripsRight: try flag("rstrip", false), isNormalized: try flag("normalized", true), isSpecial: try flag("special", false))
    }
}

extension Normalizer {
    init(_ cursor: JSONCursor) throws(IsomerError) {
        let type = try cursor.required("type")
        switch try type.string() {
        case "Sequence":
            self = .sequence(try cursor.required("normalizers").elements().map { part throws(IsomerError) in try Normalizer(part) })
        case "BertNormalizer", "Bert":
            self = .bert(
                cleansText: try cursor.flag("clean_text"), separatesIdeographs: try cursor.flag("handle_chinese_chars"),
                stripsAccents: try cursor.optional("strip_accents")?.bool(), lowercases: try cursor.flag("lowercase"))
        case "Strip": self = .strip(left: try cursor.flag("strip_left"), right: try cursor.flag("strip_right"))
        case "StripAccents": self = .stripAccents
        case "NFC": self = .form(.nfc)
        case "NFD": self = .form(.nfd)
        case "NFKC": self = .form(.nfkc)
        case "NFKD": self = .form(.nfkd)
        case "Lowercase": self = .lowercase
        case "Nmt": self = .nmt
        case "Precompiled":
            let map = try cursor.required("precompiled_charsmap")
            guard let bytes = Base64.decode(try map.string()) else { throw map.failure("the field is not base64") }
            do throws(IsomerError) {
                self = .precompiled(try PrecompiledMap(bytes))
            } catch {
                throw error.about(map.keyPath)
            }
        case "Replace": self = .replace(try cursor.required("pattern").pattern(), with: try cursor.required("content").string())
        case "Prepend": self = .prepend(try cursor.required("prepend").string())
        case "ByteLevel": self = .byteLevel
        default: throw type.unsupported("this kind of normalizer is not known")
        }
    }
}

extension PreTokenizer {
    init(_ cursor: JSONCursor) throws(IsomerError) {
        let type = try cursor.required("type")
        switch try type.string() {
        case "Sequence":
            self = .sequence(try cursor.required("pretokenizers").elements().map { part throws(IsomerError) in try PreTokenizer(part) })
        case "ByteLevel":
            self = .byteLevel(
                addsPrefixSpace: try cursor.flag("add_prefix_space"), trimsOffsets: try cursor.flag("trim_offsets"),
                usesExpression: try cursor.flag("use_regex", true))
        case "Whitespace": self = .whitespace
        case "WhitespaceSplit": self = .whitespaceSplit
        case "CharDelimiterSplit": self = .delimiter(try cursor.required("delimiter").scalar())
        case "Metaspace":
            let (replacement, scheme, splits) = try Self.metaspace(cursor)
            self = .metaspace(replacement: replacement, scheme, splits: splits)
        case "Punctuation": self = .punctuation(try Self.behavior(try cursor.optional("behavior")))
        case "Split":
            self = .split(
                try cursor.required("pattern").pattern(), try Self.behavior(try cursor.required("behavior")),
                isInverted: try cursor.flag("invert"))
        case "Digits": self = .digits(individually: try cursor.flag("individual_digits"))
        case "BertPreTokenizer": self = .bert
        case "FixedLength": self = .fixedLength(try cursor.optional("length")?.integer(in: 1...(1 << 30)) ?? 5)
        case "UnicodeScripts": self = .unicodeScripts
        default: throw type.unsupported("this kind of pre-tokenizer is not known")
        }
    }

    static func metaspace(_ cursor: JSONCursor) throws(IsomerError) -> (Unicode.Scalar, PrependScheme, Bool) {
        var scheme = PrependScheme.always
        if let field = try cursor.optional("prepend_scheme") {
            guard let known = PrependScheme(rawValue: try field.string()) else {
                throw field.failure("the field has an unknown value", expected: "first, never or always", found: try field.string())
            }
            scheme = known
        }
        // Files from before `prepend_scheme`.
        if let field = try cursor.optional("add_prefix_space"), try !field.bool() { scheme = .never }
        return (try cursor.required("replacement").scalar(), scheme, try cursor.flag("split", true))
    }

    private static func behavior(_ cursor: JSONCursor?) throws(IsomerError) -> Behavior {
        guard let cursor else { return .isolated }
        guard let behavior = Behavior(rawValue: try cursor.string()) else {
            throw cursor.failure("the field has an unknown value", found: try cursor.string())
        }
        return behavior
    }
}

extension PostProcessor {
    init(_ cursor: JSONCursor) throws(IsomerError) {
        let type = try cursor.required("type")
        switch try type.string() {
        case "Sequence":
            self = .sequence(try cursor.required("processors").elements().map { part throws(IsomerError) in try PostProcessor(part) })
        case "BertProcessing":
            self = .bert(separator: try cursor.required("sep").pair(), classifier: try cursor.required("cls").pair())
        case "RobertaProcessing":
            self = .roberta(
                separator: try cursor.required("sep").pair(), classifier: try cursor.required("cls").pair(),
                trimsOffsets: try cursor.flag("trim_offsets"), addsPrefixSpace: try cursor.flag("add_prefix_space"))
        case "ByteLevel":
            self = .byteLevel(
                addsPrefixSpace: try cursor.flag("add_prefix_space"), trimsOffsets: try cursor.flag("trim_offsets"),
                usesExpression: try cursor.flag("use_regex", true))
        case "TemplateProcessing":
            let specials = try cursor.required("special_tokens").members().map { _, member throws(IsomerError) in try Special(member) }
            let parts = { (key: String) throws(IsomerError) -> [Part] in
                try cursor.required(key).elements().map { part throws(IsomerError) in try Part(part, specials) }
            }
            self = .template(single: try parts("single"), pair: try parts("pair"), specials: specials)
        default: throw type.unsupported("this kind of post-processor is not known")
        }
    }
}

extension PostProcessor.Special {
    init(_ cursor: JSONCursor) throws(IsomerError) {
        name = try cursor.required("id").string()
        ids = try cursor.required("ids").elements().map { id throws(IsomerError) in
            TokenID(try id.integer(in: 0...Int(Vocabulary.largestID)))
        }
        tokens = try cursor.required("tokens").elements().map { token throws(IsomerError) in try token.string() }
        guard ids.count == tokens.count else { throw cursor.failure("a special token has not as many ids as tokens") }
    }
}

extension PostProcessor.Part {
    init(_ cursor: JSONCursor, _ specials: [PostProcessor.Special]) throws(IsomerError) {
        if let sequence = try cursor.optional("Sequence") {
            let name = try sequence.required("id").string()
            guard name == "A" || name == "B" else { throw sequence.failure("a template names an unknown sequence", found: name) }
            self = .sequence(isPair: name == "B", type: UInt32(try sequence.required("type_id").integer(in: 0...Int(UInt32.max))))
        } else {
            let special = try cursor.required("SpecialToken")
            let name = try special.required("id").string()
            guard specials.contains(where: { $0.name.utf8.elementsEqual(name.utf8) }) else {
                throw special.failure("a template names a special token that it does not define", found: name)
            }
            self = .special(name, type: UInt32(try special.required("type_id").integer(in: 0...Int(UInt32.max))))
        }
    }
}

extension Decoder {
    init(_ cursor: JSONCursor) throws(IsomerError) {
        let type = try cursor.required("type")
        switch try type.string() {
        case "Sequence":
            self = .sequence(try cursor.required("decoders").elements().map { part throws(IsomerError) in try Decoder(part) })
        case "BPEDecoder": self = .bytePair(suffix: try cursor.required("suffix").string())
        case "ByteLevel":
            self = .byteLevel(
                addsPrefixSpace: try cursor.flag("add_prefix_space"), trimsOffsets: try cursor.flag("trim_offsets"),
                usesExpression: try cursor.flag("use_regex", true))
        case "WordPiece":
            self = .wordPiece(prefix: try cursor.required("prefix").string(), cleansUp: try cursor.flag("cleanup"))
        case "Metaspace":
            let (replacement, scheme, splits) = try PreTokenizer.metaspace(cursor)
            self = .metaspace(replacement: replacement, scheme, splits: splits)
        case "CTC":
            self = .ctc(
                padding: try cursor.required("pad_token").string(), delimiter: try cursor.required("word_delimiter_token").string(),
                cleansUp: try cursor.flag("cleanup"))
        case "Replace": self = .replace(try cursor.required("pattern").pattern(), with: try cursor.required("content").string())
        case "Fuse": self = .fuse
        case "Strip":
            self = .strip(
                try cursor.required("content").scalar(), start: try cursor.required("start").integer(in: 0...(1 << 30)),
                stop: try cursor.required("stop").integer(in: 0...(1 << 30)))
        case "ByteFallback": self = .byteFallback
        default: throw type.unsupported("this kind of decoder is not known")
        }
    }
}
