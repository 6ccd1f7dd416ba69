internal import IsomerArchitectures
internal import IsomerBytes
internal import IsomerConversion
internal import IsomerFormats
internal import IsomerMapping
internal import IsomerTensors

/// The conversion of a textual inversion.
struct EmbeddingRun {
    private let source: FilePath
    private let destination: FilePath
    private let options: ConvertOptions

    init(_ source: FilePath, _ destination: FilePath, _ options: ConvertOptions) {
        self.source = source
        self.destination = destination
        self.options = options
    }

    /// The plan, if an arrangement of textual inversions was asked for, or the source is a picture; `nil` if this is something else.
    func plan(_ container: Container) throws(IsomerError) -> ConversionPlan? {
        let isPicture = source.extension?.lowercased() == "png"
        guard let layout = options.layout else { return isPicture ? try conversion(container, nil).plan(TextualInversion(source)) : nil }
        guard let arrangement = layout.arrangement else { return nil }
        if layout.isForEmbeddings || isPicture { return try conversion(container, arrangement).plan(TextualInversion(source)) }
        // `diffusers` is a naming of much else; a textual inversion is small and cannot be taken for any of it.
        guard let size = try? ReadableFile(source).size, size < 64 << 20,
            !AdapterReading.looksLikeOne(TensorInventory(try openWeights(source).tensors)), let inversion = try? TextualInversion(source),
            inversion.arrangement != .diffusers || inversion.words.count <= 4
        else { return nil }
        return try conversion(container, arrangement).plan(inversion)
    }

    private func conversion(_ container: Container, _ arrangement: TextualInversion.Arrangement?) -> EmbeddingConversion {
        var conversion = EmbeddingConversion(to: container, at: destination)
        conversion.arrangement = arrangement
        return conversion
    }

    /// Writes a picture that holds the vectors.
    func writePicture(in environment: CommandEnvironment, _ shared: SharedOptions) throws -> ExitStatus {
        let inversion = try TextualInversion(source)
        let bytes = try EmbeddingConversion(to: .safetensors, at: destination).picture(inversion)
        if !options.output.dryRun {
            let output = try AtomicFile(
                path: destination, byteCount: UInt64(bytes.count), overwrite: options.output.overwrite,
                inputs: [try FileSystem.identity(of: source)])
            try output.file.write(bytes, at: 0)
            try output.commit()
        }
        if shared.json {
            environment.writeOutput(
                JSONOutput.text([
                    "schema": "isomer.picture/1", "source": .path(source), "destination": .path(destination),
                    "bytes": .integer(bytes.count),
                    "words": .strings(inversion.words.compactMap { $0.token(in: source) }), "written": .bool(!options.output.dryRun),
                ]))
        } else if !shared.quiet {
            var report = Report(for: environment.outputTerminal)
            report.heading("\(source) → \(destination)")
            report.field("size", Numbers.bytes(bytes.count))
            report.list("notes", ["the vectors are in the picture's text; programs that shrink pictures take it away"])
            environment.writeOutput(report.finish())
        }
        return .done
    }
}
