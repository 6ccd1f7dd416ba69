import IsomerArchitectures
import IsomerBytes
import IsomerMapping
import IsomerTensors

/// The tensors of a merge, put together from models and adapters that have been found to fit.
struct MergeAssembly {
    /// The canonical tensors that are made, in the order of `merged`.
    private(set) var places: [(slot: String, name: String)] = []
    private(set) var merged: MergedTensors
    private(set) var decisions: [Decision] = []
    private(set) var notes: [String] = []

    private let merge: ModelMerge
    private let model: Model
    private let others: [(path: FilePath, model: Model)]
    private let adapters: [(adapter: Adapter, left: Set<Int>)]
    private let amounts: [String: Double]
    /// Tensors of the first model whose numbers go into merged ones.
    private var replaced: Set<TensorReference> = []
    /// Modules that each adapter changes.
    private var moduleCounts: [Int]

    /// An ordinary convolution beside one that takes more channels: the same but for the second extent.
    static func isGraft(_ wide: Shape, _ narrow: Shape) -> Bool {
        wide.rank == narrow.rank && wide.rank > 1 && wide.dimensions[0] == narrow.dimensions[0]
            && wide.dimensions[1] > narrow.dimensions[1] && wide.dimensions.dropFirst(2) == narrow.dimensions.dropFirst(2)
    }

    init(
        _ merge: ModelMerge, _ model: Model, _ others: [(path: FilePath, model: Model)], _ adapters: [(adapter: Adapter, left: Set<Int>)],
        _ amounts: [String: Double], _ blocks: MergeBlocks, _ request: ConversionRequest
    ) throws(IsomerError) {
        self.merge = merge
        self.model = model
        self.others = others
        self.adapters = adapters
        self.amounts = amounts
        moduleCounts = adapters.map { _ in 0 }
        let own = try model.canonicalTensors()
        let theirs = try others.map { other throws(IsomerError) in
            let source = try other.model.canonicalTensors()
            return (source: source, inventory: TensorInventory(source.tensors))
        }
        let updates = try Self.updates(of: adapters, merge, model)
        var made: [(key: UInt64, place: (slot: String, name: String), descriptor: TensorDescriptor, tensor: MergedTensors.Tensor)] = []
        var grafted = false
        let touched = Set(updates.keys.compactMap { $0.split(separator: "/").first.map(String.init) })
        for (index, tensor) in own.tensors.enumerated() {
            guard FileConversion.isCast(tensor.scalarType), let slash = tensor.name.firstIndex(of: "/") else { continue }
            let slot = String(tensor.name[..<slash])
            let name = String(tensor.name[tensor.name.index(after: slash)...])
            var inputs = [MergedTensors.Input(source: own, index: index, columns: Self.columns(tensor.shape))]
            inputs += theirs.compactMap { Self.input(tensor, $0, &grafted) }
            let added = updates[tensor.name] ?? []
            // A component that only some of the models have is the first one's.
            let isShared = inputs.count == others.count + 1 && !others.isEmpty
            // Where all are to get another type, neighbours of what an adapter changes get it on the same way: layouts join some of them.
            let isRetyped = request.scalarType.map { $0 != tensor.scalarType } ?? false
            guard isShared || !added.isEmpty || (isRetyped && touched.contains(slot)) else { continue }
            if !isShared { inputs = [inputs[0]] }
            let combination =
                isShared
                ? merge.combination(amount: amounts[blocks.block(slot: slot, tensor: name)], tensor: tensor.name) : .weighted([1])
            var order = inputs
            if merge.method.needsBase, isShared, let base = order.popLast() { order.insert(base, at: 0) }
            let descriptor = try TensorDescriptor(
                name: tensor.name, scalarType: request.scalarType ?? tensor.scalarType, shape: tensor.shape)
            made.append(
                (
                    own.storedRange(of: index)?.offset ?? UInt64(index), (slot, name), descriptor,
                    MergedTensors.Tensor(inputs: order, combination: combination, updates: added)
                ))
            for case .tensor(let reference, _) in model.components[slot]?.tensors[name]?.pieces ?? [] { replaced.insert(reference) }
        }
        made.sort { $0.key < $1.key }
        places = made.map(\.place)
        merged = MergedTensors(made.map { ($0.descriptor, $0.tensor) })
        for (number, (adapter, left)) in adapters.enumerated() { moduleCounts[number] = adapter.modules.count - left.count }
        describe(grafted: grafted)
    }

    /// What another model's tensor of the same name gives to `tensor`; `nil` if it has none.
    private static func input(
        _ tensor: TensorDescriptor, _ other: (source: any TensorSource, inventory: TensorInventory), _ grafted: inout Bool
    ) -> MergedTensors.Input? {
        guard let position = other.inventory.index(of: tensor.name) else { return nil }
        let shape = other.source.tensors[position].shape
        let isGraft = isGraft(tensor.shape, shape)
        grafted = grafted || isGraft
        return MergedTensors.Input(source: other.source, index: position, columns: columns(isGraft ? shape : tensor.shape))
    }

    private static func columns(_ shape: Shape) -> Int { max(1, shape.elementCount / max(1, shape.dimensions.first ?? 1)) }

