public import IsomerBytes
public import IsomerTensors

/// Reads a GGUF file, version 2 or 3.
///
/// 1. `file`: `GGUF`, version (u32), number of tensors (u64), number of keys (u64), then the keys, the tensors' entries, padding, the data.
/// 2. All numbers have their least significant byte first. Before a text stands its length in bytes (u64); it is UTF-8.
/// 3. A key: its name (text), the number of a type (u32), a value of that type.
/// 4. Types of values: 0 u8, 1 i8, 2 u16, 3 i16, 4 u32, 5 i32, 6 f32, 7 bool (one byte, 0 or 1), 8 text, 9 array, 10 u64, 11 i64, 12 f64.
/// 5. An array: the number of its elements' type (u32), which is not 9, how many there are (u64), the elements.
/// 6. A tensor's entry: its name (text), the number of its dimensions (u32), the extents (u64 each), the innermost first, the number of its
///    type (u32), the place of its data (u64), counted from the data's start.
/// 7. Padding: bytes up to the next multiple of the alignment, which is the value of `general.alignment` (u32), or 32.
/// 8. The data: each tensor's bytes at a multiple of the alignment. Block types have rows of whole blocks.
///
/// Names are unique, tensors do not overlap. Beyond that, as files of stable-diffusion.cpp and ComfyUI have it: no key need be there, and
/// `comfy.gguf.orig_shape.NAME` is an array of integers, the outermost first, that is the true shape of tensor NAME.
///
/// Opening reads and checks everything before the data.
public final class GGUFReader: TensorSource {
    /// The file.
    public let file: ReadableFile
    /// In the order of the entries, with the outermost extent first.
    public let tensors: [TensorDescriptor]
    /// The keys' values as text, without arrays that are long or hold text and without the tensors' shapes.
    public let metadata: FileMetadata
    /// The keys.
    public let keyValues: [GGUFKeyValue]
    /// 2 or 3.
    public let version: UInt32
    /// Bytes that tensors are aligned to.
    public let alignment: UInt64
    /// What is odd about the file but does no harm.
    public let warnings: [String]
    /// Where the data starts.
    public let dataOffset: UInt64

    private let offsets: [UInt64]

    /// Opens the file at `path` and checks its head.
    ///
    /// - Throws: `cannotRead`; `malformed` with the first offending byte; `unsupported` for a version or type that is not read;
    ///   `limitExceeded` beyond `tensors`, `rank`.
    public convenience init(_ path: FilePath, limits: Limits = Limits()) throws(IsomerError) {
        try self.init(ReadableFile(path), limits: limits)
    }

    /// Checks the head of an open file. Throws as for a path.
    public init(_ file: ReadableFile, limits: Limits = Limits()) throws(IsomerError) {
        do throws(IsomerError) {
            let header = try MappedFile(file).withBytes { bytes throws(IsomerError) in try GGUFHeader(bytes, limits: limits) }
            self.file = file
            tensors = header.tensors
            keyValues = header.keyValues
            version = header.version
            alignment = header.alignment
            warnings = header.warnings
            dataOffset = header.dataOffset
            offsets = header.offsets
        } catch {
            throw error.inFile(file.path)
        }
        var metadata = FileMetadata()
        for entry in keyValues where !entry.key.utf8.starts(with: GGUFHeader.originalShapePrefix.utf8) {
            if let text = entry.value.text { metadata[entry.key] = text }
        }
        self.metadata = metadata
    }

    /// The value of `key`.
    public subscript(key: String) -> GGUFValue? { keyValues.first { ExactString($0.key) == ExactString(key) }?.value }

    public func storedRange(of index: Int) -> StoredRange? {
        guard tensors.indices.contains(index) else { return nil }
        return StoredRange(file: file, offset: dataOffset + offsets[index], count: tensors[index].byteCount)
    }
}
