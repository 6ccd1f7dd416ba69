extension SentencePieceTokenizer {
    private struct Symbol {
        var range: Range<Int>
        var previous: Int
        var next: Int
        /// User-defined pieces are never joined with others.
        var isFrozen: Bool
    }

    private struct Candidate {
        let left: Int
        let right: Int
        let score: Float
        let length: Int

        func comes(before other: Candidate) -> Bool { score != other.score ? score > other.score : left < other.left }
    }

    /// Joins characters by the scores of what they become: the best first, of equals the leftmost.
    func bytePairs(_ text: [UInt8]) -> [(TokenID, Range<Int>)] {
        var symbols: [Symbol] = []
        var start = 0
        while start < text.count {
            var end = start + 1
            while end < text.count, text[end] & 0xC0 == 0x80 { end += 1 }
            let frozen = frozenPrefix(of: text[start...])
            if let frozen { end = start + frozen }
            symbols.append(Symbol(range: start..<end, previous: symbols.count - 1, next: symbols.count + 1, isFrozen: frozen != nil))
            start = end
        }
        let count = symbols.count
        var heap = CandidateHeap<Candidate> { $0.comes(before: $1) }
        // Joins whose result is unused are taken apart again at the end.
        var halves: [ArraySlice<UInt8>: (ArraySlice<UInt8>, ArraySlice<UInt8>)] = [:]
        func propose(_ left: Int, _ right: Int) {
            guard left >= 0, right < count, !symbols[left].isFrozen, !symbols[right].isFrozen else { return }
            let (first, second) = (symbols[left].range, symbols[right].range)
            let whole = text[first.lowerBound..<second.upperBound]
            guard let id = textual.id(of: whole.span) else { return }
            heap.push(Candidate(left: left, right: right, score: model.pieces[Int(id)].score, length: whole.count))
            if model.pieces[Int(id)].type == .unused { halves[whole] = (text[first], text[second]) }
        }
        for left in 0..<max(0, count - 1) { propose(left, left + 1) }
        while let top = heap.pop() {
            let (left, right) = (symbols[top.left].range, symbols[top.right].range)
            guard !left.isEmpty, !right.isEmpty, left.count + right.count == top.length else { continue }
            symbols[top.left].range = left.lowerBound..<right.upperBound
            symbols[top.left].next = symbols[top.right].next
            if symbols[top.right].next < count { symbols[symbols[top.right].next].previous = top.left }
            symbols[top.right].range = right.upperBound..<right.upperBound
            propose(symbols[top.left].previous, top.left)
            propose(top.left, symbols[top.left].next)
        }
        var steps: [(TokenID, Range<Int>)] = []
        for symbol in symbols where !symbol.range.isEmpty { resegment(text[symbol.range], halves, &steps) }
        return steps
    }

    /// The piece, or the halves of an unused one, or theirs.
    private func resegment(
        _ whole: ArraySlice<UInt8>, _ halves: [ArraySlice<UInt8>: (ArraySlice<UInt8>, ArraySlice<UInt8>)],
        _ steps: inout [(TokenID, Range<Int>)]
    ) {
        // Halves are shorter than their whole, but a long chain would be deep: an explicit stack.
        var stack = [whole]
        while let piece = stack.popLast() {
            let id = pieceID(piece)
            if model.pieces[Int(id)].type == .unused, let (left, right) = halves[piece] {
                stack.append(right)
                // What was joined later may lie elsewhere in the text: only its length counts here.
                stack.append(left)
                continue
            }
            let start = steps.last?.1.upperBound ?? 0
            steps.append((id, start..<start + piece.count))
        }
    }
}

/// A binary heap with the order given by a closure.
struct CandidateHeap<Element> {
    private var elements: [Element] = []
    private let comesBefore: (Element, Element) -> Bool

    init(_ comesBefore: @escaping (Element, Element) -> Bool) { self.comesBefore = comesBefore }

    mutating func push(_ element: Element) {
        elements.append(element)
        var child = elements.count - 1
        while child > 0, comesBefore(elements[child], elements[(child - 1) / 2]) {
            elements.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func pop() -> Element? {
        guard let first = elements.first, let last = elements.popLast() else { return nil }
        guard !elements.isEmpty else { return first }
        elements[0] = last
        var parent = 0
        while true {
            var best = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < elements.count && comesBefore(elements[child], elements[best]) {
                best = child
            }
            if best == parent { return first }
            elements.swapAt(parent, best)
            parent = best
        }
    }
}
