public import IsomerBytes

extension FluxTransformerConfiguration: NetworkConfiguration {
    public static let classes = [NetworkClass("diffusers", "FluxTransformer2DModel")]
    public static let title = "Flux transformer"
    public static let signature = NetworkSignature(
        present: [
            "transformer_blocks.0.norm1_context.linear.weight", "single_transformer_blocks.0.proj_mlp.weight", "context_embedder.weight",
            "norm_out.linear.weight",
        ],
        absent: ["controlnet_blocks.0.weight"])

    /// Reads Diffusers' `config.json` of a `FluxTransformer2DModel`.
    public init(json: JSONCursor) throws(IsomerError) {
        try json.requireUsual("patch_size", 1)
        let heads = try json.extent("num_attention_heads", default: 24)
        let headWidth = try json.extent("attention_head_dim", default: 128)
        let (width, overflow) = heads.multipliedReportingOverflow(by: headWidth)
        guard !overflow, width <= JSONCursor.greatestExtent else { throw json.failure("num_attention_heads is out of range") }
        let double = try json.optional("num_layers")?.integer(in: 0...1_000) ?? 19
        let single = try json.optional("num_single_layers")?.integer(in: 0...1_000) ?? 38
        let inputs = try json.extent("in_channels", default: 64)
        self.init(
            inputWidth: inputs, outputWidth: try json.optionalExtent("out_channels") ?? inputs, width: width, headWidth: headWidth,
            doubleBlocks: double, singleBlocks: single, contextWidth: try json.extent("joint_attention_dim", default: 4096),
            pooledWidth: try json.extent("pooled_projection_dim", default: 768),
            hasGuidance: try json.optional("guidance_embeds")?.bool() ?? false)
        rotaryWidths = try json.optional("axes_dims_rope")?.extents() ?? [16, 56, 56]
    }

    public var undecided: [String] { rotaryWidths == nil ? ["axes_dims_rope"] : [] }

    public func completed(by other: FluxTransformerConfiguration) -> FluxTransformerConfiguration {
        var result = self
        // They must fill a head.
        if rotaryWidths == nil, other.headWidth == headWidth { result.rotaryWidths = other.rotaryWidths }
        return result
    }

    public func completed(asRelativeOf other: FluxTransformerConfiguration) -> FluxTransformerConfiguration? {
        headWidth == other.headWidth ? completed(by: other) : nil
    }

    public var interface: [Int] { [inputWidth, outputWidth] }

    public var summary: String {
        "\(doubleBlocks) double and \(singleBlocks) single blocks, \(width) wide; \(inputWidth) numbers in, \(outputWidth) out"
            + (hasGuidance ? "; guidance is an input" : "")
    }

    public var tiny: FluxTransformerConfiguration {
        var small = self
        small.headWidth = 16
        small.width = 32
        small.rotaryWidths = [4, 6, 6]
        small.doubleBlocks = min(doubleBlocks, 2)
        small.singleBlocks = min(singleBlocks, 3)
        small.contextWidth /= 16
        small.pooledWidth /= 16
        return small
    }

    /// Every key that Diffusers itself writes for this class.
    public func json() throws(IsomerError) -> JSONObject {
        if let error = undecidedError() { throw error }
        guard headWidth > 0, width % headWidth == 0 else { throw IsomerError.indivisible("width", width, by: headWidth) }
        return [
            "_class_name": "FluxTransformer2DModel",
            "_diffusers_version": .string(NetworkClass.diffusersVersion),
            "attention_head_dim": JSONValue(headWidth),
            "axes_dims_rope": JSONValue(rotaryWidths ?? []),
            "guidance_embeds": .bool(hasGuidance),
            "in_channels": JSONValue(inputWidth),
            "joint_attention_dim": JSONValue(contextWidth),
            "num_attention_heads": JSONValue(width / headWidth),
            "num_layers": JSONValue(doubleBlocks),
            "num_single_layers": JSONValue(singleBlocks),
            "out_channels": JSONValue(outputWidth),
            "patch_size": 1,
            "pooled_projection_dim": JSONValue(pooledWidth),
        ]
    }
}
