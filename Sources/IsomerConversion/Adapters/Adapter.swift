public import IsomerArchitectures
public import IsomerBytes
import IsomerFormats
public import IsomerMapping
import IsomerTensors

/// An adapter that has been opened: its modules looked up in the model that it is for, with ranks and scales. Of the tensors only `alpha`s have
/// been read.
public struct Adapter: Sendable {
    /// How strongly a module's product counts.
    public struct Scale: Hashable, Sendable {
        /// The rank of the factors; `nil` for kinds without.
        public var rank: Int?
        /// What is divided by the rank; `nil` if nothing states it, which means the same as the rank.
        public var alpha: Double?
        /// Where alpha is stated: "a tensor", "lora_adapter_metadata".
        public var origin: String?
        /// Whether alpha is divided by the square root of the rank instead.
        public var isRankStabilized = false

        /// The factor on the product.
        public var factor: Double {
            guard let alpha, let rank, rank > 0 else { return 1 }
            return alpha / (isRankStabilized ? Double(rank).squareRoot() : Double(rank))
        }
    }

    /// The file.
    public let path: FilePath
    /// Its tensors.
    public let source: ConversionPlan.Source
    /// Names and shapes.
    public let inventory: TensorInventory
    /// The model that it is for, and the modules with their names looked up there.
    public let base: AdapterBase
    /// For each module of `base.reading`.
    public let scales: [Scale]
    /// The tool whose names these are.
    public let naming: AdapterNaming?

    /// The modules.
    public var modules: [AdapterModule] { base.reading.modules }

    /// Opens the adapter at `path`, for the model `model`, or, without one, for the published model that its names and shapes fit best.
    ///
    /// Throws `unsupported` if the file is no adapter, `mismatch` if nothing in it fits.
    public init(_ path: FilePath, for model: Model? = nil, architecture: String? = nil, limits: Limits = Limits()) throws(IsomerError) {
        let source = try ConversionPlan.Source(path.lastComponent?.string ?? path.string, opening: path, limits: limits)
        try self.init(path, source, for: model, architecture: architecture, limits: limits)
    }

    init(
        _ path: FilePath, _ source: ConversionPlan.Source, for model: Model?, architecture: String? = nil, limits: Limits
    ) throws(IsomerError) {
        let inventory = TensorInventory(source.tensors.tensors)
        guard let reading = AdapterReading(inventory) else {
            throw IsomerError(
                .unsupported, "this is no adapter: its tensors are not named as factors or differences of modules", path: path,
                found: inventory.tensors.first.map(\.name))
        }
        let candidates: [AdapterBase]
        if let model {
            let title = model.member?.title ?? model.family.title
            candidates = [
                try AdapterBase(reading, inventory, model.family, model.components.mapValues(\.configuration), title: title)
            ]
        } else if let architecture {
            candidates = try Adapter.bases(named: architecture, reading, inventory)
        } else {
            candidates = try AdapterBase.candidates(reading, inventory)
        }
        guard let base = candidates.first, base.named > 0 else {
            throw IsomerError(
                .mismatch, "no module of this adapter is called as one of \(candidates.first?.title ?? "a known model") is", path: path,
                found: reading.modules.first?.stem,
                remedy: model == nil ? "name the model that it is for with --base-model" : "use it with the model that it was made for")
        }
        self.path = path
        self.source = source
        self.inventory = inventory
        self.base = base
        scales = try Adapter.scales(of: base.reading, source.tensors, path, inventory, limits)
        try Adapter.refuseOtherRank(scales, source.tensors.metadata, path)
        naming = base.reading.naming(in: base.aliases, inventory)
    }

    /// The same adapter with other numbers.
    init(_ path: FilePath, _ source: ConversionPlan.Source, base: AdapterBase) throws(IsomerError) {
        self.path = path
        self.source = source
        inventory = TensorInventory(source.tensors.tensors)
        self.base = base
        scales = try Adapter.scales(of: base.reading, source.tensors, path, inventory, Limits())
        naming = base.reading.naming(in: base.aliases, inventory)
    }

