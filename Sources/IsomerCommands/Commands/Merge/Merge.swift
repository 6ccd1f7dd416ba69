public import ArgumentParser
internal import IsomerBytes
internal import IsomerConversion
internal import IsomerFormats
internal import IsomerTensors

/// `isomer merge`.
public struct Merge: IsomerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Make one model of several, or of a model and adapters.",
        discussion: """
            The result has the arrangement, the types and everything unmerged of the first model; the others may be in any layout and type. \
            Sums are taken in 32-bit floats and rounded once. The recipe stands in the metadata of the result.

            weighted-sum  first · (1 − alpha) + second · alpha, or the sum of any number by --weights
            add-difference  first + alpha · (second − third)
            slerp  along the arc from first to second, by alpha
            ties, dare, dare-ties  base + changes of the models from it, thinned out to --density

            The first may be an inpainting model, the others ordinary ones: what only it has stays as it is.
            """)

    @Argument(help: ArgumentHelp("Diffusers folders, weight files, or indexes of sharded sets.", valueName: "model"))
    var models: [PathArgument]

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("What to write.", valueName: "destination"))
    var output: PathArgument

    @Option(help: ArgumentHelp("weighted-sum, add-difference, slerp, ties, dare or dare-ties.", valueName: "method"))
    var method: ModelMerge.Method = .weightedSum

    @Option(help: ArgumentHelp("The share of the second model, or how much of a difference is added.", valueName: "number"))
    var alpha: String?

    @Option(help: ArgumentHelp("One number for each model: 0.5,0.3,0.2.", valueName: "numbers"))
    var weights: String?

    @Option(
        help: ArgumentHelp(
            "Other alphas for single blocks: a number for each, or pairs.",
            discussion: "IN00=0.2,M00=0.5,OUT=0.8,BASE=0; numbers as in merge-block-weighted, with BASE in front or without.",
            valueName: "list"))
    var blockWeights: String?

    @Option(help: ArgumentHelp("The model from which ties and dare count changes.", valueName: "path"))
    var baseModel: PathArgument?

    @Option(help: ArgumentHelp("The share of changes that ties and dare keep.", valueName: "share"))
    var density: String?

    @Option(help: ArgumentHelp("The seed of the changes that dare drops.", valueName: "number"))
    var seed: UInt64 = 0

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp("Add this adapter, with this strength; negative takes it out. May be repeated.", valueName: "path=strength"))
    var lora: [String] = []

    @Option(
        help: ArgumentHelp(
            "What a strength means for a DoRA: diffusers or comfyui.",
            discussion: """
                diffusers: a factor on the products, which then get the trained lengths. comfyui, which A1111 does too: a share of the whole \
                change.
                """,
            valueName: "tool"))
    var doraStrength: ModelMerge.LengthStrength = .diffusers

    @OptionGroup(title: "Conversion")
    var options: ConvertOptions

    @OptionGroup(title: "Model")
    var model: ModelOptions

    @OptionGroup
    public var shared: SharedOptions

    public init() {}

    public func run(in environment: CommandEnvironment) throws -> ExitStatus {
        var planned = try plan()
        try planned.plan.settleTypes(options.quantization, workers: Workers(count: shared.threads))
        planned.plan.describeGGUF()
        try planned.plan.check()
        let source = FilePath(models.map { $0.path.lastComponent?.string ?? $0.path.string }.joined(separator: " + "))
        return try options.output.perform(
            planned.plan, from: source, to: output.path, verification: options.verification, merge: planned, in: environment, shared)
    }

    private func plan() throws(IsomerError) -> PlannedMerge {
        var merge = ModelMerge(models.map(\.path))
        merge.method = method
        merge.amount = try alpha.map { text throws(IsomerError) in try Self.number(text, "--alpha") }
        merge.weights = try weights.map { text throws(IsomerError) in
            var numbers: [Double] = []
            for part in text.split(separator: ",", omittingEmptySubsequences: false) {
                numbers.append(try Self.number(String(part), "--weights"))
            }
            return numbers
        }
        merge.blockWeights = blockWeights
        merge.base = baseModel?.path
        if let density { merge.density = try Self.number(density, "--density") }
        merge.seed = seed
        merge.lengthStrength = doraStrength
        for text in lora { merge.adapters.append(try Self.adapter(text)) }
        guard options.verify != .forward else {
            throw IsomerError(.usage, "a merge has no single source to be run beside", found: "--verify forward")
        }
        guard options.embedding.isEmpty, options.extractEmbedding == nil else {
            throw IsomerError(
                .usage, "a merge does not add or take words", remedy: "merge first, then use `isomer convert` on the result")
        }
        var request = model.request(for: models.first?.path ?? "")
        request.destination = output.path
        request.limits = shared.limits
        options.apply(to: &request)
        let target: ModelTarget
        switch try options.target(for: output) {
        case .diffusers: target = .diffusers
        case .file(let container):
            guard options.layout == nil || options.layout == .original || options.layout == .diffusers else {
                throw IsomerError(
                    .usage, "a merged model has the original's names or Diffusers'", found: options.layout?.rawValue,
                    remedy: "say --layout original or --layout diffusers")
            }
            target = options.layout == .diffusers ? .canonical(container) : .checkpoint(container)
        }
        return try merge.plan(request, to: target)
    }

    private static func number(_ text: String, _ flag: String) throws(IsomerError) -> Double {
        do throws(IsomerError) { return try MergeBlocks.number(text) } catch { throw error.about(flag) }
    }

    /// `PATH`, or `PATH=STRENGTH`.
    private static func adapter(_ text: String) throws(IsomerError) -> ModelMerge.AddedAdapter {
        guard let first = text.first, first != "=" else {
            throw IsomerError(.usage, "an adapter has no path", item: "--lora", expected: "such as style.safetensors=0.8", found: text)
        }
        if let equals = text.lastIndex(of: "="), try FileSystem.kind(of: FilePath(text)) == nil {
            return ModelMerge.AddedAdapter(
                FilePath(String(text[..<equals])), strength: try number(String(text[text.index(after: equals)...]), "--lora"))
        }
        return ModelMerge.AddedAdapter(FilePath(text), strength: 1)
    }
}

extension ModelMerge.Method: ExpressibleByArgument {}
extension ModelMerge.LengthStrength: ExpressibleByArgument {}
