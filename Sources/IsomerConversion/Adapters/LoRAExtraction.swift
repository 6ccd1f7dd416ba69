import IsomerArchitectures
public import IsomerBytes
public import IsomerMapping
public import IsomerTensors
import Synchronization

/// A LoRA made of the difference of two models.
public struct LoRAExtraction: Sendable {
    /// The model that knows more, and the one that it was made from.
    public var tuned: FilePath
    public var base: FilePath
    /// Ranks of linear maps.
    public var choice = LowRankFactors.Choice(mostRanks: 64)
    /// Ranks of convolutions with kernels; `nil` to leave them out.
    public var convolutions: LowRankFactors.Choice?
    public var naming = AdapterNaming.kohya
    public var container: Container
    /// The type of the factors; `nil` for the tuned model's own.
    public var scalarType: ScalarType?
    /// Only these components.
    public var only: Set<String> = []
    public var metadata: FileMetadata = [:]
    public var workers = Workers()

    public init(_ tuned: FilePath, from base: FilePath, _ container: Container) {
        self.tuned = tuned
        self.base = base
        self.container = container
    }

    /// One module of the LoRA: rows of the canonical tensors, one after another.
    private struct Module {
        var name: AdapterModuleName
        var slot: String
        /// Positions in the two models.
        var parts: [(tuned: Int, base: Int)]
        var shape: Shape
        var choice: LowRankFactors.Choice
        var type: ScalarType
    }

    /// Computes the factors and plans their file.
    ///
    /// - Parameter progress: told how many of how many tensor bytes are done, from any worker.
    /// - Throws: `mismatch` if the models are built differently or do not differ in any module that a LoRA has.
    public func plan(
        _ request: ConversionRequest, progress: @escaping @Sendable (_ done: UInt64, _ total: UInt64) -> Void = { _, _ in }
    ) throws(IsomerError) -> ConversionPlan {
        func read(_ path: FilePath) throws(IsomerError) -> Model {
            var inner = request
            inner.source = path
            inner.only = []
            inner.allowedUnknown = [NamePattern("*")]
            return try Model(inner)
        }
        let (new, old) = (try read(tuned), try read(base))
        try ModelMerge.refuseOtherArchitecture(old, base, than: new, tuned)
        let (newTensors, oldTensors) = (try new.canonicalTensors(), try old.canonicalTensors())
        let (modules, rest) = try modules(new, newTensors, oldTensors)
        let total =
            modules.reduce(UInt64(0)) { $0 + UInt64($1.shape.elementCount) }
            + rest.reduce(UInt64(0)) { $0 + UInt64(newTensors.tensors[$1.0].shape.elementCount) }
        let done = Counter()
        let made = Mutex<[Int: LowRankFactors]>([:])
        try workers.run(modules.count) { (item, _) throws(IsomerError) in
            let module = modules[item]
            do throws(IsomerError) {
                if let factors = try factors(of: module, newTensors, oldTensors) { made.withLock { $0[item] = factors } }
            } catch {
                throw error.about(module.name.stem)
            }
            progress(done.add(UInt64(module.shape.elementCount)), total)
        }
        let differing = Mutex<[String]>([])
        try workers.run(rest.count) { (item, _) throws(IsomerError) in
            if try differs(newTensors, rest[item].0, oldTensors, rest[item].1) {
                differing.withLock { $0.append(newTensors.tensors[rest[item].0].name) }
            }
            progress(done.add(UInt64(newTensors.tensors[rest[item].0].shape.elementCount)), total)
        }
        return try plan(new, old, modules, made.withLock { $0 }, rest: differing.withLock { $0.sorted() })
    }

