internal import ArgumentParser
internal import IsomerConversion
internal import IsomerTensors

/// What `convert --dtype` knows: floats under the names that safetensors, PyTorch and diffusers use, blocks under ggml's.
struct TargetType: Hashable, Sendable, ExpressibleByArgument {
    let scalarType: ScalarType

    /// Whether only matrices that bear it get the type.
    var isForSome: Bool { scalarType.kind == .block || scalarType.bitCount == 8 }

    init?(argument: String) {
        if let float = FloatType(argument: argument) {
            scalarType = float.scalarType
        } else if let type = Self.small[argument.lowercased()] ?? Self.blocks[argument.lowercased()] {
            scalarType = type
        } else {
            return nil
        }
    }

    private static let small: [String: ScalarType] = [
        "f8_e4m3": .f8e4m3, "fp8_e4m3": .f8e4m3, "float8_e4m3fn": .f8e4m3, "f8_e5m2": .f8e5m2, "fp8_e5m2": .f8e5m2, "float8_e5m2": .f8e5m2,
    ]

    private static let blocks: [String: ScalarType] = Dictionary(
        ScalarType.allCases.filter(\.isWritableBlock).map { ($0.rawValue.lowercased(), $0) }, uniquingKeysWith: { first, _ in first })

    static var allValueStrings: [String] {
        FloatType.allCases.map(\.rawValue) + ["f8_e4m3", "f8_e5m2"]
            + ScalarType.allCases.filter(\.isWritableBlock).map { $0.rawValue.lowercased() }
    }
}

/// A pattern and a type: `*.attn.*=q6_k`.
struct QuantizeRuleArgument: Hashable, Sendable {
    let rule: Quantization.Rule

    init(parsing argument: String) throws {
        guard let sign = argument.lastIndex(of: "="), sign > argument.startIndex else {
            throw ValidationError("a rule is a pattern, an equals sign and a type, such as *.attn.*=q6_k")
        }
        let name = String(argument[argument.index(after: sign)...])
        guard let type = TargetType(argument: name) else {
            throw ValidationError("there is no type \(name); choose one of \(TargetType.allValueStrings.joined(separator: ", "))")
        }
        rule = Quantization.Rule(String(argument[..<sign]), type.scalarType)
    }
}
