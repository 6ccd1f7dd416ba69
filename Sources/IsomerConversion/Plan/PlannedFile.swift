public import IsomerBytes
public import IsomerFormats
public import IsomerTensors

/// What kind of weight file to write.
public enum Container: Hashable, Sendable {
    /// One safetensors file.
    case safetensors
    /// One checkpoint as `torch.save` writes it: a zip archive, or, if it is to be `legacy`, the stream of PyTorch before 1.6.
    case torch(TorchRoot = .stateDict, legacy: Bool = false)
    /// One GGUF file with these keys.
    case gguf([GGUFKeyValue] = [])
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
    /// What the shards and their index are called; `nil` for the file's own name with numbers behind its stem.
    public var shardNaming: ShardNaming?

    public init(
        path: FilePath = "", container: Container, tensors: [PlannedTensor], metadata: FileMetadata = [:], shardBytes: UInt64? = nil,
        shardNaming: ShardNaming? = nil
    ) {
        self.path = path
        self.container = container
        self.tensors = tensors
        self.metadata = metadata
        self.shardBytes = shardBytes
        self.shardNaming = shardNaming
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
