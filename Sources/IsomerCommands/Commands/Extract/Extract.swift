public import ArgumentParser
internal import IsomerBytes

/// `isomer extract`.
public struct Extract: IsomerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "extract",
        abstract: "Take a part out of a model: a component, as a file or as its Diffusers folder.",
        discussion: """
            With --component the destination is that component alone. A name that ends in .safetensors, .ckpt or .gguf makes a file in the \
            names that its loaders expect, or, with --layout diffusers, in Diffusers'; any other name a folder.
            """)

    @Argument(help: ArgumentHelp("A Diffusers folder, a weight file, or the index of a sharded set.", valueName: "source"))
    var source: PathArgument

    @Argument(help: ArgumentHelp("What to write.", valueName: "destination"))
    var destination: PathArgument

    @OptionGroup(title: "A component")
    var component: ComponentExtraction

    @OptionGroup
    public var shared: SharedOptions

    public init() {}

    public func validate() throws {
        guard component.component != nil else { throw ValidationError("Say what to take out: --component NAME.") }
    }

    public func run(in environment: CommandEnvironment) throws -> ExitStatus {
        try component.perform(from: source.path, to: destination.path, in: environment, shared)
    }
}
