public import IsomerBytes

/// CLIP's tokenizer as it was written first, in Python: text is cleaned as a whole, cut into words, and each word is merged.
///
/// openai/CLIP, open_clip and the slow tokenizer of transformers share it and clean differently (`CLIPFlavor`). Cleaning loses where
/// characters came from, so there are no offsets, as in the references. The fast tokenizer is `Tokenizer.clip`.
/// Reference: mlfoundations/open_clip `tokenizer.py`, 3.3.0; huggingface/transformers `models/clip/tokenization_clip.py`, 4.57.
public struct SimpleCLIPTokenizer: Sendable {
    /// The vocabulary.
    public let vocabulary: CLIPVocabulary
    /// Whose ids these are.
    public let flavor: CLIPFlavor
    /// What fills windows, and with transformers is a token wherever it stands in a prompt.
    public let padding: CLIPPadding
    private let bytes: [TokenID]
    private let lastBytes: [TokenID]
    /// Marks that are words.
    private let marks: [(text: String, id: TokenID)]
    /// What never are, with them and the contractions.
    private let wholes: [[UInt32]]
    /// Tokens that are looked for before anything is cleaned.
    private let added: LiteralMatcher

    /// - Parameters:
    ///   - flavor: whose ids; for the fast `transformers` those of the slow one are given.
    ///   - padding: open_clip pads with 0 whatever is said.
    public init(_ flavor: CLIPFlavor = .openCLIP, padding: CLIPPadding = .endOfText, vocabulary: CLIPVocabulary? = nil) throws(IsomerError)
    {
        if let vocabulary { self.vocabulary = vocabulary } else { self.vocabulary = try CLIPVocabulary() }
        self.flavor = flavor
        self.padding = flavor == .openCLIP ? .exclamation : padding
        let tokens = self.vocabulary.model.vocabulary
        bytes = ByteAlphabet.scalars.compactMap { tokens.id(of: String($0)) }
        lastBytes = ByteAlphabet.scalars.compactMap { tokens.id(of: String($0) + CLIPVocabulary.endOfWord) }
        let (start, end) = (CLIPVocabulary.startOfText, CLIPVocabulary.endOfText)
        if flavor == .openCLIP {
            marks = [("<start_of_text>", start), ("<end_of_text>", end)]
            added = LiteralMatcher()
        } else {
            marks = [(CLIPVocabulary.startMark, start), (CLIPVocabulary.endMark, end)]
            added = LiteralMatcher(marks + (padding == .exclamation ? [(padding.token, TokenID(0))] : []))
        }
        let contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"]
        wholes = (marks.map(\.text) + contractions).map { $0.unicodeScalars.map(\.value) }
    }

    /// The ids of a prompt, without marks around it.
    public func encode(_ prompt: String) -> [TokenID] {
        guard !added.isEmpty else { return encodeText(prompt) }
        let text = Array(prompt.utf8)
        var ids: [TokenID] = []
        var start = 0
        for match in added.matches(in: text) {
            ids += encodeText(String(decoding: text[start..<match.range.lowerBound], as: UTF8.self))
            ids.append(match.id)
            start = match.range.upperBound
        }
        return ids + encodeText(String(decoding: text[start...], as: UTF8.self))
    }

    private func encodeText(_ text: String) -> [TokenID] {
        let text = flavor.clean(text)
        let utf8 = Array(text.utf8)
        var ids: [TokenID] = []
        for range in words(of: text) {
            let word = utf8[range]
            if let mark = marks.first(where: { word.elementsEqual($0.text.utf8) }) {
                ids.append(mark.id)
                continue
            }
            var symbols = word.dropLast().map { BytePairMerger.Symbol(id: bytes[Int($0)], length: 1) }
            if let last = word.last { symbols.append(.init(id: lastBytes[Int(last)], length: 1)) }
            BytePairMerger.merge(&symbols, vocabulary.model.merges)
            ids += symbols.map(\.id)
        }
        return ids
    }

    /// The byte ranges of the words: marks, contractions, runs of letters, single numbers, runs of the rest.
    ///
    /// The reference's `regex` knows Unicode 18. It ignores case everywhere, and beyond the contractions that changes one thing: U+0345,
    /// whose upper case is a letter, is none of these and vanishes.
    private func words(of text: String) -> [Range<Int>] {
        let subject = Pattern.Subject(text)
        let kinds = text.unicodeScalars.map { scalar -> Kind in
            if CharacterClass.isWhiteSpace(scalar) || scalar.value == 0x345 { return .none }
            if UnicodeEdition.isNewLetter(scalar) { return .letter }
            if UnicodeEdition.isNewNumber(scalar) { return .number }
            let category = scalar.category(in: UnicodeEdition.rust)
            return category.isLetter ? .letter : category.isNumber ? .number : .other
        }
        var words: [Range<Int>] = []
        var start = 0
        while start < kinds.count {
            var end = start + 1
            if let whole = whole(subject.values[start...]) {
                end = start + whole
            } else {
                switch kinds[start] {
                case .none:
                    start += 1
                    continue
                case .number: break
                case .letter, .other: while end < kinds.count, kinds[end] == kinds[start] { end += 1 }
                }
            }
            words.append(subject.offsets[start]..<subject.offsets[end])
            start = end
        }
        return words
    }

    private enum Kind { case none, letter, number, other }

    /// How long the mark or contraction is that `values` start with.
    private func whole(_ values: ArraySlice<UInt32>) -> Int? {
        guard values.first == 0x27 || values.first == 0x3C else { return nil }
        return wholes.first { values.count >= $0.count && zip(values, $0).allSatisfy { CaseFolding.fold($0) == $1 } }?.count
    }

    /// The tokens of a prompt with the marks around it. Offsets are empty: no reference has any.
    public func encoding(_ prompt: String) -> Encoding {
        var encoding = Encoding()
        for id in encode(prompt) { encoding.append(id, vocabulary.model.vocabulary.token(id) ?? "", 0..<0) }
        encoding.insertSpecial(CLIPVocabulary.startOfText, CLIPVocabulary.startMark, at: 0)
        encoding.insertSpecial(CLIPVocabulary.endOfText, CLIPVocabulary.endMark, at: encoding.ids.count)
        return encoding
    }

    /// The 77 ids that the text encoder gets: marks around the first 75, then padding.
    public func window(_ prompt: String) -> [TokenID] {
        WindowShape.clip(padding).window(encode(prompt))
    }
}
