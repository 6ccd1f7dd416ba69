import IsomerBytes
import IsomerTensors

/// Small tensors that were computed and lie in memory.
final class HeldTensors: TensorSource {
    let tensors: [TensorDescriptor]
    let metadata: FileMetadata
    let files: [ReadableFile] = []
    private let contents: [[UInt8]]

    init(_ tensors: [(descriptor: TensorDescriptor, bytes: [UInt8])], metadata: FileMetadata = [:]) {
        self.tensors = tensors.map(\.descriptor)
        contents = tensors.map(\.bytes)
        self.metadata = metadata
    }

    func storedRange(of index: Int) -> StoredRange? { nil }

    func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IsomerError) {
        guard contents.indices.contains(index), offset >= 0, offset <= contents[index].count, buffer.count <= contents[index].count - offset
        else { throw IsomerError(.usage, "the range lies outside the tensor", found: "\(offset) + \(buffer.count)") }
        buffer.copyBytes(from: contents[index][offset..<offset + buffer.count])
    }
}

extension FloatBuffer {
    /// The numbers as `type`, least significant byte first.
    func bytes(as type: ScalarType) throws(IsomerError) -> [UInt8] {
        let cast = try Cast(from: .f32, to: type)
        var result = [UInt8](repeating: 0, count: count * type.bitCount / 8)
        var failure: IsomerError?
        result.withUnsafeMutableBytes { target in
            do throws(IsomerError) {
                try cast.apply(UnsafeRawBufferPointer(UnsafeBufferPointer(values)), target, elementCount: count)
            } catch { failure = error }
        }
        if let failure { throw failure }
        return result
    }
}
