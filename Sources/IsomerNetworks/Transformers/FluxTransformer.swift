public import IsomerArchitectures
public import IsomerBytes
public import IsomerCompute

/// The denoiser of Flux.1, of any depth, distilled for guidance or not.
///
/// Reference: diffusers 0.42.1, models/transformers/transformer_flux.py.
public struct FluxTransformer {
    /// What the network is like.
    public let configuration: FluxTransformerConfiguration
    private let rotaryWidths: [Int]

    /// What the prediction is conditioned on, beside the time.
    public struct Conditioning {
        /// The text: `[images, tokens, contextWidth]`.
        public var context: Tensor
        /// The pooled text: `[images, pooledWidth]`.
        public var pooled: Tensor
        /// The guidance's strength for each picture (3.5), where the model was distilled for it.
        public var guidance: [Float]?
        /// Coordinates of the text's tokens; zeros if not said.
        public var textPositions: [[Float]]?
        /// A ControlNet's answer.
        public var control: FluxControlNet.Output?

        /// Conditioning by text; the rest can be set.
        public init(context: Tensor, pooled: Tensor, guidance: [Float]? = nil) {
            self.context = context
            self.pooled = pooled
            self.guidance = guidance
        }
    }

    /// Throws `undecided` if the configuration leaves open what shapes do not tell.
    public init(_ configuration: FluxTransformerConfiguration) throws(IsomerError) {
        rotaryWidths = try configuration.checkedRotaryWidths()
        self.configuration = configuration
    }

    /// By how much each side of the latent must be divisible: four pixels make a token.
    public static let sizeUnit = 2

    /// Coordinates of the tokens of a latent of `height` times `width` pixels, row by row.
    ///
    /// - Parameter image: the first coordinate: 0 for the picture that is made, 1 for one that is looked at (Kontext).
    public static func positions(height: Int, width: Int, image: Int = 0) -> [[Float]] {
        (0..<max(0, height) / 2).flatMap { row in (0..<max(0, width) / 2).map { [Float(image), Float(row), Float($0)] } }
    }

    /// Predicts from `tokens [images, count, inputWidth]` at a time (0 to 1) for each picture; `[images, count, outputWidth]`.
    ///
    /// Tokens are four latent pixels each: `Computation.patchify` of side 2, channels first. What else a model looks at stands beside them
    /// (mask and masked picture of fill, the hint of depth and canny) or after them as tokens with coordinates of their own (Kontext).
    public func callAsFunction(
        _ c: Computation, _ weights: Module, tokens: Tensor, positions: [[Float]], times: [Float], _ conditioning: Conditioning
    ) throws(IsomerError) -> Tensor {
        var (pass, context) = try c.fluxEntrance(
            configuration, rotaryWidths, weights, tokens: tokens, positions: positions, times: times, guidance: conditioning.guidance,
            context: conditioning.context, pooled: conditioning.pooled, textPositions: conditioning.textPositions)
        let width = configuration.width
        var x = try c.linear(tokens, weights["x_embedder"], outputs: width, isExact: true)
        let control = conditioning.control
        for block in 0..<configuration.doubleBlocks {
            (context, x) = try pass.jointBlock(context, x, weights["transformer_blocks"]["\(block)"])
            if let added = control?.added(after: block, of: configuration.doubleBlocks) { x = try c.add(x, added) }
        }
        let textTokens = context.shape[1]
        var joined = try c.concatenateTokens(context, x)
        for block in 0..<configuration.singleBlocks {
            joined = try pass.singleBlock(joined, weights["single_transformer_blocks"]["\(block)"])
            guard let added = control?.addedSingle(after: block, of: configuration.singleBlocks) else { continue }
            let text = try c.tokens(joined, 0..<textTokens)
            joined = try c.concatenateTokens(text, c.add(c.tokens(joined, textTokens..<joined.shape[1]), added))
        }
        x = try pass.finalNorm(c.tokens(joined, textTokens..<joined.shape[1]), weights["norm_out"])
        return try c.linear(x, weights["proj_out"], outputs: configuration.outputWidth, isExact: true)
    }
}

extension FluxTransformerConfiguration {
    /// How many of a head's numbers turn with each coordinate. They must fill the head.
    func checkedRotaryWidths() throws(IsomerError) -> [Int] {
        guard let rotaryWidths else {
            throw .undecided("axes_dims_rope", of: Self.title)
        }
        guard headWidth > 0, width % headWidth == 0, rotaryWidths.allSatisfy({ $0 > 0 && $0 % 2 == 0 && $0 <= headWidth }),
            rotaryWidths.count == 3, rotaryWidths.reduce(0, +) == headWidth
        else {
            throw IsomerError(
                .malformed, "the transformer's heads contradict its rotary embedding", expected: "three even widths, \(headWidth) together",
                found: "\(rotaryWidths)")
        }
        return rotaryWidths
    }
}

extension Computation {
    /// What a Flux transformer and its ControlNets begin with: the pass that their blocks share, and the text.
    func fluxEntrance(
        _ configuration: FluxTransformerConfiguration, _ rotaryWidths: [Int], _ weights: Module, tokens: Tensor, positions: [[Float]],
        times: [Float], guidance: [Float]?, context: Tensor, pooled: Tensor, textPositions: [[Float]]?
    ) throws(IsomerError) -> (pass: JointPass, context: Tensor) {
        let images = tokens.shape.first ?? 0
        guard tokens.shape.count == 3, tokens.channels == configuration.inputWidth, times.count == images, context.shape.count == 3,
            positions.count == tokens.shape[1], textPositions == nil || textPositions?.count == context.shape[1]
        else {
            throw IsomerError(
                .mismatch, "the Flux transformer's input does not fit",
                expected: "[\(times.count), \(positions.count), \(configuration.inputWidth)]", found: "\(tokens.shape)")
        }
        guard configuration.hasGuidance == (guidance != nil), guidance == nil || guidance?.count == images else {
            throw IsomerError(
                .usage,
                configuration.hasGuidance ? "this Flux transformer wants a guidance" : "this Flux transformer was not made for guidance")
        }
        // In f32, as the reference multiplies.
        let time = try timeTextEmbedding(
            weights["time_text_embed"], times: times.map { $0 * 1000 }, guidance: guidance?.map { $0 * 1000 }, pooled: pooled,
            width: configuration.width)
        let text = textPositions ?? Array(repeating: [0, 0, 0], count: context.shape[1])
        let rotation = try rotaryTable(text + positions, widths: rotaryWidths)
        let pass = JointPass(
            c: self, width: configuration.width, heads: configuration.width / configuration.headWidth, normalisesHeads: true, time: time,
            rotation: rotation)
        return (pass, try linear(context, weights["context_embedder"], outputs: configuration.width))
    }
}

extension JointPass {
    /// A block in which text and picture, already one sequence, share weights: attention and feed-forward side by side.
    func singleBlock(_ x: Tensor, _ module: Module) throws(IsomerError) -> Tensor {
        let mine = try modulation(module["norm"], 3)
        let normal = try norm(x, mine, shift: 0, scale: 1)
        let wide = try c.linear(normal, module["proj_mlp"], outputs: 4 * width, activation: .geluTanh)
        let seen = try attend(projections(normal, module["attn"], .picture))
        let out = try c.linear(c.concatenate(seen, wide), module["proj_out"], outputs: width)
        return try c.observed(c.addGated(x, out, mine, gate: 2), module, "sum after")
    }
}
