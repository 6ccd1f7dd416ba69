internal import Crypto
internal import IsomerBytes

/// What one input came to, before it is put in order.
struct PictureOutcome {
    var record: PictureRecord
    var isUnchanged = false
    var failure: IsomerError?
    /// For archives: what is to be written.
    var sample: TarSample?
    var bytesWritten: UInt64 = 0
    /// Whether an earlier run made files of this input that this run did not make.
    var leavesStale = false
    /// Files of this run that are not wanted after all.
    var dropped: [String] = []
}

extension PreparationRunner {
    /// One input. Nil if it belongs to another shard. Throws only when the user stops the batch, or nothing can be written any more.
    func outcome(_ input: PictureInput, _ name: String, _ manifest: Manifest?) throws(IsomerError) -> PictureOutcome? {
        var bytes: [UInt8] = []
        var record = PictureRecord(input.name, sha256: "", bytes: 0, key: optionsKey)
        let earlier = manifest?.earlier(input.name)
        var outcome: PictureOutcome
        do throws(IsomerError) {
            bytes = try input.contents(limit: job.options.decoding.limits.pictureBytes)
            let digest = SHA256.hash(data: bytes)
            if let shard = job.shard {
                let number = digest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                guard number % UInt64(shard.count) == UInt64(shard.index - 1) else { return nil }
            }
            // A file for the whole batch wins over one beside the picture.
            var override = job.overrides[input.name]
            if override == nil { override = try captions.override(for: input) }
            let found = try captions.caption(of: input)
            // A caption in JoePenna's way names the new thing itself.
            let caption = override?.caption ?? job.options.captions.applied(to: found?.text, addsToken: found?.source != .at)
            // What a person decided is part of what decides, and so is a name that gave way to another's.
            var key = override.map { "\(optionsKey) \($0)" } ?? optionsKey
            if name != input.stem { key += " as \(name)" }
            record = PictureRecord(input.name, sha256: digest.hexadecimal, bytes: bytes.count, key: key)
            record.object["caption"] = caption.map { .string($0) }
            if override?.isExcluded == true {
                record.set(.excluded, reason: "it was excluded by hand")
                outcome = PictureOutcome(record: record)
            } else if let earlier, let kept = kept(earlier, record) {
                return kept
            } else if ImageFormat(signature: bytes.prefix(16)) == nil, !PictureInputs.isPictureName(input.name) {
                record.set(.leftOut, reason: "it is no picture")
                outcome = PictureOutcome(record: record)
            } else {
                outcome = try deliver(processor.process(bytes, override: override), name, caption, record)
                if outcome.sample == nil { try manifest?.note(outcome.record) }
            }
        } catch {
            if error.code == .interrupted { throw error }
            // To go through all the others would leave the impression that they are at fault.
            if let failure = output?.failure { throw failure }
            outcome = fail(input, bytes, record, error.inFile(input.path))
        }
        if let earlier, output != nil {
            let files = outcome.sample == nil ? Set(naming.files(of: outcome.record)) : []
            outcome.leavesStale = !naming.files(of: earlier).allSatisfy { files.contains($0) }
        }
        return outcome
    }

    /// What an earlier run made, if nothing that decides about it has changed and it is all still there.
    private func kept(_ earlier: PictureRecord, _ record: PictureRecord) -> PictureOutcome? {
        guard earlier.sha256 == record.sha256, earlier.key == record.key, earlier.caption == record.caption, let output else { return nil }
        var outcome = PictureOutcome(record: earlier, isUnchanged: true)
        switch earlier.status {
        case .prepared:
            if case .webDataset = job.layout {
                guard let sample = kept(inArchive: earlier) else { return nil }
                outcome.sample = sample
                return outcome
            }
            guard earlier.archive == nil else { return nil }
            let isThere = earlier.outputs.allSatisfy { file in
                output.size(file.file) == file.bytes && file.mask.map { output.size($0) != nil } ?? true
                    && (record.caption == nil || !CaptionSinks.isBeside(job.placedCaptionFormat)
                        || output.size(CaptionSinks.side(file.file, job.placedCaptionFormat)) != nil)
            }
            return isThere ? outcome : nil
        // What was left out then is left out now; what failed is tried again.
        case .leftOut: return outcome
        case .duplicate, .excluded, .failed, nil: return nil
        }
    }

    private func kept(inArchive record: PictureRecord) -> TarSample? {
        guard let name = record.archive, let archive = archives.archive(name) else { return nil }
        var members: [TarIndex.Member] = []
        for output in record.outputs {
            let hasCaption = archivedCaption(record.caption) != nil
            let names = OutputNaming.members(output.file, hasMask: output.mask != nil, hasCaption: hasCaption)
            guard let picture = archive.member(names.picture), picture.size == output.bytes else { return nil }
            members.append(picture)
            for name in [names.mask, names.caption].compactMap({ $0 }) {
                guard let member = archive.member(name) else { return nil }
                members.append(member)
            }
        }
        return .kept(archive, members)
    }

    /// What stands in archives for a caption. All samples have the same members, as Hugging Face's reader asks: one without a caption has an
    /// empty one.
    private func archivedCaption(_ caption: String?) -> String? { job.placedCaptionFormat == .none ? nil : caption ?? "" }

    private func deliver(
        _ result: PreparedResult, _ name: String, _ caption: String?, _ record: PictureRecord
    ) throws(IsomerError) -> PictureOutcome {
        var outcome = PictureOutcome(record: record)
        let files = result.pictures.map { naming.files(name, $0) }
        if case .webDataset = job.layout {
            var members: [(name: String, bytes: [UInt8])] = []
            let caption = archivedCaption(caption)
            for (picture, file) in zip(result.pictures, files) {
                let names = OutputNaming.members(file.file, hasMask: picture.mask != nil, hasCaption: caption != nil)
                members.append((names.picture, picture.bytes))
                if let name = names.mask, let mask = picture.mask { members.append((name, mask)) }
                if let name = names.caption, let caption { members.append((name, Array(caption.utf8))) }
            }
            outcome.sample = .made(members)
            outcome.bytesWritten = members.reduce(0) { $0 + UInt64($1.bytes.count) }
        } else if let output {
            for (picture, file) in zip(result.pictures, files) {
                try output.write(file.file, picture.bytes)
                outcome.bytesWritten += UInt64(picture.bytes.count)
                if let mask = file.mask, let content = picture.mask { try output.write(mask, content) }
                if let caption, let side = CaptionSinks.content(caption, job.placedCaptionFormat) {
                    try output.write(CaptionSinks.side(file.file, job.placedCaptionFormat), side)
                }
            }
        }
        outcome.record.set(.prepared)
        outcome.record.set(result, files: files)
        return outcome
    }

    private func fail(_ input: PictureInput, _ bytes: [UInt8], _ record: PictureRecord, _ error: IsomerError) -> PictureOutcome {
        var outcome = PictureOutcome(record: record)
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
}
