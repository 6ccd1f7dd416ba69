import IsomerArchitectures
import IsomerBytes
import IsomerMapping
import IsomerTensors

/// An adapter's tensors under other names, while they are being laid out.
struct AdapterLayoutPlan {
    let conversion: AdapterConversion
    let adapter: Adapter
    var planned: [PlannedTensor] = []
    var blocks: [(TensorDescriptor, [BlockTensors.Rows])] = []
    /// Tensors whose numbers are in blocks, and alphas that are said elsewhere.
    var dissolved: [Int: String] = [:]
    /// Rank and alpha of each module written, for namings that say alpha in the metadata.
    var written: [(slot: String, module: String, rank: Int, alpha: Double, hasMagnitude: Bool)] = []
    var foldedCount = 0
    /// Strands that wait for the others of their joined module, by its name, in order.
    var pending: [(name: AdapterModuleName, strands: [AdapterStrand])] = []
    var pendingPlaces: [String: Int] = [:]

    static let blockSource = 1

    init(_ conversion: AdapterConversion, _ adapter: Adapter) {
        self.conversion = conversion
        self.adapter = adapter
    }

    var tensors: [TensorDescriptor] { adapter.inventory.tensors }

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

    func tensorName(_ name: AdapterModuleName, _ role: AdapterRole, _ module: AdapterModule) throws(IsomerError) -> String {
        guard let made = name.tensorName(role) else {
            throw IsomerError(
                .unsupported,
                "\(conversion.naming.identifier) has no place for \(role.rawValue), which is part of this \(module.kind?.rawValue ?? "module")",
                remedy: "choose one of kohya's namings: kohya, kohya-diffusers, onetrainer, lycoris")
        }
        return made
    }

    /// DoRA's lengths are a column in kohya's files and a row in PEFT's; all else has the same shape everywhere.
    func shape(of role: AdapterRole, _ tensor: TensorDescriptor, in name: AdapterModuleName) throws(IsomerError) -> Shape {
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
