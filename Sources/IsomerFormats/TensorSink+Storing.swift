public import IsomerBytes
public import IsomerTensors

extension TensorSink {
    public func write(_ bytes: UnsafeRawBufferPointer, to index: Int, at offset: Int) throws(IsomerError) {
        try store(bytes, to: index, at: offset)
    }

    /// Puts `bytes` where they belong in the file: all of `write`, for sinks that do nothing else with them.
    func store(_ bytes: UnsafeRawBufferPointer, to index: Int, at offset: Int) throws(IsomerError) {
        let destination = destination(of: index)
        let tensor = try tensors.checked(index, path: destination?.file.path)
        try tensor.checkRange(offset, bytes.count, path: destination?.file.path)
        guard let destination else { return }
        try destination.file.write(bytes, at: destination.offset + UInt64(offset))
    }
}
