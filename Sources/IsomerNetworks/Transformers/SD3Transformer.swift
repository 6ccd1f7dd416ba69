public import IsomerArchitectures
public import IsomerBytes
public import IsomerCompute

/// The denoiser of Stable Diffusion 3 and 3.5.
///
/// Reference: diffusers 0.42.1, models/transformers/transformer_sd3.py, models/attention.py `JointTransformerBlock`.
public struct SD3Transformer {
    /// What the network is like.
    public let configuration: SD3TransformerConfiguration
    private let heads: Int

    /// What the prediction is conditioned on, beside the time.
    public struct Conditioning {
        /// The text: `[images, tokens, contextWidth]`.
        public var context: Tensor
        /// The pooled text: `[images, pooledWidth]`.
        public var pooled: Tensor
        /// A ControlNet's answer: one tensor for each of some blocks, spread evenly over all.
        public var control: [Tensor] = []
        /// Blocks that are left out, as skip-layer guidance does for its second prediction.
        public var skippedBlocks: Set<Int> = []

        /// Conditioning by text; the rest can be set.
        public init(context: Tensor, pooled: Tensor) {
            self.context = context
            self.pooled = pooled
        }
    }

    /// Throws `undecided` if the configuration leaves open what shapes do not tell.
    public init(_ configuration: SD3TransformerConfiguration) throws(IsomerError) {
        guard let headWidth = configuration.headWidth else {
            throw .undecided("the number of attention heads", of: SD3TransformerConfiguration.title)
        }
        guard headWidth > 0, configuration.width % headWidth == 0, configuration.layers > 0, configuration.patchSize > 0 else {
            throw IsomerError(.malformed, "the transformer's width does not divide into heads", found: "\(configuration.width)")
        }
        self.configuration = configuration
        heads = configuration.width / headWidth
    }

    /// By how much each side of the latent must be divisible.
    public var sizeUnit: Int { configuration.patchSize }

    /// Predicts from `sample [images, height, width, inputChannels]` at a time (0 to 1000) for each picture;
    /// `[images, height, width, outputChannels]`.
    public func callAsFunction(
        _ c: Computation, _ weights: Module, sample: Tensor, times: [Float], _ conditioning: Conditioning
    ) throws(IsomerError) -> Tensor {
        var x = try embedded(c, weights, sample)
        guard times.count == sample.shape[0] else {
            throw IsomerError(.mismatch, "there must be one time for each picture", expected: "\(sample.shape[0])", found: "\(times.count)")
        }
        let time = try c.timeTextEmbedding(
            weights["time_text_embed"], times: times, guidance: nil, pooled: conditioning.pooled, width: configuration.width)
        let pass = JointPass(
            c: c, width: configuration.width, heads: heads, normalisesHeads: configuration.normalizedHeadWidth != nil, time: time)
        var context = try c.linear(conditioning.context, weights["context_embedder"], outputs: configuration.width)
        let dual = Set(configuration.dualAttentionLayers)
        for layer in 0..<configuration.layers {
            let isLast = layer + 1 == configuration.layers
            if !conditioning.skippedBlocks.contains(layer) {
                let module = weights["transformer_blocks"]["\(layer)"]
                (context, x) = try pass.jointBlock(context, x, module, hasSecondAttention: dual.contains(layer), isLast: isLast)
            }
            if !isLast, !conditioning.control.isEmpty {
                x = try c.add(x, conditioning.control[layer * conditioning.control.count / configuration.layers])
            }
        }
        x = try pass.finalNorm(x, weights["norm_out"])
        let patch = configuration.patchSize
        x = try c.linear(x, weights["proj_out"], outputs: patch * patch * configuration.outputChannels, isExact: true)
        return try c.unpatchify(x, rows: sample.shape[1] / patch, columns: sample.shape[2] / patch, side: patch, order: .channelsLast)
    }

