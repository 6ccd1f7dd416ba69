public import IsomerArchitectures
public import IsomerBytes
public import IsomerCompute

/// The transformer of AuraFlow: blocks with weights of their own for text and picture, then blocks with one set for both. No map in them has a
/// bias and no norm weights, and what attention adds is seen by the feed-forward alone.
///
/// Reference: diffusers 0.42.1, models/transformers/auraflow_transformer_2d.py, models/attention_processor.py `AuraFlowAttnProcessor2_0`.
public struct AuraFlowTransformer {
    /// What the network is like.
    public let configuration: AuraFlowTransformerConfiguration
    private let heads: Int
    private let patchSize: Int
    /// Rows and columns of the table of positions.
    private let positionsSide: Int
    /// Of every norm.
    private static let epsilon: Float = 1e-5
    /// Learned tokens before the text's.
    private static let registers = 8

    /// Throws `undecided` if the configuration leaves open what shapes do not tell.
    public init(_ configuration: AuraFlowTransformerConfiguration) throws(IsomerError) {
        guard let headWidth = configuration.headWidth, let patchSize = configuration.patchSize else {
            throw .undecided("the number of attention heads or the size of patches", of: AuraFlowTransformerConfiguration.title)
        }
        guard headWidth > 0, configuration.width % headWidth == 0, patchSize > 0,
            configuration.inputWidth % (patchSize * patchSize) == 0, configuration.outputWidth % (patchSize * patchSize) == 0
        else {
            throw IsomerError(
                .malformed, "the transformer's configuration contradicts itself",
                expected: "a width of whole heads, and patches of whole pixels",
                found: "\(configuration.width) wide, heads of \(headWidth), \(configuration.inputWidth) numbers in a patch")
        }
        self.configuration = configuration
        self.patchSize = patchSize
        heads = configuration.width / headWidth
        // What does not fill a square is never read.
        positionsSide = Int(Double(configuration.positions).squareRoot())
    }

    /// By how much each side of the latent must be divisible.
    public var sizeUnit: Int { patchSize }
    /// The largest side of a latent for which there are positions.
    public var largestSide: Int { positionsSide * patchSize }
    /// Channels of the latent that enters.
    public var inputChannels: Int { configuration.inputWidth / (patchSize * patchSize) }

    /// Predicts from `sample [images, height, width, inputChannels]` at a time (0 to 1) for each picture, conditioned on the text
    /// encoder's tokens `context [images, tokens, contextWidth]`; `[images, height, width, outputChannels]`.
    public func callAsFunction(
        _ c: Computation, _ weights: Module, sample: Tensor, times: [Float], context: Tensor
    ) throws(IsomerError) -> Tensor {
        let (images, width) = (sample.shape.first ?? 0, configuration.width)
        guard times.count == images, context.shape.count == 3, context.shape[0] == images, context.channels == configuration.contextWidth
        else {
            throw IsomerError(
                .mismatch, "the transformer's input does not fit",
                expected: "a time and a text \(configuration.contextWidth) wide for each of \(images) pictures",
                found: "\(times.count) times, \(context.shape)")
        }
        var x = try embedded(c, weights["pos_embed"], sample)
        let pass = JointPass(
            c: c, width: width, heads: heads, normalisesHeads: true, time: try embeddedTime(c, weights["time_step_proj"], times))
        let registers = try c.parameter("register_tokens", of: weights, shape: [1, Self.registers, width], images: images)
        var text = try c.concatenateTokens(
            c.reshape(registers, [images, Self.registers, width]),
            c.linear(context, weights["context_embedder"], outputs: width, hasBias: false))
        for block in 0..<configuration.jointBlocks {
            (text, x) = try jointBlock(pass, text, x, weights["joint_transformer_blocks"]["\(block)"])
        }
        let textTokens = text.shape[1]
        var joined = try c.concatenateTokens(text, x)
        for block in 0..<configuration.singleBlocks {
            joined = try singleBlock(pass, joined, weights["single_transformer_blocks"]["\(block)"])
        }
        x = try scaled(pass, c.tokens(joined, textTokens..<joined.shape[1]), weights["norm_out"])
        x = try c.linear(x, weights["proj_out"], outputs: configuration.outputWidth, hasBias: false, isExact: true)
        return try c.unpatchify(
            x, rows: sample.shape[1] / patchSize, columns: sample.shape[2] / patchSize, side: patchSize, order: .channelsLast)
    }

    private func jointBlock(
        _ pass: JointPass, _ text: Tensor, _ x: Tensor, _ module: Module
    ) throws(IsomerError) -> (text: Tensor, x: Tensor) {
        let (c, attention, width) = (pass.c, module["attn"], configuration.width)
        let mine = try modulation(pass, module["norm1"], 6)
        let its = try modulation(pass, module["norm1_context"], 6)
        let seen = try pass.attendJointly(
            projections(pass, norm(c, text, its, shift: 0, scale: 1), attention, .text),
            projections(pass, norm(c, x, mine, shift: 0, scale: 1), attention, .picture))
        let picture = try c.linear(seen.picture, attention["to_out"]["0"], outputs: width, hasBias: false)
        let words = try c.linear(seen.text, attention["to_add_out"], outputs: width, hasBias: false)
        return (try rest(c, text, words, its, module["ff_context"]), try rest(c, x, picture, mine, module["ff"]))
    }

