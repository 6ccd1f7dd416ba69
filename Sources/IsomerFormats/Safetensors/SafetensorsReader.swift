public import IsomerBytes
public import IsomerTensors

/// Reads a safetensors file.
///
///     file    = length header padding data
///     length  = the bytes of header and padding, an unsigned 64-bit number, least significant byte first
///     header  = a JSON object: tensor name → { "dtype", "shape", "data_offsets" }, and "__metadata__" → { text → text }
///     padding = spaces
///     data    = the tensors' bytes, which fill it from end to end, each tensor's in one piece, in any order
///
/// Opening reads and checks the header and nothing else: no byte of data is touched, and no memory is taken because the file says so.
/// Every rule of the format is enforced, and where the reference is laxer than the specification (a key that comes twice, an entry with
/// other fields) so is this reader stricter. What both allow is read: no tensors, tensors without elements or dimensions, any names,
/// data that is not aligned.
public final class SafetensorsReader: TensorSource {
    /// The file.
    public let file: ReadableFile
    /// In the order of the header.
    public let tensors: [TensorDescriptor]
    public let metadata: FileMetadata
    /// Whether the header has a `__metadata__` entry, which may be empty.
    public let hasMetadataEntry: Bool
    /// What is odd about the file but does no harm.
    public let warnings: [String]
    /// Where the tensors' bytes start: behind the header.
    public let dataOffset: UInt64

    private let offsets: [UInt64]

    /// Opens the file at `path` and checks its header.
    ///
    /// - Throws: `cannotRead`; `malformed` with the tensor's name and the first offending byte; `unsupported` for an element type that is
    ///   not known; `limitExceeded` beyond `safetensorsHeaderBytes`, `tensors`, `rank`.
    public convenience init(_ path: FilePath, limits: Limits = Limits()) throws(IsomerError) {
        try self.init(ReadableFile(path), limits: limits)
    }

    /// Checks the header of an open file. Throws as for a path.
    public init(_ file: ReadableFile, limits: Limits = Limits()) throws(IsomerError) {
        do throws(IsomerError) {
            let header = try SafetensorsHeader(file, limits: limits)
            self.file = file
            tensors = header.tensors
            metadata = header.metadata ?? [:]
            hasMetadataEntry = header.metadata != nil
            warnings = header.warnings
            dataOffset = header.dataOffset
            offsets = header.offsets
        } catch {
            throw error.inFile(file.path)
        }
    }

    public func storedRange(of index: Int) -> StoredRange? {
        guard tensors.indices.contains(index) else { return nil }
        return StoredRange(file: file, offset: dataOffset + offsets[index], count: tensors[index].byteCount)
    }
}
