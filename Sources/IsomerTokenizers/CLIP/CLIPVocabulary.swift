internal import CEmbedded
public import IsomerBytes

/// The vocabulary of every CLIP text encoder in Stable Diffusion 1.x to 3.x and Flux: 256 bytes, the same ending a word, 48,894 merges
/// and two marks, 49,408 tokens in all.
///
/// It comes from the merges in the binary, so that no file is needed.
public struct CLIPVocabulary: Sendable {
    /// How many merges CLIP uses out of OpenAI's table: 49,152 − 256 − 2.
    public static let mergeCount = 48_894
    /// The tokens there are.
    public static let count = 49_408
    /// `<|startoftext|>`.
    public static let startOfText: TokenID = 49_406
    /// `<|endoftext|>`.
    public static let endOfText: TokenID = 49_407
    /// The token of `startOfText`. (openai/CLIP and open_clip print it otherwise, `<start_of_text>`; the number is the same.)
    public static let startMark = "<|startoftext|>"
    /// The token of `endOfText`.
    public static let endMark = "<|endoftext|>"
    /// What ends a token that ends a word.
    public static let endOfWord = "</w>"
    /// Positions of the text encoder: the longest sequence, marks included.
    public static let window = 77

    /// The tokens and merges.
    public let model: BytePairModel

    /// The vocabulary in the binary.
    public init() throws(IsomerError) {
        // SAFETY: a constant of this length in the binary.
        let compressed = UnsafeRawBufferPointer(start: isomer_clip_merges_bytes(), count: isomer_clip_merges_count())
        // The halves' numbers, so that nothing is looked up: the low bytes of all left ones, their high bytes, then the right ones'.
        let count = Self.mergeCount
        let planes = try Inflater.inflate(compressed, .gzip, size: .exactly(UInt64(4 * count)))
        try self.init(count: count, startOfText: Self.startMark, endOfText: Self.endMark) { rank, _ in
            (
                TokenID(planes[rank]) | TokenID(planes[count + rank]) << 8,
                TokenID(planes[2 * count + rank]) | TokenID(planes[3 * count + rank]) << 8
            )
        }
    }

    /// A vocabulary made of the merges in `text`, which may be a `merges.txt` or OpenAI's `bpe_simple_vocab_16e6.txt`.
    ///
    /// Numbers tokens as OpenAI does: bytes, bytes ending a word, merges, marks. Throws `malformed` where a merge names a token that is not
    /// there yet.
    public init(merges text: [UInt8], startOfText: String = startMark, endOfText: String = endMark) throws(IsomerError) {
        let text = try MergesText(text, limit: Self.mergeCount)
        try self.init(count: text.lines.count, startOfText: startOfText, endOfText: endOfText) {
            (rank, vocabulary) throws(IsomerError) in
            let bytes = text.bytes.span
            let line = text.lines[rank]
            guard let left = vocabulary.id(of: bytes.extracting(line.left)), let right = vocabulary.id(of: bytes.extracting(line.right))
            else {
                throw IsomerError(
                    .malformed, "merge \(rank + 1) joins a token that no merge before it makes", byteOffset: UInt64(line.left.lowerBound),
                    found: "\"\(String(decoding: bytes.extracting(line.left.lowerBound..<line.right.upperBound)))\"")
            }
            return (left, right)
        }
    }

    /// - Parameter halves: of the merge of this rank, in order; tokens that were made before it.
    private init(
        count: Int, startOfText: String, endOfText: String,
        halves: (Int, Vocabulary) throws(IsomerError) -> (left: TokenID, right: TokenID)
    ) throws(IsomerError) {
        var vocabulary = Vocabulary(capacity: 514 + count)
        for suffix in ["", Self.endOfWord] {
            for byte in ByteAlphabet.order {
                try vocabulary.insert(String(ByteAlphabet.scalars[Int(byte)]) + suffix, id: TokenID(vocabulary.count))
            }
        }
        var merges = MergeTable(capacity: count)
        var order: [(left: TokenID, right: TokenID)] = []
        order.reserveCapacity(count)
        var whole: [UInt8] = []
        for rank in 0..<count {
            let (left, right) = try halves(rank, vocabulary)
            whole.removeAll(keepingCapacity: true)
            vocabulary.append(left, to: &whole)
            vocabulary.append(right, to: &whole)
            let result = TokenID(vocabulary.count)
            try vocabulary.insert(whole.span, id: result)
            guard merges.insert(left, right, .init(rank: UInt32(rank), result: result)) else { continue }
            order.append((left, right))
        }
        try vocabulary.insert(startOfText, id: TokenID(vocabulary.count))
        try vocabulary.insert(endOfText, id: TokenID(vocabulary.count))
        model = BytePairModel(vocabulary: vocabulary, merges: merges, order: order)
    }

    /// The bytes of `merges.txt` as every Diffusers folder has it: 524,619 bytes.
    public static func mergesText() throws(IsomerError) -> [UInt8] {
        try CLIPVocabulary().model.mergesText()
    }
}
