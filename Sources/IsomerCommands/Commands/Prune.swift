public import ArgumentParser
internal import IsomerBytes
internal import IsomerConversion
internal import IsomerTensors

/// `isomer prune`.
public struct Prune: IsomerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Leave out of a checkpoint what only its training needed.",
        discussion: """
            What goes: averaged weights (or, with --ema, the last ones), optimizer and training state, the buffers of the usual noise schedule, \
            second copies of tied tensors. What stays: everything else, known or not, unless --drop names it; the report says why something \
            that looks superfluous was kept. Names do not change.
            """)

    @Argument(help: ArgumentHelp("A weight file, or the index of a sharded set.", valueName: "source"))
    var source: PathArgument

    @Argument(help: ArgumentHelp("The file to write.", valueName: "destination"))
    var destination: PathArgument

    @Flag(help: "Put the averaged (EMA) weights in the place of the last ones.")
    var ema = false

    @Flag(help: "Keep the averaged weights beside the last ones.")
    var keepEma = false

    @Option(parsing: .singleValue, help: ArgumentHelp("Leave these tensors out too; * stands for anything.", valueName: "pattern"))
    var drop: [String] = []

    @Option(parsing: .singleValue, help: ArgumentHelp("Keep these tensors whatever they are; * stands for anything.", valueName: "pattern"))
    var keep: [String] = []

    @Option(help: ArgumentHelp("The type of floating tensors in the output.", valueName: "type"))
    var dtype: FloatType?

    @Option(help: ArgumentHelp("Cut weights into shards of at most this size, with an index: 5GB, 500MB.", valueName: "size"))
    var maxShardSize: ByteSize?

    @Option(parsing: .singleValue, help: ArgumentHelp("Metadata to write beside the tensors. May be repeated.", valueName: "key=value"))
    var metadata: [MetadataArgument] = []

    @OptionGroup
    var output: DestinationOptions

    @OptionGroup
    public var shared: SharedOptions

    public init() {}

    public func validate() throws {
        if ema, keepEma { throw ValidationError("--ema and --keep-ema exclude each other.") }
    }

    public func run(in environment: CommandEnvironment) throws -> ExitStatus {
        try output.perform(plan(), from: source.path, to: destination.path, in: environment, shared)
    }

    private func plan() throws(IsomerError) -> ConversionPlan {
        guard case .file(let container) = try output.target(for: destination) else {
            throw IsomerError(
                .usage, "a pruned file is a file", path: destination.path, expected: "a name that ends in \(TargetFormat.endings)")
        }
        guard try FileSystem.kind(of: source.path) != .folder else {
            throw IsomerError(
                .usage, "a Diffusers folder holds nothing to prune", path: source.path, expected: "a weight file",
                remedy: "prune the checkpoint that it was made from, or convert it with --dtype")
        }
        var pruning = Pruning(to: container)
        pruning.floatType = dtype?.scalarType
        pruning.takesAverage = ema
        pruning.keepsAverage = keepEma
        pruning.drops = drop.map(NamePattern.init)
        pruning.keeps = keep.map(NamePattern.init)
        pruning.shardBytes = maxShardSize?.bytes
        for entry in metadata { pruning.metadata[entry.key] = entry.value }
        let file = try WeightFile(source.path)
        var plan = try pruning.plan(file)
        plan.notes = file.warnings + plan.notes
        try plan.settleTypes(nil)
        plan.describeGGUF()
        try plan.check()
        return plan
    }
}
