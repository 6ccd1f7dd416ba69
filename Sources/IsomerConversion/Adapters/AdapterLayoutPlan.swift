import IsomerArchitectures
import IsomerBytes
import IsomerMapping
import IsomerTensors

/// An adapter's tensors under other names, while they are being laid out.
struct AdapterLayoutPlan {
    let conversion: AdapterConversion
    let adapter: Adapter
    private(set) var planned: [PlannedTensor] = []
    private(set) var blocks: [(TensorDescriptor, [BlockTensors.Rows])] = []
    /// Tensors whose numbers are in blocks, and alphas that are said elsewhere.
    private(set) var dissolved: [Int: String] = [:]
    /// Rank and alpha of each module written, for namings that say alpha in the metadata.
    private(set) var written: [(slot: String, module: String, rank: Int, alpha: Double, hasMagnitude: Bool)] = []
    private(set) var foldedCount = 0
    /// Strands that wait for the others of their joined module, by its name, in order.
    private var pending: [(name: AdapterModuleName, strands: [AdapterStrand])] = []
    private var pendingPlaces: [String: Int] = [:]

    static let blockSource = 1

    init(_ conversion: AdapterConversion, _ adapter: Adapter) {
        self.conversion = conversion
        self.adapter = adapter
    }

    private var tensors: [TensorDescriptor] { adapter.inventory.tensors }

    // MARK: Modules

    mutating func add(_ number: Int, _ module: AdapterModule) throws(IsomerError) {
        guard let target = module.target, let first = target.modules.first else { return }
        guard let name = conversion.naming.name(ofModule: first, slot: target.slot, in: adapter.base.aliases) else {
            throw noPlace(target, first)
        }
        if name.target.modules == target.modules { return try addWhole(number, module, name) }
        guard module.kind == .lora || module.kind == .full else {
            throw IsomerError(
                .unsupported, "a \(module.kind?.rawValue ?? "module") of joined modules cannot be parted, nor parts of it joined",
                found: target.modules.joined(separator: " + "), remedy: "choose a naming with the same modules")
        }
        for strand in try adapter.strands(of: number) {
            guard let name = conversion.naming.name(ofModule: strand.module, slot: target.slot, in: adapter.base.aliases) else {
                throw noPlace(target, strand.module)
            }
            if let place = pendingPlaces[name.stem] {
                pending[place].strands.append(strand)
            } else {
                pendingPlaces[name.stem] = pending.count
                pending.append((name, [strand]))
            }
        }
    }

    private func noPlace(_ target: AdapterTarget, _ module: String) -> IsomerError {
        IsomerError(
            .unsupported, "\(conversion.naming.identifier) has no name for this module", item: "\(target.slot)/\(module)",
            remedy: "choose another naming")
    }

    /// A module that the other naming has too.
    private mutating func addWhole(_ number: Int, _ module: AdapterModule, _ name: AdapterModuleName) throws(IsomerError) {
        guard let target = module.target else { return }
        let swaps = (target.transform == .swapHalves) != (name.target.transform == .swapHalves)
        let scale = adapter.scales[number]
        let folds = try decidesToFold(scale, module, name)
        for (role, index) in module.tensors.sorted(by: { $0.value < $1.value }) {
            let tensor = tensors[index]
            if role == .alpha {
                if folds || !name.dialect.hasAlphaTensors {
                    dissolved[index] = folds ? "alpha is multiplied into the factors" : "alpha stands in the metadata, or is the rank"
                } else {
                    try plan(
                        tensor, [.tensor(TensorReference(source: 0, index: index), .whole)], try tensorName(name, role, module),
                        tensor.shape)
                }
                continue
            }
            let outName = try tensorName(name, role, module)
            if role == .up, folds {
                let rows = swaps ? halves(tensor) : [(0, tensor.shape.dimensions.first ?? 1)]
                let width = tensor.shape.elementCount / max(1, tensor.shape.dimensions.first ?? 1)
                try plan(
                    blocks: rows.map { first, count in
                        BlockTensors.Rows(
                            count: count,
                            segments: [
                                .columns(tensor: index, firstRow: first, range: 0..<width, width: width, factor: Float(scale.factor))
                            ])
                    }, outName, tensor.shape, tensor.scalarType, from: [index])
                continue
            }
            let turns = swaps && role.followsRows
            if swaps, module.kind == .lokr || (module.kind == .loha && module.tensors[.hadamard1Kernel] != nil) {
                throw IsomerError(.unsupported, "the halves of a \(module.kind?.rawValue ?? "module") cannot change places")
            }
            let expression = TensorExpression(TensorReference(source: 0, index: index), tensor)
            let pieces = turns ? try expression.withHalvesSwapped().pieces : expression.pieces
            try plan(tensor, pieces, outName, shape(of: role, tensor, in: name))
        }
        if let rank = scale.rank, module.kind != .lokr || scale.alpha != nil {
            let alpha = folds ? Double(rank) : scale.alpha ?? Double(rank)
            if name.dialect.hasAlphaTensors, module.tensors[.alpha] == nil || folds {
                try planAlpha(alpha, name, module)
            }
            written.append((target.slot, target.modules[0], rank, alpha, module.hasMagnitude))
        }
    }

