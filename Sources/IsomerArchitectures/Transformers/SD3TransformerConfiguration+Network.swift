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
        let stream = try SD3Stream(json: json)
        let caption = try json.extent("caption_projection_dim", default: 1152)
        guard caption == stream.width else {
            throw json.failure(
                "caption_projection_dim is not as wide as the stream", expected: "\(stream.width)", found: "\(caption)")
        }
        self.init(
            inputChannels: stream.inputChannels, outputChannels: try json.optionalExtent("out_channels") ?? stream.inputChannels,
            patchSize: stream.patchSize, width: stream.width, layers: stream.layers, dualAttentionLayers: stream.dualAttentionLayers,
            contextWidth: try json.extent("joint_attention_dim", default: 4096), pooledWidth: stream.pooledWidth,
            positionsSide: try SD3Stream.positionsSide(json), normalizedHeadWidth: stream.isNormalized ? stream.headWidth : nil)
        headWidth = stream.headWidth
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

    public var interface: [Int] { [inputChannels, outputChannels] }

    public func completed(inTheMannerOf other: SD3TransformerConfiguration) -> SD3TransformerConfiguration {
        var known = other
        if let head = other.headWidth, !width.isMultiple(of: head) { known.headWidth = nil }
        return completed(by: known)
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
        let stream = try SD3Stream(
            inputChannels: inputChannels, patchSize: patchSize, layers: layers, dualAttentionLayers: dualAttentionLayers,
            pooledWidth: pooledWidth, width: width, headWidth: headWidth, isNormalized: normalizedHeadWidth != nil)
        return stream.json(
            Self.classes[0].name,
            [
                "joint_attention_dim": JSONValue(contextWidth),
                "out_channels": JSONValue(outputChannels),
                "pos_embed_max_size": JSONValue(positionsSide),
                "sample_size": JSONValue(sampleSize ?? 128),
            ])
    }
}
