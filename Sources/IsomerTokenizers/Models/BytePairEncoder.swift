internal import IsomerBytes

/// Byte pair encoding with the options of `tokenizer.json`.
struct BytePairEncoder: Sendable {
    var model: BytePairModel
    var unknown: String?
    var continuingPrefix: String?
    var endOfWordSuffix: String?
    var fusesUnknown = false
    var fallsBackToBytes = false
    var ignoresMerges = false
    /// Kept for writing; a tokenizer that drops merges at random has no exact ids, so it is taken as 0.
    var dropout: Double?

    private(set) var unknownID: TokenID?
    private var byteIDs: [TokenID?] = []

    /// Throws `malformed` if the unknown token is not in the vocabulary.
    init(
        model: BytePairModel, unknown: String? = nil, continuingPrefix: String? = nil, endOfWordSuffix: String? = nil,
        fusesUnknown: Bool = false, fallsBackToBytes: Bool = false, ignoresMerges: Bool = false, dropout: Double? = nil
    ) {
        self.model = model
        self.unknown = unknown
        // The library treats an empty affix like none.
        self.continuingPrefix = continuingPrefix
        self.endOfWordSuffix = endOfWordSuffix
        self.fusesUnknown = fusesUnknown
        self.fallsBackToBytes = fallsBackToBytes
        self.ignoresMerges = ignoresMerges
        self.dropout = dropout
        unknownID = unknown.flatMap { model.vocabulary.id(of: $0) }
        if fallsBackToBytes { byteIDs = (UInt8.min...UInt8.max).map { model.vocabulary.id(of: ByteToken.name($0)) } }
    }

    /// The tokens of one word.
    func tokens(of word: [UInt8]) throws(IsomerError) -> [Piece.Token] {
        guard !word.isEmpty else { return [] }
        if ignoresMerges, let id = model.vocabulary.id(of: word.span) { return [Piece.Token(id: id, range: 0..<word.count)] }
        var symbols = try symbols(of: word)
        BytePairMerger.merge(&symbols, model.merges)
        var offset = 0
        return symbols.map { symbol in
            defer { offset += symbol.length }
            return Piece.Token(id: symbol.id, range: offset..<offset + symbol.length)
        }
    }

    private func symbols(of word: [UInt8]) throws(IsomerError) -> [BytePairMerger.Symbol] {
        var symbols: [BytePairMerger.Symbol] = []
        symbols.reserveCapacity(word.count)
        var unknownLength = 0
        var key: [UInt8] = []
        var start = 0
        while start < word.count {
            var end = start + 1
            while end < word.count, word[end] & 0xC0 == 0x80 { end += 1 }
            key.removeAll(keepingCapacity: true)
            if start > 0, let continuingPrefix { key += continuingPrefix.utf8 }
            key += word[start..<end]
            if end == word.count, let endOfWordSuffix { key += endOfWordSuffix.utf8 }
            if let id = model.vocabulary.id(of: key.span) {
                try flush(&unknownLength, &symbols)
                symbols.append(.init(id: id, length: end - start))
            } else if fallsBackToBytes, let ids = byteFallback(key) {
                // The library does not flush a pending unknown token here; neither does this.
                symbols += ids.map { .init(id: $0, length: 1) }
            } else if unknown != nil {
                if !fusesUnknown { try flush(&unknownLength, &symbols) }
                unknownLength += end - start
            }
            start = end
        }
        try flush(&unknownLength, &symbols)
        return symbols
    }

    private func flush(_ unknownLength: inout Int, _ symbols: inout [BytePairMerger.Symbol]) throws(IsomerError) {
        guard unknownLength > 0 else { return }
        guard let unknownID else {
            throw IsomerError(.malformed, "the unknown token is not in the vocabulary", item: unknown)
        }
        symbols.append(.init(id: unknownID, length: unknownLength))
        unknownLength = 0
    }

    private func byteFallback(_ bytes: [UInt8]) -> [TokenID]? {
        let ids = bytes.compactMap { byteIDs[Int($0)] }
        return ids.count == bytes.count ? ids : nil
    }
}

/// SentencePiece's tokens for single bytes.
enum ByteToken {
    /// `<0x0A>` for 10.
    static func name(_ byte: UInt8) -> String {
        "<0x\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true))>"
    }
}
