public import IsomerBytes
import IsomerTensors

/// PixArt-α's and PixArt-Σ's transformer, which looks at the text by cross-attention and is told the time by one modulation for all blocks:
/// Diffusers' `PixArtTransformer2DModel`, the original's `PixArt` and `PixArtMS`.
///
/// What shapes do not tell is `nil` until something else says it.
/// Reference: diffusers 0.42.1, models/transformers/pixart_transformer_2d.py; PixArt-alpha/PixArt-sigma, diffusion/model/nets/PixArtMS.py.
public struct PixArtTransformerConfiguration: Hashable, Sendable {
    /// Latent channels that enter.
    public var inputChannels: Int
    /// Latent channels that leave: twice as many, since a variance is predicted too.
    public var outputChannels: Int
    /// Side of the square of latent pixels that becomes one token.
    public var patchSize: Int
    /// Width of the stream.
    public var width: Int
    /// Blocks.
    public var layers: Int
    /// Width of the text tokens as the blocks see them.
    public var contextWidth: Int
    /// Width of the text encoder's tokens, if they are projected; `nil` if they come in as they are.
    public var captionWidth: Int?
    /// Whether it is also told the picture's resolution and aspect ratio.
    public var isToldSizes: Bool

    // What shapes do not tell.

    /// Width of an attention head.
    public var headWidth: Int?
    /// Width and height of the latent the model was trained for, from which its positions are computed.
    public var sampleSize: Int?
    /// By how much positions are stretched, if not as `sampleSize` implies.
    public var interpolationScale: Double?

    /// A configuration with everything that shapes tell.
    public init(
        inputChannels: Int, outputChannels: Int, patchSize: Int, width: Int, layers: Int, contextWidth: Int, captionWidth: Int?,
        isToldSizes: Bool
    ) {
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
        self.patchSize = patchSize
        self.width = width
        self.layers = layers
        self.contextWidth = contextWidth
        self.captionWidth = captionWidth
        self.isToldSizes = isToldSizes
    }
}

extension PixArtTransformerConfiguration: NetworkConfiguration {
    // Published folders name the class that did this before it had one of its own.
    public static let classes = [NetworkClass("diffusers", "PixArtTransformer2DModel"), NetworkClass("diffusers", "Transformer2DModel")]
    public static let title = "PixArt transformer"
    public static let signature = NetworkSignature(
        present: ["adaln_single.linear.weight", "pos_embed.proj.weight", "transformer_blocks.0.scale_shift_table", "proj_out.weight"])

    /// Every tensor of the network, in the order of Diffusers' state dictionary.
    public func manifest() throws(IsomerError) -> Manifest {
        guard layers > 0 else { throw IsomerError(.malformed, "the transformer needs blocks") }
        var builder = ManifestBuilder()
        try builder.parameter("scale_shift_table", [2, width])
        try builder.convolution("pos_embed.proj", input: inputChannels, output: width, kernel: patchSize)
        for i in 0..<layers {
            try builder.scope("transformer_blocks.\(i)") { builder throws(IsomerError) in
                try builder.parameter("scale_shift_table", [6, width])
                for (attention, source) in [("attn1", width), ("attn2", contextWidth)] {
                    try builder.linear("\(attention).to_q", input: width, output: width)
                    try builder.linear("\(attention).to_k", input: source, output: width)
                    try builder.linear("\(attention).to_v", input: source, output: width)
                    try builder.linear("\(attention).to_out.0", input: width, output: width)
                }
                try builder.feedForward("ff", width: width)
            }
        }
        try builder.linear("proj_out", input: width, output: patchSize * patchSize * outputChannels)
        try builder.embedder("adaln_single.emb.timestep_embedder", input: 256, width: width)
        if isToldSizes {
            guard width % 3 == 0 else { throw IsomerError.indivisible("width", width, by: 3) }
            for name in ["resolution_embedder", "aspect_ratio_embedder"] {
                try builder.embedder("adaln_single.emb." + name, input: 256, width: width / 3)
            }
        }
        try builder.linear("adaln_single.linear", input: width, output: 6 * width)
        if let captionWidth { try builder.embedder("caption_projection", input: captionWidth, width: width) }
        return builder.manifest
    }

    public init(shapesOf inventory: TensorInventory) throws(IsomerError) {
        let patch = try inventory.required("pos_embed.proj.weight", axis: 2)
        let outputs = try inventory.required("proj_out.weight", axis: 0)
        guard 1...64 ~= patch, outputs % (patch * patch) == 0 else {
            throw IsomerError.indivisible("output width", outputs, by: 1...64 ~= patch ? patch * patch : patch).about("proj_out.weight")
        }
        self.init(
            inputChannels: try inventory.required("pos_embed.proj.weight", axis: 1), outputChannels: outputs / (patch * patch),
            patchSize: patch, width: try inventory.required("pos_embed.proj.weight", axis: 0),
            layers: inventory.count(under: "transformer_blocks"),
            contextWidth: try inventory.required("transformer_blocks.0.attn2.to_k.weight", axis: 1),
            captionWidth: inventory.extent(of: "caption_projection.linear_1.weight", axis: 1),
            isToldSizes: inventory.has("adaln_single.emb.resolution_embedder.linear_1.weight"))
    }

