internal import IsomerBytes
internal import IsomerCompute
internal import IsomerConversion
internal import IsomerGeneration
internal import IsomerImages

/// One run of `isomer generate`: opens the models, checks everything, makes and writes images.
struct GenerationRun {
    private let record: GenerationRecord
    private let pipeline: GenerationPipeline
    private let destination: ImageDestination
    private let batch: ImageBatchOptions
    private let environment: CommandEnvironment
    private let shared: SharedOptions
    private let model: GenerationModel
    /// When the command began.
    private let start: ContinuousClock.Instant
    /// The number of its first image among all of the command.
    private let firstNumber: Int

    /// Opens and checks.
    ///
    /// - Parameter automaticTile: whether pictures may be decoded in tiles where they would not fit into memory otherwise.
    init(
        _ record: GenerationRecord, firstNumber: Int, automaticTile: Bool, _ machine: MachineOptions, _ batch: ImageBatchOptions,
        _ destination: ImageDestination, _ environment: CommandEnvironment, _ shared: SharedOptions
    ) throws(IsomerError) {
        start = .now
        self.firstNumber = firstNumber
        (self.batch, self.destination, self.environment, self.shared) = (batch, destination, environment, shared)
        var record = record
        let request = record.request
        var settings = machine.settings(shared)
        settings.precision = record.precision
        var words: [AddedWord] = []
        for path in request.embeddings { words.append(try Self.word(path, shared.limits)) }
        let adapters = request.adapters.map { ModelMerge.AddedAdapter($0.path, strength: $0.strength) }
        model = try Self.open(record.reading, adapters, words, settings.workers)
        var refiner: GenerationModel?
        if let path = request.refiner?.model {
            var inner = ConversionRequest(source: path)
            inner.limits = shared.limits
            refiner = try Self.open(inner, [], [], settings.workers)
        }
        do throws(IsomerError) {
            pipeline = try GenerationPipeline(
                model, refiner: refiner, request, settings, tile: record.tile, batchSize: min(batch.batchSize, batch.count),
                limits: shared.limits)
        } catch {
            guard automaticTile, error.code == .limitExceeded, error.location.item == "vae" else { throw error }
            record.tile = Self.tile
            pipeline = try GenerationPipeline(
                model, refiner: refiner, request, settings, tile: Self.tile, batchSize: min(batch.batchSize, batch.count),
                limits: shared.limits)
        }
        self.record = record
    }

    /// Latent pixels along a tile's side: pictures of 512 pixels are decoded whole.
    static let tile = 64

    private static func open(
        _ reading: ConversionRequest, _ adapters: [ModelMerge.AddedAdapter], _ words: [AddedWord], _ workers: Workers
    ) throws(IsomerError) -> GenerationModel {
        var reading = reading
        var model = try Model(reading)
        if let probe = try PredictionProbe(model, workers: workers) {
            reading.prediction = probe.prediction
            reading.predictionReason = probe.reason
            model = try Model(reading)
        }
        return try GenerationModel(model, reading, adapters: adapters, words: words)
    }

    /// `FILE`, or `FILE=WORD`.
    private static func word(_ argument: FilePath, _ limits: Limits) throws(IsomerError) -> AddedWord {
        let text = argument.string
        if try FileSystem.kind(of: argument) == nil, let mark = text.lastIndex(of: "="), mark != text.startIndex {
            let path = FilePath(String(text[..<mark]))
            return AddedWord(try TextualInversion(path, limits: limits), token: String(text[text.index(after: mark)...]))
        }
        return AddedWord(try TextualInversion(argument, limits: limits))
    }

    /// Makes all images that are not there and notes them. An interruption keeps those that are finished.
    func perform(_ tally: inout GenerationTally) throws(IsomerError) {
        let numbers = Array(0..<batch.count)
        let paths = numbers.map { destination.path(of: firstNumber + $0, seed: record.record(ofImage: $0).request.seed) }
        var wanted = numbers
        if batch.skipExisting {
            wanted = []
            for number in numbers where try FileSystem.kind(of: paths[number]) == nil { wanted.append(number) }
        }
        tally.begin(model, pipeline.summary, since: start)
        warnOfWhatDoesNothing()
        tally.skipped += numbers.count - wanted.count
        let preview = try preview()
        let bar = ProgressBar(environment, shared)
        do throws(IsomerError) {
            defer { bar.clear() }
            for first in stride(from: 0, to: wanted.count, by: batch.batchSize) {
                let now = Array(wanted[first..<min(wanted.count, first + batch.batchSize)])
                let title = "Making \(firstNumber + now[0] + 1)"
                func show(_ done: Int, of total: Int) {
                    bar.update(
                        title, done: UInt64(clamping: done), total: UInt64(clamping: total), unit: .items("steps"),
                        memory: ProcessMemory.resident)
                }
                show(0, of: pipeline.summary.calls)
                let images = try pipeline.images(now) { progress throws(IsomerError) in
                    tally.step(progress.done)
                    if let preview, let every = batch.previewEvery, progress.done % every == 0, progress.done < progress.total {
                        for (number, latent) in zip(now, progress.latents) {
                            try destination.write(try preview.bitmap(latent), toPreviewOf: paths[number])
                        }
                    }
                    show(progress.done, of: progress.total)
                }
                for (number, image) in zip(now, images) {
                    let record = record.record(ofImage: number)
                    try destination.write(image.bitmap, to: paths[number], record, text(record))
                    if !image.isFinite {
                        environment.warn(
                            "\(paths[number]): the model gave something else than numbers, and the picture is black there; `isomer validate` tells "
                                + "which component does", shared)
                    }
                    tally.finished += 1
                }
            }
        } catch {
            guard error.code == .interrupted, tally.finished > 0 else { throw error }
            var error = error
            let count = tally.finished
            error.what = "stopped by request; \(Numbers.count(count, "finished image")) \(count == 1 ? "is" : "are") kept"
            throw error
        }
        for number in numbers { tally.images.append((paths[number], record.record(ofImage: number).request.seed)) }
    }

    /// What a user of other programs would take for granted, or overlook.
    private func warnOfWhatDoesNothing() {
        if pipeline.summary.calls == 0 {
            environment.warn(
                "--strength leaves none of \(Numbers.count(pipeline.summary.steps, "step")), so the picture comes out as it is; ask for more "
                    + "of either", shared)
        }
        // A1111's web UI takes these out of the prompt and opens the files.
        for mark in ["<lora:", "<lyco:"]
        where record.request.prompt.contains(mark) || record.request.negativePrompt?.contains(mark) == true {
            environment.warn("\(mark)…> is read as words of the prompt; add the file with --lora", shared)
        }
    }

    /// How A1111 would say what an image was made by.
    private func text(_ record: GenerationRecord) -> InfoText {
        let summary = pipeline.summary
        var circumstances = InfoText.Circumstances(
            steps: summary.steps, sampler: summary.sampler, guidanceScale: summary.guidanceScale, width: summary.firstSize.width,
            height: summary.firstSize.height)
        circumstances.model = model.path.stem
        circumstances.version = "isomer \(Isomer.version)"
        return InfoText(record.request, circumstances)
    }

    private func preview() throws(IsomerError) -> LatentPreview? {
        guard batch.previewEvery != nil else { return nil }
        guard let path = batch.previewModel?.path else { return try LatentPreview(pipeline) }
        return try LatentPreview(pipeline, decoder: path, limits: shared.limits)
    }
}
