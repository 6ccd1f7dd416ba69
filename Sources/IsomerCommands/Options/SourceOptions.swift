internal import ArgumentParser
internal import IsomerConversion

/// What the user may say of a model that is read, where its files do not say it or say several things.
struct SourceOptions: ParsableArguments {
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

    /// Says the same in `request`.
    func apply(to request: inout ConversionRequest) {
        request.usesAverage = ema
        request.configuration = config?.path
        request.variant = variant
        request.architecture = architecture
    }
}
