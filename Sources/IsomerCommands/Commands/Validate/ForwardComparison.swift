internal import IsomerBytes
internal import IsomerConversion

/// Runs a conversion's source and its output on the same inputs and compares what they compute.
struct ForwardComparison {
    private let source: ConversionRequest
    private let destination: FilePath
    private let first: Model

    /// Reads the source, before anything is written. Throws `usage` if there is nothing in it to run, and `undecided` if it is not known how.
    init(_ source: ConversionRequest, _ destination: FilePath) throws(IsomerError) {
        self.source = source
        self.destination = destination
        do throws(IsomerError) { first = try Model(source) } catch {
            guard error.code == .unsupported else { throw error }
            throw IsomerError(
                .usage, "there is nothing in this file that could be run", path: source.source, item: "--verify forward",
                expected: "a model that is known", remedy: "leave --verify away, or choose full")
        }
        let tensors = try first.canonicalTensors()
        for (slot, component) in first.components where source.only.isEmpty || source.only.contains(slot) {
            do throws(IsomerError) {
                _ = try ComponentValidation(slot, component, in: tensors, ValidationSettings())
            } catch {
                throw error.inFile(source.source)
            }
        }
    }

    /// Says nothing if they agree.
    func perform(in environment: CommandEnvironment, _ shared: SharedOptions) throws -> ExitStatus {
        var settings = ValidationSettings()
        settings.workers = Workers(count: shared.threads)
        var request = ConversionRequest(source: destination)
        request.limits = shared.limits
        request.configuration = source.configuration
        request.architecture = source.architecture
        request.keepsExtras = true
        let models = (first, try Model(request, like: first))
        let made = try ValidatedModel(models.1, destination, like: models.0, only: [], settings, environment, shared)
        // The output may have fewer components than the source.
        let given = try ValidatedModel(
            models.0, source.source, like: models.1, only: made.components.map(\.slot), settings, environment, shared)
        let report = ValidationReport(given, made, tolerance: nil)
        guard !report.isSound else { return .done }
        // The conversion's own report is the result; this is what went wrong with it.
        environment.writeError(report.text(for: environment.errorTerminal))
        return .checkFailed
    }
}
