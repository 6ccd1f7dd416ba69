internal import IsomerBytes
internal import IsomerGeneration
internal import IsomerImages

/// What a command has made so far, for its report.
struct GenerationTally {
    /// Images that were asked for, made now or before.
    var images: [(path: FilePath, seed: UInt64)] = []
    /// Made now.
    var finished = 0
    /// There already.
    var skipped = 0
    /// Where all of them stand as one.
    var grid: FilePath?

    private var model: GenerationModel?
    private var summary: GenerationPipeline.Summary?
    private var clock: StepClock?

    /// Notes what a run goes by. The first one's time is the command's.
    mutating func begin(_ model: GenerationModel, _ summary: GenerationPipeline.Summary, since start: ContinuousClock.Instant) {
        if self.model == nil { (self.model, self.summary, clock) = (model, summary, StepClock(since: start)) }
    }

    /// Notes that a step is done, the `done`th of its image.
    mutating func step(_ done: Int) { clock?.step(done) }

    /// All images as one, in rows of `columns`.
    func joined(columns: Int) throws(IsomerError) -> Bitmap {
        var pictures: [Bitmap?] = []
        for image in images { pictures.append(try ImageDecoder.decode(image.path).bitmap) }
        return try ImageGrid.joined(pictures, columns: columns, gap: 4)
    }

    /// Writes the report.
    func tell(in environment: CommandEnvironment, _ shared: SharedOptions) {
        guard let model, let summary, let clock else { return }
        if shared.json {
            environment.writeOutput(
                JSONOutput.text([
                    "schema": "isomer.generate/1", "model": .path(model.path), "architecture": .string(model.title),
                    "width": .integer(summary.size.width), "height": .integer(summary.size.height), "steps": .integer(summary.steps),
                    "calls": .integer(summary.calls), "guidanceScale": .real(summary.guidanceScale), "sampler": .string(summary.sampler),
                    "seconds": .real(clock.seconds), "firstStepSeconds": clock.first.map { .real($0) } ?? .null,
                    "stepSeconds": clock.step.map { .real($0) } ?? .null, "skipped": .integer(skipped),
                    "images": .array(images.map { ["path": .path($0.path), "seed": .integer($0.seed)] }),
                    "grid": grid.map { .path($0) } ?? .null, "decisions": model.decisions.json, "notes": .strings(model.notes),
                ]))
            return
        }
        guard !shared.quiet else { return }
        var report = Report(for: environment.outputTerminal)
        report.heading("\(model.path): \(model.title)")
        report.field("size", "\(summary.size.width) × \(summary.size.height)")
        report.field(
            "sampler",
            "\(summary.sampler), \(Numbers.count(summary.steps, "step")), guidance \(Numbers.significant(summary.guidanceScale))")
        report.field("time", "\(Numbers.duration(clock.seconds)) for \(Numbers.count(finished, "image"))")
        if skipped > 0 {
            report.field("left out", "\(Numbers.count(skipped, "image")) that \(skipped == 1 ? "was" : "were") there already")
        }
        if let grid { report.field("grid", grid.string) }
        report.list("images", images.map { "\($0.path), seed \($0.seed)" }, limit: 20)
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
