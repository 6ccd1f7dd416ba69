public import IsomerBytes

/// The encoder of T5, versions 1.0 and 1.1: transformers' `T5EncoderModel`. Shapes tell all of it.
///
/// Reference: transformers 5.23, models/t5/modeling_t5.py.
public struct T5EncoderConfiguration: Hashable, Sendable {
    /// Tokens in the vocabulary.
    public var vocabularySize: Int
    /// Width of the stream.
    public var width: Int
    /// Attention heads.
    public var headCount: Int
    /// Width of a head. All heads together need not be as wide as the stream.
    public var headWidth: Int
    /// Width between the maps of a feed-forward layer.
    public var feedForwardWidth: Int
    /// Transformer layers.
    public var layers: Int
    /// Whether a second map gates the first (version 1.1), or there is one map and a plain ReLU (version 1.0).
    public var isGated: Bool
    /// Classes of distance between two tokens, each with a learnt bias.
    public var distanceBuckets: Int

    /// A configuration; nothing of it is optional.
    public init(
        vocabularySize: Int, width: Int, headCount: Int, headWidth: Int, feedForwardWidth: Int, layers: Int, isGated: Bool,
        distanceBuckets: Int = 32
    ) {
        self.vocabularySize = vocabularySize
        self.width = width
        self.headCount = headCount
        self.headWidth = headWidth
        self.feedForwardWidth = feedForwardWidth
        self.layers = layers
        self.isGated = isGated
        self.distanceBuckets = distanceBuckets
    }
}

extension T5EncoderConfiguration: NetworkConfiguration {
    public static let classes = [NetworkClass("transformers", "T5EncoderModel")]
    public static let title = "T5 encoder"
    public static let signature = NetworkSignature(
        present: [
            "shared.weight", "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", "encoder.final_layer_norm.weight",
        ],
        // UMT5 has biases of its own in each layer.
        absent: ["encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight"])

    /// Every tensor of the network, in the order of transformers' state dictionary.
    public func manifest() throws(IsomerError) -> Manifest {
        let (inner, overflow) = headCount.multipliedReportingOverflow(by: headWidth)
        guard !overflow else { throw IsomerError(.malformed, "the encoder's heads are out of range") }
        var builder = ManifestBuilder()
        try builder.embedding("shared", count: vocabularySize, width: width)
        for i in 0..<layers {
            try builder.scope("encoder.block.\(i).layer.0") { builder throws(IsomerError) in
                for name in ["q", "k", "v"] {
                    try builder.linear("SelfAttention." + name, input: width, output: inner, hasBias: false)
                }
                try builder.linear("SelfAttention.o", input: inner, output: width, hasBias: false)
                if i == 0 {
                    try builder.embedding("SelfAttention.relative_attention_bias", count: distanceBuckets, width: headCount)
                }
                try builder.rootMeanSquareNorm("layer_norm", width)
            }
            try builder.scope("encoder.block.\(i).layer.1") { builder throws(IsomerError) in
                for name in isGated ? ["wi_0", "wi_1"] : ["wi"] {
                    try builder.linear("DenseReluDense." + name, input: width, output: feedForwardWidth, hasBias: false)
                }
                try builder.linear("DenseReluDense.wo", input: feedForwardWidth, output: width, hasBias: false)
                try builder.rootMeanSquareNorm("layer_norm", width)
            }
        }
        try builder.rootMeanSquareNorm("encoder.final_layer_norm", width)
        return builder.manifest
    }

    public init(shapesOf inventory: TensorInventory) throws(IsomerError) {
        let bias = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
        let gate = "encoder.block.0.layer.1.DenseReluDense.wi_1.weight"
        let heads = try inventory.required(bias, axis: 1)
        let inner = try inventory.required("encoder.block.0.layer.0.SelfAttention.q.weight", axis: 0)
        guard heads > 0, inner % heads == 0 else { throw IsomerError.indivisible("attention's width", inner, by: heads) }
        self.init(
            vocabularySize: try inventory.required("shared.weight", axis: 0), width: try inventory.required("shared.weight", axis: 1),
            headCount: heads, headWidth: inner / heads,
            feedForwardWidth: try inventory.required("encoder.block.0.layer.1.DenseReluDense.wo.weight", axis: 1),
            layers: inventory.count(under: "encoder.block"), isGated: inventory.has(gate),
            distanceBuckets: try inventory.required(bias, axis: 0))
    }

    /// Reads transformers' `config.json` of a T5 model.
    public init(json: JSONCursor) throws(IsomerError) {
        try json.requireUsual("feed_forward_proj", "gated-gelu", "relu")
        try json.requireUsual("relative_attention_max_distance", 128)
        try json.requireUsual("layer_norm_epsilon", 1e-6)
        let layers = try json.extent("num_layers", default: 6)
        guard layers <= 1_000 else {
            throw json.failure("num_layers is out of range", expected: "at most 1000", found: "\(layers)")
        }
        self.init(
            vocabularySize: try json.extent("vocab_size", default: 32_128), width: try json.extent("d_model", default: 512),
            headCount: try json.extent("num_heads", default: 8), headWidth: try json.extent("d_kv", default: 64),
            feedForwardWidth: try json.extent("d_ff", default: 2_048), layers: layers,
            isGated: try json.optional("feed_forward_proj")?.string() == "gated-gelu",
            distanceBuckets: try json.extent("relative_attention_num_buckets", default: 32))
    }

    public var structure: T5EncoderConfiguration { self }
    public var undecided: [String] { [] }
    public func completed(by other: T5EncoderConfiguration) -> T5EncoderConfiguration { self }
    public func completed(asRelativeOf other: T5EncoderConfiguration) -> T5EncoderConfiguration? { self }

    public var summary: String {
        "\(layers) layers, \(width) wide, \(headCount) heads; \(isGated ? "gated" : "one map without gate"); \(vocabularySize) tokens"
    }

    public var tiny: T5EncoderConfiguration {
        var small = self
        small.width /= 16
        small.headCount = 2
        small.headWidth = 8
        small.feedForwardWidth /= 64
        small.layers = min(layers, 3)
        return small
    }

    /// The keys that transformers writes for this class.
    public func json() throws(IsomerError) -> JSONObject {
        [
            "architectures": ["T5EncoderModel"],
            "classifier_dropout": 0.0,
            "d_ff": JSONValue(feedForwardWidth),
            "d_kv": JSONValue(headWidth),
            "d_model": JSONValue(width),
            "decoder_start_token_id": 0,
            "dense_act_fn": isGated ? "gelu_new" : "relu",
            "dropout_rate": 0.1,
            "eos_token_id": 1,
            "feed_forward_proj": isGated ? "gated-gelu" : "relu",
            "initializer_factor": 1.0,
            "is_encoder_decoder": true,
            "is_gated_act": .bool(isGated),
            "layer_norm_epsilon": 1e-06,
            "model_type": "t5",
            "num_decoder_layers": JSONValue(layers),
            "num_heads": JSONValue(headCount),
            "num_layers": JSONValue(layers),
            "output_past": true,
            "pad_token_id": 0,
            "relative_attention_max_distance": 128,
            "relative_attention_num_buckets": JSONValue(distanceBuckets),
            "tie_word_embeddings": false,
            "use_cache": true,
            "vocab_size": JSONValue(vocabularySize),
        ]
    }
}
