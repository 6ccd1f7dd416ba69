internal import ArgumentParser
internal import IsomerBytes
internal import IsomerConversion
internal import IsomerFormats
internal import IsomerMapping
internal import IsomerTensors

/// `isomer metadata modelspec`.
struct MetadataModelSpec: IsomerCommand {
    static let configuration = CommandConfiguration(
        commandName: "modelspec", abstract: "Fill in the ModelSpec entries, or verify them.",
        discussion: """
            Sets the specification's version and the checksum of the tensors; architecture and prediction type from what the file is; the \
            title from its name; and whatever is given. What the file says already stays, but for the first two.
            """)

    @Argument(help: ArgumentHelp("A safetensors file.", valueName: "file"))
    var file: PathArgument

    @Argument(help: ArgumentHelp("Entries to set, without the prefix: title=…, author=…", valueName: "key=value"))
    var entries: [MetadataArgument] = []

    @Flag(help: "Change nothing; say what is missing or wrong. Exit status 1 if anything is.")
    var verify = false

    @OptionGroup
    var options: MetadataOptions

    @OptionGroup
    var shared: SharedOptions

    func run(in environment: CommandEnvironment) throws -> ExitStatus {
        let reader = try SafetensorsReader(file.path, limits: shared.limits)
        let hash = try tensorHash(of: reader.file, environment)
        if verify { return report(ModelSpecification.problems(in: reader.metadata, tensorHash: hash), environment) }
        let summary = try ModelSummary(of: file.path, limits: shared.limits)
        return try options.change(file.path, shared, environment) { (metadata) throws(IsomerError) in
            func fill(_ key: String, _ value: String?) {
                let key = ModelSpecification.prefix + key
                if metadata[key] == nil { metadata[key] = value }
            }
            for entry in entries {
                let isPrefixed = entry.key.hasPrefix(ModelSpecification.prefix)
                metadata[isPrefixed ? entry.key : ModelSpecification.prefix + entry.key] = entry.value
            }
            metadata[ModelSpecification.prefix + "sai_model_spec"] = ModelSpecification.version
            metadata[ModelSpecification.prefix + "hash_sha256"] = hash
            fill("architecture", Self.architecture(summary))
            fill("implementation", summary.components.isEmpty ? nil : Self.implementation(reader))
            fill("title", (options.output?.path ?? file.path).stem)
            fill("prediction_type", Self.prediction(summary))
            let missing = ModelSpecification.required.filter { metadata[ModelSpecification.prefix + $0] == nil }
            guard missing.isEmpty else {
                throw IsomerError(
                    .undecided, "the file does not tell everything that ModelSpec demands", path: file.path,
                    item: missing.joined(separator: ", "), remedy: "add " + missing.map { "\($0)=…" }.joined(separator: " "))
            }
        }
    }

    private func tensorHash(of file: ReadableFile, _ environment: CommandEnvironment) throws(IsomerError) -> String? {
        let bar = ProgressBar(environment, shared)
        defer { bar.clear() }
        let size = file.size
        return try FileHashes(of: file, workers: Workers(count: shared.threads), limits: shared.limits) { done in
            bar.update("Hashing", done: done, total: size)
        }.modelSpec
    }

    private func report(_ problems: [String], _ environment: CommandEnvironment) -> ExitStatus {
        if shared.json {
            environment.writeOutput(
                JSONOutput.text([
                    "schema": "isomer.modelspec/1", "path": .path(file.path), "valid": .bool(problems.isEmpty),
                    "problems": .strings(problems),
                ]))
        } else if !shared.quiet {
            var report = Report(for: environment.outputTerminal)
            report.heading("\(file.path): \(problems.isEmpty ? "as ModelSpec wants it" : Numbers.count(problems.count, "problem"))")
            for problem in problems { report.line(problem, indent: 2) }
            environment.writeOutput(report.finish())
        }
        return problems.isEmpty ? .done : .checkFailed
    }

    /// The specification's names of architectures.
    private static func architecture(_ summary: ModelSummary) -> String? {
        let isVelocity = summary.prediction?.value == "v_prediction"
        return switch summary.family {
        case .stableDiffusion1: "stable-diffusion-v1"
        case .stableDiffusion2: isVelocity ? "stable-diffusion-v2-768-v" : "stable-diffusion-v2-512"
        default: nil
        }
    }

    /// Whose code the names of the tensors are from.
    private static func implementation(_ reader: SafetensorsReader) -> String {
        let isOriginal = reader.tensors.contains { $0.name.hasPrefix("model.diffusion_model.") || $0.name.hasPrefix("first_stage_model.") }
        return isOriginal ? "https://github.com/Stability-AI/generative-models" : "diffusers"
    }

    private static func prediction(_ summary: ModelSummary) -> String? {
        switch summary.prediction?.value {
        case "epsilon": "epsilon"
        case "v_prediction": "v"
        default: nil
        }
    }
}
