import IsomerBytes
import IsomerCompute

/// What the transformers of Stable Diffusion 3 and Flux have in common: streams of picture and text that are modulated by one vector for each
/// picture and look at each other in one attention.
struct JointPass {
    let c: Computation
    let width: Int
    let heads: Int
    /// Whether each head of queries and keys is normalised.
    let normalisesHeads: Bool
    /// The time and what else is known of the whole picture, after the function that every modulation begins with: `[images, width]`.
    let time: Tensor
    /// Angles by which queries and keys turn, text first.
    var rotation: Tensor?

    /// Of every norm.
    static let epsilon: Float = 1e-6

    /// `count` vectors for each picture, `[images, count · width]`.
    func modulation(_ module: Module, _ count: Int) throws(IsomerError) -> Tensor {
        try c.linear(time, module["linear"], outputs: count * width, isExact: true)
    }

    /// Layer norm without weights, shifted and scaled by vectors of `modulation`.
    func norm(_ x: Tensor, _ modulation: Tensor, shift: Int, scale: Int) throws(IsomerError) -> Tensor {
        try c.modulatedNorm(x, modulation, shift: shift, scale: scale, epsilon: Self.epsilon)
    }

    /// Names of an attention's maps for one of the streams.
    struct Stream {
        let query: String, key: String, value: String
        let normalizedQuery: String, normalizedKey: String
        static let picture = Stream(query: "to_q", key: "to_k", value: "to_v", normalizedQuery: "norm_q", normalizedKey: "norm_k")
        static let text = Stream(
            query: "add_q_proj", key: "add_k_proj", value: "add_v_proj", normalizedQuery: "norm_added_q", normalizedKey: "norm_added_k")
    }

    /// Queries, keys and values of one stream.
    struct Projections {
        var query: Tensor, key: Tensor, value: Tensor
    }

    func projections(_ x: Tensor, _ module: Module, _ stream: Stream) throws(IsomerError) -> Projections {
        func map(_ name: String, _ norm: String?) throws(IsomerError) -> Tensor {
            let y = try c.linear(x, module[name], outputs: width)
            guard let norm, normalisesHeads else { return y }
            return try c.rootMeanSquareNorm(y, module[norm], heads: heads, epsilon: Self.epsilon)
        }
        return Projections(
            query: try map(stream.query, stream.normalizedQuery), key: try map(stream.key, stream.normalizedKey),
            value: try map(stream.value, nil))
    }

    /// Attention of a sequence to itself, before the map out of it.
    func attend(_ p: Projections) throws(IsomerError) -> Tensor {
        guard let rotation else { return try c.attention(p.query, p.key, p.value, heads: heads) }
        return try c.attention(c.rotate(p.query, rotation), c.rotate(p.key, rotation), p.value, heads: heads)
    }

    /// Attention of text and picture to each other, before the maps out of it.
    func attendJointly(_ text: Projections, _ picture: Projections) throws(IsomerError) -> (text: Tensor, picture: Tensor) {
        let count = text.query.shape[1]
        let seen = try attend(
            Projections(
                query: c.concatenateTokens(text.query, picture.query), key: c.concatenateTokens(text.key, picture.key),
                value: c.concatenateTokens(text.value, picture.value)))
        return (try c.tokens(seen, 0..<count), try c.tokens(seen, count..<seen.shape[1]))
    }

    /// Two linear maps, four times as wide inside.
    func feedForward(_ x: Tensor, _ module: Module) throws(IsomerError) -> Tensor {
        let wide = try c.linear(x, module["net"]["0"]["proj"], outputs: 4 * width, activation: .geluTanh)
        return try c.linear(wide, module["net"]["2"], outputs: width)
    }

    /// The rest of a block after its attention: `x` plus gated attention, then the feed-forward, shifted, scaled and gated in turn by vectors
    /// 3, 4 and 5 of `modulation`.
    func rest(
        _ x: Tensor, _ attended: Tensor, _ modulation: Tensor, _ module: Module,
        second: Tensor? = nil
    ) throws(IsomerError) -> Tensor {
        var x = try c.addGated(x, attended, modulation, gate: 2)
        if let second { x = try c.addGated(x, second, modulation, gate: 8) }
        x = try c.observed(x, module, "sum before")
        let h = try feedForward(norm(x, modulation, shift: 3, scale: 4), module)
        return try c.observed(c.addGated(x, h, modulation, gate: 5), module, "sum after")
    }

    /// The final norm. Unlike all others its scale comes first.
    func finalNorm(_ x: Tensor, _ module: Module) throws(IsomerError) -> Tensor {
        try norm(x, modulation(module, 2), shift: 1, scale: 0)
    }
}

extension Computation {
    /// Time steps, guidance and pooled text as one vector for each picture, after the function that every modulation begins with.
    ///
    /// Reference: diffusers 0.42.1, models/embeddings.py, `CombinedTimestepGuidanceTextProjEmbeddings`.
    func timeTextEmbedding(
        _ module: Module, times: [Float], guidance: [Float]?, pooled: Tensor, width: Int
    ) throws(IsomerError) -> Tensor {
        func mlp(_ x: Tensor, _ name: String, plus residual: Tensor?) throws(IsomerError) -> Tensor {
            let hidden = try linear(x, module[name]["linear_1"], outputs: width, activation: .silu, isExact: true)
            return try linear(hidden, module[name]["linear_2"], outputs: width, residual: residual, isExact: true)
        }
        var sum = try mlp(timeEmbedding(times, width: 256), "timestep_embedder", plus: nil)
        if let guidance { sum = try mlp(timeEmbedding(guidance, width: 256), "guidance_embedder", plus: sum) }
        return try activate(mlp(pooled, "text_embedder", plus: sum), .silu)
    }
}
