public import IsomerArchitectures
public import IsomerBytes
public import IsomerCompute

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The transformer of PixArt-α and PixArt-Σ. The time is one modulation for all blocks, to which each adds a table of its own; the text is
/// looked at by cross-attention.
///
/// Reference: diffusers 0.42.1, models/transformers/pixart_transformer_2d.py, models/attention.py, models/embeddings.py.
public struct PixArtTransformer {
    /// What the network is like.
    public let configuration: PixArtTransformerConfiguration
    private let heads: Int
    private let sampleSize: Int
    /// Of every norm.
    private static let epsilon: Float = 1e-6

    /// What the prediction is conditioned on, beside the time.
    public struct Conditioning {
        /// The text encoder's tokens: `[images, tokens, captionWidth]`.
        public var context: Tensor
        /// Added to the scores of the text's tokens, `[images, 1, 1, tokens]`: large negative numbers for padding.
        public var mask: Tensor?
        /// Height, width and aspect ratio of each picture, where the network is told them.
        public var sizes: [(height: Float, width: Float, ratio: Float)] = []

        /// Conditioning by text alone; the rest can be set.
        public init(context: Tensor) { self.context = context }
    }

    /// Throws `undecided` if the configuration leaves open what shapes do not tell.
    public init(_ configuration: PixArtTransformerConfiguration) throws(IsomerError) {
        guard let headWidth = configuration.headWidth, let sampleSize = configuration.sampleSize else {
            throw .undecided("the number of attention heads or the size of pictures", of: PixArtTransformerConfiguration.title)
        }
        guard headWidth > 0, configuration.width % headWidth == 0, configuration.width % 4 == 0, configuration.patchSize > 0,
            sampleSize >= configuration.patchSize, configuration.interpolationScale ?? 1 > 0
        else {
            throw IsomerError(
                .malformed, "the transformer's configuration contradicts itself",
                expected: "a width of whole heads and a size of whole patches",
                found: "\(configuration.width) wide, heads of \(headWidth), latents of \(sampleSize)")
        }
        guard configuration.captionWidth == nil || configuration.contextWidth == configuration.width else {
            throw IsomerError(
                .malformed, "the transformer's text is projected to another width than its blocks take",
                expected: "\(configuration.contextWidth)", found: "\(configuration.width)")
        }
        self.configuration = configuration
        self.sampleSize = sampleSize
        heads = configuration.width / headWidth
    }

    /// By how much each side of the latent must be divisible.
    public var sizeUnit: Int { configuration.patchSize }

    /// Predicts from `sample [images, height, width, inputChannels]` at a time (0 to 1000) for each picture;
    /// `[images, height, width, outputChannels]`, a variance behind the noise.
    public func callAsFunction(
        _ c: Computation, _ weights: Module, sample: Tensor, times: [Float], _ conditioning: Conditioning
    ) throws(IsomerError) -> Tensor {
        let (images, width, patch) = (sample.shape.first ?? 0, configuration.width, configuration.patchSize)
        guard times.count == images, conditioning.context.shape.count == 3, conditioning.context.shape[0] == images else {
            throw IsomerError(
                .mismatch, "the transformer's input does not fit", expected: "a time and a text for each of \(images) pictures",
                found: "\(times.count) times, \(conditioning.context.shape)")
        }
        var x = try c.embeddedPatches(
            sample, weights["pos_embed"], channels: configuration.inputChannels, patch: patch, width: width, positionsSide: nil)
        let (rows, columns) = (sample.shape[1] / patch, sample.shape[2] / patch)
        x = try c.add(x, positions(c, rows: rows, columns: columns, images: images))
        let time = try embeddedTime(c, weights["adaln_single"]["emb"], times, conditioning.sizes)
        let modulation = try c.linear(c.activate(time, .silu), weights["adaln_single"]["linear"], outputs: 6 * width, isExact: true)
        let context = try projectedContext(c, weights["caption_projection"], conditioning.context)
        for layer in 0..<configuration.layers {
            x = try block(c, x, weights["transformer_blocks"]["\(layer)"], modulation, context, conditioning.mask)
        }
        let table = try modulated(c, weights, c.concatenate(time, time), count: 2)
        x = try c.modulatedNorm(x, table, shift: 0, scale: 1, epsilon: Self.epsilon)
        x = try c.linear(x, weights["proj_out"], outputs: patch * patch * configuration.outputChannels, isExact: true)
        return try c.unpatchify(x, rows: rows, columns: columns, side: patch, order: .channelsLast)
    }

    /// `vectors [images, count · width]` plus the module's own table of as many.
    private func modulated(_ c: Computation, _ module: Module, _ vectors: Tensor, count: Int) throws(IsomerError) -> Tensor {
        let table = try c.parameter("scale_shift_table", of: module, shape: [count, configuration.width], images: vectors.shape[0])
        return try c.add(c.reshape(table, vectors.shape), vectors)
    }

