public import IsomerBytes

extension SD3TransformerConfiguration: NetworkConfiguration {
    public static let classes = [NetworkClass("diffusers", "SD3Transformer2DModel")]
    public static let title = "Stable Diffusion 3 transformer"
    public static let signature = NetworkSignature(
        present: [
            "transformer_blocks.0.norm1_context.linear.weight", "pos_embed.proj.weight", "context_embedder.weight",
            "norm_out.linear.weight",
        ],
        absent: ["controlnet_blocks.0.weight"])

    /// Reads Diffusers' `config.json` of an `SD3Transformer2DModel`.
    public init(json: JSONCursor) throws(IsomerError) {
        let heads = try json.extent("num_attention_heads", default: 18)
        let headWidth = try json.extent("attention_head_dim", default: 64)
        let (width, overflow) = heads.multipliedReportingOverflow(by: headWidth)
        guard !overflow, width <= JSONCursor.greatestExtent else { throw json.failure("num_attention_heads is out of range") }
        let caption = try json.extent("caption_projection_dim", default: 1152)
        guard caption == width else {
            throw json.failure(
                "caption_projection_dim is not as wide as the stream", expected: "\(width)", found: "\(caption)")
        }
        try json.requireUsual("qk_norm", "rms_norm")
        let layers = try json.extent("num_layers", default: 18)
        let patch = try json.extent("patch_size", default: 2)
        let side = try json.extent("pos_embed_max_size", default: 96)
        guard layers <= 1_000, patch <= 64, side <= 1 << 16 else {
            throw json.failure("num_layers, patch_size or pos_embed_max_size is out of range")
        }
        var dual: [Int] = []
        for element in try json.optional("dual_attention_layers")?.elements() ?? [] {
            dual.append(try element.integer(in: 0...(layers - 1)))
        }
        let inputs = try json.extent("in_channels", default: 16)
        self.init(
            inputChannels: inputs, outputChannels: try json.optionalExtent("out_channels") ?? inputs, patchSize: patch, width: width,
            layers: layers, dualAttentionLayers: Set(dual).sorted(), contextWidth: try json.extent("joint_attention_dim", default: 4096),
            pooledWidth: try json.extent("pooled_projection_dim", default: 2048), positionsSide: side,
            normalizedHeadWidth: try json.optional("qk_norm") == nil ? nil : headWidth)
        self.headWidth = headWidth
        sampleSize = try json.optionalExtent("sample_size")
    }

    public var undecided: [String] { headWidth == nil ? ["attention_head_dim"] : [] }

    public func completed(by other: SD3TransformerConfiguration) -> SD3TransformerConfiguration {
        var result = self
        result.headWidth = headWidth ?? other.headWidth
        result.sampleSize = sampleSize ?? other.sampleSize
        return result
    }

    public func completed(asRelativeOf other: SD3TransformerConfiguration) -> SD3TransformerConfiguration? {
        width == other.width ? completed(by: other) : nil
    }

    public var summary: String {
        let dual = dualAttentionLayers.isEmpty ? "" : ", \(dualAttentionLayers.count) of them with a second attention"
        let norm = normalizedHeadWidth == nil ? "" : ", queries and keys normalised"
        return "\(layers) blocks, \(width) wide\(dual)\(norm); \(inputChannels) latent channels; \(positionsSide)² positions"
    }

    public var tiny: SD3TransformerConfiguration {
        let head = headWidth ?? 64
        var small = self
        small.headWidth = head / 8
        small.normalizedHeadWidth = normalizedHeadWidth.map { $0 / 8 }
        small.width = 2 * head / 8
        small.layers = min(layers, 3)
        small.dualAttentionLayers = dualAttentionLayers.filter { $0 < 2 }
        small.contextWidth /= 16
        small.pooledWidth /= 16
        small.positionsSide = 8
        small.sampleSize = 8
        return small
    }

    /// Every key that Diffusers itself writes for this class.
    public func json() throws(IsomerError) -> JSONObject {
        if let error = undecidedError() { throw error }
        guard let headWidth, headWidth > 0, width % headWidth == 0 else {
            throw IsomerError.indivisible("width", width, by: headWidth ?? 0)
        }
        return [
            "_class_name": "SD3Transformer2DModel",
            "_diffusers_version": .string(writtenDiffusersVersion),
            "attention_head_dim": JSONValue(headWidth),
            "caption_projection_dim": JSONValue(width),
            "dual_attention_layers": .array(dualAttentionLayers.map { JSONValue($0) }),
            "in_channels": JSONValue(inputChannels),
            "joint_attention_dim": JSONValue(contextWidth),
            "num_attention_heads": JSONValue(width / headWidth),
            "num_layers": JSONValue(layers),
            "out_channels": JSONValue(outputChannels),
            "patch_size": JSONValue(patchSize),
            "pooled_projection_dim": JSONValue(pooledWidth),
            "pos_embed_max_size": JSONValue(positionsSide),
            "qk_norm": normalizedHeadWidth == nil ? .null : "rms_norm",
            "sample_size": JSONValue(sampleSize ?? 128),
        ]
    }
}
