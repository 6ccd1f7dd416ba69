public import IsomerBytes
public import IsomerTensors

/// Writes a safetensors file, byte for byte as the reference does (see `SafetensorsLayout`).
public final class SafetensorsWriter: TensorSink {
    public let tensors: [TensorDescriptor]
    public let byteCount: UInt64

    private let file: WritableFile
    private let offsets: [UInt64]

    /// Writes the header to `file`. Tensors may be given in any order.
    public convenience init(
        _ file: WritableFile, tensors: [TensorDescriptor], metadata: FileMetadata = [:], writesEmptyMetadata: Bool = false,
        limits: Limits = Limits()
    ) throws(IsomerError) {
        let layout: SafetensorsLayout
        do throws(IsomerError) {
            layout = try SafetensorsLayout(tensors, metadata: metadata, writesEmptyMetadata: writesEmptyMetadata, limits: limits)
        } catch {
            throw error.inFile(file.path)
        }
        try self.init(file, tensors: tensors, layout: layout)
    }

    /// Writes the header to `file`, from a layout made before for these very tensors (to know the file's size, say).
    public init(_ file: WritableFile, tensors: [TensorDescriptor], layout: SafetensorsLayout) throws(IsomerError) {
        try tensors.checkPlaces(layout.offsets, path: file.path)
        self.file = file
        self.tensors = tensors
        self.offsets = layout.offsets
        self.byteCount = layout.byteCount
        try file.write(layout.header, at: 0)
    }

    public func destination(of index: Int) -> Destination? {
        guard tensors.indices.contains(index) else { return nil }
        return Destination(file: file, offset: offsets[index])
    }

    /// Nothing follows the tensors.
    public func finish() throws(IsomerError) {}
}
