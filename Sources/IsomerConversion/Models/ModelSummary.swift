import IsomerArchitectures
public import IsomerBytes
public import IsomerMapping
import IsomerTensors

/// What a file or folder is, as far as names and shapes tell, with the reasons: what `inspect` shows. Reads headers only.
public struct ModelSummary: Sendable {
    /// One component that was found.
    public struct Component: Hashable, Sendable {
        /// Its slot: `unet`.
        public var slot: String
        /// The kind of network: "UNet".
        public var title: String
        /// Where it stands: "model.diffusion_model. (LDM)".
        public var origin: String
        /// What tells it from others of its kind.
        public var summary: String
        /// Numbers in the tensors that were found.
        public var parameters: Int
        /// Numbers in the network's whole manifest.
        public var expectedParameters: Int
        /// Tensors that are missing, in the file's naming.
        public var missing: [String]
        /// What is wrong with tensors of another shape.
        public var mismatches: [String]
    }

    /// A family that was considered and what speaks against it.
    public struct Alternative: Hashable, Sendable {
        /// The family.
        public var title: String
        /// Claims that do not hold.
        public var against: [String]
    }

    /// The family; `nil` if none fits, or several do.
    public var family: ModelFamily?
    /// An architecture that is known by its tensors' names but not converted, and why not.
    public var recognised: (title: String, reason: String)?
    /// Published models with the same structure.
    public var members: [String] = []
    /// What speaks for the family.
    public var evidence: [Evidence] = []
    /// Families that fit as well or nearly.
    public var alternatives: [Alternative] = []
    /// The components that were found.
    public var components: [Component] = []
    /// What the denoiser predicts, with the reason; `nil` if nothing tells.
    public var prediction: Decision?
    /// What stands beside the components, by reason: how many tensors.
    public var beside: [(reason: String, count: Int)] = []
    /// Tensors that nothing explains.
    public var unexplained: [String] = []
    /// How the weights are stored, where that is not as plain numbers.
    public var packing: [PackedWeights.Kind] = []
    /// The Diffusers pipeline that a folder names.
    public var pipeline: String?

    /// Looks at the weight file or Diffusers folder at `path`. That nothing is recognised is an answer, not an error.
    public init(of path: FilePath, limits: Limits = Limits()) throws(IsomerError) {
        if try FileSystem.kind(of: path) == .folder {
            try self.init(of: Model(Self.request(path, limits)))
        } else {
            try self.init(of: WeightFile(path, limits: limits), limits: limits)
        }
    }

    /// The same of a weight file that is open already.
    public init(of file: WeightFile, limits: Limits = Limits()) throws(IsomerError) {
        try describe(file: file.source, Self.request(file.path, limits))
    }

    /// The same of a model that has been read with `request(_:_:)`, from a folder.
    public init(of model: Model) throws(IsomerError) {
        try describe(folder: model)
    }

    /// How something is read that is only to be looked at: nothing that is missing or unknown is a reason to stop.
    public static func request(_ path: FilePath, _ limits: Limits = Limits()) -> ConversionRequest {
        var request = ConversionRequest(source: path)
        request.limits = limits
        request.keepsExtras = true
        request.allowedMissing = [NamePattern("*")]
        return request
    }

    private mutating func describe(file opened: ConversionPlan.Source, _ request: ConversionRequest) throws(IsomerError) {
        var source = opened
        var inventory = TensorInventory(source.tensors.tensors)
        if let (layout, part) = Layouts.part(in: inventory) {
            do throws(IsomerError) {
                _ = try source.joinParts(at: request.source, request.limits)
            } catch {
                recognised = ("the \(part.word) of a \(layout.network.title)", error.what)
                return
            }
        }
        let packed = try PackedWeights(in: source.tensors, as: request.scalarType)
        if let title = packed.unreadable {
            recognised = ("a model in \(title)", PackedWeights.reason)
            return
        }
        _ = try source.mend(request, packed)
        packing = source.packing
        // Mostly there was nothing to mend, and the list is the very same.
        if source.tensors.tensors != inventory.tensors { inventory = TensorInventory(source.tensors.tensors) }
        if let known = UnmappedArchitecture.found(in: inventory) {
            recognised = (known.title, known.reason)
            return
        }
        let detection = try FamilyDetection(of: inventory)
        guard let reading = detection.decided ?? detection.agreeing else {
            alternatives = detection.candidates.map(Alternative.init)
            // Whatever the whole is, the parts can be told.
            if let first = detection.candidates.first { components = first.components.map { Component($0.key, $0.value, inventory) } }
            sort()
            return
        }
        family = reading.family
        members = reading.members.map(\.title)
        evidence = reading.evidence
        // A family of which this file holds but a part is no alternative: a VAE alone, say, where a whole model stands.
        let others = detection.candidates.filter { $0.family != reading.family && $0.components.count >= reading.components.count }
        alternatives =
            others.map(Alternative.init)
            + detection.rejected.map { Alternative(title: $0.family.title, against: $0.evidence.filter { !$0.holds }.map(\.claim)) }
        components = reading.components.map { Component($0.key, $0.value, inventory) }
        var counts: [String: Int] = [:]
        for companion in reading.companions { counts[companion.companion.reason, default: 0] += 1 }
        beside = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) }
        unexplained = reading.leftover.map { inventory.tensors[$0].name }
        sort()
        // Only for what it predicts: whether the weights are whole has been said above.
        if components.allSatisfy(\.mismatches.isEmpty), let model = try? Model(outlineOf: reading, inventory, source, request) {
            prediction = model.prediction
            if let likely = model.likelyMember, members.contains(likely.title) {
                members = [likely.title] + members.filter { $0 != likely.title }
            }
        }
    }

    private mutating func describe(folder model: Model) throws(IsomerError) {
        family = model.family
        let configurations = model.components.mapValues(\.configuration)
        evidence = model.family.judge(configurations)
        members = model.family.members(matching: configurations).map(\.title)
        if let likely = model.likelyMember, members.contains(likely.title) {
            members = [likely.title] + members.filter { $0 != likely.title }
        }
        prediction = model.prediction
        pipeline = model.pipeline
        for kind in model.sources.flatMap(\.packing) { packing.count(kind) }
        for (slot, component) in model.components {
            let manifest = try component.configuration.manifest()
            let missing = component.missing.sorted()
            components.append(
                Component(
                    slot: slot, title: component.slot.network.title, origin: component.origin, summary: component.configuration.summary,
                    parameters: manifest.parameterCount - missing.reduce(0) { $0 + (manifest[$1]?.elementCount ?? 0) },
                    expectedParameters: manifest.parameterCount, missing: missing, mismatches: []))
        }
        var counts: [String: Int] = [:]
        for entry in model.beside { counts[entry.reason, default: 0] += 1 }
        beside = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) }
        sort()
    }

    private mutating func sort() {
        components.sort { $0.slot < $1.slot }
    }
}

extension ModelSummary.Alternative {
    fileprivate init(_ reading: ModelReading) {
        self.init(title: reading.family.title, against: reading.evidence.filter { !$0.holds }.map(\.claim))
    }
}

extension ModelSummary.Component {
    fileprivate init(_ slot: String, _ reading: ComponentReading, _ inventory: TensorInventory) {
        let found = reading.assignments.reduce(0) { $0 + inventory.tensors[$1.index].shape.elementCount }
        self.init(
            slot: slot, title: reading.placement.layout.network.title,
            origin: reading.placement.description,
            summary: reading.configuration.summary, parameters: found,
            expectedParameters: reading.parameterCount, missing: reading.missing,
            mismatches: reading.mismatches.map(\.description))
    }
}
