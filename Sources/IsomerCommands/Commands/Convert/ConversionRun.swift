internal import IsomerBytes
internal import IsomerConversion

/// Carries out a plan with a progress bar, and reports.
struct ConversionRun {
    var plan: ConversionPlan
    /// What it is made from: a path, or a few words.
    var source: FilePath
    var destination: FilePath
    var overwrite: Bool
    var verification = Verification.header
    /// What it was made of, if it is a merge.
    var merge: PlannedMerge?

    func perform(in environment: CommandEnvironment, _ shared: SharedOptions) throws -> ExitStatus {
        var executor = Executor()
        executor.limits = shared.limits
        executor.workers = Workers(count: shared.threads)
        executor.overwrite = overwrite
        executor.verification = verification
        // A whole model's folder, or one component's.
        executor.replaceableFolderNames = ["model_index.json", "config.json"]
        let bar = ProgressBar(environment, shared)
        let outcome: ConversionOutcome
        do {
            defer { bar.clear() }
            outcome = try executor.run(plan, to: destination) { progress in
                bar.update(progress.phase == .writing ? "Writing" : "Verifying", done: progress.done, total: progress.total)
            }
        }
        let report = ConversionReport(plan, outcome, source: source, destination: destination, merge: merge)
        for warning in report.warnings { environment.warn(warning, shared) }
        if shared.json {
            environment.writeOutput(JSONOutput.text(report.json))
        } else if !shared.quiet {
            environment.writeOutput(report.text(for: environment.outputTerminal))
        }
        return .done
    }
}
