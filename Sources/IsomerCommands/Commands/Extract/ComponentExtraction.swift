internal import ArgumentParser
internal import IsomerBytes
internal import IsomerConversion
internal import IsomerTensors

/// `isomer extract --component`: one component of a model, as a file or as its Diffusers folder.
struct ComponentExtraction: ParsableArguments {
    @Option(help: ArgumentHelp("The component: unet, transformer, vae, text_encoder, text_encoder_2.", valueName: "name"))
    var component: String?

    @Option(help: ArgumentHelp("What to write, whatever the destination is called.", valueName: "format"))
    var to: TargetFormat?

    @Option(help: ArgumentHelp("How tensors are named in a file: original or diffusers.", valueName: "layout"))
    var layout: NameLayout?

    @Option(help: ArgumentHelp("The type of floating tensors. Blocks (q8_0, q4_k, …) are for GGUF files.", valueName: "type"))
    var dtype: TargetType?

    @Flag(help: "Take the averaged (EMA) weights of a training checkpoint instead of the last ones.")
    var ema = false

    @Option(
        help: ArgumentHelp(
            "What shapes do not tell: a config.json, a Diffusers folder, or the YAML of the original code.", valueName: "path"))
    var config: PathArgument?

    @Option(help: ArgumentHelp("Which of several variants of a folder's weights to read: fp16.", valueName: "name"))
    var variant: String?

    @Option(help: ArgumentHelp("The architecture, where tensors do not tell: sd1, sd21. `inspect --list` has them.", valueName: "name"))
    var architecture: String?

    @Flag(help: "Print what would be done, tensor by tensor, and do nothing.")
    var dryRun = false

    @Flag(help: "Replace what is at the destination.")
    var overwrite = false

    func perform(
        from source: FilePath, to destination: FilePath, in environment: CommandEnvironment, _ shared: SharedOptions
    ) throws -> ExitStatus {
        let plan = try plan(from: source, to: destination)
        if dryRun {
            let description = PlanDescription(plan, source: source, destination: destination)
            environment.writeOutput(
                shared.json ? JSONOutput.text(description.json) : description.text(for: environment.outputTerminal))
            return .done
        }
        return try ConversionRun(plan: plan, source: source, destination: destination, overwrite: overwrite).perform(
            in: environment, shared)
    }

    private func plan(from source: FilePath, to destination: FilePath) throws(IsomerError) -> ConversionPlan {
        var request = ConversionRequest(source: source)
        request.destination = destination
        request.only = component.map { [$0] } ?? []
        request.usesAverage = ema
        request.configuration = config?.path
        request.variant = variant
        request.architecture = architecture
        // What stands beside the component is not asked for, known or not; the report names it.
        request.allowedUnknown = [NamePattern("*")]
        let isForSome = dtype?.isForSome ?? false
        request.scalarType = isForSome ? nil : dtype?.scalarType
        var plan: ConversionPlan
        switch try TargetFormat.target(to, for: destination) {
        case .file(let container):
            guard layout != .keep else {
                throw IsomerError(
                    .usage, "a component in a file of its own has other names", found: "--layout keep",
                    remedy: "choose original or diffusers")
            }
            plan = try ConversionPlan(request, to: layout == .diffusers ? .canonical(container) : .checkpoint(container))
        case .diffusers: plan = try ConversionPlan(request, to: .diffusers)
        }
        try plan.settleTypes(isForSome ? dtype.map { Quantization($0.scalarType) } : nil)
        plan.describeGGUF()
        try plan.check()
        return plan
    }
}
