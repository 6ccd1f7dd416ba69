public import IsomerBytes

/// CLIP's tokenizer as openai/CLIP and open_clip run it (`SimpleTokenizer`).
///
/// It differs from transformers' `CLIPTokenizer` in what it does before cutting: HTML references are replaced, twice; white space is
/// Python's; lower case knows the final sigma; nothing is composed; `<|endoftext|>` in a prompt is text, while `<start_of_text>` and
/// `<end_of_text>` are the marks; windows are padded with 0, and a prompt that is too long keeps its first 75 tokens.
///
/// Not done: `ftfy.fix_text`, which open_clip runs first and which guesses at the encoding of damaged text (mojibake), straightens quotes
/// and normalises. Ids are the reference's for every text that ftfy leaves as it is; pass text that has been through it for the rest.
/// Reference: mlfoundations/open_clip `tokenizer.py`, 3.3.0.
public struct OpenCLIPTokenizer: Sendable {
    /// The vocabulary.
    public let vocabulary: CLIPVocabulary
    private let bytes: [TokenID]
    private let lastBytes: [TokenID]

    private static let marks: [(text: String, id: TokenID)] = [
        ("<start_of_text>", CLIPVocabulary.startOfText), ("<end_of_text>", CLIPVocabulary.endOfText),
    ]

    /// The vocabulary in the binary.
    public init() throws(IsomerError) {
        self.init(try CLIPVocabulary())
    }

    public init(_ vocabulary: CLIPVocabulary) {
        self.vocabulary = vocabulary
        let tokens = vocabulary.model.vocabulary
        bytes = ByteAlphabet.scalars.compactMap { tokens.id(of: String($0)) }
        lastBytes = ByteAlphabet.scalars.compactMap { tokens.id(of: String($0) + CLIPVocabulary.endOfWord) }
    }

    /// The ids of a prompt, without marks.
    public func encode(_ prompt: String) -> [TokenID] {
        let text = Self.clean(prompt)
        let utf8 = Array(text.utf8)
        var ids: [TokenID] = []
        for range in Self.words(of: text) {
            let word = utf8[range]
            if let mark = Self.marks.first(where: { word.elementsEqual($0.text.utf8) }) {
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

    /// What is never part of a longer word: the marks and the contractions.
    private static let wholes: [[UInt32]] =
        (marks.map(\.text) + ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"]).map { $0.unicodeScalars.map(\.value) }

    /// The byte ranges of the words: marks, contractions, runs of letters, single numbers, runs of the rest.
    ///
    /// The reference's `regex` (2026.11) knows Unicode 18, a version more than Swift 6.3: letters and numbers that are new in it are
    /// cut like marks here. It ignores case everywhere, and beyond the contractions that changes one thing: U+0345, whose upper case is a
    /// letter, is none of these and vanishes.
    private static func words(of text: String) -> [Range<Int>] {
        let subject = Pattern.Subject(text)
        let kinds = text.unicodeScalars.map { scalar -> Kind in
            if CharacterClass.isWhiteSpace(scalar) || scalar.value == 0x345 { return .none }
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
    private static func whole(_ values: ArraySlice<UInt32>) -> Int? {
        guard values.first == 0x27 || values.first == 0x3C else { return nil }
        return wholes.first { values.count >= $0.count && zip(values, $0).allSatisfy { CaseFolding.fold($0) == $1 } }?.count
    }

    /// The 77 ids that the text encoder gets: marks around the first 75, then zeros.
    public func window(_ prompt: String) -> [TokenID] {
        WindowShape.clip(.exclamation).window(encode(prompt))
    }

    /// The prompt as it is cut: references replaced, white space single, lower case.
    static func clean(_ prompt: String) -> String {
        let plain = HTMLEntities.shared.unescape(HTMLEntities.shared.unescape(prompt))
        var spaced = String.UnicodeScalarView()
        var isPending = false
        for scalar in plain.unicodeScalars {
            if CharacterClass.isPythonSpace(scalar) {
                isPending = !spaced.isEmpty
            } else {
                if isPending { spaced.append(" ") }
                isPending = false
                spaced.append(scalar)
            }
        }
        return lowercase(Array(spaced))
    }

    /// Python's `str.lower`: full mappings, and a sigma that ends a word becomes ς.
    private static func lowercase(_ scalars: [Unicode.Scalar]) -> String {
        var result = String.UnicodeScalarView()
        for (index, scalar) in scalars.enumerated() {
            if scalar.value < 0x80 {
                result.append(65...90 ~= scalar.value ? Unicode.Scalar(scalar.value + 32) ?? scalar : scalar)
            } else if scalar.value == 0x3A3 {
                result.append(isFinalSigma(scalars, index) ? "\u{3C2}" : "\u{3C3}")
            } else if scalar.isAssigned(in: UnicodeEdition.python) {
                result.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
            } else {
                result.append(scalar)
            }
        }
        return String(result)
    }

    /// Whether a cased letter stands before, and none after, characters that case ignores set aside (Unicode, table 3-17).
    private static func isFinalSigma(_ scalars: [Unicode.Scalar], _ index: Int) -> Bool {
        func isCased(_ scalars: some Sequence<Unicode.Scalar>) -> Bool {
            scalars.first { !$0.properties.isCaseIgnorable }.map(\.properties.isCased) ?? false
        }
        return isCased(scalars[..<index].reversed()) && !isCased(scalars[(index + 1)...])
    }
}