    /// The latent as tokens with their positions, `[images, tokens, width]`: what a ControlNet without an embedding of its own begins with.
    public func embedded(_ c: Computation, _ weights: Module, _ sample: Tensor) throws(IsomerError) -> Tensor {
        try c.embeddedPatches(
            sample, weights["pos_embed"], channels: configuration.inputChannels, patch: configuration.patchSize,
            width: configuration.width, positionsSide: configuration.positionsSide)
    }
}

extension Computation {
    /// Squares of a latent as tokens, plus the middle of a square table of positions.
    func embeddedPatches(
        _ sample: Tensor, _ module: Module, channels: Int, patch: Int, width: Int, positionsSide: Int?
    ) throws(IsomerError) -> Tensor {
        guard sample.shape.count == 4, sample.channels == channels, patch > 0, sample.shape[1] % patch == 0, sample.shape[2] % patch == 0,
            sample.shape[1] > 0, sample.shape[2] > 0
        else {
            throw IsomerError(
                .mismatch, "the transformer's input does not fit", item: module.name,
                expected: "[images, height, width, \(channels)], both sides divisible by \(patch)", found: "\(sample.shape)")
        }
        let (rows, columns) = (sample.shape[1] / patch, sample.shape[2] / patch)
        let patches = try convolution(
            sample, module["proj"], outputs: width, kernel: patch, stride: patch, padding: .none, isExact: true)
        let tokens = try reshape(patches, [sample.shape[0], rows * columns, width])
        guard let positionsSide else { return tokens }
        guard rows <= positionsSide, columns <= positionsSide else {
            throw IsomerError(
                .mismatch, "the latent is larger than the transformer's table of positions", item: module.name,
                expected: "at most \(positionsSide * patch) pixels a side", found: "\(sample.shape[1])×\(sample.shape[2])")
        }
        let (top, left) = ((positionsSide - rows) / 2, (positionsSide - columns) / 2)
        let places = (0..<rows).flatMap { row in (0..<columns).map { (top + row) * positionsSide + left + $0 } }
        return try add(
            tokens,
            parameterRows(
                "pos_embed", of: module, shape: [1, positionsSide * positionsSide, width], rows: places, images: sample.shape[0]))
    }
}

extension JointPass {
    /// One block of Stable Diffusion 3. In the last one the text is only looked at.
    func jointBlock(
        _ context: Tensor, _ x: Tensor, _ module: Module, hasSecondAttention: Bool = false, isLast: Bool = false
    ) throws(IsomerError) -> (context: Tensor, x: Tensor) {
        let mine = try modulation(module["norm1"], hasSecondAttention ? 9 : 6)
        let its = try modulation(module["norm1_context"], isLast ? 2 : 6)
        let attention = module["attn"]
        let seen = try attendJointly(
            projections(
                isLast ? norm(context, its, shift: 1, scale: 0) : norm(context, its, shift: 0, scale: 1), attention, .text),
            projections(norm(x, mine, shift: 0, scale: 1), attention, .picture))
        let picture = try c.linear(seen.picture, attention["to_out"]["0"], outputs: width)
        var second: Tensor?
        if hasSecondAttention {
            let own = try attend(projections(norm(x, mine, shift: 6, scale: 7), module["attn2"], .picture))
            second = try c.linear(own, module["attn2"]["to_out"]["0"], outputs: width)
        }
        let next = try rest(x, picture, mine, module["ff"], second: second)
        if isLast { return (context, next) }
        let text = try c.linear(seen.text, attention["to_add_out"], outputs: width)
        return (try rest(context, text, its, module["ff_context"]), next)
    }

    /// A block of a picture alone.
    func pictureBlock(_ x: Tensor, _ module: Module) throws(IsomerError) -> Tensor {
        let mine = try modulation(module["norm1"], 6)
        let seen = try attend(projections(norm(x, mine, shift: 0, scale: 1), module["attn"], .picture))
        return try rest(x, c.linear(seen, module["attn"]["to_out"]["0"], outputs: width), mine, module["ff"])
    }
}
