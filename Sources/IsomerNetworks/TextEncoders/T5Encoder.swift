public import IsomerArchitectures
public import IsomerBytes
public import IsomerCompute

/// The encoder of T5, versions 1.0 and 1.1.
///
/// Reference: transformers 5.23, models/t5/modeling_t5.py.
public struct T5Encoder {
    /// What the network is like.
    public let configuration: T5EncoderConfiguration
    /// Of every norm.
    private static let epsilon: Float = 1e-6

    /// Throws `malformed` if the configuration contradicts itself.
    public init(_ configuration: T5EncoderConfiguration) throws(IsomerError) {
        guard configuration.headCount > 0, configuration.layers > 0 else {
            throw IsomerError(.malformed, "a T5 encoder needs heads and layers")
        }
        self.configuration = configuration
    }

    /// Reads `ids`, `images` texts of equal length, one after another: `[images, tokens, width]`. Padding is looked at like any token, as the
    /// published pipelines do.
    public func callAsFunction(_ c: Computation, _ weights: Module, ids: [Int], images: Int) throws(IsomerError) -> Tensor {
        guard images > 0, !ids.isEmpty, ids.count % images == 0 else {
            throw IsomerError(.mismatch, "the texts are not of one length", found: "\(ids.count) ids in \(images) texts")
        }
        let (width, heads) = (configuration.width, configuration.headCount)
        let inner = heads * configuration.headWidth
        let blocks = weights["encoder"]["block"]
        var x = try c.embedding(ids, images: images, weights["shared"], count: configuration.vocabularySize, width: width)
        // All layers share the first one's bias.
        let bias = try c.relativePositionBias(
            blocks["0"]["layer"]["0"]["SelfAttention"]["relative_attention_bias"], tokens: ids.count / images, heads: heads,
            buckets: configuration.distanceBuckets)
        for layer in 0..<configuration.layers {
            let (attention, feedForward) = (blocks["\(layer)"]["layer"]["0"], blocks["\(layer)"]["layer"]["1"])
            let normal = try c.rootMeanSquareNorm(x, attention["layer_norm"], epsilon: Self.epsilon)
            let maps = attention["SelfAttention"]
            let query = try c.linear(normal, maps["q"], outputs: inner, hasBias: false)
            let key = try c.linear(normal, maps["k"], outputs: inner, hasBias: false)
            let value = try c.linear(normal, maps["v"], outputs: inner, hasBias: false)
            try c.observeScores(query, key, heads: heads, maps)
            let seen = try c.attention(query, key, value, heads: heads, scale: 1, mask: bias)
            x = try c.linear(seen, maps["o"], outputs: width, hasBias: false, residual: x)
            x = try self.feedForward(c, x, feedForward)
        }
        return try c.rootMeanSquareNorm(x, weights["encoder"]["final_layer_norm"], epsilon: Self.epsilon)
    }

    private func feedForward(_ c: Computation, _ x: Tensor, _ module: Module) throws(IsomerError) -> Tensor {
        let maps = module["DenseReluDense"]
        let normal = try c.rootMeanSquareNorm(x, module["layer_norm"], epsilon: Self.epsilon)
        func map(_ name: String, _ activation: Activation) throws(IsomerError) -> Tensor {
            try c.linear(normal, maps[name], outputs: configuration.feedForwardWidth, hasBias: false, activation: activation)
        }
        let wide =
            configuration.isGated
            ? try c.observed(c.multiply(map("wi_0", .geluTanh), map("wi_1", .none)), maps, "gated") : try map("wi", .relu)
        // The numbers between the maps are so large in some layers that their low bits matter: peers keep this map in f32 too.
        return try c.linear(wide, maps["wo"], outputs: configuration.width, hasBias: false, residual: x, isExact: true)
    }
}
