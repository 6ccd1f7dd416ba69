public import ArgumentParser
internal import IsomerArchitectures
internal import IsomerBytes
internal import IsomerCompute
internal import IsomerConversion
internal import IsomerMapping

/// `isomer validate`.
public struct Validate: IsomerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Prove that a model loads and computes, by running every component.",
        discussion: """
            Each component is run once on inputs made from a seed. What is told: tensors that are missing or misshapen; whether the outputs \
            are finite, their mean, deviation and extremes, and a digest; time and memory; where activations would overflow in f16; what a \
            Stable Diffusion 2 UNet predicts.

            Exit status 1 if a component does not load, gives numbers that are not finite, or differs from the other model by more than \
            allowed.
            """)

    @Argument(help: ArgumentHelp("A checkpoint, a component's weights, or a Diffusers folder.", valueName: "path"))
    var path: PathArgument

    @Option(help: ArgumentHelp("Run this model on the same inputs too, and compare the outputs.", valueName: "path"))
    var against: PathArgument?

    @Option(
        help: ArgumentHelp(
            """
            How far outputs may be apart, relative to the largest number. If not said: 0 for components of the same types, else 0.02; 0.1 with \
            Q8_0, 0.5 with 8-bit floats and smaller blocks.
            """,
            valueName: "difference"))
    var tolerance: Double?

    @Option(
        parsing: .singleValue, help: ArgumentHelp("Run only this component: unet, vae, text_encoder. May be repeated.", valueName: "name"))
    var component: [String] = []

    @Option(help: ArgumentHelp("What shapes do not tell: a config.json, a Diffusers folder, or a YAML.", valueName: "path"))
    var config: PathArgument?

    @Option(help: ArgumentHelp("Which of several variants of a folder's weights to read: fp16.", valueName: "name"))
    var variant: String?

    @Option(help: ArgumentHelp("The architecture, where tensors do not tell: sd1, sd21.", valueName: "name"))
    var architecture: String?

    @Option(help: ArgumentHelp("The precision of products: f32 or bf16.", valueName: "type"))
    var precision: PrecisionArgument = .f32

    @Option(help: ArgumentHelp("Refuse to start if activations would take more than this: 8GB.", valueName: "size"))
    var memory: ByteSize?

    @Flag(help: "Latents of 16 by 16, or of 64 by 64.")
    var extent: ValidationExtent = .quick

    @Option(help: ArgumentHelp("Width and height of latents, instead of those.", valueName: "pixels"))
    var latentSize: Int?

    @OptionGroup
    public var shared: SharedOptions

    public init() {}

    public mutating func validate() throws {
        if let tolerance, !(tolerance >= 0) { throw ValidationError("--tolerance takes a number that is not negative.") }
        if let latentSize, !(1...4096).contains(latentSize) { throw ValidationError("--latent-size takes a number from 1 to 4096.") }
    }

    public func run(in environment: CommandEnvironment) throws -> ExitStatus {
        let models: (Model, Model?) =
            if let against { try Model.pair(request(path.path), request(against.path)) } else { (try Model(request(path.path)), nil) }
        // What could not be read is no less a part of what is asked about, unless another part was named.
        if component.isEmpty {
            for model in [models.0, models.1].compactMap(\.self) {
                try model.refuseUnread()
                try model.refuseAbsent()
            }
        }
        let first = try ValidatedModel(models.0, path.path, like: models.1, only: component, settings, environment, shared)
        var second: ValidatedModel?
        if let against, let model = models.1 {
            second = try ValidatedModel(model, against.path, like: models.0, only: component, settings, environment, shared)
        }
        let report = ValidationReport(first, second, tolerance: tolerance)
        if shared.json {
            environment.writeOutput(JSONOutput.text(report.json))
        } else {
            environment.writeOutput(report.text(for: environment.outputTerminal))
        }
        return report.isSound ? .done : .checkFailed
    }

    private var settings: ValidationSettings {
        var settings = ValidationSettings()
        settings.precision = precision == .bf16 ? .bf16 : .f32
        settings.workers = Workers(count: shared.threads)
        settings.memory = memory.flatMap { Int(exactly: $0.bytes) } ?? .max
        settings.size = latentSize ?? (extent == .full ? 64 : 16)
        return settings
    }

    private func request(_ path: FilePath) -> ConversionRequest {
        var request = ConversionRequest(source: path)
        request.limits = shared.limits
        request.configuration = config?.path
        request.variant = variant
        request.architecture = architecture
        // Nothing stops here: what is missing, unknown or misshapen is what there is to tell.
        request.allowedMissing = [NamePattern("*")]
        request.allowedUnknown = [NamePattern("*")]
        request.allowsMisshapen = true
        request.only = Set(component)
        return request
    }
}

/// What `--precision` knows.
enum PrecisionArgument: String, CaseIterable, ExpressibleByArgument {
    case f32, bf16
}

/// How large the inputs are.
enum ValidationExtent: String, EnumerableFlag {
    case quick, full
}
