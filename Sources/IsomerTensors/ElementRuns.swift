package import IsomerBytes

extension UnsafeMutableRawBufferPointer {
    /// Fills the buffer with the bytes of `tensor` from `offset` on, which are made in runs of elements. For sources whose bytes are stored
    /// nowhere.
    ///
    /// - Parameters:
    ///   - group: runs start at multiples of it, and end there or at the tensor's end.
    ///   - step: how many elements are made at once, a multiple of `group`.
    ///   - make: makes these elements in a buffer of just their size.
    /// - Throws: `usage` if the range lies outside the tensor or the tensor's elements are not whole bytes, and what `make` throws.
    package func fill(
        from offset: Int, of tensor: TensorDescriptor, group: Int = 1, step: Int,
        make: (Range<Int>, UnsafeMutableRawBufferPointer) throws(IsomerError) -> Void
    ) throws(IsomerError) {
        guard tensor.scalarType.isByteAligned else {
            throw IsomerError(.usage, "the tensor's elements are not whole bytes", item: tensor.name, found: tensor.scalarType.rawValue)
        }
        try tensor.checkRange(offset, count)
        let size = tensor.scalarType.bitCount / 8
        // The end may lie inside a group.
        let behind = (offset + count + size - 1) / size
        let last = Swift.min(tensor.shape.elementCount, (behind + group - 1) / group * group)
        var done = 0
        while done < count {
            let first = (offset + done) / size / group * group
            let elements = first..<Swift.min(first + step, last)
            let skipped = offset + done - first * size
            let length = Swift.min(elements.count * size - skipped, count - done)
            let place = UnsafeMutableRawBufferPointer(rebasing: self[done..<done + length])
            if skipped == 0, length == elements.count * size {
                try make(elements, place)
            } else {
                let run = UnsafeMutableRawBufferPointer.allocate(byteCount: elements.count * size, alignment: 64)
                defer { run.deallocate() }
                try make(elements, run)
                place.copyMemory(from: UnsafeRawBufferPointer(rebasing: run[skipped..<skipped + length]))
            }
            done += length
        }
    }
}
