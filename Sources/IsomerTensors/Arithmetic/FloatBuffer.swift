public import IsomerBytes

/// Memory for a run of 32-bit floats, at an address that vectors like, with the memory's life as its own.
public final class FloatBuffer: @unchecked Sendable {
    // SAFETY (@unchecked): whoever shares a buffer sees to it that nobody reads what another thread writes, as with any memory.

    /// The numbers.
    public let values: UnsafeMutableBufferPointer<Float>
    private let memory: UnsafeMutableRawBufferPointer

    /// Room for `count` numbers, which are not set yet.
    public init(count: Int) {
        memory = .allocate(byteCount: max(1, count) * 4, alignment: 64)
        values = memory.bindMemory(to: Float.self)
    }

    deinit { memory.deallocate() }

    /// How many numbers it holds.
    public var count: Int { values.count }

    /// The numbers in another reading direction: `columns` × `rows` for `rows` × `columns`.
    public func transposed(rows: Int, columns: Int) -> FloatBuffer {
        let result = FloatBuffer(count: rows * columns)
        // In squares, so that both sides stay in the cache.
        for top in stride(from: 0, to: rows, by: 32) {
            for left in stride(from: 0, to: columns, by: 32) {
                for row in top..<min(rows, top + 32) {
                    for column in left..<min(columns, left + 32) {
                        result.values[column * rows + row] = values[row * columns + column]
                    }
                }
            }
        }
        return result
    }
}

extension TensorSource {
    /// Elements of one tensor as 32-bit floats.
    public func floats(
        of index: Int, _ elements: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
    ) throws(IsomerError) {
        let tensor = tensors[index]
        guard tensor.scalarType.isByteAligned, elements.lowerBound >= 0, elements.upperBound <= tensor.shape.elementCount,
            target.count >= elements.count
        else {
            throw IsomerError(.usage, "a range lies outside its tensor", item: tensor.name, found: "\(elements)")
        }
        let size = tensor.scalarType.bitCount / 8
        if tensor.scalarType == .f32, let stored = storedRange(of: index) {
            let bytes = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(target)[..<(elements.count * 4)])
            return try stored.file.read(into: bytes, at: stored.offset + UInt64(elements.lowerBound * 4))
        }
        if tensor.scalarType == .f32 {
            try read(
                index, at: elements.lowerBound * 4,
                into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(target)[..<(elements.count * 4)]))
            return
        }
        let cast = try Cast(from: tensor.scalarType, to: .f32)
        // Small enough for a core's own cache.
        let step = 64 << 10
        let stored = storedRange(of: index)
        try withBytes(step * size) { (buffer) throws(IsomerError) in
            var start = elements.lowerBound
            while start < elements.upperBound {
                let count = min(step, elements.upperBound - start)
                let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(count * size)])
                if let stored {
                    try stored.file.read(into: bytes, at: stored.offset + UInt64(start * size))
                } else {
                    try read(index, at: start * size, into: bytes)
                }
                let place = UnsafeMutableBufferPointer(
                    rebasing: target[(start - elements.lowerBound)..<(start - elements.lowerBound + count)])
                try cast.apply(UnsafeRawBufferPointer(bytes), UnsafeMutableRawBufferPointer(place), elementCount: count)
                start += count
            }
        }
    }

    /// All elements of one tensor as 32-bit floats. For tensors that fit in memory.
    public func floats(of index: Int) throws(IsomerError) -> FloatBuffer {
        let buffer = FloatBuffer(count: tensors[index].shape.elementCount)
        try floats(of: index, 0..<tensors[index].shape.elementCount, into: buffer.values)
        return buffer
    }

    /// The only element of a tensor.
    public func number(of index: Int) throws(IsomerError) -> Double {
        let tensor = tensors[index]
        guard tensor.shape.elementCount == 1, tensor.scalarType.isByteAligned else {
            throw IsomerError(.malformed, "the tensor should be a single number", item: tensor.name, found: "\(tensor.shape)")
        }
        let bytes = try bytes(of: index)
        var number = 0.0
        let cast = try Cast(from: tensor.scalarType, to: .f64)
        var failure: IsomerError?
        bytes.withUnsafeBytes { source in
            withUnsafeMutableBytes(of: &number) { target in
                do throws(IsomerError) { try cast.apply(source, target, elementCount: 1) } catch { failure = error }
            }
        }
        if let failure { throw failure }
        return number
    }
}

private func withBytes(
    _ count: Int, _ body: (UnsafeMutableRawBufferPointer) throws(IsomerError) -> Void
) throws(IsomerError) {
    var failure: IsomerError?
    withUnsafeTemporaryAllocation(byteCount: count, alignment: 64) { buffer in
        do throws(IsomerError) { try body(buffer) } catch { failure = error }
    }
    if let failure { throw failure }
}
