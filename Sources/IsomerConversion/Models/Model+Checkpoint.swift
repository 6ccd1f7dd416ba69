import IsomerArchitectures
public import IsomerBytes
import IsomerFormats
import IsomerMapping
import IsomerTensors

extension Model {
    /// Reads one weight file as a model: a checkpoint, or a single component in any of its layouts.
    ///
    /// Throws `undecided` if no family fits or several do, `mismatch` if tensors are missing or unknown and not allowed to be.
    public init(checkpoint path: FilePath, _ request: ConversionRequest, _ hints: ConfigurationHints) throws(IsomerError) {
        var source = try ConversionPlan.Source(path.lastComponent?.string ?? path.string, opening: path, limits: request.limits)
        let opened = source.tensors
        let parts = try source.joinParts(at: path, request.limits)
        let (decisions, notes) = try source.mend(request)
        try self.init(checkpoint: path, source, opened: opened, request, hints)
        self.decisions = (parts.map { [$0] } ?? []) + decisions + self.decisions
        self.notes = notes + self.notes
    }

    /// The same of a file that is open already, and whose tensors may have been mended since.
    private init(
        checkpoint path: FilePath, _ source: ConversionPlan.Source, opened: any TensorSource, _ request: ConversionRequest,
        _ hints: ConfigurationHints
    ) throws(IsomerError) {
        let inventory = TensorInventory(source.tensors.tensors)
        let sidecar = Model.sidecar(of: path)
        let hints = try hints.over(sidecar: sidecar, limits: request.limits)
        let reading = try Model.reading(of: inventory, path, request, hints)
        self.init(family: reading.family, sources: [source])
        notes += Model.doubts(of: reading.family, reading.evidence)

        for slot in family.slots {
            guard let last = reading.components[slot.name] else { continue }
            // What is not asked for need not be whole, but tells what the rest is.
            guard request.only.isEmpty || request.only.contains(slot.name) else {
                components[slot.name] = try ModelComponent(
                    outlineOf: last, slot, source: 0, in: source.tensors, only: [Model.tensorSpreadByVelocity])
                continue
            }
            var chosen = last
            if request.usesAverage, slot.average != nil {
                guard let average = reading.averages[slot.name] else {
                    throw IsomerError(.mismatch, "the file has no averaged (EMA) weights", path: path, remedy: "leave --ema away")
                }
                chosen = average
            }
            notes += chosen.notes
            do throws(IsomerError) {
                components[slot.name] = try ModelComponent(slot, chosen, source: 0, in: source.tensors, request)
            } catch {
                throw error.inFile(path)
            }
        }
        if !reading.averages.isEmpty {
            decisions.append(
                Decision(
                    "weights", request.usesAverage ? "averaged (EMA)" : "last (not EMA)",
                    because: "the file holds both", flag: request.usesAverage ? nil : "--ema"))
        }
        if let rest = (opened as? TorchArchive)?.rest, !rest.tensors.isEmpty {
            for (index, tensor) in rest.tensors.enumerated() {
                beside.append(
                    Beside(
                        TensorReference(source: sources.count, index: index), name: tensor.name, because: ConversionPlan.restReason))
            }
            sources.append(ConversionPlan.Source("outside the state dictionary", rest, files: []))
        }
        if let sidecar { try readExtras(sidecar, limits: request.limits) }
        checkpointMetadata = source.tensors.metadata
        try setBeside(reading, inventory, path, request)
        try readLatentStatistics(in: source.tensors, inventory)
        prediction = try predictionFound(in: source.tensors, inventory, request, hints)
        settle(hints, request)
    }

    /// As much of what `reading` found in `source` as tells what the model predicts: configurations, markers, and of the tensors only the one
    /// that is looked into. For a report, which has no use for the others' places.
    init(
        outlineOf reading: ModelReading, _ inventory: TensorInventory, _ source: ConversionPlan.Source, _ request: ConversionRequest
    ) throws(IsomerError) {
        let hints = try ConfigurationHints().over(sidecar: Model.sidecar(of: request.source), limits: request.limits)
        self.init(family: reading.family, sources: [source])
        for slot in family.slots {
            guard let component = reading.components[slot.name] else { continue }
            components[slot.name] = try ModelComponent(
                outlineOf: component, slot, source: 0, in: source.tensors, only: [Model.tensorSpreadByVelocity])
        }
        beside =
            reading.companions.map {
                Beside(TensorReference(source: 0, index: $0.index), name: inventory.tensors[$0.index].name, $0.companion)
            }
            + reading.leftover.map { Beside(unknown: TensorReference(source: 0, index: $0), name: inventory.tensors[$0].name) }
        checkpointMetadata = source.tensors.metadata
        try readLatentStatistics(in: source.tensors, inventory)
        prediction = try predictionFound(in: source.tensors, inventory, request, hints)
        settle(hints, request)
    }

    /// Where an earlier conversion put what the file has no place for: beside the name that was asked for, which a set of shards has in parts.
    private static func sidecar(of path: FilePath) -> FilePath? {
        guard let name = path.lastComponent else { return nil }
        var whole = name.string
        let ending = ".index.json"
        if whole.hasSuffix(ending) {
            whole.removeLast(ending.count)
        } else if let shard = ShardNaming.shard(named: whole) {
            whole = shard.naming.fileName(shard: 1, of: 1)
        }
        return path.removingLastComponent().appending(Extras.fileName(beside: FilePath.Component(whole) ?? name))
    }

    init(family: ModelFamily, sources: [ConversionPlan.Source]) {
        self.init(
            family: family, components: [:], member: nil, asked: nil, prediction: nil, scheduler: nil, pipeline: nil, plainFiles: [],
            index: nil,
            sources: sources, extras: nil, extrasSource: nil, checkpointMetadata: nil, beside: [], decisions: [], notes: [])
    }

