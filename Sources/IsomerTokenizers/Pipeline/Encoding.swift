/// A prompt as tokens.
public struct Encoding: Hashable, Sendable {
    /// The tokens' ids.
    public internal(set) var ids: [TokenID] = []
    /// The tokens' texts as the vocabulary has them; for an unknown token of a Unigram model, the text that was not known.
    public internal(set) var pieces: [String] = []
    /// What of the prompt each token covers, in the unit that was asked for; empty at 0 for tokens that were put around it.
    public internal(set) var offsets: [Range<Int>] = []
    /// Whether each token was put around the prompt.
    public internal(set) var isSpecial: [Bool] = []

    public init() {}

    mutating func append(_ id: TokenID, _ piece: String, _ offset: Range<Int>) {
        ids.append(id)
        pieces.append(piece)
        offsets.append(offset)
        isSpecial.append(false)
    }

    mutating func append(_ other: Encoding) {
        ids += other.ids
        pieces += other.pieces
        offsets += other.offsets
        isSpecial += other.isSpecial
    }

    mutating func insertSpecial(_ id: TokenID, _ piece: String, at index: Int) {
        ids.insert(id, at: index)
        pieces.insert(piece, at: index)
        offsets.insert(0..<0, at: index)
        isSpecial.insert(true, at: index)
    }

    /// Turns offsets in bytes of `prompt` into offsets in its Unicode scalars.
    mutating func countScalars(of prompt: [UInt8]) {
        var scalarsBefore: [Int] = []
        scalarsBefore.reserveCapacity(prompt.count + 1)
        var count = 0
        for byte in prompt {
            if byte & 0xC0 != 0x80 { count += 1 }
            scalarsBefore.append(count - 1)
        }
        scalarsBefore.append(count)
        offsets = offsets.map { range in
            let start = scalarsBefore[min(max(0, range.lowerBound), prompt.count)]
            return start..<max(start, scalarsBefore[min(max(0, range.upperBound), prompt.count)])
        }
    }
}

/// What offsets count.
public enum OffsetUnit: Hashable, Sendable {
    /// Bytes of the prompt's UTF-8, as Rust counts.
    case bytes
    /// Unicode scalars, as Python counts.
    case scalars
}