    /// Reads Diffusers' `config.json` of a `PixArtTransformer2DModel`, or of a `Transformer2DModel` that is one.
    public init(json: JSONCursor) throws(IsomerError) {
        let heads = try json.extent("num_attention_heads", default: 16)
        let headWidth = try json.extent("attention_head_dim", default: 72)
        let (width, overflow) = heads.multipliedReportingOverflow(by: headWidth)
        guard !overflow, width <= JSONCursor.greatestExtent else { throw json.failure("num_attention_heads is out of range") }
        try json.requireUsual("norm_type", "ada_norm_single")
        try json.requireUsual("attention_type", "default")
        try json.requireUsual("attention_bias", true)
        try json.requireUsual("norm_elementwise_affine", false)
        try json.requireUsual("num_vector_embeds")
        try json.requireUsual("activation_fn", "gelu-approximate")
        try json.requireUsual("norm_eps", 1e-6)
        if try json.optional("_class_name")?.string() == "Transformer2DModel", try json.optional("norm_type") == nil {
            throw json.failure(
                "only a Transformer2DModel with one modulation for all blocks is known", expected: "norm_type ada_norm_single")
        }
        let layers = try json.extent("num_layers", default: 28)
        let patch = try json.extent("patch_size", default: 2)
        guard layers <= 1_000, patch <= 64 else { throw json.failure("num_layers or patch_size is out of range") }
        let inputs = try json.extent("in_channels", default: 4)
        let sample = try json.extent("sample_size", default: 128)
        let sizes = try json.optional("use_additional_conditions")
        self.init(
            inputChannels: inputs, outputChannels: try json.optionalExtent("out_channels") ?? inputs, patchSize: patch, width: width,
            layers: layers, contextWidth: try json.optionalExtent("cross_attention_dim") ?? width,
            captionWidth: try json.optionalExtent("caption_channels"), isToldSizes: try sizes?.bool() ?? (sample == 128))
        self.headWidth = headWidth
        sampleSize = sample
        interpolationScale = try json.optional("interpolation_scale")?.double()
    }

    public var structure: PixArtTransformerConfiguration {
        PixArtTransformerConfiguration(
            inputChannels: inputChannels, outputChannels: outputChannels, patchSize: patchSize, width: width, layers: layers,
            contextWidth: contextWidth, captionWidth: captionWidth, isToldSizes: isToldSizes)
    }

    public var undecided: [String] {
        (headWidth == nil ? ["attention_head_dim"] : []) + (sampleSize == nil ? ["sample_size"] : [])
    }

    public func completed(by other: PixArtTransformerConfiguration) -> PixArtTransformerConfiguration {
        var result = self
        result.headWidth = headWidth ?? other.headWidth
        if sampleSize == nil || sampleSize == other.sampleSize {
            result.sampleSize = other.sampleSize
            result.interpolationScale = interpolationScale ?? other.interpolationScale
        }
        return result
    }

    public func completed(asRelativeOf other: PixArtTransformerConfiguration) -> PixArtTransformerConfiguration? {
        guard width == other.width else { return nil }
        // As wide says nothing about the size of the pictures.
        var result = self
        result.headWidth = headWidth ?? other.headWidth
        return result
    }

    public var summary: String {
        "\(layers) blocks, \(width) wide\(isToldSizes ? ", told sizes" : ""); \(inputChannels) latent channels; text width "
            + "\(captionWidth ?? contextWidth)"
    }

    public var tiny: PixArtTransformerConfiguration {
        var small = self
        small.headWidth = 12
        small.width = 24
        small.contextWidth = contextWidth == width ? 24 : contextWidth / 16
        small.captionWidth = captionWidth.map { $0 / 16 }
        small.layers = min(layers, 3)
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
            "_class_name": "PixArtTransformer2DModel",
            "_diffusers_version": .string(NetworkClass.diffusersVersion),
            "activation_fn": "gelu-approximate",
            "attention_bias": true,
            "attention_head_dim": JSONValue(headWidth),
            "attention_type": "default",
            "caption_channels": JSONValue(captionWidth),
            "cross_attention_dim": JSONValue(contextWidth),
            "dropout": 0.0,
            "in_channels": JSONValue(inputChannels),
            "interpolation_scale": JSONValue(interpolationScale),
            "norm_elementwise_affine": false,
            "norm_eps": 1e-06,
            "norm_num_groups": 32,
            "norm_type": "ada_norm_single",
            "num_attention_heads": JSONValue(width / headWidth),
            "num_embeds_ada_norm": 1000,
            "num_layers": JSONValue(layers),
            "out_channels": JSONValue(outputChannels),
            "patch_size": JSONValue(patchSize),
            "sample_size": JSONValue(sampleSize),
            "upcast_attention": false,
            "use_additional_conditions": .bool(isToldSizes),
        ]
    }
}
