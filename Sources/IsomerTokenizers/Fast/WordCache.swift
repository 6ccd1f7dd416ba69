/// Words that were encoded before, with their ids.
///
/// Text repeats itself: nearly every word of a caption has come already. The cache stops growing at a fixed size, so memory stays bounded.
struct WordCache {
    private var words: ByteStringTable
    private var ends: [UInt32] = [0]
    private var pool: [TokenID] = []
    private var bytes = 0

    private static let mostWords = 1 << 18
    private static let mostBytes = 16 << 20
    private static let longestWord = 256

    init() { words = ByteStringTable(capacity: 1 << 12, textCapacity: 1 << 16) }

    /// Appends the ids of `word` if it is known, and says whether it was.
    @inline(__always)
    func append(_ word: Span<UInt8>, to ids: inout [TokenID]) -> Bool {
        guard let number = words.find(word) else { return false }
        let (start, end) = (Int(ends[number]), Int(ends[number + 1]))
        if end - start == 1 { ids.append(pool[start]) } else { ids.append(contentsOf: pool[start..<end]) }
        return true
    }

    /// Remembers the ids of a word that is not known.
    mutating func insert(_ word: Span<UInt8>, _ ids: ArraySlice<TokenID>) {
        guard word.count <= Self.longestWord, words.count < Self.mostWords, bytes < Self.mostBytes, words.insert(word) != nil else {
            return
        }
        bytes += word.count + ids.count * 4
        pool.append(contentsOf: ids)
        ends.append(UInt32(truncatingIfNeeded: pool.count))
    }
}
