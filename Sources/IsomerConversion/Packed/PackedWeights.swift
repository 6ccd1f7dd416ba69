public import IsomerBytes
public import IsomerTensors

/// The weights of a source that are stored otherwise than as plain numbers or one of ggml's blocks: each way in which tools do that has a file of
/// its own beside this one. Here they are found by the names of what belongs to them.
public struct PackedWeights: Sendable {
    /// A way in which weights are stored, and how many are.
    public struct Kind: Hashable, Sendable {
        /// The way itself.
        let packing: Packing
        /// The type of the numbers.
        public let scalarType: ScalarType
        /// How many weights.
        public internal(set) var count: Int

        /// What it is called: "bitsandbytes' 4-bit blocks (NF4)".
        public var title: String { packing.title }
    }

    /// The kinds that were found, in the order of their first weights.
    public private(set) var kinds: [Kind] = []
    /// What packed weights that cannot be read, if there are such.
    public private(set) var unreadable: String?

    private let source: any TensorSource
    private var weights: [Int: (weight: any PackedWeight, packing: Packing)] = [:]
    /// What belongs to a weight, and how that is packed.
    private var companions: [Int: Packing] = [:]

    /// How the names of what belongs to weights end that only the library reads that packed them.
    ///
    /// References: AutoGPTQ 0.7 `qlinear_cuda.py`; nunchaku 1.0 `models/linear.py`.
    private static let strangers: [(ending: String, title: String)] = [
        ("qzeros", "GPTQ's or AWQ's blocks"), ("wscales", "Nunchaku's 4-bit blocks (SVDQuant)"),
    ]

    /// Looks for packed weights in `source`.
    ///
    /// - Parameter type: what is asked of the whole. Weights that tell the type of their numbers are given in that; others in this, or f16.
    /// - Throws: `malformed` if something that belongs to a weight is missing, or is not what the weight's shape and description say;
    ///   `unsupported` for what the library that packed it never makes.
    public init(in source: any TensorSource, as type: ScalarType? = nil) throws(IsomerError) {
        self.source = source
        // Every name of every file comes through here; most files have none of these.
        var marks: [(index: Int, ending: String)] = []
        for (index, tensor) in source.tensors.enumerated() {
            let name = tensor.name.utf8
            guard let dot = name.lastIndex(of: UInt8(ascii: ".")) else { continue }
            let ending = Substring(name[name.index(after: dot)...])
            if Self.endings.contains(ending) { marks.append((index, String(ending))) }
        }
        let layers = try ComfyWeights.layers(in: source.metadata)
        guard !marks.isEmpty || !layers.isEmpty else { return }

        let names = StoredNames(source)
        // Blocks and parts of bytes have no place among a model's numbers.
        let floating = type.map { $0.kind == .float && $0.isByteAligned ? $0 : .f32 } ?? .f16
        var marked: Set<String> = []
        for (layer, description) in layers {
            // Some tools leave away where the layers' names begin.
            guard let layer = [layer, "model.diffusion_model." + layer].first(where: { names.index($0 + ".weight") != nil }) else {
                continue
            }
            if marked.insert(layer).inserted { try add(layer, description, floating, names) }
        }
        for (index, ending) in marks where ending == "comfy_quant" {
            let layer = String(source.tensors[index].name.dropLast(".comfy_quant".count))
            if marked.insert(layer).inserted { try add(layer, try names.json(index), floating, names) }
        }
        for (index, ending) in marks { try add(index, ending, floating, names, isMarked: marked.contains) }
        guard weights.values.contains(where: { $0.packing == .scaledFloats }) else { return }
        for (index, tensor) in source.tensors.enumerated() where ScaledFloats.isMarker(tensor) { companions[index] = .scaledFloats }
    }

    private static let endings: Set<Substring> = Set(
        [BitsAndBytesBlocks.Kind.nf4.rawValue, BitsAndBytesBlocks.Kind.fp4.rawValue, "SCB", "comfy_quant", "weight_scale_2"].map { $0[...] }
            + ScaledFloats.scales.map { $0.dropFirst() } + strangers.map { $0.ending[...] })

    // MARK: Finding

