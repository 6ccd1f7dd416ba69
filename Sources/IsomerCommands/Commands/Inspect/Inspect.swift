public import ArgumentParser
internal import IsomerBytes
internal import IsomerConversion
internal import IsomerTensors

/// `isomer inspect`.
public struct Inspect: IsomerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Say what a model file or folder is, and why.",
        discussion: """
            Prints the format, the architecture with the reasons for it, components, element types, the number of parameters beside the \
            published one, metadata, and what does not belong there. Only headers are read, unless --stats asks for more.
            """)

    @Argument(help: ArgumentHelp("Weight files, indexes of sharded sets, or Diffusers folders.", valueName: "path"))
    var paths: [PathArgument] = []

    @Option(
        defaultAsFlag: "*", help: ArgumentHelp("List the tensors, or those that a pattern with * matches.", valueName: "pattern"))
    var tensors: String?

    @Flag(help: "Read the tensors too: extremes, mean, spread, NaN, and a histogram of each.")
    var stats = false

    @Flag(help: "List the architectures that are known, with the names that flags take.")
    var list = false

    @OptionGroup
    public var shared: SharedOptions

    public init() {}

    public mutating func validate() throws {
        // `inspect --tensors model.safetensors` reads the path as the pattern.
        if paths.isEmpty, let path = tensors.flatMap(PathArgument.init(argument:)), (try? FileSystem.kind(of: path.path)) ?? nil != nil {
            paths = [path]
            tensors = "*"
        }
        guard list || !paths.isEmpty else { throw ValidationError("Missing expected argument '<path> ...'") }
    }

    public func run(in environment: CommandEnvironment) throws -> ExitStatus {
        if list {
            let catalogue = ArchitectureList()
            environment.writeOutput(shared.json ? JSONOutput.text(catalogue.json) : catalogue.text(for: environment.outputTerminal))
            return .done
        }
        var results: [JSONValue] = []
        var status = ExitStatus.done
        for (number, argument) in paths.enumerated() {
            let report: InspectReport
            do throws(IsomerError) {
                report = try inspect(argument.path, environment)
            } catch {
                // One bad file among many does not hide the others.
                if paths.count == 1 || error.code == .interrupted { throw error }
                environment.report(error, asJSON: shared.json)
                status = ExitStatus(error)
                continue
            }
            if shared.json {
                results.append(report.json)
            } else {
                environment.writeOutput((number > 0 ? "\n" : "") + report.text(for: environment.outputTerminal))
            }
        }
        if shared.json { environment.writeOutput(JSONOutput.text(["schema": "isomer.inspect/1", "models": .array(results)])) }
        return status
    }

    private func inspect(_ path: FilePath, _ environment: CommandEnvironment) throws(IsomerError) -> InspectReport {
        let subject = try InspectedModel(path, shared.limits)
        let survey = stats ? try survey(of: subject, environment) : nil
        return InspectReport(subject, listed: listed(in: subject), survey: survey)
    }

    /// The tensors to list; `nil` if none were asked for.
    private func listed(in subject: InspectedModel) -> [Int]? {
        guard tensors != nil || stats else { return nil }
        let pattern = NamePattern(tensors ?? "*")
        return subject.tensors.tensors.indices.filter { pattern.matches(subject.tensors.tensors[$0].name) }
    }

    private func survey(of subject: InspectedModel, _ environment: CommandEnvironment) throws(IsomerError) -> TensorSurvey {
        let indexes = listed(in: subject) ?? []
        let total = indexes.reduce(UInt64(0)) { $0 &+ UInt64(subject.tensors.tensors[$1].byteCount) }
        let bar = ProgressBar(environment, shared)
        defer { bar.clear() }
        return try TensorSurvey(of: subject.tensors, indexes, bucketCount: 24, workers: Workers(count: shared.threads)) { done in
            bar.update("Reading", done: done, total: total)
        }
    }
}