    /// Whether alpha must become the rank: because the user wants it, or because the naming has no place for any other.
    private mutating func decidesToFold(_ scale: Adapter.Scale, _ module: AdapterModule, _ name: AdapterModuleName) throws(IsomerError)
        -> Bool
    {
        guard scale.factor != 1, scale.rank != nil else { return false }
        let isNecessary = name.dialect == .xlabs || scale.isRankStabilized
        guard conversion.foldsAlpha || isNecessary else { return false }
        guard module.kind == .lora || module.kind == .tucker, module.tensors[.up] != nil else {
            if conversion.foldsAlpha, !isNecessary { return false }
            throw IsomerError(.unsupported, "alpha of a \(module.kind?.rawValue ?? "module") cannot be multiplied into its factors")
        }
        foldedCount += 1
        return true
    }

    private func tensorName(_ name: AdapterModuleName, _ role: AdapterRole, _ module: AdapterModule) throws(IsomerError) -> String {
        guard let made = name.tensorName(role) else {
            throw IsomerError(
                .unsupported, "\(conversion.naming.identifier) has no place for \(role.rawValue) of a \(module.kind?.rawValue ?? "module")",
                remedy: "choose one of kohya's namings: kohya, kohya-diffusers, onetrainer, lycoris")
        }
        return made
    }

    /// DoRA's lengths are a column in kohya's files and a row in PEFT's; all else has the same shape everywhere.
    private func shape(of role: AdapterRole, _ tensor: TensorDescriptor, in name: AdapterModuleName) throws(IsomerError) -> Shape {
        guard role == .magnitude else { return tensor.shape }
        let dimensions = tensor.shape.dimensions
        let count = tensor.shape.elementCount
        if name.dialect.hasAlphaTensors {
            if dimensions.count == 1 { return try Shape([count, 1]) }
            return dimensions == [1, count, 1, 1] && count == name.target.rows.reduce(0, +) ? try Shape([count, 1, 1, 1]) : tensor.shape
        }
        guard count == name.target.rows.reduce(0, +), dimensions.first == count else {
            guard dimensions.count == 4, dimensions[0] == 1, count == name.target.rows.reduce(0, +) else {
                throw IsomerError(.unsupported, "PEFT's DoRA has lengths of rows only, not of columns", found: "\(tensor.shape)")
            }
            return tensor.shape
        }
        return dimensions.count == 4 ? try Shape([1, count, 1, 1]) : try Shape([count])
    }

    private func halves(_ tensor: TensorDescriptor) -> [(first: Int, count: Int)] {
        let rows = tensor.shape.dimensions.first ?? 1
        return [(rows / 2, rows - rows / 2), (0, rows / 2)]
    }

