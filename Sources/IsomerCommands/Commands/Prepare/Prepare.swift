public import ArgumentParser
internal import IsomerBytes
internal import IsomerImages
internal import Synchronization

/// `isomer prepare`.
public struct Prepare: IsomerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "prepare",
        abstract: "Turn a folder of photos into a training set.",
        discussion: """
            Every picture is turned upright, converted to sRGB, cropped around its subject, resampled and written with its caption; the originals \
            are never touched. A face decides where the crop goes, without one what draws the eye. A file that cannot be used is told of and the \
            rest goes on. What came of each is in manifest.jsonl in the output, and a second run does only what changed.

            Exit status 1 means that some pictures could not be used.
            """)

    @Argument(help: ArgumentHelp("Folders, pictures, or tar archives (WebDataset).", valueName: "input"))
    var inputs: [PathArgument]

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("The folder that the training set goes to.", valueName: "folder"))
    var output: PathArgument

    @OptionGroup(title: "Shape")
    var shape: ShapeOptions

    @OptionGroup(title: "Subject")
    var subject: SubjectOptions

    @OptionGroup(title: "Pictures")
    var picture: PictureOptions

    @OptionGroup(title: "Captions")
    var caption: CaptionOptions

    @OptionGroup(title: "Batch")
    var batch: BatchOptions

    @OptionGroup
    public var shared: SharedOptions

    public init() {}

    public func run(in environment: CommandEnvironment) throws -> ExitStatus {
        let job = try makeJob()
        let bar = CountBar(environment, shared)
        defer { bar.clear() }
        let runner = try PreparationRunner(job)
        var records: [JSONValue] = []
        let keepsRecords = shared.json || batch.dryRun || batch.html != nil || batch.preview != nil
        let summary = try runner.run(
            progress: { done, total in bar.update("Preparing", done: done, total: total) },
            report: { (record: JSONValue) throws(IsomerError) in if keepsRecords { records.append(record) } })
        bar.clear()
        if batch.html != nil || batch.preview != nil {
            let sheet = try ReviewSheet(job, records: records, title: output.path.lastComponent?.string ?? output.path.string)
            if let html = batch.html { try write(sheet.html(), to: html.path) }
            if let preview = batch.preview { try write(PNGEncoder.encode(sheet.contactSheet()), to: preview.path) }
        }
        if shared.json {
            environment.writeOutput(JSONOutput.text(Self.json(summary, records)))
        } else {
            tell(summary, records, in: environment)
        }
        return summary.failed > 0 ? .checkFailed : .done
    }

    private func write(_ bytes: [UInt8], to path: FilePath) throws {
        let file = try AtomicFile(path: path, byteCount: UInt64(bytes.count), overwrite: true)
        try file.file.write(bytes, at: 0)
        try file.commit()
    }

    private func makeJob() throws -> PreparationJob {
        var job = PreparationJob(inputs: inputs.map(\.path), output: output.path)
        var options = PreparationOptions()
        try shape.apply(to: &options)
        try subject.apply(to: &options, &job)
        try picture.apply(to: &options)
        caption.apply(to: &options, &job)
        job.options = options
        try batch.apply(to: &job, caption)
        job.workers = Workers(count: shared.threads)
        return job
    }

    private func tell(_ summary: PreparationSummary, _ records: [JSONValue], in environment: CommandEnvironment) {
        for failure in summary.failures { environment.warn("\(failure)", shared) }
        var report = Report(for: environment.outputTerminal)
        if batch.dryRun {
            for record in records { Self.describe(record, in: &report) }
            report.line()
        }
        report.heading(batch.dryRun ? "Nothing was written" : "Prepared \(Numbers.count(summary.prepared, "picture"))")
        report.field("inputs", Numbers.grouped(summary.inputs))
        if summary.unchanged > 0 { report.field("unchanged", Numbers.grouped(summary.unchanged)) }
        if summary.leftOut > 0 { report.field("left out", Numbers.grouped(summary.leftOut)) }
        if summary.duplicates > 0 { report.field("duplicates", Numbers.grouped(summary.duplicates)) }
        if summary.failed > 0 { report.field("failed", Numbers.grouped(summary.failed)) }
        report.field("files", "\(Numbers.grouped(summary.pictures)), \(Numbers.bytes(summary.bytesWritten)) written")
        let sizes = summary.sizes.sorted { ($1.value, $0.key.width, $0.key.height) < ($0.value, $1.key.width, $1.key.height) }
        if sizes.count > 1 {
            var table = Table([.init("size", .right), .init("pictures", .right)])
            for (size, count) in sizes { table.append([size.description, Numbers.grouped(count)]) }
            report.table(table)
        }
        report.list("These look alike", summary.resemblances.map { "\($0.name) and \($0.earlier)" }, limit: 20)
        environment.writeOutput(report.finish())
    }

    /// One line for each input of a dry run: what would come out of it, and why there.
    private static func describe(_ record: JSONValue, in report: inout Report) {
        guard case .string(let name)? = record["input"], case .string(let status)? = record["status"] else { return }
        guard status == "prepared", case .array(let outputs)? = record["outputs"] else {
            if case .string(let reason)? = record["reason"] {
                report.line("\(name): \(status): \(reason)")
            } else {
                report.line("\(name): \(status)")
            }
            return
        }
        for output in outputs {
            guard case .string(let file)? = output["file"], case .number(let width)? = output["width"],
                case .number(let height)? = output["height"],
                case .string(let reason)? = output["reason"], case .array(let crop)? = output["crop"]
            else { continue }
            let sides = crop.map { if case .number(let number) = $0 { Numbers.significant(number.double, 5) } else { "?" } }
            report.line("\(name) -> \(file) \(width.text)x\(height.text) from \(sides.joined(separator: ",")): \(reason)")
        }
    }

    private static func json(_ summary: PreparationSummary, _ records: [JSONValue]) -> JSONValue {
        var sizes = JSONObject()
        for (size, count) in summary.sizes.sorted(by: { ($0.key.width, $0.key.height) < ($1.key.width, $1.key.height) }) {
            sizes[size.description] = .integer(count)
        }
        return [
            "schema": "isomer.prepare/1", "inputs": .integer(summary.inputs), "prepared": .integer(summary.prepared),
            "unchanged": .integer(summary.unchanged), "leftOut": .integer(summary.leftOut), "duplicates": .integer(summary.duplicates),
            "failed": .integer(summary.failed), "files": .integer(summary.pictures), "bytesWritten": .integer(summary.bytesWritten),
            "sizes": .object(sizes),
            "alike": .array(summary.resemblances.map { ["input": .string($0.name), "earlier": .string($0.earlier)] }),
            "pictures": .array(records),
        ]
    }
}

