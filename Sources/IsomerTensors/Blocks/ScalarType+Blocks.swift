package import CKernels

extension ScalarType {
    /// The least number of elements that fill whole bytes, and how many: one for most types, a few below a byte, a block of block types.
    public var group: (elementCount: Int, byteCount: Int) {
        if let block = nativeBlock { return (isomer_block_elements(block), isomer_block_bytes(block)) }
        return switch bitCount {
        case 2: (4, 1)
        case 4: (2, 1)
        case 6: (4, 3)
        default: (1, bitCount / 8)
        }
    }

    /// Whether casts can make this type: of block types those that ggml quantises without a search over all tensors' importance, and that are
    /// in use.
    public var isWritableBlock: Bool {
        switch self {
        case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q4K, .q6K: true
        default: false
        }
    }

    /// The kernels' name of a block type.
    package var nativeBlock: isomer_block_type? {
        switch self {
        case .q4_0: ISOMER_Q4_0
        case .q4_1: ISOMER_Q4_1
        case .q5_0: ISOMER_Q5_0
        case .q5_1: ISOMER_Q5_1
        case .q8_0: ISOMER_Q8_0
        case .q2K: ISOMER_Q2_K
        case .q3K: ISOMER_Q3_K
        case .q4K: ISOMER_Q4_K
        case .q5K: ISOMER_Q5_K
        case .q6K: ISOMER_Q6_K
        default: nil
        }
    }
}
