public import IsomerBytes
import IsomerTensors
import Synchronization

/// Carries out a plan: the one place where tensor bytes move from files to files.
///
/// What stays equal is copied inside the kernel, in ranges as long as possible; the rest goes through buffers of at most a megabyte, a few for
/// each worker, whatever the model's size. The output appears whole, after it was checked, or not at all.
public struct Executor: Sendable {
    /// The threads that move bytes.
    public var workers = Workers()
    /// Whether something may be at the destination already.
    public var overwrite = false
    /// How the output is checked before it appears.
    public var verification = Verification.header
    /// Bytes that all workers' buffers may take together.
    public var memoryBytes = 32 << 20
    /// A folder at the destination is replaced only if it holds one of these names.
    public var replaceableFolderNames: [FilePath.Component] = ["model_index.json"]
    /// What reading the output back may cost.
    public var limits = Limits()

    public init() {}

    /// Writes what `plan` says to `destination`.
    ///
    /// - Parameter progress: called from any worker, often.
    /// - Throws: whatever `ConversionPlan.check`, the sources and the disk say; `mismatch` if the output read back is not what was planned;
    ///   `interrupted`. In every case the destination is what it was before.
    public func run(
        _ plan: ConversionPlan, to destination: FilePath, progress: @escaping @Sendable (ConversionProgress) -> Void = { _ in }
    ) throws(IsomerError) -> ConversionOutcome {
        let began = ContinuousClock.now
        try plan.check()
        var plan = try plan.cutIntoShards(at: destination)
        let blank = try plan.replaceExtras(at: destination)
        let obsolete = try replaced(by: plan)

        var preparations: [PreparedFile] = []
        for file in plan.files { preparations.append(try PreparedFile(file, limits: limits)) }
        let byteCounts = preparations.map(\.byteCount) + plan.plainFiles.map { UInt64($0.bytes.count) }
        let (stage, files) = try OutputStage.begin(
            plan.shape, at: destination, paths: plan.files.map(\.path) + plan.plainFiles.map(\.path), byteCounts: byteCounts,
            overwrite: overwrite, replaces: replaceableFolderNames, obsolete: obsolete,
            inputs: plan.sources.flatMap { $0.files.map(\.identity) })

        for (file, byteCount) in zip(files, byteCounts) { try file.gather(byteCount) }
        var sinks: [any TensorSink] = []
        for (preparation, file) in zip(preparations, files) { sinks.append(try preparation.begin(file)) }
        let (losses, quantized) = try move(plan, into: sinks, progress)
        for sink in sinks { try sink.finish() }
        for (plain, file) in zip(plan.plainFiles, files.dropFirst(sinks.count)) { try file.write(plain.bytes, at: 0) }
        for file in files { try file.flush() }

        if verification != .none { try verify(plan, files, progress) }
        for source in plan.sources {
            for file in source.files { try file.checkUnchanged() }
        }
        try stage.commit(removing: obsolete)
        if let blank { FileSystem.removeFile(blank) }
        return ConversionOutcome(
            paths: files.map(\.path).filter { $0 != blank }, removed: obsolete + [blank].compactMap(\.self), tensors: plan.tensorCount,
            tensorBytes: plan.tensorBytes,
            fileBytes: byteCounts.reduce(0, +), seconds: began.duration(to: .now) / .seconds(1), losses: losses, quantized: quantized,
            verification: verification)
    }

    /// What `run` would remove because it belongs to what is replaced, in the order in which it reports it.
    public func removals(of plan: ConversionPlan, at destination: FilePath) throws(IsomerError) -> [FilePath] {
        guard overwrite else { return [] }
        var plan = try plan.cutIntoShards(at: destination)
        let blank = try plan.replaceExtras(at: destination)
        return try plan.obsoleteFiles(limits: limits).all + [blank].compactMap(\.self)
    }

    /// What goes with what is replaced. Throws if anything would go and nothing may be replaced.
    private func replaced(by plan: ConversionPlan) throws(IsomerError) -> [FilePath] {
        let obsolete = try plan.obsoleteFiles(limits: limits)
        if overwrite { return obsolete.all }
        if let head = obsolete.heads.first {
            throw IsomerError(
                .cannotWrite, "a model with this name is here already, in another form", path: head,
                remedy: "choose another name or add `--overwrite`")
        }
        // An old index stands where the new one goes: that is refused as any file there is.
        return []
    }

    /// Threads for as many workers that compute: while some wait for the device to take their bytes, others keep the processors busy.
    private var crew: Workers { Workers(count: 2 * workers.count) }

    /// Bytes of one buffer. Half a megabyte in and out stay in a core's own cache; more threads than memory is meant for get less.
    var chunkBytes: Int {
        max(64 << 10, min(1 << 20, memoryBytes / (PortionMaker.buffers * crew.count)))
    }

    private func move(
        _ plan: ConversionPlan, into sinks: [any TensorSink], _ progress: @escaping @Sendable (ConversionProgress) -> Void
    ) throws(IsomerError) -> (losses: [ConversionOutcome.Loss], quantized: [ConversionOutcome.Quantized]) {
        let total = plan.tensorBytes
        let done = Counter()
        let advance: @Sendable (UInt64) -> Void = { count in
            progress(ConversionProgress(phase: .writing, done: done.add(count), total: total))
        }
        let work = WorkList(plan, sinks: sinks, chunkBytes: chunkBytes, checksChecksums: verification != .none).items
        let makers = (0..<crew.count).map { _ in PortionMaker(plan, chunkBytes: chunkBytes) }
        let processors = Permits(workers.count)
        try crew.run(work.count) { (item, worker) throws(IsomerError) in
            switch work[item] {
            case .copy(let copy):
                try copy.target.copyRange(
                    from: copy.source, at: copy.sourceOffset, to: copy.targetOffset, count: copy.count, through: makers[worker].buffer,
                    progress: advance)
            case .make(let portion):
                let sink = sinks[portion.file]
                let offset = (sink.destination(of: portion.tensor)?.offset ?? 0) + UInt64(portion.targetOffset)
                let bytes = try processors.hold { () throws(IsomerError) in try makers[worker].make(portion, for: offset) }
                try sink.write(bytes, to: portion.tensor, at: portion.targetOffset)
                advance(UInt64(portion.byteCount))
            }
        }
        let losses = makers.reduce(into: [:]) { all, maker in all.merge(maker.losses) { $0 + $1 } }
        let errors = makers.reduce(into: [TensorPlace: QuantizationError]()) { all, maker in
            for (place, error) in maker.quantizationErrors { all[place, default: QuantizationError()].merge(error) }
        }
        return (
            losses.sorted { $0.key < $1.key }.map { place, report in
                ConversionOutcome.Loss(
                    path: plan.files[place.file].path, name: plan.files[place.file].tensors[place.tensor].descriptor.name, report: report)
            },
            errors.sorted { $0.key < $1.key }.map { place, error in
                let tensor = plan.files[place.file].tensors[place.tensor].descriptor
                return ConversionOutcome.Quantized(
                    path: plan.files[place.file].path, name: tensor.name, scalarType: tensor.scalarType, error: error)
            }
        )
    }
}

/// A number that several threads add to.
final class Counter: Sendable {
    private let value = Atomic<UInt64>(0)

    /// Adds and tells the sum.
    func add(_ count: UInt64) -> UInt64 { value.wrappingAdd(count, ordering: .relaxed).newValue }
}