    /// Adds what tensor `index`, whose name ends in `ending`, belongs to.
    private mutating func add(
        _ index: Int, _ ending: String, _ type: ScalarType, _ names: StoredNames, isMarked: (String) -> Bool
    ) throws(IsomerError) {
        let name = source.tensors[index].name
        if let kind = BitsAndBytesBlocks.Kind(rawValue: ending) {
            guard name.hasSuffix(".quant_state." + ending) else { return }
            let weight = try BitsAndBytesBlocks(kind, state: index, in: names)
            let others = BitsAndBytesBlocks.companions.compactMap { names.index(weight.tensor.name + $0) }
            guard let codes = names.index(weight.tensor.name) else { return }
            return try add(weight, at: codes, .bitsAndBytesBlocks(kind), [index] + others)
        }
        if ending == "SCB" {
            let (codes, weight, others) = try BitsAndBytesRows.weight(scales: index, in: names)
            return try add(weight, at: codes, .bitsAndBytesRows, others)
        }
        if let stranger = Self.strangers.first(where: { $0.ending == ending }) {
            unreadable = unreadable ?? stranger.title
            return
        }
        let layer = String(name.dropLast(ending.utf8.count + 1))
        if ending == "weight_scale_2" {
            // Without a mark nothing tells the order of the scales.
            if !isMarked(layer), companions[index] == nil { unreadable = unreadable ?? "NVFP4 blocks that are not ComfyUI's" }
            return
        }
        guard ScaledFloats.scales.contains("." + ending), companions[index] == nil, let codes = names.index(layer + ".weight"),
            ScaledFloats.isEightBits(source.tensors[codes].scalarType)
        else { return }
        let weight = try ScaledRows(codes: codes, scales: index, as: type, in: names)
        try add(weight, at: codes, .scaledFloats, [index] + ScaledFloats.companions.compactMap { names.index(layer + $0) })
    }

    /// Adds a layer that ComfyUI's mark is on.
    private mutating func add(
        _ layer: String, _ description: JSONCursor, _ type: ScalarType, _ names: StoredNames
    ) throws(IsomerError) {
        switch try ComfyWeights.layer(layer, description, as: type, in: names) {
        case .refused(let title): unreadable = unreadable ?? title
        case .scaledFloat: break
        case .weight(let index, let weight, let others, let packing):
            try add(weight, at: index, packing, others + ComfyWeights.companions.compactMap { names.index(layer + $0) })
        }
    }

    private mutating func add(_ weight: any PackedWeight, at index: Int, _ packing: Packing, _ others: [Int]) throws(IsomerError) {
        guard weights[index] == nil, companions[index] == nil, others.allSatisfy({ weights[$0] == nil && companions[$0] == nil }) else {
            throw IsomerError(.malformed, "a tensor belongs to two packed weights, or is packed in two ways", item: weight.tensor.name)
        }
        weights[index] = (weight, packing)
        for other in others { companions[other] = packing }
        kinds.count(Kind(packing: packing, scalarType: weight.tensor.scalarType, count: 1))
    }

    // MARK: Reading

    static let reason = "they would have to be unpacked by the library that packed them"

    /// Throws `unsupported` if there are packed weights that cannot be read.
    func refuseUnreadable(_ path: FilePath?) throws(IsomerError) {
        guard let unreadable else { return }
        throw IsomerError(
            .unsupported, "the weights are in \(unreadable), which are not read: \(Self.reason)", path: path,
            remedy: "give the file they were made from; a change of container alone (`isomer convert --layout keep`) works for any file")
    }

    /// Takes those of one kind for plain tensors, which they are besides.
    mutating func leaveScaledFloats() {
        kinds.removeAll { $0.packing == .scaledFloats }
        weights = weights.filter { $0.value.packing != .scaledFloats }
        companions = companions.filter { $0.value != .scaledFloats }
    }

    /// The source with each weight as the numbers it stands for, in its place, and without what belongs to them; the source itself if there are
    /// none.
    public var unpacked: any TensorSource {
        guard !weights.isEmpty else { return source }
        var places: [UnpackedSource.Place] = []
        for index in source.tensors.indices where companions[index] == nil {
            places.append(weights[index].map { .packed($0.weight) } ?? .stored(index))
        }
        var metadata = source.metadata
        metadata[ComfyWeights.metadataKey] = nil
        return UnpackedSource(source, places, metadata: metadata)
    }

    /// What is to be said of each kind, where they are unpacked as they were asked for in `type`.
    func decisions(_ type: ScalarType?) -> [Decision] {
        kinds.map { kind in
            guard kind.packing != .scaledFloats else {
                return Decision(
                    "scaled 8-bit floats", "multiplied by their scales, as \(kind.scalarType.rawValue)",
                    because: "\(kind.count) weights stand beside a scale", flag: type == nil ? "--dtype TYPE" : nil)
            }
            return Decision(
                "packed weights", "unpacked, as \(kind.scalarType.rawValue)", because: "\(kind.count) are in \(kind.title)",
                flag: type == nil ? "--dtype TYPE" : nil)
        }
    }
}

extension [PackedWeights.Kind] {
    /// Adds more weights of a kind, which stands here once.
    mutating func count(_ kind: PackedWeights.Kind) {
        if let place = firstIndex(where: { $0.packing == kind.packing && $0.scalarType == kind.scalarType }) {
            self[place].count += kind.count
        } else {
            append(kind)
        }
    }
}
