internal import IsomerBytes

/// BERT's longest-match-first pieces.
struct WordPieceEncoder: Sendable {
    let vocabulary: Vocabulary
    let unknown: String
    let continuingPrefix: String
    let greatestWordLength: Int

    /// The tokens of one word: the longest pieces from the left, or the unknown token for all of it.
    func tokens(of word: [UInt8]) throws(IsomerError) -> [Piece.Token] {
        guard let tokens = pieces(of: word) else {
            guard let id = vocabulary.id(of: unknown) else {
                throw IsomerError(.malformed, "the unknown token is not in the vocabulary", item: unknown)
            }
            return [Piece.Token(id: id, range: 0..<word.count)]
        }
        return tokens
    }

    private func pieces(of word: [UInt8]) -> [Piece.Token]? {
        guard word.count(where: { $0 & 0xC0 != 0x80 }) <= greatestWordLength else { return nil }
        var tokens: [Piece.Token] = []
        var start = 0
        var key: [UInt8] = []
        while start < word.count {
            var end = word.count
            var found: TokenID?
            while end > start {
                key.removeAll(keepingCapacity: true)
                if start > 0 { key += continuingPrefix.utf8 }
                key += word[start..<end]
                found = vocabulary.id(of: key.span)
                if found != nil { break }
                end -= 1
                while end > start, word[end] & 0xC0 == 0x80 { end -= 1 }
            }
            guard let found else { return nil }
            tokens.append(Piece.Token(id: found, range: start..<end))
            start = end
        }
        return tokens
    }
}

/// A token a word.
struct WordLevelEncoder: Sendable {
    let vocabulary: Vocabulary
    let unknown: String

    func tokens(of word: [UInt8]) throws(IsomerError) -> [Piece.Token] {
        guard let id = vocabulary.id(of: word.span) ?? vocabulary.id(of: unknown) else {
            throw IsomerError(.malformed, "the unknown token is not in the vocabulary", item: unknown)
        }
        return [Piece.Token(id: id, range: 0..<word.count)]
    }
}

/// The four kinds of model of `tokenizer.json`.
enum TokenModel: Sendable {
    case bytePair(BytePairEncoder)
    case unigram(UnigramEncoder)
    case wordPiece(WordPieceEncoder)
    case wordLevel(WordLevelEncoder)

    var vocabulary: Vocabulary {
        switch self {
        case .bytePair(let encoder): encoder.model.vocabulary
        case .unigram(let encoder): encoder.vocabulary
        case .wordPiece(let encoder): encoder.vocabulary
        case .wordLevel(let encoder): encoder.vocabulary
        }
    }

    func tokens(of word: [UInt8]) throws(IsomerError) -> [Piece.Token] {
        switch self {
        case .bytePair(let encoder): try encoder.tokens(of: word)
        case .unigram(let encoder): try encoder.tokens(of: word)
        case .wordPiece(let encoder): try encoder.tokens(of: word)
        case .wordLevel(let encoder): try encoder.tokens(of: word)
        }
    }
}
