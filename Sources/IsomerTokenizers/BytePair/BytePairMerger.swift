/// Joins the symbols of one word until no merge applies: the earliest merge first, of equals the leftmost.
///
/// Short words, which is what prompts are made of, are searched again after each merge; long runs keep candidates in a heap, so that the
/// cost stays O(n log n).
struct BytePairMerger {
    /// A token and how many bytes of the word it covers.
    struct Symbol {
        var id: TokenID
        var length: Int
    }

    private static let shortWord = 48

    /// Joins `symbols` in place.
    static func merge(_ symbols: inout [Symbol], _ merges: MergeTable) {
        if symbols.count <= shortWord { mergeShort(&symbols, merges) } else { mergeLong(&symbols, merges) }
    }

    private static func mergeShort(_ symbols: inout [Symbol], _ merges: MergeTable) {
        while symbols.count > 1 {
            var best: MergeTable.Merge?
            var place = 0
            for index in 0..<symbols.count - 1 {
                guard let merge = merges.merge(symbols[index].id, symbols[index + 1].id), merge.rank < best?.rank ?? .max else { continue }
                best = merge
                place = index
            }
            guard let best else { return }
            symbols[place] = Symbol(id: best.result, length: symbols[place].length + symbols[place + 1].length)
            symbols.remove(at: place + 1)
        }
    }

    private struct Candidate {
        let rank: UInt32
        let place: Int
        let result: TokenID

        func comes(before other: Candidate) -> Bool { rank != other.rank ? rank < other.rank : place < other.place }
    }

    private static func mergeLong(_ symbols: inout [Symbol], _ merges: MergeTable) {
        let count = symbols.count
        var next = Array(1...count)
        var previous = Array(-1..<count - 1)
        var isGone = [Bool](repeating: false, count: count)
        var heap: [Candidate] = []
        func propose(_ left: Int, _ right: Int, _ symbols: [Symbol]) -> Candidate? {
            merges.merge(symbols[left].id, symbols[right].id).map { Candidate(rank: $0.rank, place: left, result: $0.result) }
        }
        for index in 0..<count - 1 { if let candidate = propose(index, index + 1, symbols) { push(candidate, &heap) } }
        while let candidate = pop(&heap) {
            let (left, right) = (candidate.place, next[candidate.place])
            // Candidates whose symbols have changed meanwhile are out of date.
            guard !isGone[left], right < count, let merge = merges.merge(symbols[left].id, symbols[right].id),
                merge.result == candidate.result
            else { continue }
            symbols[left] = Symbol(id: merge.result, length: symbols[left].length + symbols[right].length)
            isGone[right] = true
            next[left] = next[right]
            if next[right] < count { previous[next[right]] = left }
            if previous[left] >= 0, let candidate = propose(previous[left], left, symbols) { push(candidate, &heap) }
            if next[left] < count, let candidate = propose(left, next[left], symbols) { push(candidate, &heap) }
        }
        symbols = symbols.indices.filter { !isGone[$0] }.map { symbols[$0] }
    }

    private static func push(_ candidate: Candidate, _ heap: inout [Candidate]) {
        heap.append(candidate)
        var child = heap.count - 1
        while child > 0, heap[child].comes(before: heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private static func pop(_ heap: inout [Candidate]) -> Candidate? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return first }
        heap[0] = last
        var parent = 0
        while true {
            var smallest = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].comes(before: heap[smallest]) {
                smallest = child
            }
            if smallest == parent { return first }
            heap.swapAt(parent, smallest)
            parent = smallest
        }
    }
}