    /// The family that the file is of, or an error that says what was found instead.
    private static func reading(
        of inventory: TensorInventory, _ path: FilePath, _ request: ConversionRequest, _ hints: ConfigurationHints
    ) throws(IsomerError) -> ModelReading {
        if let name = request.architecture {
            let family = try ModelFamily.meant(by: name)
            guard let reading = try family.reading(of: inventory, given: hints.components) else {
                throw IsomerError(.mismatch, "the file has no component of \(family.title)", path: path)
            }
            return reading
        }
        if let known = UnmappedArchitecture.found(in: inventory) {
            throw IsomerError(
                .unsupported, "this is \(known.title), which is recognised but not converted: \(known.reason)", path: path,
                remedy: "a change of container alone (`isomer convert --layout keep`) works for any file")
        }
        let detection: FamilyDetection
        do throws(IsomerError) { detection = try FamilyDetection(of: inventory, given: hints.components) } catch {
            throw error.inFile(path)
        }
        if let decided = detection.decided ?? detection.agreeing { return decided }
        let accepted = detection.candidates.filter(\.isAccepted)
        guard accepted.isEmpty else {
            throw IsomerError(
                .undecided, "the tensors do not tell \(accepted.map(\.family.title).joined(separator: " from "))", path: path,
                remedy: "say it with --architecture \(accepted.map(\.family.identifier).joined(separator: " or "))")
        }
        if let nearest = detection.candidates.first {
            let against = nearest.evidence.filter { !$0.holds }.map { "not true that \($0.claim)" }.joined(separator: "; ")
            throw IsomerError(
                .unsupported, "this looks like \(nearest.family.title) but is not: \(against)", path: path,
                remedy: "see `isomer inspect` for what is in it")
        }
        try refuseIncomplete(inventory, path)
        throw IsomerError(
            .unsupported, "no known architecture has tensors like these", path: path,
            found: inventory.tensors.prefix(3).map(\.name).joined(separator: ", ") + (inventory.tensors.count > 3 ? ", …" : ""),
            remedy: "see `isomer inspect` for what is in it; a change of container alone (`isomer convert --layout keep`) works for"
                + " any file")
    }

    /// Throws `mismatch` if what nothing explains is a network without one of the tensors that tell it.
    private static func refuseIncomplete(_ unexplained: TensorInventory, _ path: FilePath) throws(IsomerError) {
        guard let (slot, missing) = ModelFamily.nearlyPresent(in: unexplained) else { return }
        let names = missing.joined(separator: " and ")
        throw IsomerError(
            .mismatch, "the \(slot.network.title) is not whole: \(names) \(missing.count > 1 ? "are" : "is") missing", path: path,
            item: slot.name, remedy: "get the file again")
    }

    /// Sorts out what is not part of a component, and refuses what nothing explains.
    private mutating func setBeside(
        _ reading: ModelReading, _ inventory: TensorInventory, _ path: FilePath, _ request: ConversionRequest
    ) throws(IsomerError) {
        var used: Set<Int> = []
        for component in components.values {
            for run in component.tensors.values.flatMap(\.runs) {
                if case .tensor(let reference, _) = run.piece { used.insert(reference.index) }
            }
        }
        func add(_ index: Int, _ entry: (TensorReference, String) -> Beside) {
            guard used.insert(index).inserted else { return }
            beside.append(entry(TensorReference(source: 0, index: index), inventory.tensors[index].name))
        }
        if request.usesAverage {
            for (name, component) in reading.components where reading.averages[name] != nil {
                for assignment in component.assignments {
                    add(assignment.index) { Beside($0, name: $1, because: "last weights, in favour of the averaged ones") }
                }
            }
        }
        setBeside(components.keys.sorted().flatMap { reading.components[$0]?.pairs ?? [] }, inventory)
        for companion in reading.companions {
            add(companion.index) { Beside($0, name: $1, companion.companion) }
        }
        var refused: [String] = []
        for index in reading.leftover {
            let name = inventory.tensors[index].name
            if request.keepsExtras || request.allowedUnknown.contains(where: { $0.matches(name) }) {
                add(index) { Beside(unknown: $0, name: $1) }
            } else {
                refused.append(name)
            }
        }
        if let first = refused.first {
            let known = Set(refused.map { ExactString($0) })
            try Self.refuseIncomplete(TensorInventory(inventory.tensors.filter { known.contains(ExactString($0.name)) }), path)
            throw IsomerError(
                .mismatch, "nothing explains \(refused.count == 1 ? "a tensor" : "\(refused.count) tensors") of this file", path: path,
                item: first,
                remedy: "leave such tensors out with --allow-unknown PATTERN, or carry them along with --keep-extras")
        }
    }
}

extension FamilyDetection {
    /// The first of several families that fit alike, if they say the same of everything that was found: a VAE that two families share.
    var agreeing: ModelReading? {
        let accepted = candidates.filter(\.isAccepted)
        guard let first = accepted.first else { return nil }
        let agree = accepted.dropFirst().allSatisfy { other in
            other.components.keys.sorted() == first.components.keys.sorted()
                && first.components.allSatisfy { slot, reading in
                    guard let mine = first.configuration(of: slot), let theirs = other.configuration(of: slot) else { return false }
                    return mine.isEqual(to: theirs) && reading.configuration.hasStructure(of: theirs)
                }
        }
        return agree ? first : nil
    }
}

extension NetworkConfiguration {
    fileprivate func isEqual(to other: any NetworkConfiguration) -> Bool {
        (other as? Self) == self
    }
}
