public import IsomerBytes
public import IsomerTensors

/// Writes a GGUF file (see `GGUFLayout`).
public final class GGUFWriter: TensorSink {
    public let tensors: [TensorDescriptor]
    public let byteCount: UInt64

    private let file: WritableFile
    private let offsets: [UInt64]

    /// Writes the head to `file`, from a layout made before for these very tensors.
    public init(_ file: WritableFile, tensors: [TensorDescriptor], layout: GGUFLayout) throws(IsomerError) {
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

    /// Zeros behind every tensor, up to the next one's place.
    public func finish() throws(IsomerError) {
        for (tensor, offset) in zip(tensors, offsets) {
            let end = UInt64(tensor.byteCount)
            let gap = GGUFLayout.padded(end) - end
            if gap > 0 { try file.write([UInt8](repeating: 0, count: Int(gap)), at: offset + end) }
        }
    }
}
