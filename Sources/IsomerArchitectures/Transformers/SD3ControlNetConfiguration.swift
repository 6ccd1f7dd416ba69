public import IsomerBytes
import IsomerTensors

/// A copy of Stable Diffusion 3's blocks that looks at a second latent: Diffusers' `SD3ControlNetModel`. Stability AI's own for 3.5 leave the text
/// out and take the base model's embeddings.
///
/// Reference: diffusers 0.42.1, models/controlnets/controlnet_sd3.py.
public struct SD3ControlNetConfiguration: Hashable, Sendable {
    /// Latent channels that enter.
    public var inputChannels: Int
    /// Channels of the second latent beyond those.
    public var extraChannels: Int
    /// Side of the square of latent pixels that becomes one token.
    public var patchSize: Int
    /// Width of the stream.
    public var width: Int
    /// Blocks.
    public var layers: Int
    /// Blocks with a second attention.
    public var dualAttentionLayers: [Int]
    /// Width of the text tokens; `nil` if it looks at none.
    public var contextWidth: Int?
    /// Width of the pooled text.
    public var pooledWidth: Int
    /// Side of the square of positions; `nil` if it takes the base model's embedding of the picture.
    public var positionsSide: Int?
    /// Width of a head where queries and keys are normalised.
    public var normalizedHeadWidth: Int?

    // What shapes do not tell.

    /// Width of an attention head.
    public var headWidth: Int?

    /// A configuration; `headWidth` is `nil` where nothing tells it.
    public init(
        inputChannels: Int, extraChannels: Int, patchSize: Int, width: Int, layers: Int, dualAttentionLayers: [Int] = [],
        contextWidth: Int?,
        pooledWidth: Int, positionsSide: Int?, normalizedHeadWidth: Int? = nil, headWidth: Int? = nil
    ) {
        self.inputChannels = inputChannels
        self.extraChannels = extraChannels
        self.patchSize = patchSize
        self.width = width
        self.layers = layers
        self.dualAttentionLayers = dualAttentionLayers
        self.contextWidth = contextWidth
        self.pooledWidth = pooledWidth
        self.positionsSide = positionsSide
        self.normalizedHeadWidth = normalizedHeadWidth
        self.headWidth = headWidth
    }

    /// The same with everything set back that shapes do not tell.
    public var structure: SD3ControlNetConfiguration {
        var told = self
        told.headWidth = normalizedHeadWidth
        return told
    }
}

extension SD3ControlNetConfiguration: NetworkConfiguration {
    public static let classes = [NetworkClass("diffusers", "SD3ControlNetModel")]
    public static let title = "Stable Diffusion 3 ControlNet"
    public static let signature = NetworkSignature(
        present: ["pos_embed_input.proj.weight", "controlnet_blocks.0.weight", "transformer_blocks.0.norm1.linear.weight"])

    /// Every tensor of the network, in the order of Diffusers' state dictionary.
    public func manifest() throws(IsomerError) -> Manifest {
        var builder = ManifestBuilder()
        if let positionsSide {
            try builder.parameter("pos_embed.pos_embed", [1, positionsSide * positionsSide, width])
            try builder.convolution("pos_embed.proj", input: inputChannels, output: width, kernel: patchSize)
        }
        try builder.timeTextEmbedding(width: width, pooledWidth: pooledWidth)
        if let contextWidth { try builder.linear("context_embedder", input: contextWidth, output: width) }
        let dual = Set(dualAttentionLayers)
        for i in 0..<layers {
            try builder.scope("transformer_blocks.\(i)") { builder throws(IsomerError) in
                guard contextWidth == nil else {
                    return try builder.jointBlock(
                        width: width, normalizedHeadWidth: normalizedHeadWidth, hasSecondAttention: dual.contains(i))
                }
                try builder.linear("norm1.linear", input: width, output: 6 * width)
                try builder.pictureAttention("attn", width, normalizedHeadWidth)
                try builder.feedForward("ff", width: width)
            }
        }
        for i in 0..<layers { try builder.linear("controlnet_blocks.\(i)", input: width, output: width) }
        try builder.convolution("pos_embed_input.proj", input: inputChannels + extraChannels, output: width, kernel: patchSize)
        return builder.manifest
    }

