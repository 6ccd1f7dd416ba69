public import IsomerBytes

/// A vocabulary and the merges that make its longer tokens out of its shorter ones.
public struct BytePairModel: Sendable {
    /// The tokens.
    public internal(set) var vocabulary: Vocabulary
    /// The merges by their halves.
    public internal(set) var merges: MergeTable
    /// The merges in order of rank, as pairs of ids, for writing.
    public internal(set) var order: [(left: TokenID, right: TokenID)]

    init(vocabulary: Vocabulary, merges: MergeTable, order: [(left: TokenID, right: TokenID)]) {
        self.vocabulary = vocabulary
        self.merges = merges
        self.order = order
    }

    /// Joins a vocabulary with the merges of a `merges.txt`.
    ///
    /// Throws `malformed`, with the line's byte, where a half or the whole of a merge is no token, or where a merge stands twice.
    /// `prefixLength` bytes of a continuing right half (WordPiece-like `##`) are left out of the whole.
    public init(vocabulary: Vocabulary, text: MergesText, prefixLength: Int = 0) throws(IsomerError) {
        var merges = MergeTable(capacity: text.lines.count)
        var order: [(left: TokenID, right: TokenID)] = []
        order.reserveCapacity(text.lines.count)
        var whole: [UInt8] = []
        for (rank, line) in text.lines.enumerated() {
            let bytes = text.bytes.span
            let left = try Self.token(bytes.extracting(line.left), of: vocabulary, rank, line.left.lowerBound)
            let right = try Self.token(bytes.extracting(line.right), of: vocabulary, rank, line.right.lowerBound)
            whole.removeAll(keepingCapacity: true)
            whole.append(contentsOf: bytes.extracting(line.left))
            whole.append(contentsOf: bytes.extracting(line.right.dropFirst(prefixLength)))
            let result = try Self.token(whole.span, of: vocabulary, rank, line.left.lowerBound)
            guard merges.insert(left, right, .init(rank: UInt32(rank), result: result)) else {
                throw IsomerError(
                    .malformed, "merge \(rank + 1) stands twice",
                    item: "\(String(decoding: bytes.extracting(line.left)))"
                        + " \(String(decoding: bytes.extracting(line.right)))", byteOffset: UInt64(line.left.lowerBound))
            }
            order.append((left, right))
        }
        self.init(vocabulary: vocabulary, merges: merges, order: order)
    }

    private static func token(_ token: Span<UInt8>, of vocabulary: Vocabulary, _ rank: Int, _ byte: Int) throws(IsomerError) -> TokenID {
        if let id = vocabulary.id(of: token) { return id }
        throw IsomerError(
            .malformed, "merge \(rank + 1) names a token that is not in the vocabulary", item: String(decoding: token),
            byteOffset: UInt64(byte), remedy: "use the vocab.json and merges.txt of one model")
    }

    /// The merges as the text of a `merges.txt`, as transformers writes it.
    public func mergesText() -> [UInt8] {
        var text = Array("#version: 0.2\n".utf8)
        for (left, right) in order {
            text.append(contentsOf: vocabulary.bytes(of: left) ?? [])
            text.append(UInt8(ascii: " "))
            text.append(contentsOf: vocabulary.bytes(of: right) ?? [])
            text.append(UInt8(ascii: "\n"))
        }
        return text
    }
}
