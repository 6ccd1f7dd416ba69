internal import CKernels
internal import IsomerBytes

/// Calls `body` with the elements of `bytes` as binary64, block by block. Complex numbers give two elements.
func forEachBlock(
    of scalarType: ScalarType, _ bytes: UnsafeRawBufferPointer, level: KernelLevel, _ body: (UnsafeBufferPointer<Double>) -> Void
) throws(IsomerError) {
    guard let elements = ElementBlocks(scalarType, bytes) else {
        throw IsomerError(
            .usage, "the bytes do not hold whole elements", expected: "elements of type \(scalarType.rawValue)",
            found: "\(bytes.count) bytes")
    }
    withUnsafeTemporaryAllocation(of: Double.self, capacity: TensorStatistics.blockElementCount) { block in
        for index in 0..<elements.blockCount { body(elements.block(index, into: block, level: level)) }
    }
}

/// The elements of a buffer, of any type with values, in blocks of `TensorStatistics.blockElementCount`.
struct ElementBlocks {
    private enum Kind {
        case scalar(isomer_scalar)
        case block(isomer_block_type)
    }

    private let kind: Kind
    private let bytes: UnsafeRawBufferPointer
    private let blockByteCount: Int
    /// Real numbers in all.
    let elementCount: Int

    /// `nil` for quantized types and for bytes that do not hold whole elements.
    init?(_ scalarType: ScalarType, _ bytes: UnsafeRawBufferPointer) {
        if let type = scalarType.native {
            kind = .scalar(type)
        } else if let type = scalarType.nativeBlock {
            kind = .block(type)
        } else {
            return nil
        }
        let group = scalarType.group
        guard bytes.count % group.byteCount == 0 else { return nil }
        self.bytes = bytes
        // A complex number is two real ones.
        let parts = scalarType.kind == .complex ? 2 : 1
        elementCount = bytes.count / group.byteCount * group.elementCount * parts
        blockByteCount = TensorStatistics.blockElementCount / parts / group.elementCount * group.byteCount
    }

    var blockCount: Int {
        elementCount / TensorStatistics.blockElementCount + (elementCount % TensorStatistics.blockElementCount == 0 ? 0 : 1)
    }

    /// Block `index`, converted into `block`, which has room for a whole one.
    func block(_ index: Int, into block: UnsafeMutableBufferPointer<Double>, level: KernelLevel) -> UnsafeBufferPointer<Double> {
        let count = min(TensorStatistics.blockElementCount, elementCount - index * TensorStatistics.blockElementCount)
        if let base = bytes.baseAddress, let target = block.baseAddress {
            var counts = isomer_cast_counts()
            // SAFETY: the block lies inside `bytes`, whose length was divided by the elements' size.
            switch kind {
            case .scalar(let type):
                _ = isomer_cast(level.native, type, ISOMER_F64, base + index * blockByteCount, target, count, &counts)
            case .block(let type):
                withUnsafeTemporaryAllocation(of: Float.self, capacity: TensorStatistics.blockElementCount) { values in
                    isomer_dequantize(level.native, type, base + index * blockByteCount, values.baseAddress, count)
                    _ = isomer_cast(level.native, ISOMER_F32, ISOMER_F64, values.baseAddress, target, count, &counts)
                }
            }
        }
        return UnsafeBufferPointer(rebasing: block[..<count])
    }
}

extension ScalarType {
    /// The least positive normal number. 0 for types that have no subnormal numbers.
    var leastNormal: Double {
        switch self {
        case .f64, .c128: .leastNormalMagnitude
        case .f32, .c64, .bf16: 0x1p-126
        case .f16, .c32, .f8e5m2: 0x1p-14
        case .f8e4m3: 0x1p-6
        case .f8e5m2fnuz: 0x1p-15
        case .f8e4m3fnuz: 0x1p-7
        case .f6e2m3, .f4: 1
        case .f6e3m2: 0x1p-2
        default: 0
        }
    }
}