    private func modules(
        _ model: Model, _ new: any TensorSource, _ old: any TensorSource
    ) throws(IsomerError) -> (modules: [Module], rest: [(Int, Int)]) {
        let aliases = try AdapterAliases(model.family, model.components.mapValues(\.configuration))
        let (newer, older) = (TensorInventory(new.tensors), TensorInventory(old.tensors))
        var modules: [Module] = []
        var rest: [(Int, Int)] = []
        var seen: Set<String> = []
        var taken: Set<Int> = []
        for (index, tensor) in new.tensors.enumerated() {
            guard let position = older.index(of: tensor.name), FileConversion.isCast(tensor.scalarType), !taken.contains(index),
                let slash = tensor.name.firstIndex(of: "/")
            else { continue }
            let slot = String(tensor.name[..<slash])
            let path = String(tensor.name[tensor.name.index(after: slash)...])
            guard only.isEmpty || only.contains(slot) else { continue }
            guard let choice = choice(of: path, tensor.shape), path.hasSuffix(".weight"),
                let name = naming.name(ofModule: String(path.dropLast(7)), slot: slot, in: aliases)
            else {
                rest.append((index, position))
                continue
            }
            guard seen.insert(name.stem).inserted else { continue }
            var parts: [(tuned: Int, base: Int)] = []
            var rows = 0
            for (part, shape) in zip(name.target.modules, name.target.shapes) {
                let key = "\(slot)/\(part).weight"
                guard let mine = newer.index(of: key), let theirs = older.index(of: key) else { continue }
                parts.append((mine, theirs))
                taken.insert(mine)
                rows += shape.dimensions.first ?? 0
            }
            modules.append(
                Module(
                    name: name, slot: slot, parts: parts, shape: try Shape([rows] + tensor.shape.dimensions.dropFirst()), choice: choice,
                    type: scalarType ?? tensor.scalarType))
        }
        return (modules, rest)
    }

    /// How a module is factored: those that kohya's networks train, and no others; `nil` for what is left out.
    private func choice(of path: String, _ shape: Shape) -> LowRankFactors.Choice? {
        guard shape.rank == 2 || shape.rank == 4 else { return nil }
        switch TrainedModule(path: path) {
        case .transformer: return choice
        case .convolution: return convolutions
        case nil: return nil
        }
    }

    private func factors(of module: Module, _ new: any TensorSource, _ old: any TensorSource) throws(IsomerError) -> LowRankFactors? {
        let rows = module.shape.dimensions[0]
        let columns = module.shape.elementCount / max(1, rows)
        let difference = FloatBuffer(count: rows * columns)
        let step = max(1, (1 << 20) / columns)
        let other = FloatBuffer(count: min(rows, step) * columns)
        var firstRow = 0
        var isZero = true
        for part in module.parts {
            let count = new.tensors[part.tuned].shape.dimensions[0]
            for start in stride(from: 0, to: count, by: step) {
                let range = start * columns..<min(count, start + step) * columns
                let place = UnsafeMutableBufferPointer(rebasing: difference.values[((firstRow + start) * columns)...])
                try new.floats(of: part.tuned, range, into: place)
                try old.floats(of: part.base, range, into: other.values)
                for i in 0..<range.count {
                    place[i] -= other.values[i]
                    if place[i] != 0 { isZero = false }
                    guard place[i].isFinite else {
                        throw IsomerError(.mismatch, "the models differ by numbers that are not finite", item: new.tensors[part.tuned].name)
                    }
                }
            }
            firstRow += count
        }
        guard !isZero else { return nil }
        if module.name.target.transform == .swapHalves {
            let half = rows / 2 * columns
            for i in 0..<half { difference.values.swapAt(i, i + half) }
        }
        let seed = TaskVectorCombination.key(seed: 0, tensor: module.name.stem, model: 0)
        return try LowRankFactors(difference, rows: rows, columns: columns, seed: seed, module.choice)
    }

    private func differs(_ new: any TensorSource, _ index: Int, _ old: any TensorSource, _ other: Int) throws(IsomerError) -> Bool {
        let count = new.tensors[index].shape.elementCount
        let step = 256 << 10
        let (a, b) = (FloatBuffer(count: min(step, count)), FloatBuffer(count: min(step, count)))
        for start in stride(from: 0, to: count, by: step) {
            let range = start..<min(count, start + step)
            try new.floats(of: index, range, into: a.values)
            try old.floats(of: other, range, into: b.values)
            for i in 0..<range.count where a.values[i] != b.values[i] { return true }
        }
        return false
    }

