public import ArgumentParser
internal import IsomerBytes
internal import IsomerConversion
internal import IsomerTensors

/// `isomer diff`.
public struct Diff: IsomerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Tell whether two models hold the same weights, whatever arrangement each is in.",
        discussion: """
            Two files that use the same names are compared name by name. Where the names differ, or one side is a folder, both are read as \
            models and compared component by component.

            Exit status 0 if they are equal, 1 if not. Values are compared where bytes differ: the largest difference, and the largest \
            relative to the greater of the two values.
            """)

    @Argument(help: ArgumentHelp("A weight file, the index of a sharded set, or a Diffusers folder.", valueName: "first"))
    var first: PathArgument

    @Argument(help: ArgumentHelp("What to compare it with.", valueName: "second"))
    var second: PathArgument

    @Option(help: "The names to compare by: keep, or canonical to read both as models.")
    var names: ComparedNames?

    @Option(
        help: ArgumentHelp(
            "Count values as equal that are at most this far apart, in whatever types. 0 asks for equal values only.",
            valueName: "difference"))
    var tolerance: Double?

    @OptionGroup
    public var shared: SharedOptions

    public init() {}

    public mutating func validate() throws {
        if let tolerance, !(tolerance >= 0) { throw ValidationError("--tolerance takes a number that is not negative.") }
    }

    public func run(in environment: CommandEnvironment) throws -> ExitStatus {
        let subjects = try ComparedModels(first.path, second.path, names, shared.limits)
        let bar = ProgressBar(environment, shared)
        let difference: SourceDifference
        do {
            defer { bar.clear() }
            difference = try SourceDifference(
                subjects.first, subjects.second, workers: Workers(count: shared.threads)
            ) { done, total in bar.update("Comparing", done: done, total: total) }
        }
        let report = DiffReport(subjects, difference, tolerance: tolerance)
        if shared.json {
            environment.writeOutput(JSONOutput.text(report.json))
        } else {
            environment.writeOutput(report.text(for: environment.outputTerminal))
        }
        return report.isEqual ? .done : .checkFailed
    }
}

/// What `--names` knows.
enum ComparedNames: String, CaseIterable, ExpressibleByArgument {
    case keep, canonical
}

/// Two models, opened to be compared by names that both use.
struct ComparedModels {
    let paths: (first: FilePath, second: FilePath)
    let first: any TensorSource
    let second: any TensorSource
    /// Whether names are `component/name` in the canonical naming.
    let isCanonical: Bool
    /// Tensors that belong to no component and were not compared, a sentence for each side that has any.
    let notes: [String]

    init(_ firstPath: FilePath, _ secondPath: FilePath, _ names: ComparedNames?, _ limits: Limits) throws(IsomerError) {
        paths = (firstPath, secondPath)
        let firstFile = try FileSystem.kind(of: firstPath) == .folder ? nil : WeightFile(firstPath, limits: limits)
        let secondFile = try FileSystem.kind(of: secondPath) == .folder ? nil : WeightFile(secondPath, limits: limits)
        if let firstFile, let secondFile, names != .canonical,
            names == .keep || Self.shareNames(firstFile.tensors, secondFile.tensors)
        {
            // Weights that are packed alike are compared as they are stored, others by their numbers.
            let isAlike = names == .keep || firstFile.tensors.tensors == secondFile.tensors.tensors
            first = isAlike ? firstFile.tensors : try PackedWeights(in: firstFile.tensors, as: .f32).unpacked
            second = isAlike ? secondFile.tensors : try PackedWeights(in: secondFile.tensors, as: .f32).unpacked
            (isCanonical, notes) = (false, [])
            return
        }
        guard names != .keep else {
            throw IsomerError(
                .usage, "a folder's tensors can only be compared as a model's", path: firstFile == nil ? firstPath : secondPath,
                remedy: "leave `--names keep` away, or compare single files")
        }
        let models = try Model.pair(Self.request(firstPath, limits), Self.request(secondPath, limits))
        // A file has no place for what a folder has besides; two folders have one for each other's.
        let areFolders = firstFile == nil && secondFile == nil
        first = try models.0.canonicalTensors(withOthers: areFolders)
        second = try models.1.canonicalTensors(withOthers: areFolders)
        isCanonical = true
        notes = [(firstPath, models.0), (secondPath, models.1)].compactMap { path, model in
            let count = model.beside.filter { $0.nature != .derivable }.count - (areFolders ? model.others.count : 0)
            return count > 0 ? "\(Numbers.count(count, "tensor")) of \(path) belong to no component and are not compared" : nil
        }
    }

    /// Two files of one layout may lack some of each other's tensors, but not most.
    private static func shareNames(_ first: any TensorSource, _ second: any TensorSource) -> Bool {
        let names = Set(first.tensors.map { ExactString($0.name) })
        let common = second.tensors.reduce(0) { $0 + (names.contains(ExactString($1.name)) ? 1 : 0) }
        return 2 * common >= min(first.tensors.count, second.tensors.count)
    }

    private static func request(_ path: FilePath, _ limits: Limits) -> ConversionRequest {
        var request = ConversionRequest(source: path)
        request.limits = limits
        request.keepsExtras = true
        request.allowedMissing = [NamePattern("*")]
        request.allowedUnknown = [NamePattern("*")]
        return request
    }
}