    // MARK: Parts

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
        // The first factors, one after another.
        var pieces: [Piece] = []
        let downWidth = tensors[down].shape.elementCount / max(1, tensors[down].shape.dimensions.first ?? 1)
        for part in sharesFirst ? [first] : parts {
            guard let index = adapter.modules[part.number].tensors[.down] else { continue }
            for run in part.ranks {
                let isWhole = run == 0..<part.wholeRank
                pieces.append(
                    .tensor(
                        TensorReference(source: 0, index: index),
                        isWhole ? .whole : .elements(run.lowerBound * downWidth..<run.upperBound * downWidth)))
            }
        }
        for part in parts {
            guard let index = adapter.modules[part.number].tensors[.down] else { continue }
            guard tensors[index].scalarType == tensors[down].scalarType else {
                throw IsomerError(.mismatch, "parts of one joined module have different types", item: tensors[index].name)
            }
            dissolved[index] = "it is part of a joined or parted factor"
        }
        let module = adapter.modules[first.number]
        try plan(
            tensors[down], pieces, try tensorName(name, .down, module),
            try Shape([rank] + tensors[down].shape.dimensions.dropFirst()))
        // The second ones, in blocks.
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
        let height = name.target.rows.reduce(0, +)
        try plan(
            blocks: rows, try tensorName(name, .up, module), try Shape([height, rank] + tensors[up].shape.dimensions.dropFirst(2)),
            tensors[up].scalarType, from: sources)
        let alpha = folds ? Double(rank) : first.factor * Double(rank)
        if name.dialect.hasAlphaTensors { try planAlpha(alpha, name, module) }
        written.append((name.target.slot, name.target.modules[0], rank, alpha, module.hasMagnitude))
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

    // MARK: Tensors

    private mutating func plan(_ tensor: TensorDescriptor, _ pieces: [Piece], _ name: String, _ shape: Shape) throws(IsomerError) {
        let type = FileConversion.isCast(tensor.scalarType) ? conversion.scalarType ?? tensor.scalarType : tensor.scalarType
        planned.append(
            PlannedTensor(try TensorDescriptor(name: name, scalarType: type, shape: shape), pieces: pieces, sourceType: tensor.scalarType))
    }

    private mutating func plan(
        blocks rows: [BlockTensors.Rows], _ name: String, _ shape: Shape, _ type: ScalarType, from sources: [Int]
    ) throws(IsomerError) {
        let descriptor = try TensorDescriptor(name: name, scalarType: type, shape: shape)
        blocks.append((descriptor, rows))
        for index in sources { dissolved[index] = "it is part of a joined or parted factor" }
        try plan(
            descriptor, [.tensor(TensorReference(source: Self.blockSource, index: blocks.count - 1), .whole)], name, shape)
    }

    private mutating func planAlpha(_ alpha: Double, _ name: AdapterModuleName, _ module: AdapterModule) throws(IsomerError) {
        let own = module.tensors[.alpha].map { tensors[$0].scalarType }
        let factors = module.tensors.values.min().map { tensors[$0].scalarType } ?? .f32
        let type = own ?? AdapterOrigin(adapter.source.tensors.metadata)?.alphaType ?? factors
        guard type.kind == .float, let stem = name.tensorName(.alpha) else { return }
        let descriptor = try TensorDescriptor(
            name: stem, scalarType: FileConversion.isCast(type) ? conversion.scalarType ?? type : type, shape: .scalar)
        let bytes = withUnsafeBytes(of: alpha) { Array($0) }
        planned.append(
            PlannedTensor(
                descriptor, pieces: [.constant(try Self.cast(bytes, to: descriptor.scalarType))], sourceType: descriptor.scalarType))
    }

    private static func cast(_ bytes: [UInt8], to type: ScalarType) throws(IsomerError) -> [UInt8] {
        let cast = try Cast(from: .f64, to: type)
        var result = [UInt8](repeating: 0, count: type.bitCount / 8)
        var failure: IsomerError?
        bytes.withUnsafeBytes { source in
            result.withUnsafeMutableBytes { target in
                do throws(IsomerError) { try cast.apply(source, target, elementCount: 1) } catch { failure = error }
            }
        }
        if let failure { throw failure }
        return result
    }

