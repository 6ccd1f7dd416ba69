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

    /// Opens and checks.
    ///
    /// - Parameter automaticTile: whether pictures may be decoded in tiles where they would not fit into memory otherwise.
    init(
        _ record: GenerationRecord, automaticTile: Bool, _ machine: MachineOptions, _ batch: ImageBatchOptions,
        _ destination: ImageDestination, _ environment: CommandEnvironment, _ shared: SharedOptions
    ) throws(IsomerError) {
        start = .now
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
            pipeline = try GenerationPipeline(model, refiner: refiner, request, settings, tile: record.tile, limits: shared.limits)
        } catch {
            guard automaticTile, error.code == .limitExceeded, error.location.item == "vae" else { throw error }
            record.tile = Self.tile
            pipeline = try GenerationPipeline(model, refiner: refiner, request, settings, tile: Self.tile, limits: shared.limits)
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

    /// Makes all images. An interruption keeps those that are finished.
    func perform() throws(IsomerError) -> ExitStatus {
        let numbers = Array(0..<batch.count)
        let seeds = numbers.map { record.record(ofImage: $0).request.seed }
        let paths = numbers.map { destination.path(of: $0, seed: seeds[$0]) }
        var wanted = numbers
        if batch.skipExisting {
            wanted = []
            for number in numbers where try FileSystem.kind(of: paths[number]) == nil { wanted.append(number) }
        }
        try destination.prepare(wanted.map { paths[$0] })

        var made: [Int] = []
        var clock = StepClock(since: start)
        let preview = try preview()
        let bar = ProgressBar(environment, shared)
        do throws(IsomerError) {
            defer { bar.clear() }
            for first in stride(from: 0, to: wanted.count, by: batch.batchSize) {
                let now = Array(wanted[first..<min(wanted.count, first + batch.batchSize)])
                let title = wanted.count == 1 ? "Making" : "Making \(first + 1) of \(wanted.count)"
                bar.update(title, done: 0, total: UInt64(pipeline.summary.calls), unit: .items("steps"))
                let images = try pipeline.images(now) { progress throws(IsomerError) in
                    clock.step(progress.done)
                    if let preview, let every = batch.previewEvery, progress.done % every == 0, progress.done < progress.total {
                        for (number, latent) in zip(now, progress.latents) {
                            try destination.write(try preview.bitmap(latent), toPreviewOf: paths[number])
                        }
                    }
                    bar.update(title, done: UInt64(progress.done), total: UInt64(progress.total), unit: .items("steps"))
                }
                for (number, image) in zip(now, images) {
                    try destination.write(image.bitmap, to: paths[number], record.record(ofImage: number))
                    made.append(number)
                }
            }
        } catch {
            guard error.code == .interrupted, !made.isEmpty else { throw error }
            var error = error
            error.what = "stopped by request; \(Numbers.count(made.count, "finished image")) \(made.count == 1 ? "is" : "are") kept"
            throw error
        }
        tell(made.map { (paths[$0], seeds[$0]) }, skipped: numbers.count - wanted.count, clock)
        return .done
    }

    private func preview() throws(IsomerError) -> LatentPreview? {
        guard batch.previewEvery != nil else { return nil }
        guard let path = batch.previewModel?.path else { return try LatentPreview(pipeline) }
        return try LatentPreview(pipeline, decoder: path, limits: shared.limits)
    }

    private func tell(_ made: [(path: FilePath, seed: UInt64)], skipped: Int, _ clock: StepClock) {
        let seconds = clock.seconds
        let summary = pipeline.summary
        if shared.json {
            environment.writeOutput(
                JSONOutput.text([
                    "schema": "isomer.generate/1", "model": .path(model.path), "architecture": .string(model.title),
                    "width": .integer(summary.size.width), "height": .integer(summary.size.height), "steps": .integer(summary.steps),
                    "calls": .integer(summary.calls), "guidanceScale": .real(summary.guidanceScale), "sampler": .string(summary.sampler),
                    "seconds": .real(seconds), "firstStepSeconds": clock.first.map { .real($0) } ?? .null,
                    "stepSeconds": clock.step.map { .real($0) } ?? .null, "skipped": .integer(skipped),
                    "images": .array(made.map { ["path": .path($0.path), "seed": .integer($0.seed)] }),
                    "decisions": model.decisions.json, "notes": .strings(model.notes),
                ]))
            return
        }
        guard !shared.quiet else { return }
        var report = Report(for: environment.outputTerminal)
        report.heading("\(model.path): \(model.title)")
        report.field("size", "\(summary.size.width) × \(summary.size.height)")
        report.field(
            "sampler", "\(summary.sampler), \(Numbers.count(summary.steps, "step")), guidance \(Numbers.significant(summary.guidanceScale))"
        )
        report.field("time", "\(Numbers.duration(seconds)) for \(Numbers.count(made.count, "image"))")
        if skipped > 0 {
            report.field("left out", "\(Numbers.count(skipped, "image")) that \(skipped == 1 ? "was" : "were") there already")
        }
        report.list("images", made.map { "\($0.path), seed \($0.seed)" }, limit: 20)
        environment.writeOutput(report.finish())
    }
}

/// How long steps take.
private struct StepClock {
    private let start: ContinuousClock.Instant
    private var last: (done: Int, time: ContinuousClock.Instant)?
    private var steps = 0
    private var sum = Duration.zero
    /// Seconds until the first step was done.
    private(set) var first: Double?

    init(since start: ContinuousClock.Instant) { self.start = start }

    /// Notes that a step is done, the `done`th of its image.
    mutating func step(_ done: Int) {
        let now = ContinuousClock.now
        if first == nil { first = (now - start) / .seconds(1) }
        if let last, done == last.done + 1 {
            steps += 1
            sum += now - last.time
        }
        last = (done, now)
    }

    /// Seconds of a step that is not the first of its image.
    var step: Double? { steps == 0 ? nil : sum / .seconds(1) / Double(steps) }

    /// Seconds since the start.
    var seconds: Double { (ContinuousClock.now - start) / .seconds(1) }
}
