import IsomerTensors

/// The types of tensors that GGUF has numbers for.
///
/// Reference: ggml-org/ggml, include/ggml.h `ggml_type` (v0.13.1).
enum GGUFTensorType {
    /// What a number stands for: a type that is read, or the name of one that is known and not read, or nothing.
    static func meaning(of number: UInt32) -> Meaning {
        if let type = types[number] { return .read(type) }
        return names[number].map(Meaning.named) ?? .unknown
    }

    enum Meaning: Hashable {
        case read(ScalarType)
        case named(String)
        case unknown
    }

    /// The number of `type`; `nil` if GGUF has none.
    static func number(of type: ScalarType) -> UInt32? { numbers[type] }

    private static let types: [UInt32: ScalarType] = [
        0: .f32, 1: .f16, 2: .q4_0, 3: .q4_1, 6: .q5_0, 7: .q5_1, 8: .q8_0, 10: .q2K, 11: .q3K, 12: .q4K, 13: .q5K, 14: .q6K, 24: .i8,
        25: .i16, 26: .i32, 27: .i64, 28: .f64, 30: .bf16,
    ]

    private static let numbers = Dictionary(types.map { ($1, $0) }, uniquingKeysWith: { first, _ in first })

    private static let names: [UInt32: String] = [
        4: "Q4_2", 5: "Q4_3", 9: "Q8_1", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S",
        22: "IQ2_S", 23: "IQ4_XS", 29: "IQ1_M", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8", 34: "TQ1_0", 35: "TQ2_0",
        36: "IQ4_NL_4_4", 37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8", 39: "MXFP4", 40: "NVFP4", 41: "Q1_0",
    ]

    /// The types that are read and written, for messages.
    static var list: String { types.sorted { $0.key < $1.key }.map(\.value.rawValue).joined(separator: ", ") }
}
