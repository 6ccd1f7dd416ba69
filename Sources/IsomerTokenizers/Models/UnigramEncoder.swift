internal import IsomerBytes

/// The most probable way to cut text into pieces with independent probabilities.
///
/// Reference: huggingface/tokenizers `models/unigram/model.rs` `encode_optimized`, 0.23, which follows google/sentencepiece
/// `unigram_model.cc` `EncodeOptimized`.
struct UnigramEncoder: Sendable {
    let vocabulary: Vocabulary
    /// The logarithm of each piece's probability, by id.
    let scores: [Double]
    /// What stood in the file for the scores that the reference library reads as a neighbouring number, by identifier.
    var writtenScores: [Int: Double] = [:]
    let unknownID: TokenID?
    let fallsBackToBytes: Bool
    private let trie: PieceTrie
    private let unknownScore: Double
    private let byteIDs: [TokenID?]

    /// How much less than the worst piece an unknown character is worth.
    private static let unknownPenalty = 10.0

    /// - Parameter untextual: ids of pieces that never match text (control, unknown and unused pieces of a SentencePiece model).
    init(vocabulary: Vocabulary, scores: [Double], unknownID: TokenID?, fallsBackToBytes: Bool, untextual: Set<TokenID> = []) {
        self.vocabulary = vocabulary
        self.scores = scores
        self.unknownID = unknownID
        self.fallsBackToBytes = fallsBackToBytes
        trie = PieceTrie(vocabulary, without: untextual)
        unknownScore =
            (scores.enumerated().filter { !untextual.contains(TokenID($0.offset)) }.map(\.element).min() ?? 0) - Self.unknownPenalty
        byteIDs = fallsBackToBytes ? (UInt8.min...UInt8.max).map { vocabulary.id(of: ByteToken.name($0)) } : []
    }

    private struct Node {
        var score = 0.0
        var start: Int32 = -1
        var id: TokenID = 0
    }

    /// Where pieces end on the best path, last first, with their ids; `TokenID.max` for an unknown character.
    private func bestPath(_ text: Span<UInt8>) -> [(start: Int, id: TokenID)] {
        var nodes = [Node](repeating: Node(), count: text.count + 1)
        var start = 0
        while start < text.count {
            let width =
                switch text[start] {
                case ..<0x80: 1
                case ..<0xE0: 2
                case ..<0xF0: 3
                default: 4
                }
            let scoreHere = nodes[start].score
            var hasSingle = false
            trie.forEachPrefix(of: text, from: start) { end, id in
                let score = scores[Int(id)] + scoreHere
                if nodes[end].start < 0 || score > nodes[end].score { nodes[end] = Node(score: score, start: Int32(start), id: id) }
                if end - start == width { hasSingle = true }
            }
            let end = min(start + width, text.count)
            if !hasSingle {
                let score = unknownScore + scoreHere
                if nodes[end].start < 0 || score > nodes[end].score {
                    nodes[end] = Node(score: score, start: Int32(start), id: unknownID ?? .max)
                }
            }
            start = end
        }
        var path: [(start: Int, id: TokenID)] = []
        var end = text.count
        while end > 0 {
            let node = nodes[end]
            path.append((Int(node.start), node.id))
            end = Int(node.start)
        }
        return path
    }

    /// The tokens of one word. Throws `malformed` if a character is unknown and the model has no unknown token.
    func tokens(of word: [UInt8]) throws(IsomerError) -> [Piece.Token] {
        var tokens: [Piece.Token] = []
        // Neighbouring unknown characters are one unknown piece.
        var merged: [(range: Range<Int>, isUnknown: Bool, id: TokenID)] = []
        var end = word.count
        for step in bestPath(word.span) {
            let isUnknown = step.id == unknownID ?? .max
            if isUnknown, let last = merged.last, last.isUnknown {
                merged[merged.count - 1].range = step.start..<last.range.upperBound
            } else {
                merged.append((step.start..<end, isUnknown, step.id))
            }
            end = step.start
        }
        for part in merged.reversed() {
            guard part.isUnknown else {
                tokens.append(.init(id: part.id, range: part.range))
                continue
            }
            try appendUnknown(word, part.range, &tokens)
        }
        return tokens
    }

