internal import Crypto
public import IsomerBytes
internal import Synchronization

/// Runs a batch: every picture once, in parallel, with what came out in the order of the inputs, whatever the number of workers.
///
/// The manifest tells what became of every input. A second run does only what changed: a picture is left as it is when its content, the
/// options, its caption and what a person decided about it are the same, and its files are there with the size they had. A run that is killed
/// is taken up again from the manifest's part that was written.
public final class PreparationRunner: Sendable {
    let job: PreparationJob
    private let inputs: PictureInputs
    let processor: PictureProcessor
    let captions: CaptionReader
    let output: OutputFolder?
    let quarantine: OutputFolder?
    let naming: OutputNaming
    let archives: EarlierArchives
    /// Everything besides a picture's content that decides what comes out, in short.
    let optionsKey: String

    /// Finds the pictures and, unless it is a dry run, makes the folders.
    ///
    /// - Throws: `usage` for settings that do not go together, `cannotRead` for inputs that are not there, `cannotWrite` for a folder that
    ///   cannot be made.
    public init(_ job: PreparationJob) throws(IsomerError) {
        if let shard = job.shard, shard.count < 1 || shard.index < 1 || shard.index > shard.count {
            throw IsomerError(.usage, "a shard is a number from 1 to their count", found: "\(shard.index)/\(shard.count)")
        }
        if job.shard != nil && job.removesDuplicates {
            throw IsomerError(
                .usage, "duplicates are only found among all pictures", remedy: "remove them in a run of their own, before sharding")
        }
        if case .jpeg = job.options.format, job.options.alpha == .keep {
            throw IsomerError(.usage, "JPEG holds no alpha", remedy: "write PNG, or choose a background")
        }
        // Before anything is made: of a mistyped path nothing is left behind.
        inputs = try Self.inputs(of: job)
        self.job = job
        processor = PictureProcessor(job.options)
        captions = CaptionReader(job.options.captions)
        output = job.isDryRun ? nil : try OutputFolder(job.output)
        if let path = job.quarantine, !job.isDryRun { quarantine = try OutputFolder(path) } else { quarantine = nil }
        naming = OutputNaming(layout: job.layout, captionFormat: job.placedCaptionFormat, shapes: job.options.shapes)
        archives = EarlierArchives(job.output, job.options.decoding.limits)
        optionsKey = SHA256.hash(data: Array("\(job.options) \(job.layout.folder) \(job.placedCaptionFormat)".utf8)).hexadecimal
    }

    private static func inputs(of job: PreparationJob) throws(IsomerError) -> PictureInputs {
        let inputs = try PictureInputs(job.inputs, excluding: job.output, limits: job.options.decoding.limits)
        guard inputs.isEmpty else { return inputs }
        if let failure = inputs.failures.first { throw failure }
        if let earlier = inputs.earlierOutputs.first {
            throw IsomerError(
                .cannotRead, "an earlier run made all pictures that are here", path: earlier,
                remedy: "name this folder to take them as originals")
        }
        throw IsomerError(
            .cannotRead, "there are no pictures here", path: job.inputs.first, expected: "JPEG or PNG files, in folders or tar archives",
            remedy: "check the path")
    }

    /// Does everything. `progress` is told how many inputs are done, of how many; `report` each input's record, in order, as JSON.
    public func run(
        progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in },
        report: (JSONValue) throws(IsomerError) -> Void = { _ in }
    ) throws(IsomerError) -> PreparationSummary {
        let names = inputs.outputNames(isFlat: job.layout.isFlat)
        var summary = PreparationSummary()
        summary.inputs = inputs.count
        summary.failures = Array(inputs.failures.prefix(PreparationSummary.listLimit))
        summary.failed = inputs.failures.count
        summary.earlierOutputs = inputs.earlierOutputs
        summary.pathsWithoutPictures = inputs.pathsWithoutPictures
        summary.idleOverrides = job.overrides.keys.filter { inputs.first(named: $0) == nil }.sorted()
        if job.stopsOnError, let failure = inputs.failures.first { throw failure }

        var sinks = try PreparationSinks(self)
        var duplicates = DuplicateFinder()
        // The inputs of the fingerprints, by their numbers.
        var fingerprinted: [UInt32] = []
        let done = Atomic<Int>(0)
        // Results wait for their turn, so a chunk is what memory has to hold: records, or in archives whole pictures.
        let chunk = sinks.hasArchives ? job.workers.count * 16 : 1024
        let manifest = sinks.manifest
        for start in stride(from: 0, to: inputs.count, by: chunk) {
            let count = min(chunk, inputs.count - start)
            let outcomes = Mutex<[PictureOutcome?]>(Array(repeating: nil, count: count))
            try job.workers.run(count) { (item, _) throws(IsomerError) in
                let outcome = try self.outcome(inputs[start + item], names[start + item], manifest)
                outcomes.withLock { $0[item] = outcome }
                progress(done.wrappingAdd(1, ordering: .relaxed).newValue, inputs.count)
                if self.job.stopsOnError, let failure = outcome?.failure { throw failure }
            }
            for (item, outcome) in outcomes.withLock({ $0 }).enumerated() {
                guard var outcome else { continue }
                if let likeness = outcome.record.likeness, [.prepared, .duplicate].contains(outcome.record.status) {
                    let match = duplicates.insert(likeness)
                    fingerprinted.append(UInt32(truncatingIfNeeded: start + item))
                    if let match {
                        let name = inputs[Int(fingerprinted[match])].name
                        if summary.resemblances.count < PreparationSummary.listLimit {
                            summary.resemblances.append((outcome.record.name, name))
                        }
                        if job.removesDuplicates { drop(&outcome, as: name) }
                    }
                }
                try sinks.append(&outcome, of: start + item)
                summary.add(outcome)
                try report(.object(outcome.record.object))
            }
        }
        try sinks.finish { inputs[$0].name }
        try manifest?.forEachEarlierInput { if inputs.first(named: $0) == nil { summary.gone += 1 } }
        return summary
    }

    private func drop(_ outcome: inout PictureOutcome, as earlier: String) {
        outcome.dropped = naming.files(of: outcome.record)
        outcome.sample = nil
        outcome.record.archive = nil
        outcome.record.object["outputs"] = nil
        outcome.record.set(.duplicate, reason: "it looks like \(earlier)")
    }
}
