import IsomerBytes
import IsomerTensors

/// The type that a configuration of transformers names (`torch_dtype`, of late `dtype`): its models are loaded in that, whatever their weights are
/// stored in.
// Reference: transformers 5.23, modeling_utils.py `_get_dtype`; diffusers 0.42.1 leaves it to transformers where nobody asks for a type.
enum NamedType {
    private static let keys = ["torch_dtype", "dtype"]
    private static let names: [ScalarType: String] = [.f16: "float16", .bf16: "bfloat16", .f32: "float32", .f64: "float64"]

    /// Makes `json` name the type that `tensors` are written in, if it names one and `isWrong` of that and the type that they need. Returns what
    /// is to be said of it.
    static func mend(
        _ json: inout JSONObject, of component: String, for tensors: [PlannedTensor], if isWrong: (_ named: ScalarType, ScalarType) -> Bool
    ) -> Decision? {
        guard let needed = type(for: tensors), let name = names[needed] else { return nil }
        var decision: Decision?
        for key in keys {
            guard case .string(let text)? = json[key], let named = names.first(where: { $0.value == text })?.key, named != needed,
                isWrong(named, needed)
            else { continue }
            json[key] = .string(name)
            decision = Decision("\(component)/config.json", "\(key) \(name)", because: "the weights would be loaded as \(text) otherwise")
        }
        return decision
    }

    /// Whether a number of `type` may be none of `named`.
    static func isTooNarrow(_ named: ScalarType, for type: ScalarType) -> Bool {
        switch (type, named) {
        case (.f16, .f32), (.bf16, .f32), (_, .f64): false
        default: type != named
        }
    }

    /// The narrowest type that holds all floating numbers of `tensors`.
    private static func type(for tensors: [PlannedTensor]) -> ScalarType? {
        let types = Set(tensors.map(\.descriptor.scalarType).filter { $0.kind == .float })
        if types.count == 1 { return types.first }
        return types.contains(.f64) ? .f64 : types.isEmpty ? nil : .f32
    }
}