    private func block(
        _ c: Computation, _ x: Tensor, _ module: Module, _ modulation: Tensor, _ context: Tensor, _ mask: Tensor?
    ) throws(IsomerError) -> Tensor {
        let width = configuration.width
        let mine = try modulated(c, module, modulation, count: 6)
        let normal = try c.modulatedNorm(x, mine, shift: 0, scale: 1, epsilon: Self.epsilon)
        let seen = try c.linear(
            attention(c, normal, normal, module["attn1"], nil), module["attn1"]["to_out"]["0"], outputs: width)
        var x = try c.observed(c.addGated(x, seen, mine, gate: 2), module["attn1"], "sum after")
        // No norm before this one.
        x = try c.linear(
            attention(c, x, context, module["attn2"], mask), module["attn2"]["to_out"]["0"], outputs: width, residual: x)
        let other = try c.modulatedNorm(x, mine, shift: 3, scale: 4, epsilon: Self.epsilon)
        let maps = module["ff"]["net"]
        let wide = try c.linear(other, maps["0"]["proj"], outputs: 4 * width, activation: .geluTanh)
        return try c.observed(
            c.addGated(x, c.linear(wide, maps["2"], outputs: width), mine, gate: 5), module["ff"], "sum after")
    }

    /// Before the map out of it.
    private func attention(
        _ c: Computation, _ x: Tensor, _ context: Tensor, _ module: Module, _ mask: Tensor?
    ) throws(IsomerError) -> Tensor {
        let query = try c.linear(x, module["to_q"], outputs: configuration.width)
        let key = try c.linear(context, module["to_k"], outputs: configuration.width)
        let value = try c.linear(context, module["to_v"], outputs: configuration.width)
        try c.observeScores(query, key, heads: heads, module)
        return try c.attention(query, key, value, heads: heads, mask: mask)
    }
}

extension PixArtTransformer {
    /// Times and, where it is told them, sizes as vectors: `[images, width]`.
    private func embeddedTime(
        _ c: Computation, _ module: Module, _ times: [Float], _ sizes: [(height: Float, width: Float, ratio: Float)]
    ) throws(IsomerError) -> Tensor {
        func mlp(_ numbers: [Float], _ name: String, _ outputs: Int, plus residual: Tensor? = nil) throws(IsomerError) -> Tensor {
            let sines = try c.timeEmbedding(numbers, width: 256)
            let hidden = try c.linear(sines, module[name]["linear_1"], outputs: outputs, activation: .silu, isExact: true)
            return try c.linear(hidden, module[name]["linear_2"], outputs: outputs, residual: residual, isExact: true)
        }
        let images = times.count
        guard configuration.isToldSizes else { return try mlp(times, "timestep_embedder", configuration.width) }
        guard sizes.count == images else {
            throw IsomerError(.usage, "the transformer wants height, width and aspect ratio of each picture", found: "\(sizes.count)")
        }
        let third = configuration.width / 3
        let resolution = try mlp(sizes.flatMap { [$0.height, $0.width] }, "resolution_embedder", third)
        let ratio = try mlp(sizes.map(\.ratio), "aspect_ratio_embedder", third)
        let told = try c.concatenate(c.reshape(resolution, [images, 2 * third]), ratio)
        return try mlp(times, "timestep_embedder", configuration.width, plus: told)
    }

    private func projectedContext(_ c: Computation, _ module: Module, _ context: Tensor) throws(IsomerError) -> Tensor {
        guard let captionWidth = configuration.captionWidth else { return try checked(context, configuration.contextWidth) }
        let width = configuration.width
        let hidden = try c.linear(
            checked(context, captionWidth), module["linear_1"], outputs: width, activation: .geluTanh)
        return try c.linear(hidden, module["linear_2"], outputs: width)
    }

    private func checked(_ context: Tensor, _ width: Int) throws(IsomerError) -> Tensor {
        guard context.channels == width else {
            throw IsomerError(.mismatch, "the text has the wrong width", expected: "\(width)", found: "\(context.channels)")
        }
        return context
    }

    /// Sinusoids of each token's column and row, stretched over the square that the model was trained for: `[images, rows · columns, width]`.
    private func positions(_ c: Computation, rows: Int, columns: Int, images: Int) throws(IsomerError) -> Tensor {
        let quarter = configuration.width / 4
        let base = Double(sampleSize / configuration.patchSize)
        let scale = Float(configuration.interpolationScale ?? Double(max(1, sampleSize / 64)))
        let shape = [images, rows * columns, configuration.width]
        if c.isPlanning { return try c.zeros(shape) }
        // Sines, then cosines.
        func sinusoids(_ place: Int, of count: Int) -> [Float] {
            let coordinate = Double(Float(place) / Float(Double(count) / base) / scale)
            let angles = (0..<quarter).map { coordinate * (1 / pow(10_000, Double($0) / Double(quarter))) }
            return angles.map { Float(sin($0)) } + angles.map { Float(cos($0)) }
        }
        let across = (0..<columns).map { sinusoids($0, of: columns) }
        let down = (0..<rows).map { sinusoids($0, of: rows) }
        let picture = down.flatMap { row in across.flatMap { $0 + row } }
        return try c.tensor(shape, (0..<images).flatMap { _ in picture })
    }
}
