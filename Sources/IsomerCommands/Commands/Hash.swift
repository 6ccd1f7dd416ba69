public import ArgumentParser
internal import IsomerBytes
internal import IsomerConversion

/// `isomer hash`.
public struct Hash: IsomerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "hash",
        abstract: "Print the checksums by which sites and user interfaces know a weight file.",
        discussion: """
            sha256 is of the whole file; AutoV2 is its first 10 digits. AutoV1 is the old short hash of AUTOMATIC1111. AutoV3 and sshs_model_hash \
            are of the tensors' bytes, so that editing metadata does not change them; modelspec is the same with 0x before it. Each file is read \
            once.
            """)

    @Argument(help: ArgumentHelp("Weight files.", valueName: "file"))
    var files: [PathArgument]

    @OptionGroup
    public var shared: SharedOptions

    public init() {}

    public func run(in environment: CommandEnvironment) throws -> ExitStatus {
        let bar = ProgressBar(environment, shared)
        defer { bar.clear() }
        var results: [JSONValue] = []
        for argument in files {
            let file = try ReadableFile(argument.path)
            let hashes = try FileHashes(of: file, workers: Workers(count: shared.threads)) { done in
                bar.update("Hashing", done: done, total: file.size)
            }
            let named = Self.named(hashes)
            if shared.json {
                var object: JSONObject = ["path": .path(argument.path), "bytes": .integer(file.size)]
                for (_, key, value) in named { object[key] = value.map { .string($0) } ?? .null }
                results.append(.object(object))
            } else {
                bar.clear()
                var report = Report(for: environment.outputTerminal)
                if files.count > 1 { report.heading(argument.path.string) }
                for (label, _, value) in named { if let value { report.field(label, value) } }
                environment.writeOutput(report.finish())
            }
        }
        if shared.json { environment.writeOutput(JSONOutput.text(["schema": "isomer.hash/1", "files": .array(results)])) }
        return .done
    }

    private static func named(_ hashes: FileHashes) -> [(label: String, key: String, value: String?)] {
        [
            ("sha256", "sha256", hashes.sha256), ("AutoV1", "autoV1", hashes.autoV1), ("AutoV2", "autoV2", hashes.autoV2),
            ("AutoV3", "autoV3", hashes.autoV3), ("sshs_model_hash", "sshsModelHash", hashes.tensorData),
            ("sshs_legacy_hash", "sshsLegacyHash", hashes.legacyTraining), ("modelspec", "modelspec", hashes.modelSpec),
        ]
    }
}