    private func singleBlock(_ pass: JointPass, _ x: Tensor, _ module: Module) throws(IsomerError) -> Tensor {
        let mine = try modulation(pass, module["norm1"], 6)
        let seen = try pass.attend(projections(pass, norm(pass.c, x, mine, shift: 0, scale: 1), module["attn"], .picture))
        let out = try pass.c.linear(seen, module["attn"]["to_out"]["0"], outputs: configuration.width, hasBias: false)
        return try rest(pass.c, x, out, mine, module["ff"])
    }

    /// The rest of a block after its attention: what attention adds goes into the feed-forward and no further, `x` itself goes on.
    private func rest(
        _ c: Computation, _ x: Tensor, _ attended: Tensor, _ modulation: Tensor, _ module: Module
    ) throws(IsomerError) -> Tensor {
        let sum = try c.observed(c.addGated(x, attended, modulation, gate: 2), module, "sum before")
        let normal = try norm(c, sum, modulation, shift: 3, scale: 4)
        func map(_ name: String, _ activation: Activation) throws(IsomerError) -> Tensor {
            try c.linear(normal, module[name], outputs: configuration.feedForwardWidth, hasBias: false, activation: activation)
        }
        let wide = try c.observed(c.multiply(map("linear_1", .silu), map("linear_2", .none)), module, "gated")
        let out = try c.linear(wide, module["out_projection"], outputs: configuration.width, hasBias: false)
        return try c.observed(c.addGated(x, out, modulation, gate: 5), module, "sum after")
    }
}

extension AuraFlowTransformer {
    /// Squares of the latent as tokens, plus the middle of the table of positions.
    private func embedded(_ c: Computation, _ module: Module, _ sample: Tensor) throws(IsomerError) -> Tensor {
        guard sample.shape.count == 4, sample.channels == inputChannels, sample.shape[1] > 0, sample.shape[2] > 0 else {
            throw IsomerError(
                .mismatch, "the transformer's input does not fit", item: module.name,
                expected: "[images, height, width, \(inputChannels)]", found: "\(sample.shape)")
        }
        let patches = try c.patchify(sample, side: patchSize, order: .channelsFirst)
        let tokens = try c.linear(patches, module["proj"], outputs: configuration.width, isExact: true)
        let (rows, columns) = (sample.shape[1] / patchSize, sample.shape[2] / patchSize)
        guard rows <= positionsSide, columns <= positionsSide else {
            throw IsomerError(
                .mismatch, "the latent is larger than the transformer's table of positions", item: module.name,
                expected: "at most \(largestSide) pixels a side", found: "\(sample.shape[1])×\(sample.shape[2])")
        }
        // Each half is rounded by itself, unlike in Stable Diffusion 3.
        let (top, left) = (positionsSide / 2 - rows / 2, positionsSide / 2 - columns / 2)
        let places = (0..<rows).flatMap { row in (0..<columns).map { (top + row) * positionsSide + left + $0 } }
        return try c.add(
            tokens,
            c.parameterRows(
                "pos_embed", of: module, shape: [1, configuration.positions, configuration.width], rows: places, images: sample.shape[0]))
    }

    /// Times as vectors, after the function that every modulation begins with: `[images, width]`.
    private func embeddedTime(_ c: Computation, _ module: Module, _ times: [Float]) throws(IsomerError) -> Tensor {
        let sines = try c.timeEmbedding(times, width: 256, scale: 1000)
        let hidden = try c.linear(sines, module["linear_1"], outputs: configuration.width, activation: .silu, isExact: true)
        return try c.activate(c.linear(hidden, module["linear_2"], outputs: configuration.width, isExact: true), .silu)
    }

    /// `count` vectors for each picture, `[images, count · width]`.
    private func modulation(_ pass: JointPass, _ module: Module, _ count: Int) throws(IsomerError) -> Tensor {
        try pass.c.linear(pass.time, module["linear"], outputs: count * configuration.width, hasBias: false, isExact: true)
    }

    private func norm(_ c: Computation, _ x: Tensor, _ modulation: Tensor, shift: Int, scale: Int) throws(IsomerError) -> Tensor {
        try c.modulatedNorm(x, modulation, shift: shift, scale: scale, epsilon: Self.epsilon)
    }

    private func projections(
        _ pass: JointPass, _ x: Tensor, _ module: Module, _ stream: JointPass.Stream
    ) throws(IsomerError) -> JointPass.Projections {
        func map(_ name: String) throws(IsomerError) -> Tensor {
            try pass.c.linear(x, module[name], outputs: configuration.width, hasBias: false)
        }
        return JointPass.Projections(
            query: try pass.c.layerNorm(map(stream.query), heads: heads, epsilon: Self.epsilon),
            key: try pass.c.layerNorm(map(stream.key), heads: heads, epsilon: Self.epsilon), value: try map(stream.value))
    }

    /// Scaled and shifted by the last modulation, which has the scale first. Nothing is normalised, whatever its name says.
    private func scaled(_ pass: JointPass, _ x: Tensor, _ module: Module) throws(IsomerError) -> Tensor {
        let (c, width) = (pass.c, configuration.width)
        let mine = try modulation(pass, module, 2)
        let shift = try c.channels(mine, width..<2 * width)
        return try c.observed(c.addToPixels(c.addGated(x, x, mine, gate: 0), shift), module, "shifted")
    }
}
