internal import ArgumentParser
internal import IsomerBytes
internal import IsomerConversion
internal import IsomerMapping
internal import IsomerTensors

/// What the user may say about an adapter that is converted.
struct AdapterOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The model that an adapter is for: a file or folder. Without it the published models are tried.", valueName: "path"))
    var baseModel: PathArgument?

    @Flag(help: "Multiply an adapter's alpha into its factors, so that it means the same as the rank.")
    var foldAlpha = false

    @Option(help: ArgumentHelp("Reduce a LoRA to this rank.", valueName: "rank"))
    var rank: Int?

    @Option(help: ArgumentHelp("Reduce a LoRA to the ranks that keep this share of its energy: 0.98.", valueName: "share"))
    var energy: String?

    /// The flags that were given.
    var flags: [String] {
        let given = [
            ("--base-model", baseModel != nil), ("--fold-alpha", foldAlpha), ("--rank", rank != nil), ("--energy", energy != nil),
        ]
        return given.filter(\.1).map(\.0)
    }

    /// Whether anything was said that only makes sense for an adapter.
    var saysSomething: Bool { !flags.isEmpty }

    private func choice() throws(IsomerError) -> LowRankFactors.Choice? {
        var share: Double?
        if let energy {
            share = try MergeBlocks.number(energy)
            guard let share, share > 0, share <= 1 else {
                throw IsomerError(
                    .usage, "the energy to keep is no share", item: "--energy", expected: "more than 0, at most 1", found: energy)
            }
        }
        if let rank, rank < 1 {
            throw IsomerError(.usage, "a rank is at least 1", item: "--rank", found: "\(rank)")
        }
        guard rank != nil || share != nil else { return nil }
        return LowRankFactors.Choice(mostRanks: rank ?? .max, energy: share)
    }

    /// Opens the adapter at `path`.
    func adapter(at path: FilePath, _ model: ModelOptions) throws(IsomerError) -> Adapter {
        guard let baseModel else { return try Adapter(path, architecture: model.reading.source.architecture) }
        var request = ConversionRequest(source: baseModel.path)
        request.architecture = model.reading.source.architecture
        request.configuration = model.reading.source.config?.path
        request.allowedUnknown = [NamePattern("*")]
        request.allowedMissing = [NamePattern("*")]
        return try Adapter(path, for: Model(request))
    }

    /// The plan that gives the adapter at `path` the names of `naming`, or, without one, keeps its own.
    func plan(
        _ path: FilePath, to naming: AdapterNaming?, _ container: Container, _ options: ConvertOptions, _ model: ModelOptions
    ) throws(IsomerError) -> ConversionPlan {
        var adapter = try adapter(at: path, model)
        if let choice = try choice() { adapter = try adapter.resized(choice) }
        guard let naming = naming ?? adapter.naming else {
            throw IsomerError(
                .undecided, "these names are no tool's alone, so the ones to write must be said", path: path,
                remedy: "choose with --layout one of \(AdapterNaming.all.map(\.identifier).joined(separator: ", "))")
        }
        var conversion = AdapterConversion(to: naming, container)
        conversion.scalarType = options.dtype?.scalarType
        conversion.foldsAlpha = foldAlpha
        conversion.allowedUnknown = model.reading.allowUnknown.map(NamePattern.init)
        for entry in options.metadata { conversion.metadata[entry.key] = entry.value }
        var plan = try conversion.plan(adapter)
        for index in plan.files.indices { plan.files[index].shardBytes = options.maxShardSize?.bytes }
        return plan
    }
}

extension NameLayout {
    /// The naming of adapters that is meant.
    var adapterNaming: AdapterNaming? {
        switch self {
        case .keep: nil
        case .original: .kohya
        default: AdapterNaming.named(rawValue)
        }
    }

    /// The arrangement of textual inversions that is meant.
    var arrangement: TextualInversion.Arrangement? {
        switch self {
        case .a1111: .webUI
        case .embParams: .embeddingParameters
        case .sdxl: .perEncoder
        case .diffusers: .diffusers
        default: nil
        }
    }

    /// Whether it is one of textual inversions only.
    var isForEmbeddings: Bool { self == .a1111 || self == .embParams || self == .sdxl }

    /// Whether it is a naming of adapters only.
    var isForAdapters: Bool { self != .keep && self != .original && self != .diffusers && !isForEmbeddings }
}
