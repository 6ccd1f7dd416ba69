public import IsomerArchitectures
public import IsomerBytes
public import IsomerCompute

/// CLIP's text transformer: OpenAI's, and OpenCLIP's H and bigG.
///
/// Reference: transformers 5.23, models/clip/modeling_clip.py.
public struct CLIPTextEncoder {
    /// What the network is like.
    public let configuration: CLIPTextConfiguration
    private let headCount: Int
    private let activation: Activation

    /// Which token's vector stands for the whole text.
    public enum Pooling: Hashable, Sendable {
        /// The token with the largest id, the first of several: what every published encoder of the family does. Once tokens were added to the
        /// vocabulary their ids are larger than the end's.
        case largestID
        /// The first token of this id, or the first of all if there is none.
        case first(id: Int)
    }

    /// What comes out.
    public struct Output {
        /// The input of each layer, then the last layer's output: `[images, tokens, width]`, not normalised. The last but one is what SDXL reads.
        public var hiddenStates: [Tensor]
        /// The last layer's output, normalised: `[images, tokens, width]`.
        public var last: Tensor
        /// The vector of the token that stands for the text: `[images, width]`.
        public var pooled: Tensor
        /// The same, projected: `[images, projectionWidth]`.
        public var projected: Tensor?
    }

    /// Throws `undecided` if the configuration leaves open what shapes do not tell.
    public init(_ configuration: CLIPTextConfiguration) throws(IsomerError) {
        guard let headCount = configuration.headCount, let activation = configuration.activation else {
            throw .undecided("the number of heads or the activation", of: CLIPTextConfiguration.title)
        }
        self.configuration = configuration
        self.headCount = headCount
        self.activation = activation == .gelu ? .gelu : .quickGELU
    }

    /// Reads `ids`, `images` texts of equal length, one after another.
    ///
    /// - Parameter keepsHiddenStates: whether all of them are kept in memory; else the list has the last but one only.
    public func callAsFunction(
        _ c: Computation, _ weights: Module, ids: [Int], images: Int, pooling: Pooling = .largestID, keepsHiddenStates: Bool = false
    ) throws(IsomerError) -> Output {
        guard images > 0, !ids.isEmpty, ids.count % images == 0, ids.count / images <= configuration.positions else {
            throw IsomerError(
                .mismatch, "the text does not fit into the encoder", expected: "at most \(configuration.positions) tokens",
                found: "\(ids.count) ids in \(images) texts")
        }
        let (tokens, width) = (ids.count / images, configuration.width)
        let text = weights["text_model"]
        let embeddings = text["embeddings"]
        let positions = (0..<images).flatMap { _ in 0..<tokens }
        var x = try c.add(
            c.embedding(ids, images: images, embeddings["token_embedding"], count: configuration.vocabularySize, width: width),
            c.embedding(positions, images: images, embeddings["position_embedding"], count: configuration.positions, width: width))
        let epsilon = Float(configuration.normEpsilon)
        var hidden: [Tensor] = []
        for layer in 0..<configuration.layers {
            if keepsHiddenStates || layer + 1 == configuration.layers { hidden.append(x) }
            let module = text["encoder"]["layers"]["\(layer)"]
            let attention = module["self_attn"]
            let normal = try c.layerNorm(x, module["layer_norm1"], epsilon: epsilon)
            let query = try c.linear(normal, attention["q_proj"], outputs: width)
            let key = try c.linear(normal, attention["k_proj"], outputs: width)
            let value = try c.linear(normal, attention["v_proj"], outputs: width)
            try c.observeScores(query, key, heads: headCount, attention)
            let seen = try c.attention(query, key, value, heads: headCount, isCausal: true)
            x = try c.linear(seen, attention["out_proj"], outputs: width, residual: x)
            let wide = try c.linear(
                c.layerNorm(x, module["layer_norm2"], epsilon: epsilon), module["mlp"]["fc1"], outputs: configuration.feedForwardWidth,
                activation: activation)
            x = try c.linear(wide, module["mlp"]["fc2"], outputs: width, residual: x)
        }
        if keepsHiddenStates { hidden.append(x) }
        let last = try c.layerNorm(x, text["final_layer_norm"], epsilon: epsilon)
        let places = (0..<images).map { image in
            let row = ids[image * tokens..<(image + 1) * tokens]
            let found =
                switch pooling {
                case .largestID: row.firstIndex(of: row.max() ?? 0)
                case .first(let id): row.firstIndex(of: id)
                }
            return (found ?? row.startIndex) - row.startIndex
        }
        let pooled = try c.rows(last, places)
        var projected: Tensor?
        if let projectionWidth = configuration.projectionWidth {
            projected = try c.linear(pooled, weights["text_projection"], outputs: projectionWidth, hasBias: false)
        }
        return Output(hiddenStates: hidden, last: last, pooled: pooled, projected: projected)
    }
}
