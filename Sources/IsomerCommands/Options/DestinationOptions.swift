internal import ArgumentParser
internal import IsomerBytes
internal import IsomerConversion

/// What the user may say of what is written, whichever command writes it.
struct DestinationOptions: ParsableArguments {
    @Option(help: ArgumentHelp("What to write, whatever the destination is called.", valueName: "format"))
    var to: TargetFormat?

    @Flag(help: "Print what would be done, tensor by tensor, and do nothing.")
    var dryRun = false

    @Flag(help: "Replace what is at the destination.")
    var overwrite = false

    /// What `--to` or the name of `destination` asks for.
    func target(for destination: PathArgument, legacy: Bool = false) throws(IsomerError) -> ConversionTarget {
        try TargetFormat.target(to, for: destination, legacy: legacy)
    }

    /// Carries `plan` out, or shows it if that is all that is wanted.
    func perform(
        _ plan: ConversionPlan, from source: FilePath, to destination: FilePath, verification: Verification = .header,
        merge: PlannedMerge? = nil, in environment: CommandEnvironment, _ shared: SharedOptions
    ) throws -> ExitStatus {
        if dryRun {
            var executor = Executor()
            executor.overwrite = overwrite
            let description = PlanDescription(
                plan, source: source, destination: destination, removed: try executor.removals(of: plan, at: destination))
            environment.writeOutput(shared.json ? JSONOutput.text(description.json) : description.text(for: environment.outputTerminal))
            return .done
        }
        return try ConversionRun(
            plan: plan, source: source, destination: destination, overwrite: overwrite, verification: verification, merge: merge
        ).perform(in: environment, shared)
    }
}
