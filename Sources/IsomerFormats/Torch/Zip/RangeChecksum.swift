internal import IsomerTensors

/// The CRC-32 of something whose ranges arrive in any order: neighbours are joined until one range covers all.
struct RangeChecksum: Sendable {
    private struct Piece {
        let start: UInt64
        var sum: CRC32
        var end: UInt64 { start + sum.byteCount }
    }

    /// Disjoint, in order, never touching.
    private var pieces: [Piece] = []

    /// Adds the sum of the bytes from `start`. A range that overlaps an earlier one (somebody read twice) is left out and returns `false`.
    @discardableResult
    mutating func add(_ sum: CRC32, at start: UInt64) -> Bool {
        guard sum.byteCount > 0 else { return true }
        var piece = Piece(start: start, sum: sum)
        var index = insertionIndex(of: start)
        if index > 0, pieces[index - 1].end > start { return false }
        if index < pieces.count, pieces[index].start < piece.end { return false }
        if index < pieces.count, pieces[index].start == piece.end {
            piece.sum.append(pieces[index].sum)
            pieces.remove(at: index)
        }
        if index > 0, pieces[index - 1].end == start {
            index -= 1
            pieces[index].sum.append(piece.sum)
        } else {
            pieces.insert(piece, at: index)
        }
        return true
    }

    /// The sum, once every byte from 0 to `count` has been added.
    func total(of count: UInt64) -> CRC32? {
        if count == 0 { return CRC32() }
        guard pieces.count == 1, let piece = pieces.first, piece.start == 0, piece.sum.byteCount == count else { return nil }
        return piece.sum
    }

    /// The first piece that begins after `start`.
    private func insertionIndex(of start: UInt64) -> Int {
        var low = 0
        var high = pieces.count
        while low < high {
            let middle = (low + high) / 2
            if pieces[middle].start <= start { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