    /// What each adapter does to each tensor, by `component/name`.
    private static func updates(
        of adapters: [(adapter: Adapter, left: Set<Int>)], _ merge: ModelMerge, _ model: Model
    ) throws(IsomerError) -> [String: [AdapterUpdate]] {
        var updates: [String: [AdapterUpdate]] = [:]
        for ((adapter, left), added) in zip(adapters, merge.adapters) {
            for (number, module) in adapter.modules.enumerated() where !left.contains(number) {
                guard let target = module.target, let kind = module.kind else { continue }
                guard kind.isMerged else {
                    throw IsomerError(
                        .unsupported, "\(kind.rawValue) adapters are recognised but not merged", path: adapter.path, item: module.stem)
                }
                var factor = adapter.scales[number].factor
                if let index = module.tensors[.scalar] { factor *= try adapter.source.tensors.number(of: index) }
                var firstRow = 0
                for (part, rows) in zip(target.modules, target.rows) {
                    let weight = AdapterUpdate(
                        source: adapter.source.tensors, tensors: module.tensors, kind: kind,
                        stored: module.tensors[.difference] ?? module.tensors[.normDifference] ?? module.tensors[.replacement],
                        factor: factor, strength: added.strength, firstRow: firstRow, swapsHalves: target.transform == .swapHalves,
                        rows: rows, columns: target.columns, inputs: target.shapes.first.map { $0.rank > 1 ? $0.dimensions[1] : 1 } ?? 1,
                        measuresRows: Self.measuresRows(module, adapter, target), lengthStrength: merge.lengthStrength)
                    let isBiasOnly = (kind == .full || kind == .norm) && weight.stored == nil
                    if !isBiasOnly { updates["\(target.slot)/\(part).weight", default: []].append(weight) }
                    if let bias = module.tensors[.biasDifference] ?? module.tensors[.normBiasDifference] ?? module.tensors[.upBias] {
                        let name = "\(target.slot)/\(part).bias"
                        guard model.components[target.slot]?.tensors["\(part).bias"] != nil else {
                            throw IsomerError(
                                .mismatch, "the adapter changes a bias that the module does not have", path: adapter.path, item: module.stem
                            )
                        }
                        updates[name, default: []].append(
                            AdapterUpdate(
                                source: adapter.source.tensors, tensors: [:], kind: .full, stored: bias, factor: 1,
                                strength: added.strength, firstRow: firstRow, swapsHalves: target.transform == .swapHalves, rows: rows,
                                columns: 1, inputs: 1))
                    }
                    firstRow += rows
                }
            }
        }
        return updates
    }

    /// DoRA's lengths are one for each row in PEFT's files; LyCORIS also has one for each input, in a shape that says so.
    private static func measuresRows(_ module: AdapterModule, _ adapter: Adapter, _ target: AdapterTarget) -> Bool {
        guard let index = module.tensors[.magnitude] else { return true }
        let dimensions = adapter.inventory.tensors[index].shape.dimensions
        let rows = target.rows.reduce(0, +)
        guard dimensions.first != rows else { return true }
        let inputs = target.shapes.first.map { $0.rank > 1 ? $0.dimensions[1] : 1 } ?? 1
        return dimensions.reduce(1, *) == rows && rows != inputs
    }

    private mutating func describe(grafted: Bool) {
        if !others.isEmpty {
            let missing = model.components.keys.filter { slot in others.contains { $0.model.components[slot] == nil } }.sorted()
            for slot in missing {
                decisions.append(Decision(slot, "the first model's", because: "not all of the models have one"))
            }
            for (path, other) in others {
                for slot in other.components.keys.sorted() where model.components[slot] == nil {
                    notes.append("the \(slot) of \(path.string) is left out: the first model has none")
                }
            }
        }
        if grafted {
            notes.append("the first model takes more channels than others: the further ones of its first convolution stay what they are")
        }
        for (number, (adapter, left)) in adapters.enumerated() {
            notes.append(
                "\(adapter.path.string): \(moduleCounts[number]) modules, strength \(merge.adapters[number].strength)"
                    + (left.isEmpty ? "" : ", \(left.count) without a place left out"))
            let strength = merge.adapters[number].strength
            if strength != 1, adapter.modules.contains(where: \.hasMagnitude) {
                let isOnProducts = merge.lengthStrength == .diffusers
                decisions.append(
                    Decision(
                        "strength \(strength) of \(adapter.path.lastComponent?.string ?? "the adapter")",
                        isOnProducts ? "a factor on the products, as in diffusers" : "a share of the change, as in ComfyUI",
                        because: "it trained lengths of weights too, and tools differ in what a strength means there",
                        flag: "--dora-strength"))
                if strength < 0 {
                    notes.append(
                        "\(adapter.path.string) replaces lengths of weights, and nothing knows those before: a negative strength does not give "
                            + "back the model that it was once merged into")
                }
            }
            if let scale = adapter.scales.first(where: { $0.rank != nil }), scale.alpha == nil {
                decisions.append(
                    Decision(
                        "alpha of \(adapter.path.lastComponent?.string ?? "the adapter")", "the same as the rank",
                        because: "nothing states it"))
            }
        }
    }
}

