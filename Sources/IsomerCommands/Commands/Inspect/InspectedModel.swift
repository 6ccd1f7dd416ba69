internal import IsomerBytes
internal import IsomerConversion
internal import IsomerFormats
internal import IsomerMapping
internal import IsomerTensors

/// A file or folder that has been opened to be looked at.
struct InspectedModel {
    let path: FilePath
    /// What it is on the outside, in words.
    let format: String
    /// Its tensors; a folder's are called `component/name`.
    let tensors: any TensorSource
    /// What it is on the inside.
    private(set) var summary: ModelSummary
    /// What it is if it is an adapter.
    let adapter: AdapterSummary?
    /// Bytes of all its weight files.
    let byteCount: UInt64
    /// What is odd about it but does no harm.
    private(set) var warnings: [String]
    /// Tensors that share their bytes with others.
    let tiedCount: Int
    /// What a torch file holds besides its state dictionary.
    let others: [String]

    init(_ path: FilePath, _ limits: Limits) throws(IsomerError) {
        self.path = path
        if try FileSystem.kind(of: path) == .folder {
            var request = ModelSummary.request(path)
            request.limits = limits
            let model = try Model(request)
            summary = try ModelSummary(of: model)
            tensors = try model.canonicalTensors()
            format = "a Diffusers folder"
            warnings = model.notes
            (tiedCount, others) = (0, [])
            adapter = nil
        } else {
            let file = try WeightFile(path, limits: limits)
            summary = try ModelSummary(of: file)
            tensors = file.tensors
            adapter = summary.family == nil ? try AdapterSummary(of: path, file.tensors) : nil
            let shards = (file.tensors as? ShardedReader)?.shards.count
            format = shards.map { "a sharded set of \($0) files" } ?? file.format.name
            warnings = file.warnings
            let archive = file.tensors as? TorchArchive
            tiedCount = archive?.aliases.count ?? 0
            others = archive.map(Self.others) ?? []
        }
        if summary.family?.asksForPrediction == true, summary.prediction?.isGuess ?? true,
            let model = try? Model(ModelSummary.request(path)),
            let probe = try PredictionProbe(model, workers: Workers())
        {
            summary.prediction = probe.decision
        }
        let numbers = summary.packing.isEmpty ? tensors : try PackedWeights(in: tensors).unpacked
        elementCount = numbers.tensors.reduce(0) { $0 &+ $1.shape.elementCount }
        byteCount = tensors.files.reduce(0) { $0 &+ $1.size }
        for file in tensors.files {
            guard let note = ChecksumFile.note(on: file, limits: limits) else { continue }
            warnings.append(tensors.files.count > 1 ? "\(file.path.lastComponent?.string ?? ""): \(note)" : note)
        }
    }

    private static func others(in archive: TorchArchive) -> [String] {
        var lines: [String] = []
        if !archive.rest.tensors.isEmpty {
            lines.append("\(Numbers.count(archive.rest.tensors.count, "tensor")) outside the state dictionary (optimizer states, averages)")
        }
        lines += archive.unconverted.map { "\($0.path): \($0.reason), not converted" }
        return lines
    }

    /// How much of each element type there is, the most first.
    var types: [(type: ScalarType, tensors: Int, elements: Int, bytes: UInt64)] {
        var counts: [ScalarType: (tensors: Int, elements: Int, bytes: UInt64)] = [:]
        for tensor in tensors.tensors {
            let before = counts[tensor.scalarType] ?? (0, 0, 0)
            counts[tensor.scalarType] = (
                before.tensors + 1, before.elements &+ tensor.shape.elementCount, before.bytes &+ UInt64(tensor.byteCount)
            )
        }
        return counts.map { ($0.key, $0.value.tensors, $0.value.elements, $0.value.bytes) }
            .sorted { ($1.3, $0.0.rawValue) < ($0.3, $1.0.rawValue) }
    }

    /// Elements of all tensors; of packed weights those that they stand for.
    let elementCount: Int
}