    private static func bases(
        named name: String, _ reading: AdapterReading, _ inventory: TensorInventory
    ) throws(IsomerError) -> [AdapterBase] {
        if let (family, member) = ModelFamily.member(name) {
            return [try AdapterBase(reading, inventory, family, member.components, title: member.title)]
        }
        guard let family = ModelFamily.named(name) else {
            throw IsomerError(
                .usage, "there is no architecture of this name", found: name,
                remedy: "choose one of \(ModelFamily.all.map(\.identifier).joined(separator: ", "))")
        }
        var bases: [AdapterBase] = []
        for member in family.members {
            bases.append(try AdapterBase(reading, inventory, family, member.components, title: member.title))
        }
        return bases.sorted { ($1.fitting, $1.named) < ($0.fitting, $0.named) }
    }

    /// Refuses an adapter of which some modules have no place in the model or do not fit, unless the user allowed it.
    ///
    /// Returns the modules that are left out by that, as positions.
    public func refuseMisfits(_ allowed: [NamePattern]) throws(IsomerError) -> Set<Int> {
        var left: Set<Int> = []
        var refused: [(Int, IsomerError)] = []
        for (index, module) in modules.enumerated() {
            guard let misfit = module.misfit(in: inventory) else { continue }
            if module.target == nil, allowed.contains(where: { $0.matches(module.stem) }) {
                left.insert(index)
            } else {
                refused.append((index, misfit))
            }
        }
        for index in base.reading.others where !Adapter.isPassenger(inventory.tensors[index].name) {
            let name = inventory.tensors[index].name
            guard !allowed.contains(where: { $0.matches(name) }) else { continue }
            throw IsomerError(
                .mismatch, "nothing explains a tensor of this adapter", path: path, item: name,
                remedy: "leave such tensors out with --allow-unknown PATTERN")
        }
        guard var (_, error) = refused.first else { return left }
        if refused.count == modules.count {
            error.what = "no module of this adapter fits \(base.title): " + error.what
        } else if refused.count > 1 {
            error.what = "\(refused.count) of \(modules.count) modules of this adapter do not fit \(base.title): " + error.what
        }
        if error.remedy == nil {
            error.remedy =
                modules.contains { $0.target == nil } && refused.count < modules.count
                ? "leave modules without a place out with --allow-unknown PATTERN, or use the model that it was made for"
                : "use the adapter with the model that it was made for"
        }
        throw error.inFile(path)
    }

    /// Refuses an adapter whose metadata state a rank that none of its modules has.
    private static func refuseOtherRank(_ scales: [Scale], _ metadata: FileMetadata, _ path: FilePath) throws(IsomerError) {
        let ranks = Set(scales.compactMap(\.rank))
        guard let stated = metadata["ss_network_dim"].flatMap({ Int($0) }), !ranks.isEmpty else { return }
        // Joined modules have the ranks of their parts together.
        guard !ranks.contains(where: { rank in [1, 3, 4].contains { stated.multipliedReportingOverflow(by: $0) == (rank, false) } }) else {
            return
        }
        let rank = ranks.max() ?? stated
        throw IsomerError(
            .mismatch, "the adapter has another rank than its metadata say", path: path, item: "ss_network_dim", expected: "\(stated)",
            found: ranks.sorted().map(String.init).joined(separator: ", "),
            remedy: "if the factors are as they should be, correct it with "
                + (path.extension == "safetensors"
                    ? "`isomer metadata set FILE ss_network_dim=\(rank)`"
                    : "`isomer convert FILE NEW.safetensors --layout keep --metadata ss_network_dim=\(rank)`"))
    }

    /// Whether a tensor beside the modules travels with adapters unchanged: embeddings that belong to the adapter's words.
    static func isPassenger(_ name: String) -> Bool { name.hasPrefix("bundle_emb.") }
}
