public import IsomerBytes
import IsomerTensors

/// AuraFlow's transformer: blocks with weights of their own for text and picture, then blocks with one set for both: Diffusers'
/// `AuraFlowTransformer2DModel`, the original's `MMDiT`.
///
/// What shapes do not tell is `nil` until something else says it.
/// Reference: diffusers 0.42.1, models/transformers/auraflow_transformer_2d.py; cloneofsimo/minRF, advanced/mmdit.py.
public struct AuraFlowTransformerConfiguration: Hashable, Sendable {
    /// Numbers of one patch that enter: latent channels, times the patch's pixels.
    public var inputWidth: Int
    /// Numbers of one patch that leave.
    public var outputWidth: Int
    /// Width of the stream.
    public var width: Int
    /// Blocks with a stream of their own for the text.
    public var jointBlocks: Int
    /// Blocks with one stream.
    public var singleBlocks: Int
    /// Width of the text encoder's tokens.
    public var contextWidth: Int
    /// Learned positions.
    public var positions: Int

    // What shapes do not tell.

    /// Side of the square of latent pixels that becomes one token.
    public var patchSize: Int?
    /// Width of an attention head.
    public var headWidth: Int?
    /// Width and height of the latent the model was trained for.
    public var sampleSize: Int?

    /// A configuration with everything that shapes tell.
    public init(
        inputWidth: Int, outputWidth: Int, width: Int, jointBlocks: Int, singleBlocks: Int, contextWidth: Int, positions: Int
    ) {
        self.inputWidth = inputWidth
        self.outputWidth = outputWidth
        self.width = width
        self.jointBlocks = jointBlocks
        self.singleBlocks = singleBlocks
        self.contextWidth = contextWidth
        self.positions = positions
    }
}

extension AuraFlowTransformerConfiguration {
    /// How wide the feed-forward networks are inside: two thirds of four times the width, rounded up to a multiple of 256.
    public var feedForwardWidth: Int { (8 * width / 3 + 255) / 256 * 256 }
}

extension AuraFlowTransformerConfiguration: NetworkConfiguration {
    public static let classes = [NetworkClass("diffusers", "AuraFlowTransformer2DModel")]
    public static let title = "AuraFlow transformer"
    public static let signature = NetworkSignature(
        present: ["joint_transformer_blocks.0.norm1_context.linear.weight", "register_tokens", "pos_embed.pos_embed"])

    /// Every tensor of the network, in the order of Diffusers' state dictionary.
    public func manifest() throws(IsomerError) -> Manifest {
        guard jointBlocks > 0 else { throw IsomerError(.malformed, "the transformer needs blocks") }
        var builder = ManifestBuilder()
        try builder.parameter("register_tokens", [1, 8, width])
        try builder.parameter("pos_embed.pos_embed", [1, positions, width])
        try builder.linear("pos_embed.proj", input: inputWidth, output: width)
        try builder.linear("context_embedder", input: contextWidth, output: width, hasBias: false)
        try builder.embedder("time_step_proj", input: 256, width: width)
        for i in 0..<jointBlocks {
            try builder.scope("joint_transformer_blocks.\(i)") { builder throws(IsomerError) in
                for norm in ["norm1", "norm1_context"] {
                    try builder.linear(norm + ".linear", input: width, output: 6 * width, hasBias: false)
                }
                for map in ["to_q", "to_k", "to_v", "add_k_proj", "add_v_proj", "add_q_proj", "to_out.0", "to_add_out"] {
                    try builder.linear("attn." + map, input: width, output: width, hasBias: false)
                }
                for name in ["ff", "ff_context"] { try builder.auraFeedForward(name, width: width, inner: feedForwardWidth) }
            }
        }
        for i in 0..<singleBlocks {
            try builder.scope("single_transformer_blocks.\(i)") { builder throws(IsomerError) in
                try builder.linear("norm1.linear", input: width, output: 6 * width, hasBias: false)
                for map in ["to_q", "to_k", "to_v", "to_out.0"] {
                    try builder.linear("attn." + map, input: width, output: width, hasBias: false)
                }
                try builder.auraFeedForward("ff", width: width, inner: feedForwardWidth)
            }
        }
        try builder.linear("norm_out.linear", input: width, output: 2 * width, hasBias: false)
        try builder.linear("proj_out", input: width, output: outputWidth, hasBias: false)
        return builder.manifest
    }

    public init(shapesOf inventory: TensorInventory) throws(IsomerError) {
        self.init(
            inputWidth: try inventory.required("pos_embed.proj.weight", axis: 1),
            outputWidth: try inventory.required("proj_out.weight", axis: 0),
            width: try inventory.required("pos_embed.proj.weight", axis: 0),
            jointBlocks: inventory.count(under: "joint_transformer_blocks"),
            singleBlocks: inventory.count(under: "single_transformer_blocks"),
            contextWidth: try inventory.required("context_embedder.weight", axis: 1),
            positions: try inventory.required("pos_embed.pos_embed", axis: 1))
    }

