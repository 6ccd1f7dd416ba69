internal import ArgumentParser
internal import IsomerBytes
internal import IsomerConversion
internal import IsomerTensors

/// `isomer extract --component`: one component of a model, as a file or as its Diffusers folder.
struct ComponentExtraction: ParsableArguments {
    @Option(help: ArgumentHelp("The component: unet, transformer, vae, text_encoder, text_encoder_2.", valueName: "name"))
    var component: String?

    @Option(help: ArgumentHelp("How tensors are named in a file: original or diffusers.", valueName: "layout"))
    var layout: NameLayout?

    @Option(help: ArgumentHelp("The type of floating tensors. Blocks (q8_0, q4_k, …) are for GGUF files.", valueName: "type"))
    var dtype: TargetType?

    @OptionGroup
    var model: SourceOptions

    @OptionGroup
    var output: DestinationOptions

    func perform(
        from source: FilePath, to destination: PathArgument, in environment: CommandEnvironment, _ shared: SharedOptions
    ) throws -> ExitStatus {
        try output.perform(plan(from: source, to: destination), from: source, to: destination.path, in: environment, shared)
    }

    private func plan(from source: FilePath, to destination: PathArgument) throws(IsomerError) -> ConversionPlan {
        var request = ConversionRequest(source: source)
        request.destination = destination.path
        request.only = component.map { [$0] } ?? []
        model.apply(to: &request)
        // What stands beside the component is not asked for, known or not; the report names it.
        request.allowedUnknown = [NamePattern("*")]
        let isForSome = dtype?.isForSome ?? false
        request.scalarType = isForSome ? nil : dtype?.scalarType
        var plan: ConversionPlan
        switch try output.target(for: destination) {
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
