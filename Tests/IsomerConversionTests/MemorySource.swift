import IsomerBytes
import IsomerTensors

/// Tensors that lie in memory.
final class MemorySource: TensorSource {
    let tensors: [TensorDescriptor]
    let metadata: FileMetadata
    private let contents: [[UInt8]]

    init(_ tensors: [(name: String, type: ScalarType, shape: [Int], bytes: [UInt8])], metadata: FileMetadata = [:]) throws {
        self.tensors = try tensors.map { try TensorDescriptor(name: $0.name, scalarType: $0.type, shape: Shape($0.shape)) }
        self.metadata = metadata
        contents = tensors.map(\.bytes)
    }

    func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IsomerError) {
        guard offset >= 0, offset + buffer.count <= contents[index].count else {
            throw IsomerError(.malformed, "out of range", item: tensors[index].name)
        }
        buffer.copyBytes(from: contents[index][offset..<offset + buffer.count])
    }

    func storedRange(of index: Int) -> StoredRange? { nil }
}
