internal import ArgumentParser
internal import IsomerBytes
internal import IsomerConversion
internal import IsomerMapping
internal import IsomerTensors

/// `isomer extract --lora`: what one model knows more than another, as a LoRA.
struct DifferenceExtraction: ParsableArguments {
    @Option(name: .customLong("lora"), help: ArgumentHelp("Take out the difference from this model, as a LoRA.", valueName: "base"))
    var base: PathArgument?

    @Option(help: ArgumentHelp("The largest rank of a linear layer.", valueName: "rank"))
    var rank: Int = 64

    @Option(help: ArgumentHelp("The largest rank of a convolution. Without it convolutions are left out.", valueName: "rank"))
    var convRank: Int?

    @Option(help: ArgumentHelp("Keep only the ranks that hold this share of the difference's energy: 0.98.", valueName: "share"))
    var energy: String?

    /// Computes the LoRA and writes it.
    func perform(
        from tuned: FilePath, to destination: PathArgument, type: ScalarType?, layout: NameLayout?, component: String?,
        architecture: String?,
        output: DestinationOptions, in environment: CommandEnvironment, _ shared: SharedOptions
    ) throws -> ExitStatus {
        guard let base else { return .usage }
        guard case .file(let container) = try output.target(for: destination) else {
            throw IsomerError(.usage, "a LoRA is a file", path: destination.path, expected: "a name that ends in .safetensors")
        }
        var extraction = LoRAExtraction(tuned, from: base.path, container)
        extraction.choice = try choice(rank, "--rank")
        extraction.convolutions = try convRank.map { rank throws(IsomerError) in try choice(rank, "--conv-rank") }
        extraction.scalarType = type
        extraction.only = component.map { [$0] } ?? []
        extraction.workers = Workers(count: shared.threads)
        if let layout {
            guard let naming = layout.adapterNaming else {
                throw IsomerError(
                    .usage, "this is no naming of adapters", item: "--layout", found: layout.rawValue, remedy: "choose kohya or peft")
            }
            extraction.naming = naming
        }
        var request = ConversionRequest(source: tuned)
        request.architecture = architecture
        let bar = ProgressBar(environment, shared)
        let plan: ConversionPlan
        do {
            defer { bar.clear() }
            plan = try extraction.plan(request) { done, total in bar.update("Factoring", done: done, total: total) }
        }
        return try output.perform(plan, from: tuned, to: destination.path, in: environment, shared)
    }

    private func choice(_ rank: Int, _ flag: String) throws(IsomerError) -> LowRankFactors.Choice {
        guard (1...1024).contains(rank) else {
            throw IsomerError(.usage, "the rank is out of bounds", item: flag, expected: "1 to 1024", found: "\(rank)")
        }
        guard let energy else { return LowRankFactors.Choice(mostRanks: rank) }
        let share = try MergeBlocks.number(energy)
        guard share > 0, share <= 1 else {
            throw IsomerError(.usage, "the energy to keep is no share", item: "--energy", expected: "more than 0, at most 1", found: energy)
        }
        return LowRankFactors.Choice(mostRanks: rank, energy: share)
    }
}
