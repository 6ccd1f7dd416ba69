public import IsomerBytes

extension CLIPTextConfiguration: NetworkConfiguration {
    public static let classes = [
        NetworkClass("transformers", "CLIPTextModel"), NetworkClass("transformers", "CLIPTextModelWithProjection"),
    ]
    public static let title = "CLIP text encoder"
    public static let signature = NetworkSignature(
        present: [
            "text_model.embeddings.token_embedding.weight", "text_model.embeddings.position_embedding.weight",
            "text_model.encoder.layers.0.mlp.fc1.weight",
        ])

    public var classIdentity: NetworkClass { Self.classes[projectionWidth == nil ? 0 : 1] }

    /// Reads transformers' `config.json` of a CLIP text model, or of a whole CLIP (its `text_config`).
    public init(json: JSONCursor) throws(IsomerError) {
        let json = try json.optional("text_config") ?? json
        let width = try json.extent("hidden_size", default: 512)
        let classNames = try json.optional("architectures")?.elements() ?? []
        var hasProjection = false
        for name in classNames where try name.string() == Self.classes[1].name { hasProjection = true }
        let layers = try json.extent("num_hidden_layers", default: 12)
        guard layers <= 1_000 else {
            throw json.failure("num_hidden_layers is out of range", expected: "at most 1000", found: "\(layers)")
        }
        let declared = try json.optionalExtent("projection_dim")
        self.init(
            vocabularySize: try json.extent("vocab_size", default: 49_408),
            positions: try json.extent("max_position_embeddings", default: 77),
            width: width, feedForwardWidth: try json.extent("intermediate_size", default: 2_048), layers: layers,
            projectionWidth: hasProjection ? declared ?? 512 : nil)
        headCount = try json.extent("num_attention_heads", default: 8)
        try json.requireUsual("hidden_act", "quick_gelu", "gelu")
        activation = Activation(rawValue: try json.optional("hidden_act")?.string() ?? "quick_gelu")
        normEpsilon = try json.optional("layer_norm_eps")?.double() ?? 1e-5
        declaredProjectionWidth = declared
    }

    public var undecided: [String] {
        (headCount == nil ? ["num_attention_heads"] : []) + (activation == nil ? ["hidden_act"] : [])
    }

    public func completed(by other: CLIPTextConfiguration) -> CLIPTextConfiguration {
        var result = self
        result.headCount = headCount ?? other.headCount
        result.activation = activation ?? other.activation
        result.normEpsilon = other.normEpsilon
        result.declaredProjectionWidth = declaredProjectionWidth ?? other.declaredProjectionWidth
        return result
    }

    public func completed(asRelativeOf other: CLIPTextConfiguration) -> CLIPTextConfiguration? {
        guard width == other.width, activation == nil || activation == other.activation else { return nil }
        return completed(by: other)
    }

    public func completed(inTheMannerOf other: CLIPTextConfiguration) -> CLIPTextConfiguration {
        var known = other
        known.headCount = other.headCount.flatMap { HeadConvention(widths: [other.width], heads: [$0])?.heads(in: width) }
        return completed(by: known)
    }

    public var summary: String {
        let projection = projectionWidth.map { ", projected to \($0)" } ?? ""
        return "\(layers) layers, \(width) wide\(projection); \(vocabularySize) tokens, \(positions) positions"
    }

    public var tiny: CLIPTextConfiguration {
        var small = self
        small.width /= 16
        small.feedForwardWidth /= 16
        small.layers = min(layers, 3)
        small.headCount = max(1, width / 16 / 16)
        small.projectionWidth = projectionWidth.map { $0 / 16 }
        small.declaredProjectionWidth = declaredProjectionWidth.map { $0 / 16 }
        return small
    }

    /// The keys that transformers writes for this class.
    public func json() throws(IsomerError) -> JSONObject {
        if let error = undecidedError() { throw error }
        return [
            "architectures": .array([.string(classIdentity.name)]),
            "attention_dropout": 0.0,
            "bos_token_id": 0,
            "dropout": 0.0,
            // The number that every published encoder of the family carries: pooling looks for the largest id rather than for this one.
            "eos_token_id": 2,
            "hidden_act": activation.map { .string($0.rawValue) } ?? .null,
            "hidden_size": JSONValue(width),
            "initializer_factor": 1.0,
            "initializer_range": 0.02,
            "intermediate_size": JSONValue(feedForwardWidth),
            "layer_norm_eps": JSONValue(normEpsilon),
            "max_position_embeddings": JSONValue(positions),
            "model_type": "clip_text_model",
            "num_attention_heads": JSONValue(headCount),
            "num_hidden_layers": JSONValue(layers),
            "pad_token_id": 1,
            "projection_dim": JSONValue(projectionWidth ?? declaredProjectionWidth ?? width),
            "vocab_size": JSONValue(vocabularySize),
        ]
    }
}
