import IsomerArchitectures
import IsomerBytes
import IsomerMapping
import IsomerTensors

/// The share that one canonical module has in an adapter's module: all of it, or some rows of the second factor and the columns of it that are
/// not zero there.
struct AdapterStrand {
    /// The adapter's module.
    var number: Int
    /// The canonical module.
    var module: String
    /// Rows of the second factor, of a difference, of lengths.
    var rows: Range<Int>
    /// Whether those rows' halves have changed places against the canonical order.
    var swapsHalves: Bool
    /// Runs of the rank.
    var ranks: [Range<Int>]
    /// Rank of the whole module.
    var wholeRank: Int
    /// What the product is multiplied with.
    var factor: Double

    var rank: Int { ranks.reduce(0) { $0 + $1.count } }
}

extension Adapter {
    /// The strands of module `number`, one for each canonical module that has any.
    ///
    /// A module of several whose second factor is zero but for blocks was put together from modules with factors of their own: each gets its
    /// own again. One without such blocks shares its first factor, and every part has its rank.
    func strands(of number: Int) throws(IsomerError) -> [AdapterStrand] {
        let module = modules[number]
        guard let target = module.target else { return [] }
        let rank = scales[number].rank ?? 0
        let factor = scales[number].factor
        var strands: [AdapterStrand] = []
        var start = 0
        for (part, rows) in zip(target.modules, target.rows) {
            strands.append(
                AdapterStrand(
                    number: number, module: part, rows: start..<start + rows, swapsHalves: target.transform == .swapHalves,
                    ranks: rank > 0 ? [0..<rank] : [], wholeRank: rank, factor: factor))
            start += rows
        }
        guard strands.count > 1, module.kind == .lora, let up = module.tensors[.up], rank > 1 else { return strands }
        let uses = try columnUses(up, strands.map(\.rows), rank)
        // The usual case first, which also holds for factors that are still zero.
        if rank % strands.count == 0 {
            let each = rank / strands.count
            let isEven = (0..<rank).allSatisfy { column in uses[column].allSatisfy { $0 == column / each } }
            let isAnythingThere = uses.contains { !$0.isEmpty }
            if isEven, isAnythingThere {
                for part in strands.indices { strands[part].ranks = [part * each..<(part + 1) * each] }
                return strands
            }
        }
        guard uses.allSatisfy({ $0.count <= 1 }), uses.contains(where: { !$0.isEmpty }) else { return strands }
        for part in strands.indices { strands[part].ranks = [] }
        var current = 0
        for column in 0..<rank {
            current = uses[column].first ?? current
            if let last = strands[current].ranks.last, last.upperBound == column {
                strands[current].ranks[strands[current].ranks.count - 1] = last.lowerBound..<column + 1
            } else {
                strands[current].ranks.append(column..<column + 1)
            }
        }
        return strands.filter { !$0.ranks.isEmpty }
    }

    /// The parts in which each column of a second factor is not zero.
    private func columnUses(_ up: Int, _ parts: [Range<Int>], _ rank: Int) throws(IsomerError) -> [[Int]] {
        let values = try source.tensors.floats(of: up)
        var uses = [[Int]](repeating: [], count: rank)
        for (part, rows) in parts.enumerated() {
            var isUsed = [Bool](repeating: false, count: rank)
            for row in rows {
                for column in 0..<rank where values.values[row * rank + column] != 0 { isUsed[column] = true }
            }
            for column in 0..<rank where isUsed[column] { uses[column].append(part) }
        }
        return uses
    }
}
