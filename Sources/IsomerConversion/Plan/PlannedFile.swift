public import IsomerBytes
public import IsomerTensors

/// What kind of weight file to write.
public enum Container: Hashable, Sendable {
    /// One safetensors file.
    case safetensors
    /// One archive as `torch.save` writes it.
    case torch(TorchEnvelope)
}

/// How a torch archive holds its tensors.
public struct TorchEnvelope: Hashable, Sendable {
    /// Whether the tensors lie under `state_dict`, beside a `global_step`, as training programs write them; else they are the top.
    public var isNested: Bool
    /// Whether to write the stream of PyTorch before 1.6 instead of a zip archive.
    public var isLegacy: Bool

    public init(isNested: Bool = false, isLegacy: Bool = false) {
        self.isNested = isNested
        self.isLegacy = isLegacy
    }
}

/// A weight file to be written, or a set of them if it is to be cut into shards.
public struct PlannedFile: Hashable, Sendable {
    /// Its place below the destination folder, or the destination itself if it is empty.
    public var path: FilePath
    /// What kind of file.
    public var container: Container
    /// The tensors. A container may demand an order of its own in the file.
    public var tensors: [PlannedTensor]
    /// Text to be written beside the tensors.
    public var metadata: FileMetadata
    /// Tensor bytes that no shard may exceed, but for a single tensor that is larger; `nil` for one file whatever its size.
    public var shardBytes: UInt64?

    public init(
        path: FilePath = "", container: Container, tensors: [PlannedTensor], metadata: FileMetadata = [:], shardBytes: UInt64? = nil
    ) {
        self.path = path
        self.container = container
        self.tensors = tensors
        self.metadata = metadata
        self.shardBytes = shardBytes
    }

    /// Bytes of all its tensors.
    public var tensorBytes: UInt64 { tensors.reduce(0) { $0 &+ UInt64($1.descriptor.byteCount) } }
}

/// A small file that the plan holds whole: a configuration, a vocabulary, an index.
public struct PlainFile: Hashable, Sendable {
    /// Its place below the destination folder.
    public var path: FilePath
    /// Its content.
    public var bytes: [UInt8]

    public init(path: FilePath, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }
}
