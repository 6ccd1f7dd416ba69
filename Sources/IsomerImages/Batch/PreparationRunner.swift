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
    private let processor: PictureProcessor
    private let captions: CaptionReader
    private let output: OutputFolder?
    private let quarantine: OutputFolder?
    private let optionsKey: String

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
        self.job = job
        processor = PictureProcessor(job.options)
        captions = CaptionReader(job.options.captions.sources)
        output = job.isDryRun ? nil : try OutputFolder(job.output)
        if let path = job.quarantine, !job.isDryRun { quarantine = try OutputFolder(path) } else { quarantine = nil }
        optionsKey = Self.hex(SHA256.hash(data: Array("\(job.options) \(job.layout) \(job.captionFormat)".utf8)))
    }

    static func hex(_ digest: SHA256.Digest) -> String {
        digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// What one input came to, before it is put in order.
    private struct Outcome {
        var record: PictureRecord
        var isUnchanged = false
        var failure: IsomerError?
        /// For archives: what is to be written.
        var members: [(name: String, bytes: [UInt8])] = []
        var bytesWritten: UInt64 = 0
    }

    /// Does everything. `progress` is told how many inputs are done, of how many; `report` each input's record, in order, as JSON.
    public func run(
        progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in },
        report: (JSONValue) throws(IsomerError) -> Void = { _ in }
    ) throws(IsomerError) -> PreparationSummary {
        let inputs = try PictureInputs(job.inputs, excluding: job.output, limits: job.options.decoding.limits)
        let names = inputs.outputNames(isFlat: job.layout.isFlat)
        var summary = PreparationSummary()
        summary.inputs = inputs.items.count
        summary.failures = Array(inputs.failures.prefix(1000))
        summary.failed = inputs.failures.count
        if job.stopsOnError, let failure = inputs.failures.first { throw failure }

        let manifest = try job.isDryRun ? nil : Manifest(folder: job.output, shard: job.shard)
        var sinks = try job.isDryRun ? nil : CaptionSinks(job)
        var shards: TarShards?
        if case .webDataset(let samples) = job.layout, !job.isDryRun { shards = TarShards(job.output, samples: samples, shard: job.shard) }
        var duplicates = DuplicateFinder()
        var fingerprinted: [String] = []
        let done = Atomic<Int>(0)
        // Results wait for their turn, so a chunk is what memory has to hold: records, or in archives whole pictures.
        let chunk = shards == nil ? 1024 : job.workers.count * 16
        for start in stride(from: 0, to: inputs.items.count, by: chunk) {
            let count = min(chunk, inputs.items.count - start)
            let outcomes = Mutex<[Outcome?]>(Array(repeating: nil, count: count))
            try job.workers.run(count) { (item, _) throws(IsomerError) in
                let outcome = try self.outcome(inputs.items[start + item], names[start + item], manifest)
                outcomes.withLock { $0[item] = outcome }
                progress(done.wrappingAdd(1, ordering: .relaxed).newValue, inputs.items.count)
                if self.job.stopsOnError, let failure = outcome?.failure { throw failure }
            }
            for outcome in outcomes.withLock({ $0 }) {
                guard var outcome else { continue }
                if let hash = outcome.record.hash, outcome.record.status == .prepared || outcome.record.status == .duplicate {
                    let match = duplicates.insert(hash)
                    fingerprinted.append(outcome.record.name)
                    if let match {
                        if summary.resemblances.count < 1000 { summary.resemblances.append((outcome.record.name, fingerprinted[match])) }
                        if job.removesDuplicates { drop(&outcome, as: fingerprinted[match]) }
                    }
                }
                summary.add(outcome.record, isUnchanged: outcome.isUnchanged, outcome.failure, outcome.bytesWritten)
                try manifest?.append(outcome.record)
                try sinks?.append(outcome.record)
                for member in outcome.members { try shards?.append(member.name, member.bytes) }
                if !outcome.members.isEmpty { try shards?.endSample() }
                try report(.object(outcome.record.object))
            }
        }
        try shards?.finish()
        try sinks?.finish()
        try manifest?.finish()
        return summary
    }

    private func drop(_ outcome: inout Outcome, as earlier: String) {
        for file in outcome.record.outputs {
            output?.remove(file.file)
            if let mask = file.mask { output?.remove(mask) }
            output?.remove(CaptionSinks.side(file.file, job.captionFormat))
        }
        outcome.members = []
        outcome.record.object["outputs"] = nil
        outcome.record.set(.duplicate, reason: "it looks like \(earlier)")
    }

    /// One input. Nil if it belongs to another shard. Throws only when the user stops the batch.
    private func outcome(_ input: PictureInput, _ name: String, _ manifest: Manifest?) throws(IsomerError) -> Outcome? {
        var bytes: [UInt8] = []
        var record = PictureRecord(input.name, sha256: "", bytes: 0, key: optionsKey)
        do throws(IsomerError) {
            bytes = try read(input)
            let digest = SHA256.hash(data: bytes)
            if let shard = job.shard {
                let number = digest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                guard number % UInt64(shard.count) == UInt64(shard.index - 1) else { return nil }
            }
            let override = job.overrides[input.name]
            let found = try captions.caption(of: input)
            let caption = override?.caption ?? job.options.captions.applied(to: found?.text)
            // What a person decided is part of what decides.
            let key = override.map { "\(optionsKey) \($0)" } ?? optionsKey
            record = PictureRecord(input.name, sha256: Self.hex(digest), bytes: bytes.count, key: key)
            record.object["caption"] = caption.map { .string($0) }
            if override?.isExcluded == true {
                record.set(.excluded, reason: "it was excluded by hand")
                return Outcome(record: record)
            }
            if let earlier = manifest?.earlier(input.name), isCurrent(earlier, record) {
                return Outcome(record: earlier, isUnchanged: true)
            }
            if ImageFormat(signature: bytes.prefix(16)) == nil, !PictureInputs.isPictureName(input.name) {
                record.set(.leftOut, reason: "it is no picture")
                return Outcome(record: record)
            }
            let result = try processor.process(bytes, override: override)
            let outcome = try deliver(result, name, caption, record)
            try manifest?.note(outcome.record)
            return outcome
        } catch {
            if error.code == .interrupted { throw error }
            return fail(input, bytes, record, error.inFile(input.path))
        }
    }

    /// The content of a file or an archive's member.
    private func read(_ input: PictureInput) throws(IsomerError) -> [UInt8] {
        let file = try ReadableFile(input.path)
        guard let range = input.range else { return try file.contents(limit: job.options.decoding.limits.pictureBytes) }
        guard range.size <= job.options.decoding.limits.pictureBytes else {
            throw IsomerError(.limitExceeded, "the picture takes more bytes than a picture may", item: range.name)
        }
        return try file.bytes(at: range.offset, count: Int(range.size))
    }

    private func isCurrent(_ earlier: PictureRecord, _ record: PictureRecord) -> Bool {
        guard earlier.sha256 == record.sha256, earlier.key == record.key, earlier.caption == record.caption, let output else {
            return false
        }
        if case .webDataset = job.layout { return false }
        switch earlier.status {
        case .prepared:
            return earlier.outputs.allSatisfy { file in
                output.size(file.file) == file.bytes && file.mask.map { output.size($0) != nil } ?? true
                    && (record.caption == nil || !CaptionSinks.isBeside(job.captionFormat)
                        || output.size(CaptionSinks.side(file.file, job.captionFormat)) != nil)
            }
        // What was left out then is left out now; what failed is tried again.
        case .leftOut: return true
        case .duplicate, .excluded, .failed, nil: return false
        }
    }

    private func deliver(_ result: PreparedResult, _ name: String, _ caption: String?, _ record: PictureRecord) throws(IsomerError)
        -> Outcome
    {
        var outcome = Outcome(record: record)
        var files: [(file: String, mask: String?)] = []
        for picture in result.pictures {
            let label = job.options.shapes.count > 1 ? Self.label(job.options.shapes[picture.shape]) + "/" : ""
            let stem = job.layout.folder + label + name + picture.suffix
            let file = "\(stem).\(picture.fileExtension)"
            let mask = picture.mask.map { _ in "\(stem)-masklabel.png" }
            files.append((file, mask))
            if case .webDataset = job.layout {
                let key = String(stem.map { $0 == "/" || $0 == "." ? "_" : $0 })
                outcome.members.append(("\(key).\(picture.fileExtension)", picture.bytes))
                if let mask = picture.mask { outcome.members.append(("\(key).mask.png", mask)) }
                if let caption { outcome.members.append(("\(key).txt", Array(caption.utf8))) }
            } else if let output {
                try output.write(file, picture.bytes)
                outcome.bytesWritten += UInt64(picture.bytes.count)
                if let mask, let content = picture.mask { try output.write(mask, content) }
                if let caption, let side = CaptionSinks.content(caption, job.captionFormat) {
                    try output.write(CaptionSinks.side(file, job.captionFormat), side)
                }
            }
        }
        outcome.record.set(.prepared)
        outcome.record.set(result, files: files)
        return outcome
    }

    private func fail(_ input: PictureInput, _ bytes: [UInt8], _ record: PictureRecord, _ error: IsomerError) -> Outcome {
        var outcome = Outcome(record: record)
        let isLeftOut = error.code == .unsupported && error.what.hasPrefix("left out: ")
        if isLeftOut {
            outcome.record.set(.leftOut, reason: String(error.what.dropFirst("left out: ".count)))
            return outcome
        }
        // The path differs from machine to machine; the record says which input it is.
        var told = error
        told.location.path = nil
        outcome.record.set(.failed, reason: "\(told)")
        outcome.failure = error
        if error.code != .cannotWrite, let quarantine, !bytes.isEmpty { try? quarantine.write(input.name, bytes) }
        return outcome
    }

    /// The folder of one of several sizes.
    private static func label(_ shape: TargetShape) -> String {
        switch shape {
        case .fixed(let size): "\(size)"
        case .shortSide(let side, _): "\(side)"
        case .buckets(.kohya(let resolution, _, _, _)), .buckets(.kohyaNoUpscale(let resolution, _)): "\(resolution)"
        case .buckets(.oneTrainer(let resolution, _)), .buckets(.aiToolkit(let resolution, _)): "\(resolution)"
        case .buckets(.autoSized(let sides, _, _, _)): "\(sides.lowerBound)-\(sides.upperBound)"
        }
    }
}

extension PreparationSummary {
    mutating func add(_ record: PictureRecord, isUnchanged: Bool, _ failure: IsomerError?, _ bytes: UInt64) {
        bytesWritten += bytes
        switch record.status {
        case .prepared:
            if isUnchanged { unchanged += 1 } else { prepared += 1 }
            for output in record.outputs {
                pictures += 1
                sizes[output.size, default: 0] += 1
            }
        case .duplicate: duplicates += 1
        case .leftOut, .excluded: leftOut += 1
        case .failed, nil:
            failed += 1
            if let failure, failures.count < 1000 { failures.append(failure) }
        }
    }
}
