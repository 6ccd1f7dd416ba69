import IsomerArchitectures
import IsomerBytes
import IsomerMapping
import IsomerTensors

extension AdapterLayoutPlan {
    /// Lays out the modules that are made of parts of others.
    mutating func joinPending() throws(IsomerError) {
        for (name, strands) in pending {
            do throws(IsomerError) { try join(name, strands) } catch { throw error.about(name.stem) }
        }
    }

    private mutating func join(_ name: AdapterModuleName, _ strands: [AdapterStrand]) throws(IsomerError) {
        let kinds = Set(strands.compactMap { adapter.modules[$0.number].kind })
        guard kinds.count == 1, let kind = kinds.first else {
            throw IsomerError(
                .unsupported, "parts of one joined module are of different kinds",
                found: kinds.map(\.rawValue).sorted().joined(separator: " and "))
        }
        var byModule: [String: AdapterStrand] = [:]
        for strand in strands where byModule[strand.module] == nil { byModule[strand.module] = strand }
        if kind == .lora { try joinFactors(name, byModule, strands) }
        for role in [AdapterRole.difference, .biasDifference, .upBias, .magnitude]
        where strands.contains(where: { adapter.modules[$0.number].tensors[role] != nil }) {
            try joinRows(role, name, byModule, isWhole: role == .magnitude)
        }
        for strand in strands {
            for (role, index) in adapter.modules[strand.number].tensors where role == .alpha {
                dissolved[index] = "alpha goes with the joined or parted module"
            }
        }
    }

    private mutating func joinFactors(
        _ name: AdapterModuleName, _ byModule: [String: AdapterStrand], _ strands: [AdapterStrand]
    ) throws(IsomerError) {
        let sharesFirst = try shareFirstFactor(strands)
        let parts: [AdapterStrand] = name.target.modules.compactMap { byModule[$0] }
        guard let first = parts.first, let down = adapter.modules[first.number].tensors[.down],
            let up = adapter.modules[first.number].tensors[.up]
        else { return }
        let sameFactor = parts.allSatisfy { $0.factor == first.factor }
        let folds =
            conversion.foldsAlpha || !sameFactor || name.dialect == .xlabs && first.factor != 1
            || parts.contains { adapter.scales[$0.number].isRankStabilized }
        if folds, parts.contains(where: { $0.factor != 1 }) { foldedCount += 1 }
        let rank = sharesFirst ? first.rank : parts.reduce(0) { $0 + $1.rank }
        let module = adapter.modules[first.number]
        try stackFirstFactors(sharesFirst ? [first] : parts, of: parts, name, rank, like: tensors[down])
        let rows = secondFactorBlocks(name, byModule, rank, sharesFirst: sharesFirst, folds: folds)
        let height = name.target.rows.reduce(0, +)
        try plan(
            blocks: rows.blocks, try tensorName(name, .up, module), try Shape([height, rank] + tensors[up].shape.dimensions.dropFirst(2)),
            tensors[up].scalarType, from: rows.sources)
        let alpha = folds ? Double(rank) : first.factor * Double(rank)
        if name.dialect.hasAlphaTensors { try planAlpha(alpha, name, module) }
        written.append((name.target.slot, name.target.modules[0], rank, alpha, module.hasMagnitude))
    }

    /// Plans the first factor of a joined module: those of `stacked`, one after another. `parts` are all of its parts.
    private mutating func stackFirstFactors(
        _ stacked: [AdapterStrand], of parts: [AdapterStrand], _ name: AdapterModuleName, _ rank: Int, like down: TensorDescriptor
    ) throws(IsomerError) {
        var pieces: [Piece] = []
        let width = down.shape.elementCount / max(1, down.shape.dimensions.first ?? 1)
        for part in stacked {
            guard let index = adapter.modules[part.number].tensors[.down] else { continue }
            for run in part.ranks {
                let isWhole = run == 0..<part.wholeRank
                pieces.append(
                    .tensor(
                        TensorReference(source: 0, index: index),
                        isWhole ? .whole : .elements(run.lowerBound * width..<run.upperBound * width)))
            }
        }
        for part in parts {
            guard let index = adapter.modules[part.number].tensors[.down] else { continue }
            guard tensors[index].scalarType == down.scalarType else {
                throw IsomerError(.mismatch, "parts of one joined module have different types", item: tensors[index].name)
            }
            dissolved[index] = "it is part of a joined or parted factor"
        }
        try plan(
            down, pieces, try tensorName(name, .down, adapter.modules[parts[0].number]),
            try Shape([rank] + down.shape.dimensions.dropFirst()))
    }

