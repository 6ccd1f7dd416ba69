public import IsomerBytes
public import IsomerFormats
public import IsomerTensors

/// A weight file, or a sharded set of them, that has been opened.
public struct WeightFile: Sendable {
    /// What was opened.
    public let path: FilePath
    /// What the file at `path` is; JSON for the index of a sharded set.
    public let format: FileFormat
    /// The tensors.
    public let tensors: any TensorSource
    /// Every file that holds some of them.
    public let files: [ReadableFile]

    /// Opens whatever weights lie at `path`. What the file is, its bytes tell, not its name.
    public init(_ path: FilePath, limits: Limits = Limits()) throws(IsomerError) {
        let file = try ReadableFile(path)
        self.path = path
        format = try FileFormat(of: file)
        tensors = try openWeights(path, limits: limits)
        if let sharded = tensors as? ShardedReader {
            var files = format == .json ? [file] : []
            for shard in sharded.shards { files.append(try ReadableFile(shard.path)) }
            self.files = files
        } else {
            files = [file]
        }
    }

    /// As a plan's source.
    public var source: ConversionPlan.Source { ConversionPlan.Source(path.string, tensors, files: files) }

    /// What is odd about the files but does no harm.
    public var warnings: [String] {
        if let reader = tensors as? SafetensorsReader { return reader.warnings }
        if let reader = tensors as? GGUFReader { return reader.warnings }
        if let reader = tensors as? ShardedReader { return reader.warnings }
        if let archive = tensors as? TorchArchive {
            return archive.warnings + archive.unconverted.map { "\($0.path) is left out: \($0.reason)" }
        }
        return []
    }
}