    private func plan(
        _ new: Model, _ old: Model, _ modules: [Module], _ factors: [Int: LowRankFactors], rest: [String]
    ) throws(IsomerError) -> ConversionPlan {
        guard !factors.isEmpty else {
            throw IsomerError(
                .mismatch, "the models do not differ in any module that a LoRA has", path: tuned,
                found: rest.isEmpty ? "no difference at all" : "\(rest.count) other tensors that differ, such as \(rest[0])",
                remedy: convolutions == nil ? "add --conv-rank for convolutions" : nil)
        }
        let (held, metadata) = try hold(modules, factors)
        var plan = ConversionPlan(
            sources: [ConversionPlan.Source("factors of the difference", held, files: [])], shape: .file,
            files: [
                PlannedFile(
                    container: container,
                    tensors: held.tensors.enumerated().map {
                        PlannedTensor($1, from: TensorReference(source: 0, index: $0), of: $1.scalarType)
                    })
            ])
        plan.files[0].hold(metadata)
        plan.sources[0].files = new.sources.flatMap(\.files) + old.sources.flatMap(\.files)
        plan.notes.append("\(factors.count) modules differ, \(modules.count - factors.count) are equal")
        let worst = factors.values.map(\.energy).reduce(1, min)
        plan.notes.append("every module keeps at least \((worst * 1000).rounded(.down) / 10) % of its difference's energy")
        if !rest.isEmpty {
            plan.notes.append(
                "\(rest.count) other tensors differ and are not in the LoRA: \(rest.prefix(3).joined(separator: ", "))"
                    + (rest.count > 3 ? ", …" : ""))
        }
        plan.decisions.append(Decision("names", naming.identifier, because: naming.title, flag: "--layout NAMING"))
        return plan
    }

    /// The factors under the naming's names, and what its files say of them.
    private func hold(
        _ modules: [Module], _ factors: [Int: LowRankFactors]
    ) throws(IsomerError) -> (tensors: HeldTensors, metadata: FileMetadata) {
        var tensors: [(TensorDescriptor, [UInt8])] = []
        var written: [(slot: String, module: String, rank: Int, alpha: Double, hasMagnitude: Bool)] = []
        for (number, module) in modules.enumerated() {
            guard let made = factors[number] else { continue }
            let kernel = module.shape.dimensions.dropFirst(2)
            for (role, buffer, shape) in [
                (AdapterRole.down, made.down, [made.rank] + module.shape.dimensions.dropFirst()),
                (.up, made.up, [module.shape.dimensions[0], made.rank] + kernel.map { _ in 1 }),
            ] {
                guard let name = module.name.tensorName(role) else { continue }
                tensors.append(
                    (try TensorDescriptor(name: name, scalarType: module.type, shape: Shape(shape)), try buffer.bytes(as: module.type)))
            }
            if module.name.dialect.hasAlphaTensors, let name = module.name.tensorName(.alpha) {
                let alpha = FloatBuffer(count: 1)
                alpha.values[0] = Float(made.rank)
                tensors.append(
                    (try TensorDescriptor(name: name, scalarType: module.type, shape: .scalar), try alpha.bytes(as: module.type)))
            }
            written.append((module.slot, module.name.target.modules[0], made.rank, Double(made.rank), false))
        }
        var metadata: FileMetadata = ["format": "pt"]
        let ranks = Set(factors.values.map(\.rank))
        if naming.writesAlphaTensors {
            metadata["ss_network_module"] = "networks.lora"
            metadata["ss_network_dim"] = ranks.count == 1 ? ranks.first.map(String.init) : "Dynamic"
            metadata["ss_network_alpha"] = metadata["ss_network_dim"]
        } else {
            metadata[PEFTConfigurations.metadataKey] = PEFTConfigurations.text(written)
        }
        for (key, value) in self.metadata { metadata[key] = value }
        return (HeldTensors(tensors), metadata)
    }
}