    /// Reads Diffusers' `config.json` of an `AuraFlowTransformer2DModel`.
    public init(json: JSONCursor) throws(IsomerError) {
        let heads = try json.extent("num_attention_heads", default: 12)
        let headWidth = try json.extent("attention_head_dim", default: 256)
        let (width, overflow) = heads.multipliedReportingOverflow(by: headWidth)
        guard !overflow, width <= JSONCursor.greatestExtent else { throw json.failure("num_attention_heads is out of range") }
        guard try json.extent("caption_projection_dim", default: 3072) == width else {
            throw json.failure("caption_projection_dim is not the width of the stream", expected: "\(width)")
        }
        let patch = try json.extent("patch_size", default: 2)
        let (joint, single) = (try json.extent("num_mmdit_layers", default: 4), try json.extent("num_single_dit_layers", default: 32))
        guard joint <= 1_000, single <= 1_000, patch <= 64 else {
            throw json.failure("num_mmdit_layers, num_single_dit_layers or patch_size is out of range")
        }
        let inputs = try json.extent("in_channels", default: 4)
        // Absent it is four, null as many as enter.
        let outputs = try json.extent("out_channels", default: json.object()["out_channels"] == .null ? inputs : 4)
        self.init(
            inputWidth: inputs * patch * patch, outputWidth: outputs * patch * patch, width: width, jointBlocks: joint,
            singleBlocks: single, contextWidth: try json.extent("joint_attention_dim", default: 2048),
            positions: try json.extent("pos_embed_max_size", default: 1024))
        patchSize = patch
        self.headWidth = headWidth
        sampleSize = try json.extent("sample_size", default: 64)
    }

    public var structure: AuraFlowTransformerConfiguration {
        AuraFlowTransformerConfiguration(
            inputWidth: inputWidth, outputWidth: outputWidth, width: width, jointBlocks: jointBlocks, singleBlocks: singleBlocks,
            contextWidth: contextWidth, positions: positions)
    }

    public var undecided: [String] {
        [(patchSize, "patch_size"), (headWidth, "attention_head_dim"), (sampleSize, "sample_size")].filter { $0.0 == nil }.map(\.1)
    }

    public func completed(by other: AuraFlowTransformerConfiguration) -> AuraFlowTransformerConfiguration {
        var result = self
        result.patchSize = patchSize ?? other.patchSize
        result.headWidth = headWidth ?? other.headWidth
        result.sampleSize = sampleSize ?? other.sampleSize
        return result
    }

    public func completed(asRelativeOf other: AuraFlowTransformerConfiguration) -> AuraFlowTransformerConfiguration? {
        width == other.width && inputWidth == other.inputWidth ? completed(by: other) : nil
    }

    public var summary: String {
        "\(jointBlocks) joint and \(singleBlocks) single blocks, \(width) wide; text width \(contextWidth)"
    }

    public var tiny: AuraFlowTransformerConfiguration {
        var small = self
        small.headWidth = 12
        small.width = 24
        small.contextWidth = contextWidth / 16
        small.jointBlocks = min(jointBlocks, 2)
        small.singleBlocks = min(singleBlocks, 2)
        small.positions = 16
        small.sampleSize = 8
        return small
    }

    /// Every key that Diffusers itself writes for this class.
    public func json() throws(IsomerError) -> JSONObject {
        if let error = undecidedError() { throw error }
        guard let headWidth, headWidth > 0, width % headWidth == 0 else {
            throw IsomerError.indivisible("width", width, by: headWidth ?? 0)
        }
        guard let patchSize, patchSize > 0, inputWidth % (patchSize * patchSize) == 0, outputWidth % (patchSize * patchSize) == 0 else {
            throw IsomerError.indivisible("input width", inputWidth, by: patchSize.map { $0 * $0 } ?? 0)
        }
        return [
            "_class_name": "AuraFlowTransformer2DModel",
            "_diffusers_version": .string(NetworkClass.diffusersVersion),
            "attention_head_dim": JSONValue(headWidth),
            "caption_projection_dim": JSONValue(width),
            "in_channels": JSONValue(inputWidth / (patchSize * patchSize)),
            "joint_attention_dim": JSONValue(contextWidth),
            "num_attention_heads": JSONValue(width / headWidth),
            "num_mmdit_layers": JSONValue(jointBlocks),
            "num_single_dit_layers": JSONValue(singleBlocks),
            "out_channels": JSONValue(outputWidth / (patchSize * patchSize)),
            "patch_size": JSONValue(patchSize),
            "pos_embed_max_size": JSONValue(positions),
            "sample_size": JSONValue(sampleSize),
        ]
    }
}

extension ManifestBuilder {
    fileprivate mutating func auraFeedForward(_ name: String, width: Int, inner: Int) throws(IsomerError) {
        try linear(name + ".linear_1", input: width, output: inner, hasBias: false)
        try linear(name + ".linear_2", input: width, output: inner, hasBias: false)
        try linear(name + ".out_projection", input: inner, output: width, hasBias: false)
    }
}
