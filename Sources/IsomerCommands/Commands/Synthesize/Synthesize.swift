public import ArgumentParser
internal import IsomerBytes
internal import IsomerConversion
internal import IsomerMapping
internal import IsomerTensors

/// `isomer synthesize`.
public struct Synthesize: IsomerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "synthesize",
        abstract: "Make a random model of any known architecture, for tests and bug reports.",
        discussion: """
            The model has the true structure and, unless --tiny is given, the true size. Its weights follow from the seed alone: the same \
            seed gives the same tensors on every machine, as a checkpoint and as a Diffusers folder.
            """)

    @Argument(help: ArgumentHelp("Which model: sd15, sd21, … `isomer inspect --list` has them.", valueName: "model"))
    var name: String

    @Argument(
        help: ArgumentHelp(
            "What to write: a name that ends in .safetensors is a file, one without an ending a Diffusers folder.", valueName: "destination"
        ))
    var destination: PathArgument

    @Option(help: ArgumentHelp("What to write, whatever the destination is called.", valueName: "format"))
    var to: TargetFormat?

    @Option(help: ArgumentHelp("The seed of the random numbers.", valueName: "number"))
    var seed: UInt64 = 0

    @Option(help: ArgumentHelp("The type of the tensors.", valueName: "type"))
    var dtype: FloatType = .f16

    @Flag(help: "Make a relative with the same parts that is about a thousand times smaller.")
    var tiny = false

    @Option(help: ArgumentHelp("Cut weights into shards of at most this size, with an index: 5GB, 500MB.", valueName: "size"))
    var maxShardSize: ByteSize?

    @Flag(help: "Replace what is at the destination.")
    var overwrite = false

    @OptionGroup
    public var shared: SharedOptions

    public init() {}

    public func run(in environment: CommandEnvironment) throws -> ExitStatus {
        guard let (family, member) = ModelFamily.member(name) else {
            throw IsomerError(
                .usage, "there is no model of this name", found: name,
                remedy: "choose one of \(ModelFamily.all.flatMap(\.members).map(\.identifier).joined(separator: ", "))")
        }
        let model = try Model(synthesizing: member, of: family, seed: seed, scalarType: dtype.scalarType, isTiny: tiny)
        var request = ConversionRequest(source: FilePath())
        request.destination = destination.path
        request.shardBytes = maxShardSize?.bytes
        let plan =
            switch try TargetFormat.target(to, for: destination) {
            case .file(let container): try model.checkpointPlan(container, request)
            case .diffusers: try model.diffusersPlan(request)
            }
        let title = "\(tiny ? "a tiny random" : "a random") \(member.title), seed \(seed)"
        return try ConversionRun(plan: plan, source: FilePath(title), destination: destination.path, overwrite: overwrite)
            .perform(in: environment, shared)
    }
}
