public import IsomerBytes

extension Tokenizer {
    /// CLIP's tokenizer out of the binary, as transformers' `CLIPTokenizer` (the fast one; since 5.0 the only one).
    public static func clip(padding: CLIPPadding = .endOfText) throws(IsomerError) -> Tokenizer {
        try clip(vocabulary: try CLIPVocabulary(), padding: padding)
    }

    /// CLIP's tokenizer with a vocabulary of its kind.
    ///
    /// The marks are found in prompts as transformers finds them: the start mark after lower-casing, the end mark, and an exclamation mark
    /// where it pads (so that `!` is 0 in Stable Diffusion 2 and 256 in Stable Diffusion 1), before it.
    public static func clip(vocabulary: CLIPVocabulary, padding: CLIPPadding = .endOfText) throws(IsomerError) -> Tokenizer {
        try bytePairCLIP(vocabulary.model, start: CLIPVocabulary.startMark, end: CLIPVocabulary.endMark, padding: padding.token)
    }

    /// The pipeline of CLIP around any vocabulary and merges.
    static func bytePairCLIP(_ model: BytePairModel, start: String, end: String, padding: String) throws(IsomerError) -> Tokenizer {
        guard let startID = model.vocabulary.id(of: start), let endID = model.vocabulary.id(of: end) else {
            throw IsomerError(
                .malformed, "the vocabulary lacks CLIP's marks", expected: "\(start) and \(end)",
                remedy: "use the files of a CLIP tokenizer, or a tokenizer.json")
        }
        var marks = [
            (AddedToken(start, isNormalized: true, isSpecial: true), startID),
            (AddedToken(end, isNormalized: padding != end, isSpecial: true), endID),
        ]
        if padding != end {
            guard let paddingID = model.vocabulary.id(of: padding) else {
                throw IsomerError(.malformed, "the padding token is not in the vocabulary", item: padding)
            }
            marks.append((AddedToken(padding, isNormalized: false, isSpecial: true), paddingID))
        }
        let words = try Pattern(clipPattern)
        var tokenizer = try Tokenizer(
            normalizer: .sequence([.form(.nfc), .replace(.expression(try Pattern(#"\s+"#)), with: " "), .lowercase]),
            preTokenizer: .sequence([
                .split(.expression(words), .removed, isInverted: true),
                .byteLevel(addsPrefixSpace: false, trimsOffsets: true, usesExpression: true),
            ]),
            model: .bytePair(
                BytePairEncoder(model: model, unknown: end, continuingPrefix: "", endOfWordSuffix: CLIPVocabulary.endOfWord)),
            postProcessor: .roberta(separator: (end, endID), classifier: (start, startID), trimsOffsets: false, addsPrefixSpace: false),
            decoder: .byteLevel(addsPrefixSpace: true, trimsOffsets: true, usesExpression: true), added: marks)
        tokenizer.decodedSuffix = CLIPVocabulary.endOfWord
        return tokenizer
    }

    /// What CLIP takes as a word.
    static let clipPattern = #"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"#
}
