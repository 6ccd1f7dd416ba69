public import ArgumentParser
internal import IsomerBytes
internal import IsomerImages

/// `isomer prepare`.
public struct Prepare: IsomerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "prepare",
        abstract: "Turn a folder of photos into a training set.",
        discussion: """
            Every picture is turned upright, converted to sRGB, cropped around its subject, resampled and written with its caption; the originals \
            are never touched. A face decides where the crop goes, without one what draws the eye. A file that cannot be used is told of and the \
            rest goes on. What came of each is in manifest.jsonl in the output, and a second run does only what changed.

            Exit status 1 means that some pictures could not be used, 2 that there are none.
            """)

    @Argument(
        help: ArgumentHelp(
            "Folders, pictures, or tar archives (WebDataset). Links to folders inside are not followed.", valueName: "input"))
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
        let bar = ProgressBar(environment, shared)
        defer { bar.clear() }
        let runner = try PreparationRunner(job)
        // Begun at once: that they cannot be written would be known only after hours otherwise.
        func file(_ argument: PathArgument?) throws(IsomerError) -> AtomicFile? {
            try argument.map { path throws(IsomerError) in try AtomicFile(path: path.path, byteCount: nil, overwrite: true) }
        }
        let (page, preview) = (try file(batch.html), try file(batch.preview))
        // Only the page and the contact sheet need all records at once.
        var records: [JSONValue] = []
        let keepsRecords = page != nil || preview != nil
        var tokens = try caption.countTokens ? CaptionTokens() : nil
        var told = PreparationOutput(environment, isJSON: shared.json, listsPictures: batch.dryRun)
        let summary: PreparationSummary
        do {
            summary = try runner.run(
                progress: { done, total in
                    bar.update("Preparing", done: UInt64(clamping: done), total: UInt64(clamping: total), unit: .items("pictures"))
                },
                report: { (record: JSONValue) throws(IsomerError) in
                    if keepsRecords { records.append(record) }
                    try tokens?.count(record)
                    told.add(record, bar)
                })
        } catch {
            told.abandon()
            throw error
        }
        bar.clear()
        if keepsRecords {
            let sheet = try ReviewSheet(job, records: records, title: output.path.lastComponent?.string ?? output.path.string)
            if let page { try write(sheet.html(), to: page) }
            if let preview { try write(PNGEncoder.encode(sheet.contactSheet()), to: preview) }
        }
        if !shared.json { warn(of: summary, in: environment) }
        told.finish(summary, tokens)
        return summary.failed > 0 ? .checkFailed : .done
    }

    private func warn(of summary: PreparationSummary, in environment: CommandEnvironment) {
        for failure in summary.failures { environment.warn("\(failure)", shared) }
        for folder in summary.earlierOutputs {
            environment.warn(
                "\(folder): an earlier run made what is there, so it is passed over; name the folder to take it as well", shared)
        }
        for path in summary.pathsWithoutPictures { environment.warn("\(path): there are no pictures here", shared) }
        guard let overrides = subject.overrides, let first = summary.idleOverrides.first else { return }
        let others = summary.idleOverrides.count - 1
        let more = others > 0 ? ", nor \(Numbers.count(others, "other")) of which it decides" : ""
        environment.warn("\(overrides.path): there is no picture \(first)\(more)", shared)
    }

    private func write(_ bytes: [UInt8], to file: AtomicFile) throws {
        try file.file.write(bytes, at: 0)
        try file.commit()
    }

    private func makeJob() throws -> PreparationJob {
        var job = PreparationJob(inputs: inputs.map(\.path), output: output.path)
        var options = PreparationOptions()
        options.decoding.limits = shared.limits
        shape.apply(to: &options)
        try subject.apply(to: &options, &job)
        try picture.apply(to: &options)
        caption.apply(to: &options, &job)
        job.options = options
        try batch.apply(to: &job, caption)
        job.workers = Workers(count: shared.threads)
        return job
    }
}