    /// The second factor of a joined module: each part's in the columns of its own ranks, or all in the same.
    private func secondFactorBlocks(
        _ name: AdapterModuleName, _ byModule: [String: AdapterStrand], _ rank: Int, sharesFirst: Bool, folds: Bool
    ) -> (blocks: [BlockTensors.Rows], sources: [Int]) {
        var rows: [BlockTensors.Rows] = []
        var sources: [Int] = []
        var place = 0
        for (modulePath, count) in zip(name.target.modules, name.target.rows) {
            guard let part = byModule[modulePath], let index = adapter.modules[part.number].tensors[.up] else {
                rows.append(BlockTensors.Rows(count: count, segments: [.zeros(rank)]))
                continue
            }
            sources.append(index)
            let factor: Float = folds ? Float(part.factor) : 1
            let swaps = part.swapsHalves != (name.target.transform == .swapHalves)
            let runs =
                swaps
                ? [(part.rows.lowerBound + count / 2, count - count / 2), (part.rows.lowerBound, count / 2)]
                : [(part.rows.lowerBound, count)]
            for (firstRow, count) in runs {
                var segments: [BlockTensors.Segment] = []
                if !sharesFirst, place > 0 { segments.append(.zeros(place)) }
                for run in part.ranks {
                    segments.append(.columns(tensor: index, firstRow: firstRow, range: run, width: part.wholeRank, factor: factor))
                }
                if !sharesFirst, rank - place - part.rank > 0 { segments.append(.zeros(rank - place - part.rank)) }
                rows.append(BlockTensors.Rows(count: count, segments: segments))
            }
            place += part.rank
        }
        return (rows, sources)
    }

    /// Whether all parts have the same first factor, so that the joined one is no larger: parts of one module, or copies of one.
    private func shareFirstFactor(_ strands: [AdapterStrand]) throws(IsomerError) -> Bool {
        guard let first = strands.first, strands.allSatisfy({ $0.factor == first.factor && $0.rank == first.rank }) else { return false }
        if strands.allSatisfy({ $0.number == first.number && $0.ranks == first.ranks }) { return true }
        guard strands.allSatisfy({ $0.ranks == [0..<$0.wholeRank] }), let index = adapter.modules[first.number].tensors[.down] else {
            return false
        }
        let bytes = try adapter.source.tensors.bytes(of: index)
        for strand in strands.dropFirst() {
            guard let other = adapter.modules[strand.number].tensors[.down], tensors[other].shape == tensors[index].shape,
                tensors[other].scalarType == tensors[index].scalarType, try adapter.source.tensors.bytes(of: other) == bytes
            else { return false }
        }
        return true
    }

    /// Tensors that have an element, or a row, for each row of the weight.
    private mutating func joinRows(
        _ role: AdapterRole, _ name: AdapterModuleName, _ byModule: [String: AdapterStrand], isWhole: Bool
    ) throws(IsomerError) {
        var pieces: [Piece] = []
        var type: ScalarType?
        var dimensions: [Int] = []
        for (modulePath, rows) in zip(name.target.modules, name.target.rows) {
            guard let part = byModule[modulePath], let index = adapter.modules[part.number].tensors[role] else {
                guard !isWhole else {
                    throw IsomerError(.unsupported, "only some parts of a joined module have \(role.rawValue)", item: modulePath)
                }
                let known = byModule.values.compactMap { adapter.modules[$0.number].tensors[role] }.first
                guard let known else { return }
                let tensor = tensors[known]
                let width = tensor.shape.elementCount / max(1, tensor.shape.dimensions.first ?? 1)
                pieces.append(.constant([UInt8](repeating: 0, count: rows * width * tensor.scalarType.bitCount / 8)))
                continue
            }
            let tensor = tensors[index]
            let all = adapter.modules[part.number].target?.rows.reduce(0, +) ?? rows
            let axis = tensor.shape.dimensions.first == all ? 0 : 1
            guard tensor.shape.dimensions.indices.contains(axis), tensor.shape.dimensions[axis] == all,
                type == nil || type == tensor.scalarType
            else {
                throw IsomerError(.unsupported, "\(role.rawValue) of a joined module cannot be parted", found: "\(tensor.shape)")
            }
            type = tensor.scalarType
            dimensions = tensor.shape.dimensions
            dimensions[axis] = name.target.rows.reduce(0, +)
            let width = tensor.shape.elementCount / all
            let range = part.rows.lowerBound * width..<part.rows.upperBound * width
            let swaps = part.swapsHalves != (name.target.transform == .swapHalves)
            let half = range.lowerBound + range.count / 2
            for piece in swaps ? [half..<range.upperBound, range.lowerBound..<half] : [range] {
                let isAll = piece == 0..<tensor.shape.elementCount
                pieces.append(.tensor(TensorReference(source: 0, index: index), isAll ? .whole : .elements(piece)))
            }
            dissolved[index] = "it is part of a joined or parted module"
        }
        guard let type, let strand = byModule.values.first else { return }
        let outName = try tensorName(name, role, adapter.modules[strand.number])
        let descriptor = try TensorDescriptor(name: outName, scalarType: type, shape: Shape(dimensions))
        let shape = try shape(of: role, descriptor, in: name)
        try plan(descriptor, pieces, outName, shape)
    }
}
