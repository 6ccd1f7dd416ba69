internal import IsomerBytes

/// Where the outcomes of a batch go, in the order of the inputs: the manifest, the files of all captions, and archives.
struct PreparationSinks {
    /// Nil in a dry run.
    let manifest: Manifest?
    private let naming: OutputNaming
    private let output: OutputFolder?
    private var captions: CaptionSinks?
    private var shards: TarShards?
    /// Records of the archive that is being written.
    private var pending: [PictureRecord] = []
    /// Inputs, by their numbers, of which an earlier run made files that this one did not make.
    private var stale: [UInt32] = []
    private let shardPrefix: String

    init(_ runner: PreparationRunner) throws(IsomerError) {
        let job = runner.job
        naming = runner.naming
        output = runner.output
        shardPrefix = job.shard.map { "\($0.index)-of-\($0.count)-" } ?? ""
        manifest = try job.isDryRun ? nil : Manifest(folder: job.output, shard: job.shard)
        captions = try job.isDryRun ? nil : CaptionSinks(job)
        if case .webDataset(let samples) = job.layout, !job.isDryRun {
            shards = TarShards(job.output, samples: samples, shard: job.shard, earlier: runner.archives)
        }
    }

    var hasArchives: Bool { shards != nil }

    mutating func append(_ outcome: inout PictureOutcome, of input: Int) throws(IsomerError) {
        if shards != nil, let sample = outcome.sample {
            outcome.record.archive = shards?.name
            pending.append(outcome.record)
            try append(sample)
        }
        outcome.sample = nil
        if outcome.leavesStale { stale.append(UInt32(truncatingIfNeeded: input)) }
        // No other input has these names.
        for file in outcome.dropped { output?.remove(file) }
        try manifest?.append(outcome.record)
        try captions?.append(outcome.record)
    }

    private mutating func append(_ sample: TarSample) throws(IsomerError) {
        let isLast = shards?.isNextLast ?? false
        // A run that is killed between here and the notes below finds no record, whatever the archive holds by then.
        if isLast { try note(isDone: false) }
        try shards?.append(sample)
        if isLast { try note(isDone: true) }
    }

    /// Notes what an archive holds only when it is there.
    private mutating func note(isDone: Bool) throws(IsomerError) {
        for var record in pending {
            if !isDone { record.object["status"] = nil }
            try manifest?.note(record)
        }
        if isDone { pending = [] }
    }

    /// Completes everything. `name` answers with an input's name.
    mutating func finish(_ name: (Int) -> String) throws(IsomerError) {
        try note(isDone: false)
        try shards?.finish()
        try note(isDone: true)
        try captions?.finish()
        try manifest?.finish()
        try removeStale(name)
    }

    /// Removes what earlier runs made of these inputs and this one did not: other endings, excluded pictures, superfluous archives.
    private mutating func removeStale(_ name: (Int) -> String) throws(IsomerError) {
        guard let manifest, let output else { return }
        func forEachStale(_ body: (String) -> Void) {
            for input in stale { manifest.earlier(name(Int(input))).map { naming.files(of: $0).forEach(body) } }
        }
        if !stale.isEmpty {
            // What this run made of another input may have such a name.
            var unnamed: Set<UInt64> = []
            forEachStale { unnamed.insert(NameHash.of($0)) }
            try manifest.forEachRecord { record in
                for file in naming.files(of: record) { unnamed.remove(NameHash.of(file)) }
            }
            forEachStale { if unnamed.contains(NameHash.of($0)) { output.remove($0) } }
        }
        let written = shards?.names ?? []
        for archive in manifest.archives where !written.contains(archive) && TarShards.isName(archive, prefix: shardPrefix) {
            output.remove(archive)
        }
    }
}
