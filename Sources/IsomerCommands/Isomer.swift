public import ArgumentParser

/// The command `isomer`.
public struct Isomer: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "isomer",
        abstract: "Read, check and convert every file a diffusion model is published in.",
        discussion: """
            Results go to standard output, progress and warnings to standard error.

            Exit status: 0 done; 1 a check failed (the files differ, the model is unsafe); 2 the input cannot be read or the output cannot \
            be written; 64 the command line is wrong; 130 interrupted.
            """,
        version: Isomer.version,
        // Each states its name: ArgumentParser would make it from the type's, at a tenth of what a start costs.
        subcommands: [
            Convert.self,
            Diff.self,
            Extract.self,
            Generate.self,
            Hash.self,
            Inspect.self,
            Merge.self,
            Metadata.self,
            Prepare.self,
            Prune.self,
            Scan.self,
            Synthesize.self,
            Tokenize.self,
            Validate.self,
        ]
    )

    /// The release.
    static let version = "0.1.0"

    public init() {}
}
