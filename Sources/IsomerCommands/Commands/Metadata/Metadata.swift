public import ArgumentParser
internal import IsomerBytes
internal import IsomerConversion
internal import IsomerFormats
internal import IsomerTensors

/// `isomer metadata`.
public struct Metadata: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "metadata",
        abstract: "Show, set and remove what a safetensors file says about itself.",
        discussion: """
            Only the header changes: the tensors' bytes stay what they are, and so do the checksums made of them. A new file is written beside \
            the old one and takes its name when it is whole; --in-place changes the header inside the file instead, if it fits.
            """,
        subcommands: [MetadataShow.self, MetadataSet.self, MetadataRemove.self, MetadataModelSpec.self])

    public init() {}
}

/// `isomer metadata show`.
struct MetadataShow: IsomerCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Print a file's metadata, or some of it.")

    @Argument(help: ArgumentHelp("A weight file.", valueName: "file"))
    var file: PathArgument

    @Argument(help: ArgumentHelp("The entries to print; all if none is named.", valueName: "key"))
    var keys: [String] = []

    @OptionGroup
    var shared: SharedOptions

    func run(in environment: CommandEnvironment) throws -> ExitStatus {
        let all = try WeightFile(file.path, limits: shared.limits).tensors.metadata
        var shown = all
        if !keys.isEmpty {
            shown = [:]
            for key in keys {
                guard let value = all[key] else {
                    throw IsomerError(.mismatch, "the metadata has no such entry", path: file.path, item: key)
                }
                shown[key] = value
            }
        }
        if shared.json {
            environment.writeOutput(
                JSONOutput.text(["schema": "isomer.metadata/1", "path": .path(file.path), "metadata": shown.json]))
        } else {
            var report = Report(for: environment.outputTerminal)
            for (key, value) in shown { report.field(key, value) }
            environment.writeOutput(report.finish())
        }
        return .done
    }
}

/// `isomer metadata set`.
struct MetadataSet: IsomerCommand {
    static let configuration = CommandConfiguration(commandName: "set", abstract: "Add entries, or change them.")

    @Argument(help: ArgumentHelp("A safetensors file.", valueName: "file"))
    var file: PathArgument

    @Argument(help: ArgumentHelp("What to set.", valueName: "key=value"))
    var entries: [MetadataArgument]

    @OptionGroup
    var options: MetadataOptions

    @OptionGroup
    var shared: SharedOptions

    func run(in environment: CommandEnvironment) throws -> ExitStatus {
        try options.change(file.path, shared, environment) { metadata in
            for entry in entries { metadata[entry.key] = entry.value }
        }
    }
}

/// `isomer metadata remove`.
struct MetadataRemove: IsomerCommand {
    static let configuration = CommandConfiguration(commandName: "remove", abstract: "Remove entries.")

    @Argument(help: ArgumentHelp("A safetensors file.", valueName: "file"))
    var file: PathArgument

    @Argument(help: ArgumentHelp("The entries to remove; * stands for anything.", valueName: "pattern"))
    var patterns: [String]

    @OptionGroup
    var options: MetadataOptions

    @OptionGroup
    var shared: SharedOptions

    func run(in environment: CommandEnvironment) throws -> ExitStatus {
        try options.change(file.path, shared, environment) { (metadata) throws(IsomerError) in
            for pattern in patterns {
                let matching = metadata.keys.filter(NamePattern(pattern).matches)
                guard !matching.isEmpty || pattern.contains("*") else {
                    throw IsomerError(.mismatch, "the metadata has no such entry", path: file.path, item: pattern)
                }
                for key in matching { metadata[key] = nil }
            }
        }
    }
}

/// How `isomer metadata` writes.
struct MetadataOptions: ParsableArguments {
    @Flag(
        help: ArgumentHelp(
            "Change the header inside the file, if it fits.",
            discussion: "Takes a moment whatever the size, but a power cut in that moment damages the file."))
    var inPlace = false

    @Option(help: ArgumentHelp("Write the result here and leave the file as it is.", valueName: "path"))
    var output: PathArgument?

    @Flag(help: "Replace what is at the output.")
    var overwrite = false

    func validate() throws {
        if inPlace, output != nil { throw ValidationError("--in-place and --output exclude each other.") }
    }

    /// Changes a file's metadata and says so.
    func change(
        _ path: FilePath, _ shared: SharedOptions, _ environment: CommandEnvironment,
        _ edit: (inout FileMetadata) throws(IsomerError) -> Void
    ) throws -> ExitStatus {
        let reader = try SafetensorsReader(path, limits: shared.limits)
        var metadata = reader.metadata
        try edit(&metadata)
        let rewrite = try MetadataRewrite(reader, metadata: metadata, limits: shared.limits)
        if inPlace {
            try rewrite.writeInPlace()
        } else {
            let bar = ProgressBar(environment, shared)
            defer { bar.clear() }
            let total = reader.file.size - reader.dataOffset
            try rewrite.write(
                to: output?.path ?? path, overwrite: output == nil || overwrite, workers: Workers(count: shared.threads)
            ) { done in bar.update("Writing", done: done, total: total) }
        }
        let target = output?.path ?? path
        if shared.json {
            environment.writeOutput(
                JSONOutput.text(["schema": "isomer.metadata/1", "path": .path(target), "metadata": metadata.json]))
        } else if !shared.quiet {
            environment.writeOutput("\(escapedForDisplay(target.string)): \(Numbers.count(metadata.count, "entry", plural: "entries"))\n")
        }
        return .done
    }
}
