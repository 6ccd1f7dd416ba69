public import IsomerTensors

extension ScalarType {
    /// The types that safetensors can name, in the order in which the reference sorts them.
    // Reference: safetensors 0.8.0, `Dtype` in safetensors/src/tensor.rs; the derived order of that enumeration decides the file's layout.
    public static let safetensorsTypes: [ScalarType] = [
        .bool, .f4, .f6e2m3, .f6e3m2, .u8, .i8, .f8e5m2, .f8e4m3, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz, .i16, .u16, .f16, .bf16, .i32, .u32,
        .f32, .c64, .f64, .i64, .u64,
    ]

    /// The place of each type in `safetensorsTypes`.
    static let safetensorsOrder = Dictionary(safetensorsTypes.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })

    /// The type that each of safetensors' names stands for.
    static let safetensorsNames = Dictionary(safetensorsTypes.map { ($0.rawValue, $0) }, uniquingKeysWith: { first, _ in first })
}
