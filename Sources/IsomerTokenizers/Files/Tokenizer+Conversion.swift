public import IsomerBytes

extension Tokenizer {
    /// A file that a tokenizer is written as.
    public struct File: Hashable, Sendable {
        /// Its name in the tokenizer's folder.
        public let name: String
        /// All of it.
        public let bytes: [UInt8]

        public init(name: String, bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
        }
    }

    /// The tokenizer as `vocab.json` and `merges.txt` (byte pairs), or as `vocab.txt` (WordPiece), with what these files cannot say: how
    /// text is normalised and cut, the post-processor and decoder, which are what the reader's own class makes of them, and added tokens
    /// beyond the vocabulary, which become `added_tokens.json`.
    ///
    /// Throws `unsupported` for models that have no such files.
    public func vocabularyFiles() throws(IsomerError) -> (files: [File], notCarried: [String]) {
        var files: [File] = []
        var notCarried = ["the normalizer, pre-tokenizer, post-processor and decoder"]
        switch model {
        case .bytePair(let encoder):
            files.append(File(name: "merges.txt", bytes: encoder.model.mergesText()))
            files.append(File(name: "vocab.json", bytes: VocabularyText.json(encoder.model.vocabulary)))
            if encoder.fallsBackToBytes { notCarried.append("the fall back to byte tokens") }
            if encoder.ignoresMerges { notCarried.append("that whole words of the vocabulary are taken without merges") }
        case .wordPiece(let encoder): files.append(File(name: "vocab.txt", bytes: VocabularyFiles.lines(encoder.vocabulary)))
        case .unigram, .wordLevel:
            throw IsomerError(
                .unsupported, "this kind of model has no vocabulary files of its own", expected: "byte pairs or WordPiece",
                remedy: "write a tokenizer.json")
        }
        let beyond = addedTokens.filter { model.vocabulary.bytes(of: $0.id) == nil }
        if !beyond.isEmpty {
            var object = JSONObject()
            for (token, id) in beyond { object[token.content] = .number(JSONNumber(id)) }
            files.append(File(name: "added_tokens.json", bytes: JSONWriter(style: .pretty(indent: 2)).bytes(.object(object)) + [0x0A]))
        }
        return (files.sorted { $0.name < $1.name }, notCarried)
    }
}