    private func appendUnknown(_ word: [UInt8], _ range: Range<Int>, _ tokens: inout [Piece.Token]) throws(IsomerError) {
        let bytes = Array(word[range])
        // The library looks the joined text up again: it may be a piece.
        if let id = vocabulary.id(of: bytes.span) { return tokens.append(.init(id: id, range: range)) }
        if fallsBackToBytes {
            let ids = bytes.compactMap { byteIDs[Int($0)] }
            if ids.count == bytes.count {
                tokens += ids.map { .init(id: $0, range: range) }
                return
            }
        }
        guard let unknownID else {
            throw IsomerError(
                .malformed, "the text has a character that the model does not know, and the model has no unknown token",
                found: String(decoding: bytes.prefix(40), as: UTF8.self))
        }
        tokens.append(.init(id: unknownID, range: range, surface: String(decoding: bytes, as: UTF8.self)))
    }
}

/// All pieces of a vocabulary by their bytes: a trie whose nodes' children stand side by side in order.
struct PieceTrie: Sendable {
    private struct Node {
        var firstChild: UInt32 = 0
        var childCount: UInt16 = 0
        var byte: UInt8 = 0
        var id: TokenID = .max
    }

    private var nodes: [Node] = [Node()]
    /// The children of the root by their byte; 0 where there is none.
    private var roots = [UInt32](repeating: 0, count: 256)

    init(_ vocabulary: Vocabulary, without excluded: Set<TokenID>) {
        let pieces = vocabulary.allIDs.filter { !excluded.contains($0) }
            .compactMap { id in vocabulary.bytes(of: id).map { (bytes: Array($0), id: id) } }
            .filter { !$0.bytes.isEmpty }
            .sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        // Level by level, so that children of one node are neighbours. A queue entry is a node, the pieces below it, and their depth.
        var queue: [(node: Int, pieces: Range<Int>, depth: Int)] = [(0, 0..<pieces.count, 0)]
        var head = 0
        while head < queue.count {
            let (node, range, depth) = queue[head]
            head += 1
            var start = range.lowerBound
            if start < range.upperBound, pieces[start].bytes.count == depth {
                nodes[node].id = pieces[start].id
                start += 1
            }
            nodes[node].firstChild = UInt32(nodes.count)
            while start < range.upperBound {
                let byte = pieces[start].bytes[depth]
                var end = start + 1
                while end < range.upperBound, pieces[end].bytes[depth] == byte { end += 1 }
                queue.append((nodes.count, start..<end, depth + 1))
                nodes.append(Node(byte: byte))
                nodes[node].childCount += 1
                start = end
            }
        }
        for child in 0..<Int(nodes[0].childCount) {
            let place = Int(nodes[0].firstChild) + child
            roots[Int(nodes[place].byte)] = UInt32(place)
        }
    }

    /// Calls `body` with the end and the id of every piece that `text` has at `start`, shortest first.
    @inline(__always)
    func forEachPrefix(of text: Span<UInt8>, from start: Int, _ body: (Int, TokenID) -> Void) {
        let nodes = self.nodes.span
        var place = Int(roots[Int(text[start])])
        guard place != 0 else { return }
        var end = start + 1
        while true {
            let node = nodes[place]
            if node.id != .max { body(end, node.id) }
            guard end < text.count, node.childCount > 0 else { return }
            let byte = text[end]
            var low = Int(node.firstChild)
            var high = low + Int(node.childCount)
            while low < high {
                let middle = (low + high) / 2
                if nodes[middle].byte < byte { low = middle + 1 } else { high = middle }
            }
            guard low < Int(node.firstChild) + Int(node.childCount), nodes[low].byte == byte else { return }
            place = low
            end += 1
        }
    }
}
