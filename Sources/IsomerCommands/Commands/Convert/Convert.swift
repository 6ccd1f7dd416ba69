public import ArgumentParser
internal import IsomerArchitectures
internal import IsomerBytes
internal import IsomerConversion
internal import IsomerFormats
internal import IsomerMapping
internal import IsomerTensors
internal import IsomerTokenizers

/// `isomer convert`.
public struct Convert: IsomerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Turn a model into another arrangement of the same weights.",
        discussion: """
            What the source is, its content tells. The target follows from the destination's name, or from --to: a name that ends in \
            .safetensors, .ckpt, .pt or .gguf is a file, one without an ending a Diffusers folder.

            Between a folder and a file the model is mapped: components, names and shapes become the target's. From one file to another only \
            the container changes and every tensor keeps its name, unless --layout or a choice of components says otherwise.

            A tokenizer's file or folder becomes another form of it: vocab.json with merges.txt, tokenizer.json, OpenAI's \
            bpe_simple_vocab_16e6.txt.gz, tiktoken, vocab.txt; SentencePiece models are read. What the form does not say is listed.

            The output is written beside its destination, read back, and only then given its name: an existing output stays as it was if \
            anything goes wrong.
            """)

    @Argument(help: ArgumentHelp("A Diffusers folder, a weight file, or the index of a sharded set.", valueName: "source"))
    var source: PathArgument

    @Argument(help: ArgumentHelp("What to write.", valueName: "destination"))
    var destination: PathArgument

    @OptionGroup(title: "Conversion")
    var options: ConvertOptions

    @OptionGroup(title: "Model")
    var model: ModelOptions

    @OptionGroup(title: "Adapters")
    var adapter: AdapterOptions

    @OptionGroup
    public var shared: SharedOptions

    public init() {}

    public func run(in environment: CommandEnvironment) throws -> ExitStatus {
        if try TokenizerConversion.isMeant(source.path, destination.path) {
            guard options.areForAnything else {
                throw IsomerError(
                    .usage, "a tokenizer has no weights", path: source.path, remedy: "leave away what is about weights and components")
            }
            let conversion = TokenizerConversion(
                source, destination, overwrite: options.output.overwrite, isDryRun: options.output.dryRun)
            return try conversion.perform(in: environment, shared)
        }
        if destination.path.extension?.lowercased() == "png", !destination.namesFolder, options.output.to == nil {
            return try EmbeddingRun(source.path, destination.path, options).writePicture(in: environment, shared)
        }
        var plan = try settledPlan()
        try plan.settleTypes(options.quantization)
        plan.describeGGUF()
        try plan.check()
        let comparison =
            options.verify == .forward && !options.noVerify && !options.output.dryRun
            ? try ForwardComparison(request, destination.path) : nil
        let status = try options.output.perform(
            plan, from: source.path, to: destination.path, verification: options.verification, in: environment, shared)
        guard let comparison, status == .done else { return status }
        return try comparison.perform(in: environment, shared)
    }

    /// What to write. What a denoiser predicts, if nothing tells or it is but a guess, the denoiser itself is asked.
    private func settledPlan() throws(IsomerError) -> ConversionPlan {
        do throws(IsomerError) {
            let plan = try plan(request)
            if !plan.decisions.contains(where: \.isGuess) { return plan }
        } catch {
            if error.code != .undecided { throw error }
        }
        var request = request
        if let model = try? Model(request), let probe = try PredictionProbe(model, workers: Workers(count: shared.threads)) {
            request.prediction = probe.prediction
            request.predictionReason = probe.reason
        }
        return try plan(request)
    }

    /// Decides what to write, and how to make it.
    private func plan(_ request: ConversionRequest) throws(IsomerError) -> ConversionPlan {
        let target = try options.target(for: destination)
        let isFolder = try FileSystem.kind(of: source.path) == .folder
        if let word = options.extractEmbedding {
            guard case .file(let container) = target else {
                throw IsomerError(
                    .usage, "an embedding is a file", path: destination.path, expected: "a name that ends in \(TargetFormat.endings)",
                    remedy: "choose such a name or add `--to`")
            }
            return try ConversionPlan(request, to: .diffusers).taking(word, to: destination.path, container: container)
        }
        var words: [AddedWord] = []
        for embedding in options.embedding { words.append(try embedding.word()) }
        if case .file(let container) = target, !isFolder,
            let plan = try EmbeddingRun(source.path, destination.path, options).plan(container)
        {
            return plan
        }
        if case .file(let container) = target, !isFolder, options.layout?.adapterNaming != nil || adapter.saysSomething,
            try isAdapter || adapter.saysSomething || options.layout?.isForAdapters == true
        {
            let naming = options.layout?.adapterNaming
            return try adapter.plan(source.path, to: naming, container, options, model)
        }
        if target == .diffusers, !isFolder, (try? isAdapter) == true { throw noFolder }
        guard options.layout?.isForAdapters != true else {
            throw IsomerError(
                .usage, "this naming is one of adapters, which are files", item: "--layout", found: options.layout?.rawValue,
                remedy: "choose original or diffusers")
        }
        switch target {
        case .file where !words.isEmpty:
            throw IsomerError(
                .unsupported, "a weight file has no place for tokens, which live in a tokenizer's folder", path: destination.path,
                remedy: "convert to a Diffusers folder, or give the embedding to the program that loads the checkpoint")
        case .file(let container) where !isFolder && model.keepsNames(options.layout):
            return try planKeepingNames(container)
        case .file(let container):
            guard options.layout != .keep else {
                throw IsomerError(
                    .usage, "a folder's components cannot keep their names in one file: two of them share some", path: source.path,
                    remedy: "leave --layout away, or choose one with --component NAME --layout diffusers")
            }
            var plan = try ConversionPlan(request, to: options.layout == .diffusers ? .canonical(container) : .checkpoint(container))
            sayIdle(in: &plan, isFolder: isFolder)
            return plan
        case .diffusers:
            var plan = try ConversionPlan(request, to: .diffusers)
            try plan.add(words)
            sayIdle(in: &plan, isFolder: isFolder)
            return plan
        }
    }

    /// The same tensors in another container, or as other numbers.
    private func planKeepingNames(_ container: Container) throws(IsomerError) -> ConversionPlan {
        var conversion = FileConversion(to: container)
        conversion.floatType = options.floatType
        conversion.makesBlocks = options.quantization != nil
        conversion.repairs = options.repair
        conversion.shardBytes = options.maxShardSize?.bytes
        for entry in options.metadata { conversion.metadata[entry.key] = entry.value }
        let file = try WeightFile(source.path, limits: shared.limits)
        var plan = try conversion.plan(file)
        plan.notes = file.warnings + plan.notes
        plan.sayIdle(model.reading.flagsOfModels, because: "the names stay, so the file is not read as a model (--layout original does)")
        return plan
    }

    /// Notes what was said in vain of a model's source.
    private func sayIdle(in plan: inout ConversionPlan, isFolder: Bool) {
        if !isFolder { plan.sayIdle(model.reading.source.variant == nil ? [] : ["--variant"], because: "a file has no variants") }
        plan.sayIdle(adapter.flags, because: "this is no adapter")
    }

    /// An adapter is one file, in whatever naming; a folder of one has it under the name that diffusers looks for.
    private var noFolder: IsomerError {
        IsomerError(
            .usage, "this is an adapter, which is written as a file, and the destination names a folder", path: destination.path,
            expected: "a name that ends in \(TargetFormat.endings)",
            remedy: "write \(destination.path.string)\(destination.path.string.hasSuffix("/") ? "" : "/")pytorch_lora_weights.safetensors "
                + "or another file; --layout says the naming")
    }

    private var isAdapter: Bool {
        get throws(IsomerError) { AdapterReading.looksLikeOne(TensorInventory(try openWeights(source.path).tensors)) }
    }

    private var request: ConversionRequest {
        var request = model.request(for: source.path)
        request.destination = destination.path
        request.limits = shared.limits
        options.apply(to: &request)
        return request
    }
}

extension ConversionPlan {
    /// Notes that `flags` change nothing here.
    fileprivate mutating func sayIdle(_ flags: [String], because reason: String) {
        guard !flags.isEmpty else { return }
        notes.append("\(flags.joined(separator: ", ")) \(flags.count == 1 ? "changes" : "change") nothing: \(reason)")
    }
}
