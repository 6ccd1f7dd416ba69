internal import CKernels
public import IsomerBytes

extension Cast {
    /// The same as `apply`, and adds what lies between the elements and what the blocks give back to `error`. For casts to block types.
    ///
    /// Throws `usage` as `apply` does, and if the target is not a block type.
    @discardableResult
    public func apply(
        _ elements: UnsafeRawBufferPointer, _ destination: UnsafeMutableRawBufferPointer, elementCount: Int,
        measuring error: inout QuantizationError
    ) throws(IsomerError) -> CastReport {
        guard target.kind == .block else {
            throw IsomerError(
                .usage, "the error of a cast is measured for block types only", expected: "a block type", found: target.rawValue)
        }
        _ = try checkedByteCount(elements, destination, elementCount)
        guard let input = elements.baseAddress, let output = destination.baseAddress, elementCount > 0 else { return CastReport() }
        return withUnsafeMutablePointer(to: &error) { error in
            castBlocks(input, output, elementCount: elementCount, level: .current, error: error)
        }
    }

    /// Elements that go through buffers at once: whole blocks of every type, and all lanes of the widest search.
    private static let elementsAtOnce = 4096

    /// To or from a block type, by way of `f32`. The buffers hold `elementCount` elements, which fill whole blocks.
    func castBlocks(
        _ input: UnsafeRawPointer, _ output: UnsafeMutableRawPointer, elementCount: Int, level: KernelLevel,
        error: UnsafeMutablePointer<QuantizationError>?
    ) -> CastReport {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * Self.elementsAtOnce) { buffer in
            var counts = isomer_cast_counts()
            guard let values = buffer.baseAddress else { return CastReport() }
            let restored = values + Self.elementsAtOnce
            let (inGroup, outGroup) = (source.group, target.group)
            for start in stride(from: 0, to: elementCount, by: Self.elementsAtOnce) {
                let count = min(Self.elementsAtOnce, elementCount - start)
                let from = input + start / inGroup.elementCount * inGroup.byteCount
                let to = output + start / outGroup.elementCount * outGroup.byteCount
                // SAFETY: `count` elements lie behind `from` and `to`, as the caller checked, and as many fit into each half of the buffer.
                if let block = source.nativeBlock {
                    isomer_dequantize(level.native, block, from, values, count)
                } else if let scalar = source.native, scalar != ISOMER_F32 {
                    _ = isomer_cast(level.native, scalar, ISOMER_F32, from, values, count, &counts)
                } else {
                    UnsafeMutableRawPointer(values).copyMemory(from: from, byteCount: count * 4)
                }
                guard let block = target.nativeBlock else {
                    if let scalar = target.native, scalar != ISOMER_F32 {
                        _ = isomer_cast(level.native, ISOMER_F32, scalar, values, to, count, &counts)
                    } else {
                        to.copyMemory(from: values, byteCount: count * 4)
                    }
                    continue
                }
                _ = isomer_quantize(level.native, block, values, to, count)
                guard let error else { continue }
                isomer_dequantize(level.native, block, to, restored, count)
                var found = isomer_block_error()
                isomer_quantization_error(level.native, values, restored, count, &found)
                error.pointee.add(found, elementCount: count)
            }
            return CastReport(overflowed: counts.overflowed, flushed: counts.flushed, lostNaN: counts.lost_nan)
        }
    }
}
