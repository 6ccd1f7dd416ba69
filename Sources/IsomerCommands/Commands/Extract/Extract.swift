public import ArgumentParser
internal import IsomerBytes
internal import IsomerTensors

/// `isomer extract`.
public struct Extract: IsomerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "extract",
        abstract: "Take a part out of a model: a component, or what it knows more than another, as a LoRA.",
        discussion: """
            With --component the destination is that component alone. A name that ends in .safetensors, .ckpt or .gguf makes a file in the \
            names that its loaders expect, or, with --layout diffusers, in Diffusers'; any other name a folder.

            With --lora the destination is a LoRA of the difference to the model that is named, in the modules that kohya's networks train; \
            what else differs is told. The names are kohya's, or those of --layout.
            """)

    @Argument(help: ArgumentHelp("A Diffusers folder, a weight file, or the index of a sharded set.", valueName: "source"))
    var source: PathArgument

    @Argument(help: ArgumentHelp("What to write.", valueName: "destination"))
    var destination: PathArgument

    @OptionGroup(title: "A component")
    var component: ComponentExtraction

    @OptionGroup(title: "A LoRA")
    var difference: DifferenceExtraction

    @OptionGroup
    public var shared: SharedOptions

    public init() {}

    public func validate() throws {
        guard difference.base == nil else {
            guard component.dtype?.isForSome != true else { throw ValidationError("A LoRA's factors are f32, f16 or bf16.") }
            guard component.output.to == nil, component.model.config == nil, component.model.variant == nil, !component.model.ema else {
                throw ValidationError("--to, --config, --variant and --ema are about components, not about a LoRA.")
            }
            return
        }
        guard component.component != nil else { throw ValidationError("Say what to take out: --component NAME, or --lora BASE.") }
    }

    public func run(in environment: CommandEnvironment) throws -> ExitStatus {
        guard difference.base != nil else { return try component.perform(from: source.path, to: destination, in: environment, shared) }
        return try difference.perform(
            from: source.path, to: destination, type: component.dtype?.scalarType, layout: component.layout,
            component: component.component, architecture: component.model.architecture, output: component.output, in: environment, shared)
    }
}