    // MARK: The plan

    func finish(leftOut: Set<Int>) throws(IsomerError) -> ConversionPlan {
        var planned = planned
        var plan = ConversionPlan(sources: [adapter.source], shape: .file, files: [])
        for index in adapter.base.reading.others where Adapter.isPassenger(tensors[index].name) {
            planned.append(
                PlannedTensor(tensors[index], from: TensorReference(source: 0, index: index), of: tensors[index].scalarType))
        }
        for index in adapter.base.reading.others where !Adapter.isPassenger(tensors[index].name) {
            plan.setAside.append(
                SetAside(
                    TensorReference(source: 0, index: index), name: tensors[index].name, .ignored, because: "nothing explains it"))
        }
        for index in leftOut.sorted() {
            for tensor in adapter.modules[index].tensors.values.sorted() {
                plan.setAside.append(
                    SetAside(
                        TensorReference(source: 0, index: tensor), name: tensors[tensor].name, .ignored,
                        because: "the model has no place for it"))
            }
        }
        if !blocks.isEmpty {
            plan.sources.append(ConversionPlan.Source("factors", BlockTensors(adapter.source.tensors, blocks), files: []))
        }
        var used: Set<Int> = []
        for piece in planned.flatMap(\.pieces) {
            if case .tensor(let reference, _) = piece, reference.source == 0 { used.insert(reference.index) }
        }
        for (index, reason) in dissolved.sorted(by: { $0.key < $1.key }) where !used.contains(index) || isPartlyUsed(index, planned) {
            plan.setAside.append(
                SetAside(TensorReference(source: 0, index: index), name: tensors[index].name, .merged, because: reason))
        }
        plan.decisions = decisions
        plan.files = [PlannedFile(container: conversion.container, tensors: planned)]
        plan.files[0].hold(try metadata(planned))
        return plan
    }

    private func isPartlyUsed(_ index: Int, _ planned: [PlannedTensor]) -> Bool {
        var count = 0
        for piece in planned.flatMap(\.pieces) {
            guard case .tensor(let reference, let part) = piece, reference == TensorReference(source: 0, index: index) else { continue }
            switch part {
            case .elements(let range): count += range.count
            default: count += tensors[index].shape.elementCount
            }
        }
        return count < tensors[index].shape.elementCount
    }

    private var decisions: [Decision] {
        var decisions = [
            Decision("base model", adapter.base.title, because: "its modules have these names and shapes", flag: "--base-model PATH")
        ]
        let unstated = adapter.scales.contains { $0.rank != nil && $0.alpha == nil }
        if unstated { decisions.append(Decision("alpha", "the same as the rank", because: "nothing states it")) }
        if foldedCount > 0 {
            decisions.append(
                Decision(
                    "alpha", "multiplied into the second factors of \(foldedCount) modules",
                    because: conversion.foldsAlpha ? "--fold-alpha says so" : "\(conversion.naming.identifier) has no place for it"))
        }
        return decisions
    }

    private func metadata(_ planned: [PlannedTensor]) throws(IsomerError) -> FileMetadata {
        var metadata = AdapterOrigin.metadata(
            of: adapter, for: conversion, isSameData: foldedCount == 0 && planned.allSatisfy { !$0.isCast })
        let statesAlpha = !(conversion.naming.writesAlphaTensors)
        if statesAlpha, metadata[PEFTConfigurations.metadataKey] == nil, written.contains(where: { $0.alpha != Double($0.rank) }) {
            metadata[PEFTConfigurations.metadataKey] = PEFTConfigurations.text(written)
        }
        for (key, value) in conversion.metadata { metadata[key] = value }
        return metadata
    }
}

extension AdapterRole {
    /// Whether the tensor has a row for each row of the module's weight.
    fileprivate var followsRows: Bool {
        switch self {
        case .up, .upBias, .difference, .biasDifference, .normDifference, .normBiasDifference, .magnitude, .hadamard1A, .hadamard2A,
            .replacement:
            true
        default: false
        }
    }
}
