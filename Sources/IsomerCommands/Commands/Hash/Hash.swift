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

            Of a folder, every weight file in it and below counts: what is called \
            \(HashedFiles.endings.dropLast().map { "." + $0 }.joined(separator: ", ")) or .\(HashedFiles.endings.last ?? "").

            --write puts FILE.sha256 beside each file, in the form of sha256sum. --check compares files with their lists, and with the sums in \
            their own metadata (modelspec.hash_sha256, sshs_model_hash); a list may be given as well, and those in a folder are. Exit status 1 if \
            one does not agree.
            """)

    @Argument(help: ArgumentHelp("Weight files and folders of them; with --check also lists of checksums.", valueName: "path"))
    var files: [PathArgument]

    @Flag(help: "Write each file's sha256 to a list beside it.")
    var write = false

    @Flag(help: "Compare each file with its list and with what its metadata promises.")
    var check = false

    @Flag(help: "Replace a list that says something else.")
    var overwrite = false

    @OptionGroup
    public var shared: SharedOptions

    public init() {}

    public mutating func validate() throws {
        if write && check { throw ValidationError("--write and --check exclude each other.") }
        if overwrite && !write { throw ValidationError("--overwrite is for --write.") }
    }

    public func run(in environment: CommandEnvironment) throws -> ExitStatus {
        let bar = ProgressBar(environment, shared)
        defer { bar.clear() }
        if write || check { return try keep(in: environment, bar) }
        var results: [JSONValue] = []
        let paths = try HashedFiles(files.map(\.path)).weights
        for path in paths {
            let file = try ReadableFile(path)
            let hashes = try FileHashes(of: file, workers: Workers(count: shared.threads), limits: shared.limits) { done in
                bar.update("Hashing", done: done, total: file.size)
            }
            let named = Self.named(hashes)
            if shared.json {
                var object: JSONObject = ["path": .path(path), "bytes": .integer(file.size)]
                for (_, key, value) in named { object[key] = value.map { .string($0) } ?? .null }
                results.append(.object(object))
            } else {
                bar.clear()
                var report = Report(for: environment.outputTerminal)
                if paths.count > 1 || files.count > 1 { report.heading(path.string) }
                for (label, _, value) in named { if let value { report.field(label, value) } }
                environment.writeOutput(report.finish())
            }
        }
        if shared.json { environment.writeOutput(JSONOutput.text(["schema": "isomer.hash/1", "files": .array(results)])) }
        return .done
    }

    /// `--write` and `--check`.
    private func keep(in environment: CommandEnvironment, _ bar: ProgressBar) throws -> ExitStatus {
        let keeper = HashCheck(limits: shared.limits) { path, toleratesDamage in
            let file = try ReadableFile(path)
            defer { bar.clear() }
            let workers = Workers(count: shared.threads)
            return try FileHashes(of: file, workers: workers, limits: shared.limits, toleratesDamage: toleratesDamage) { done in
                bar.update("Hashing", done: done, total: file.size)
            }
        }
        var results: [HashCheck.Result] = []
        let found = try HashedFiles(files.map(\.path))
        if write {
            for path in found.weights {
                let list = try keeper.write(path, overwrite: overwrite)
                if !shared.quiet, !shared.json { environment.writeOutput("\(escapedForDisplay(list.string))\n") }
                results.append(try keeper.written(list, path))
            }
        } else {
            results = try keeper.check(found) { environment.warn($0, shared) }
        }
        if shared.json {
            let checks = results.map { result -> JSONValue in
                [
                    "path": .path(result.path), "kind": .string(result.kind), "expected": .string(result.expected),
                    "found": result.found.map { .string($0) } ?? .null, "agrees": .bool(result.isKept),
                ]
            }
            environment.writeOutput(JSONOutput.text(["schema": "isomer.checksums/1", "checks": .array(checks)]))
        } else if check {
            for result in results where !shared.quiet || !result.isKept {
                // As sha256sum -c says it.
                let verdict = result.isKept ? "OK" : result.found == nil ? "FAILED open or read" : "FAILED"
                let kind = result.kind == "sha256" ? "" : " (\(result.kind))"
                environment.writeOutput("\(escapedForDisplay(result.path.string))\(kind): \(verdict)\n")
            }
        }
        return results.allSatisfy(\.isKept) ? .done : .checkFailed
    }

    private static func named(_ hashes: FileHashes) -> [(label: String, key: String, value: String?)] {
        [
            ("sha256", "sha256", hashes.sha256), ("AutoV1", "autoV1", hashes.autoV1), ("AutoV2", "autoV2", hashes.autoV2),
            ("AutoV3", "autoV3", hashes.autoV3), ("sshs_model_hash", "sshsModelHash", hashes.tensorData),
            ("sshs_legacy_hash", "sshsLegacyHash", hashes.legacyTraining), ("modelspec", "modelspec", hashes.modelSpec),
        ]
    }
}