extension MergeAssembly {
    /// Says of every tensor of every source what became of it.
    func account(for plan: inout ConversionPlan) {
        let reason = "it went into the merged weights"
        var known: Set<TensorReference> = []
        for index in plan.setAside.indices {
            known.insert(plan.setAside[index].tensor)
            guard replaced.contains(plan.setAside[index].tensor) else { continue }
            plan.setAside[index].fate = .merged
            plan.setAside[index].reason = reason
        }
        for reference in replaced.subtracting(known).sorted(by: { ($0.source, $0.index) < ($1.source, $1.index) }) {
            plan.setAside.append(
                SetAside(reference, name: plan.sources[reference.source].tensors.tensors[reference.index].name, .merged, because: reason))
        }
        for (_, other) in others {
            let first = plan.sources.count
            let used = other.components.filter { model.components[$0.key] != nil }.values.reduce(into: Set<TensorReference>()) {
                $0.formUnion($1.references)
            }
            for (number, source) in other.sources.enumerated() {
                for (index, tensor) in source.tensors.tensors.enumerated() {
                    let isUsed = used.contains(TensorReference(source: number, index: index))
                    plan.setAside.append(
                        SetAside(
                            TensorReference(source: first + number, index: index), name: tensor.name, isUsed ? .merged : .dropped,
                            because: isUsed ? reason : "only the first model's is taken"))
                }
            }
            plan.sources += other.sources
        }
        for (adapter, left) in adapters {
            let number = plan.sources.count
            let used = Set(adapter.modules.enumerated().filter { !left.contains($0.offset) }.flatMap(\.element.tensors.values))
            for (index, tensor) in adapter.source.tensors.tensors.enumerated() {
                plan.setAside.append(
                    SetAside(
                        TensorReference(source: number, index: index), name: tensor.name, used.contains(index) ? .merged : .ignored,
                        because: used.contains(index) ? reason : "the model has no place for it"))
            }
            plan.sources.append(adapter.source)
        }
    }

    /// What was merged how, for the metadata: names of files, never their folders.
    var recipe: JSONObject {
        func name(_ path: FilePath) -> JSONValue { .string(path.lastComponent?.string ?? path.string) }
        var recipe: JSONObject = ["method": .string(others.isEmpty ? "adapters" : merge.method.rawValue)]
        let weights = merge.modelWeights
        recipe["models"] = .array(
            merge.models.enumerated().map { number, path in
                var entry: JSONObject = ["name": name(path)]
                if !others.isEmpty, merge.method != .slerp, merge.method != .addDifference {
                    entry["weight"] = .number(JSONNumber(weights[number]))
                }
                return .object(entry)
            })
        if merge.method == .slerp || merge.method == .addDifference { recipe["amount"] = .number(JSONNumber(merge.share)) }
        if let base = merge.base { recipe["base"] = name(base) }
        if merge.method.needsBase { recipe["density"] = .number(JSONNumber(merge.density)) }
        if merge.method == .dare || merge.method == .dareTies { recipe["seed"] = .number(JSONNumber(merge.seed)) }
        if let text = merge.blockWeights { recipe["blockWeights"] = .string(text) }
        if !merge.adapters.isEmpty {
            recipe["adapters"] = .array(
                merge.adapters.map { ["name": name($0.path), "strength": .number(JSONNumber($0.strength))] })
            if adapters.contains(where: { $0.adapter.modules.contains(where: \.hasMagnitude) }) {
                recipe["doraStrength"] = .string(merge.lengthStrength.rawValue)
            }
        }
        return recipe
    }
}

extension ModelMerge {
    /// The amount, or what is usual.
    var share: Double { amount ?? (method == .addDifference ? 1 : 0.5) }

    /// One weight for each model, the base not among them. Those of a weighted sum add up to 1.
    var modelWeights: [Double] {
        if method.needsBase { return weights ?? models.map { _ in 1 } }
        if let weights {
            let sum = weights.reduce(0, +)
            return abs(sum - 1) < 1e-6 ? weights : weights.map { $0 / sum }
        }
        if models.count == 2 { return [1 - share, share] }
        return models.map { _ in 1 / Double(models.count) }
    }

    func combination(amount: Double?, tensor: String) -> MergedTensors.Combination {
        let share = amount ?? self.share
        switch method {
        case .weightedSum:
            return .weighted(amount == nil ? modelWeights.map { Float($0) } : [Float(1 - share), Float(share)])
        case .addDifference: return .weighted([1, Float(share), -Float(share)])
        case .slerp: return .spherical(Float(share))
        case .ties, .dare, .dareTies:
            let keys = models.indices.map { TaskVectorCombination.key(seed: seed, tensor: tensor, model: $0) }
            return .taskVectors(
                TaskVectorCombination(
                    weights: modelWeights.map { Float($0) }, thresholds: models.map { _ in 0 },
                    chance: method == .ties ? nil : (density, keys), electsSign: method != .dare, normalizes: method == .ties),
                density: density, keepsLargest: method == .ties)
        }
    }
}