    public init(shapesOf inventory: TensorInventory) throws(IsomerError) {
        let inputs = try inventory.required("pos_embed_input.proj.weight", axis: 1)
        let table = inventory.shape(of: "pos_embed.pos_embed")?.dimensions ?? []
        let side = table.count < 2 ? nil : SD3TransformerConfiguration.squareRoot(table[table.count - 2])
        // Without an embedding of its own the base model's channels are not told apart from the extra ones; published ones have none.
        let own = inventory.extent(of: "pos_embed.proj.weight", axis: 1) ?? inputs
        let layers = inventory.count(under: "transformer_blocks")
        guard own <= inputs, layers > 0 else {
            throw IsomerError(.malformed, "the second latent has fewer channels than the first", item: "pos_embed_input.proj.weight")
        }
        self.init(
            inputChannels: own, extraChannels: inputs - own, patchSize: try inventory.required("pos_embed_input.proj.weight", axis: 2),
            width: try inventory.required("pos_embed_input.proj.weight", axis: 0), layers: layers,
            dualAttentionLayers: (0..<layers).filter { inventory.has("transformer_blocks.\($0).attn2.to_q.weight") },
            contextWidth: inventory.extent(of: "context_embedder.weight", axis: 1),
            pooledWidth: try inventory.required("time_text_embed.text_embedder.linear_1.weight", axis: 1), positionsSide: side,
            normalizedHeadWidth: inventory.extent(of: "transformer_blocks.0.attn.norm_q.weight", axis: 0))
        headWidth = normalizedHeadWidth
    }

    /// Reads Diffusers' `config.json` of an `SD3ControlNetModel`.
    public init(json: JSONCursor) throws(IsomerError) {
        let stream = try SD3Stream(json: json)
        let hasPositions = try json.optional("use_pos_embed")?.bool() ?? true
        let isJoint = try json.object()["joint_attention_dim"] != .null
        self.init(
            inputChannels: stream.inputChannels,
            extraChannels: try json.optional("extra_conditioning_channels")?.integer(in: 0...1 << 16) ?? 0, patchSize: stream.patchSize,
            width: stream.width, layers: stream.layers, dualAttentionLayers: stream.dualAttentionLayers,
            contextWidth: isJoint ? try json.extent("joint_attention_dim", default: 4096) : nil, pooledWidth: stream.pooledWidth,
            positionsSide: hasPositions ? try SD3Stream.positionsSide(json) : nil,
            // Blocks that look at no text have nothing normalised, whatever is written.
            normalizedHeadWidth: stream.isNormalized && isJoint ? stream.headWidth : nil, headWidth: stream.headWidth)
    }

    public var undecided: [String] { headWidth == nil ? ["attention_head_dim"] : [] }

    public func completed(by other: SD3ControlNetConfiguration) -> SD3ControlNetConfiguration {
        var result = self
        result.headWidth = headWidth ?? other.headWidth
        return result
    }

    public func completed(asRelativeOf other: SD3ControlNetConfiguration) -> SD3ControlNetConfiguration? {
        width == other.width ? completed(by: other) : nil
    }

    public func completed(inTheMannerOf other: SD3ControlNetConfiguration) -> SD3ControlNetConfiguration {
        var known = other
        if let head = other.headWidth, !width.isMultiple(of: head) { known.headWidth = nil }
        return completed(by: known)
    }

    public var summary: String {
        "\(layers) blocks, \(width) wide; \(contextWidth == nil ? "without" : "with") text; "
            + "\(inputChannels + extraChannels) latent channels"
    }

    public var tiny: SD3ControlNetConfiguration {
        let head = headWidth ?? 64
        var small = self
        small.headWidth = head / 8
        small.normalizedHeadWidth = normalizedHeadWidth.map { $0 / 8 }
        small.width = 2 * head / 8
        small.layers = min(layers, 3)
        small.contextWidth = contextWidth.map { $0 / 16 }
        small.pooledWidth /= 16
        small.positionsSide = positionsSide.map { _ in 8 }
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
                "extra_conditioning_channels": JSONValue(extraChannels),
                "force_zeros_for_pooled_projection": .bool(contextWidth != nil),
                "joint_attention_dim": JSONValue(contextWidth),
                "out_channels": JSONValue(inputChannels),
                "pos_embed_max_size": JSONValue(positionsSide),
                "pos_embed_type": positionsSide == nil ? .null : "sincos",
                "sample_size": 128,
                "use_pos_embed": .bool(positionsSide != nil),
            ])
    }
}
