internal import IsomerBytes
internal import IsomerConversion
internal import IsomerFormats
internal import IsomerTokenizers

/// `isomer convert` for a tokenizer: one form into another.
struct TokenizerConversion {
    let source: FilePath
    let destination: FilePath
    /// Whether the destination was written as a folder's name.
    let namesFolder: Bool
    let overwrite: Bool
    let isDryRun: Bool

    init(_ source: PathArgument, _ destination: PathArgument, overwrite: Bool, isDryRun: Bool) {
        self.source = source.path
        self.destination = destination.path
        namesFolder = destination.namesFolder
        self.overwrite = overwrite
        self.isDryRun = isDryRun
    }

    /// Whether a tokenizer is the source, or its keys in a GGUF file are, because the destination can hold nothing else.
    static func isMeant(_ source: FilePath, _ destination: FilePath) throws(IsomerError) -> Bool {
        if try TokenizerFormat.isTokenizer(source) { return true }
        if try TokenizerFile.isVocabulary(source) { return true }
        let name = destination.lastComponent?.string.lowercased() ?? ""
        guard [".json", ".tiktoken", ".txt", ".txt.gz"].contains(where: name.hasSuffix), try FileSystem.kind(of: source) == .file else {
            return false
        }
        return try FileFormat(of: ReadableFile(source)) == .gguf
    }

    func perform(in environment: CommandEnvironment, _ shared: SharedOptions) throws -> ExitStatus {
        let file = try TokenizerFile.open(source, limits: shared.limits)
        let (target, isFolder) = try target(for: file)
        var (files, notCarried) = try target == nil ? vocabularyGGUF(file) : file.files(as: target ?? .tokenizerJSON)
        if !isFolder, destination.string.lowercased().hasSuffix(".txt"), target == .openCLIP {
            // As OpenAI's package has it, not compressed.
            files = [Tokenizer.File(name: files[0].name, bytes: try Inflater.inflate(files[0].bytes, .gzip, size: .atMost(1 << 30)))]
        }
        if !isDryRun { try write(files, isFolder: isFolder) }
        let paths = isFolder ? files.map { destination.appending($0.name) } : [destination]
        if shared.json {
            environment.writeOutput(
                JSONOutput.text([
                    "schema": "isomer.convert-tokenizer/1", "source": .path(source), "destination": .path(destination),
                    "origin": .string(file.origin), "target": .string(target?.rawValue ?? "gguf"), "dryRun": .bool(isDryRun),
                    "tokens": .integer(file.tokenizer.idBound), "files": .array(paths.map(JSONValue.path)),
                    "notCarried": .array(notCarried.map(JSONValue.string)),
                ]))
        } else if !shared.quiet {
            var report = Report(for: environment.outputTerminal)
            report.heading("\(source) → \(destination)")
            report.field("tokenizer", "\(file.origin) → \(target?.rawValue ?? "keys of a GGUF file")")
            report.field("tokens", Numbers.grouped(file.tokenizer.idBound))
            report.field(isDryRun ? "would write" : "files", files.map(\.name).joined(separator: ", "))
            report.list("not carried", notCarried)
            environment.writeOutput(report.finish())
        }
        return .done
    }

    private func vocabularyGGUF(_ file: TokenizerFile) throws(IsomerError) -> (files: [Tokenizer.File], notCarried: [String]) {
        let (bytes, notCarried) = try file.vocabularyGGUF()
        return ([.init(name: "vocabulary.gguf", bytes: bytes)], notCarried.map { $0 + ", to readers that do not look at the whole of it" })
    }

    /// What the destination's name asks for; `nil` for the keys of a GGUF file.
    private func target(for file: TokenizerFile) throws(IsomerError) -> (TokenizerTarget?, isFolder: Bool) {
        let name = namesFolder ? "" : destination.lastComponent?.string.lowercased() ?? ""
        // Readers go by these names, each for one of several files or for a setting.
        let parts = ["vocab.json", "merges.txt", "added_tokens.json", "special_tokens_map.json", "tokenizer_config.json"]
        guard !parts.contains(name) else {
            throw IsomerError(
                .usage, "a file of this name holds only a part of a tokenizer", path: destination,
                remedy: "name the folder that is to hold them, or a tokenizer.json")
        }
        if name.hasSuffix(".gguf") { return (nil, false) }
        if name.hasSuffix(".json") { return (.tokenizerJSON, false) }
        if name.hasSuffix(".tiktoken") { return (.tiktoken, false) }
        if name.hasSuffix(".txt.gz") { return (.openCLIP, false) }
        if name.hasPrefix("bpe_simple_vocab") { return (.openCLIP, false) }
        if name.hasSuffix(".txt") { return (file.tokenizer.isWordPiece ? .lines : .openCLIP, false) }
        if !namesFolder, let ending = destination.extension, ending.allSatisfy(\.isLetter) {
            throw IsomerError(
                .usage, "the destination's name does not say what to write", path: destination,
                expected: "a folder, or a name that ends in .json, .txt, .txt.gz, .tiktoken or .gguf",
                remedy: "a tokenizer was given: choose such a name")
        }
        // A folder gets the form that the source is not.
        let isWhole = file.origin == TokenizerFormat.tokenizerJSON.rawValue
        return (isWhole && file.tokenizer.hasVocabularyFiles ? .vocabularyFiles : .tokenizerJSON, true)
    }

    private func write(_ files: [Tokenizer.File], isFolder: Bool) throws(IsomerError) {
        guard isFolder else {
            var inputs: [FileIdentity] = []
            if try FileSystem.kind(of: source) == .file { inputs.append(try FileSystem.identity(of: source)) }
            let output = try AtomicFile(
                path: destination, byteCount: UInt64(files[0].bytes.count), overwrite: overwrite, inputs: overwrite ? [] : inputs)
            try output.file.write(files[0].bytes, at: 0)
            try output.commit()
            return
        }
        var executor = Executor()
        executor.overwrite = overwrite
        executor.replaceableFolderNames = ["tokenizer.json", "vocab.json", "vocab.txt"]
        let plan = ConversionPlan(
            sources: [], shape: .folder, files: [], plainFiles: files.map { PlainFile(path: FilePath($0.name), bytes: $0.bytes) })
        _ = try executor.run(plan, to: destination)
    }
}