/// Pictures instead of bytes behind us, with their rate and the time left.
private final class CountBar: Sendable {
    private let environment: CommandEnvironment
    private let isShown: Bool
    private let columns: Int
    private let state = Mutex<(began: ContinuousClock.Instant, last: ContinuousClock.Instant?)>((.now, nil))

    init(_ environment: CommandEnvironment, _ options: SharedOptions) {
        self.environment = environment
        isShown = !options.quiet && !options.json && environment.errorTerminal != nil
        columns = environment.errorTerminal?.columns ?? 80
    }

    func update(_ title: String, done: Int, total: Int) {
        guard isShown else { return }
        let now = ContinuousClock.now
        let seconds: Double? =
            state.withLockIfAvailable { state in
                if let last = state.last, last.duration(to: now) < .milliseconds(100) { return nil }
                state.last = now
                return state.began.duration(to: now) / .seconds(1)
            } ?? nil
        guard let seconds, seconds > 0.25, done > 0 else { return }
        let rate = Double(done) / seconds
        let left = Numbers.duration(Double(total - done) / rate)
        let line =
            "\(title)  \(done * 100 / max(1, total))%  \(Numbers.grouped(done)) of \(Numbers.grouped(total))  \(Numbers.fixed(rate, 1)) pictures/s  \(left) left"
        environment.writeError("\r\(shortened(line, columns: max(1, columns - 1)))\u{1B}[K")
    }

    func clear() {
        let wasDrawn = state.withLock { state in
            defer { state.last = nil }
            return state.last != nil
        }
        if isShown && wasDrawn { environment.writeError("\r\u{1B}[K") }
    }
}
