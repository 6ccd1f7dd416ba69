public import IsomerBytes

/// Another source whose tensors of block types read as plain numbers, everything else as it is.
public final class DequantizedSource: TensorSource {
    public let tensors: [TensorDescriptor]
    private let source: any TensorSource
    private let scalarType: ScalarType

    /// - Parameter scalarType: what blocks are given as, a floating type of whole bytes.
    public init(_ source: any TensorSource, as scalarType: ScalarType = .f32) throws(IsomerError) {
        guard scalarType.kind == .float, scalarType.isByteAligned else {
            throw IsomerError(.usage, "blocks cannot be given as this type", found: scalarType.rawValue)
        }
        var tensors: [TensorDescriptor] = []
        for tensor in source.tensors {
            tensors.append(
                tensor.scalarType.kind == .block
                    ? try TensorDescriptor(name: tensor.name, scalarType: scalarType, shape: tensor.shape) : tensor)
        }
        self.tensors = tensors
        self.source = source
        self.scalarType = scalarType
    }

    public var metadata: FileMetadata { source.metadata }

    public var files: [ReadableFile] { source.files }

    public func storedRange(of index: Int) -> StoredRange? {
        guard tensors.indices.contains(index), source.tensors[index].scalarType.kind != .block else { return nil }
        return source.storedRange(of: index)
    }

    public func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IsomerError) {
        guard tensors.indices.contains(index), source.tensors[index].scalarType.kind == .block else {
            return try source.read(index, at: offset, into: buffer)
        }
        let stored = source.tensors[index].scalarType
        let cast = try Cast(from: stored, to: scalarType)
        let group = stored.group
        // A few thousand elements at a time, in whole blocks around the range.
        let step = 8192
        let packed = UnsafeMutableRawBufferPointer.allocate(byteCount: step / group.elementCount * group.byteCount, alignment: 64)
        defer { packed.deallocate() }
        try buffer.fill(from: offset, of: tensors[index], group: group.elementCount, step: step) { (elements, plain) throws(IsomerError) in
            let bytes = UnsafeMutableRawBufferPointer(rebasing: packed[..<(elements.count / group.elementCount * group.byteCount)])
            try source.read(index, at: elements.lowerBound / group.elementCount * group.byteCount, into: bytes)
            try cast.apply(UnsafeRawBufferPointer(bytes), plain, elementCount: elements.count)
        }
    }
}
