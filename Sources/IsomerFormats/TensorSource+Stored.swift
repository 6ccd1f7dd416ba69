public import IsomerBytes
public import IsomerTensors

extension TensorSource {
    public func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IsomerError) {
        let stored = storedRange(of: index)
        let tensor = try tensors.checked(index, path: stored?.file.path)
        try tensor.checkRange(offset, buffer.count, path: stored?.file.path)
        guard let stored, !buffer.isEmpty else { return }
        do throws(IsomerError) {
            try stored.file.read(into: buffer, at: stored.offset + UInt64(offset))
        } catch {
            throw error.about(tensor.name)
        }
    }
}
