public import IsomerBytes

/// Encodes and decodes as google/sentencepiece does with the same `.model`, which is not everywhere as huggingface/tokenizers does with
/// the `tokenizer.json` made from it (marks after mapped characters, special tokens in the text, U+0085).
///
/// Reference: google/sentencepiece `normalizer.cc`, `unigram_model.cc`, `bpe_model.cc`, `sentencepiece_processor.cc`, 0.2.3.
public struct SentencePieceTokenizer: Sendable {
    /// The model.
    public let model: SentencePieceModel
    let map: PrecompiledMap
    /// Pieces that text may match: normal, user-defined and unused ones.
    let textual: Vocabulary
    let reserved: Vocabulary
    let userDefined: LiteralMatcher
    private let trie: PieceTrie
    private let byteIDs: [TokenID?]
    private let unknownScore: Float
    private let greatestScore: Float

    static let space = "\u{2581}"

    /// Throws `malformed` for pieces that stand twice, `unsupported` for kinds that cut at words.
    public init(_ model: SentencePieceModel) throws(IsomerError) {
        guard model.kind == .unigram || model.kind == .bytePair else {
            throw IsomerError(
                .unsupported, "this kind of SentencePiece model is not supported", expected: "Unigram or BPE", found: "\(model.kind)")
        }
        self.model = model
        map = try PrecompiledMap(model.compiledMap)
        var textual = Vocabulary(capacity: model.pieces.count)
        var reserved = Vocabulary()
        for (id, piece) in model.pieces.enumerated() {
            switch piece.type {
            case .normal, .userDefined, .unused: try textual.insert(piece.text, id: TokenID(id))
            case .unknown, .control, .byte: try reserved.insert(piece.text, id: TokenID(id))
            }
        }
        self.textual = textual
        self.reserved = reserved
        userDefined = LiteralMatcher(
            model.pieces.enumerated().filter { $0.element.type == .userDefined }.map { ($0.element.text, TokenID($0.offset)) })
        trie = PieceTrie(textual, without: [])
        byteIDs = (UInt8.min...UInt8.max).map { reserved.id(of: ByteToken.name($0)) }
        let scores = model.pieces.filter { $0.type == .normal }.map(\.score)
        unknownScore = (scores.min() ?? 0) - 10
        greatestScore = scores.max() ?? 0
    }

    /// The ids of a text.
    public func encode(_ text: String) throws(IsomerError) -> [TokenID] {
        encodePieces(text).map(\.id)
    }

    /// The ids of a text with the normalised text that each covers.
    func encodePieces(_ text: String) -> [(id: TokenID, text: ArraySlice<UInt8>)] {
        let normalized = normalize(Array(text.utf8))
        guard !normalized.isEmpty else { return [] }
        let steps = model.kind == .unigram ? unigram(normalized) : bytePairs(normalized)
        var result: [(id: TokenID, text: ArraySlice<UInt8>)] = []
        var wasUnknown = false
        for (id, range) in steps {
            let isUnknown = id == model.unknownID
            defer { wasUnknown = isUnknown }
            guard isUnknown else {
                result.append((id, normalized[range]))
                continue
            }
            if model.fallsBackToBytes {
                result += range.map { (byteIDs[Int(normalized[$0])] ?? model.unknownID, normalized[$0...$0]) }
            } else if wasUnknown, let last = result.last {
                result[result.count - 1].text = normalized[last.text.startIndex..<range.upperBound]
            } else {
                result.append((id, normalized[range]))
            }
        }
        return result
    }

    /// The text as the model sees it: mapped characters, spaces as U+2581.
    func normalize(_ text: [UInt8]) -> [UInt8] {
        var position = 0
        let space = UInt8(ascii: " ")
        if model.removesExtraSpaces {
            while position < text.count {
                let (count, mapped) = prefix(text[position...])
                guard mapped.elementsEqual([space]) else { break }
                position += count
            }
        }
        guard position < text.count else { return [] }
        var result: [UInt8] = []
        result.reserveCapacity(text.count + 16)
        let mark = model.escapesSpaces ? Array(Self.space.utf8) : [space]
        if model.addsDummyPrefix, !model.treatsSpaceAsSuffix { result += mark }
        var wasSpace = model.removesExtraSpaces
        while position < text.count {
            let (count, mapped) = prefix(text[position...])
            var rest = mapped
            if wasSpace { rest = rest.drop { $0 == space } }
            for byte in rest { if byte == space { result += mark } else { result.append(byte) } }
            if let last = rest.last { wasSpace = last == space }
            if !model.removesExtraSpaces { wasSpace = false }
            position += count
        }
        if model.removesExtraSpaces {
            while result.count >= mark.count, result.suffix(mark.count).elementsEqual(mark) { result.removeLast(mark.count) }
        }
        if model.addsDummyPrefix, model.treatsSpaceAsSuffix { result += mark }
        return result
    }

    /// What the start of `text` becomes, and how long that start is.
    private func prefix(_ text: ArraySlice<UInt8>) -> (count: Int, mapped: ArraySlice<UInt8>) {
        if let count = userDefined.longestPrefix(of: text)?.count { return (count, text.prefix(count)) }
        if let found = map.prefix(of: text, longest: true) { return (found.count, found.text) }
        var count = 1
        while count < text.count, text[text.startIndex + count] & 0xC0 == 0x80 { count += 1 }
        return (count, text.prefix(count))
    }

    private func unigram(_ text: [UInt8]) -> [(TokenID, Range<Int>)] {
        var nodes = [(score: Float, start: Int, id: TokenID)](repeating: (0, -1, 0), count: text.count + 1)
        let span = text.span
        var start = 0
        while start < text.count {
            var width = 1
            while start + width < text.count, text[start + width] & 0xC0 == 0x80 { width += 1 }
            let scoreHere = nodes[start].score
            var hasSingle = false
            trie.forEachPrefix(of: span, from: start) { end, id in
                let piece = model.pieces[Int(id)]
                if piece.type == .unused { return }
                let length = end - start
                // A user-defined piece gets a bonus, so that it is always chosen.
                let score = piece.type == .userDefined ? Float(Double(Float(length) * greatestScore) - 0.1) : piece.score
                let candidate = score + scoreHere
                if nodes[end].start < 0 || candidate > nodes[end].score { nodes[end] = (candidate, start, id) }
                if length == width { hasSingle = true }
            }
            if !hasSingle {
                let candidate = unknownScore + scoreHere
                if nodes[start + width].start < 0 || candidate > nodes[start + width].score {
                    nodes[start + width] = (candidate, start, model.unknownID)
                }
            }
            start += width
        }
        var steps: [(TokenID, Range<Int>)] = []
        var end = text.count
        while end > 0 {
            steps.append((nodes[end].id, nodes[end].start..<end))
            end = nodes[end].start
        }
        return steps.reversed()
    }
}

extension LiteralMatcher {
    /// The longest of the texts that `text` starts with.
    func longestPrefix(of text: ArraySlice<UInt8>) -> (count: Int, id: TokenID)? {
        isEmpty ? nil : longest(at: text.startIndex, in: text)
    }
}
