/// The type of one element of a tensor, as it lies in a file, least significant byte first.
///
/// The names are safetensors' where it has one. References: safetensors 0.8.0 `Dtype`, PyTorch 2.13 `c10/core/ScalarType.h`,
/// OCP Microscaling Formats 1.0 for the types below a byte.
public enum ScalarType: String, Hashable, Sendable, CaseIterable {
    /// One byte, zero or one.
    case bool = "BOOL"
    /// Four-bit float E2M1, two to a byte, low half first.
    case f4 = "F4"
    /// Six-bit float with two exponent bits, packed.
    case f6e2m3 = "F6_E2M3"
    /// Six-bit float with three exponent bits, packed.
    case f6e3m2 = "F6_E3M2"
    /// Unsigned eight-bit integer.
    case u8 = "U8"
    /// Signed eight-bit integer.
    case i8 = "I8"
    /// Eight-bit float with five exponent bits, with infinities.
    case f8e5m2 = "F8_E5M2"
    /// Eight-bit float with four exponent bits, finite only, NaN is all ones (PyTorch's `float8_e4m3fn`).
    case f8e4m3 = "F8_E4M3"
    /// As `f8e5m2` with exponent bias 16, without negative zero and infinities.
    case f8e5m2fnuz = "F8_E5M2FNUZ"
    /// As `f8e4m3` with exponent bias 8, without negative zero.
    case f8e4m3fnuz = "F8_E4M3FNUZ"
    /// A power of two: an exponent and nothing else.
    case f8e8m0 = "F8_E8M0"
    /// Signed sixteen-bit integer.
    case i16 = "I16"
    /// Unsigned sixteen-bit integer.
    case u16 = "U16"
    /// IEEE 754 binary16.
    case f16 = "F16"
    /// The upper half of a binary32.
    case bf16 = "BF16"
    /// Signed thirty-two-bit integer.
    case i32 = "I32"
    /// Unsigned thirty-two-bit integer.
    case u32 = "U32"
    /// IEEE 754 binary32.
    case f32 = "F32"
    /// A pair of `f16`: real, imaginary. PyTorch's `complex32`; safetensors has no name for it.
    case c32 = "C32"
    /// A pair of `f32`: real, imaginary.
    case c64 = "C64"
    /// IEEE 754 binary64.
    case f64 = "F64"
    /// Signed sixty-four-bit integer.
    case i64 = "I64"
    /// Unsigned sixty-four-bit integer.
    case u64 = "U64"
    /// A pair of `f64`: real, imaginary. safetensors has no name for it.
    case c128 = "C128"
    /// PyTorch's affine-quantized signed byte; scale and zero point lie outside the bytes.
    case qint8 = "QINT8"
    /// PyTorch's affine-quantized unsigned byte.
    case quint8 = "QUINT8"
    /// PyTorch's affine-quantized thirty-two-bit integer.
    case qint32 = "QINT32"
    /// PyTorch's quantized type of four bits, two to a byte.
    case quint4x2 = "QUINT4X2"
    /// PyTorch's quantized type of two bits, four to a byte.
    case quint2x4 = "QUINT2X4"
    /// ggml's blocks of 32 elements: numbers of four bits and a scale.
    case q4_0 = "Q4_0"
    /// As `q4_0`, with an offset.
    case q4_1 = "Q4_1"
    /// ggml's blocks of 32 elements: numbers of five bits and a scale.
    case q5_0 = "Q5_0"
    /// As `q5_0`, with an offset.
    case q5_1 = "Q5_1"
    /// ggml's blocks of 32 elements: numbers of eight bits and a scale.
    case q8_0 = "Q8_0"
    /// ggml's blocks of 256 elements: numbers of two bits, and for each 16 a scale and an offset of four bits.
    case q2K = "Q2_K"
    /// ggml's blocks of 256 elements: numbers of three bits, and for each 16 a scale of six bits.
    case q3K = "Q3_K"
    /// ggml's blocks of 256 elements: numbers of four bits, and for each 32 a scale and an offset of six bits.
    case q4K = "Q4_K"
    /// As `q4K`, with numbers of five bits.
    case q5K = "Q5_K"
    /// ggml's blocks of 256 elements: numbers of six bits, and for each 16 a scale of eight bits.
    case q6K = "Q6_K"
}

extension ScalarType {
    /// What the bits mean.
    public enum Kind: Hashable, Sendable {
        case boolean, unsigned, signed, float, complex, quantized
        /// Numbers in blocks that share scales.
        case block
    }

    /// Bits of one element; of a block's share of one, rounded up.
    public var bitCount: Int {
        switch self {
        case .quint2x4: 2
        case .q2K: 3
        case .f4, .quint4x2, .q3K: 4
        case .q4_0, .q4_1, .q4K: 5
        case .f6e2m3, .f6e3m2, .q5_0, .q5_1, .q5K: 6
        case .q6K: 7
        case .bool, .u8, .i8, .f8e5m2, .f8e4m3, .f8e5m2fnuz, .f8e4m3fnuz, .f8e8m0, .qint8, .quint8: 8
        case .q8_0: 9
        case .i16, .u16, .f16, .bf16: 16
        case .i32, .u32, .f32, .c32, .qint32: 32
        case .c64, .f64, .i64, .u64: 64
        case .c128: 128
        }
    }

    /// What the bits mean.
    public var kind: Kind {
        switch self {
        case .bool: .boolean
        case .u8, .u16, .u32, .u64: .unsigned
        case .i8, .i16, .i32, .i64: .signed
        case .f4, .f6e2m3, .f6e3m2, .f8e5m2, .f8e4m3, .f8e5m2fnuz, .f8e4m3fnuz, .f8e8m0, .f16, .bf16, .f32, .f64: .float
        case .c32, .c64, .c128: .complex
        case .qint8, .quint8, .qint32, .quint4x2, .quint2x4: .quantized
        case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2K, .q3K, .q4K, .q5K, .q6K: .block
        }
    }

    /// Whether elements start at byte boundaries.
    public var isByteAligned: Bool { kind != .block && bitCount % 8 == 0 }
}
