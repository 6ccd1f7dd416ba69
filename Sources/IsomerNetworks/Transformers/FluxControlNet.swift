public import IsomerArchitectures
public import IsomerBytes
public import IsomerCompute

/// A ControlNet of Flux.1: InstantX's and Shakker's, unions, and XLabs'.
///
/// Reference: diffusers 0.42.1, models/controlnets/controlnet_flux.py.
public struct FluxControlNet {
    /// What the network is like.
    public let configuration: FluxControlNetConfiguration
    private let rotaryWidths: [Int]

    /// What is to be added to the base model's picture tokens.
    public struct Output {
        /// After blocks with weights for each stream.
        public var double: [Tensor]
        /// After blocks with shared weights.
        public var single: [Tensor]
        /// Whether the first ones come again and again (XLabs), rather than each for a run of blocks.
        public var repeats = false

        /// Both lists may be shorter than the base model is deep.
        public init(double: [Tensor], single: [Tensor], repeats: Bool = false) {
            self.double = double
            self.single = single
            self.repeats = repeats
        }

        func added(after block: Int, of count: Int) -> Tensor? {
            guard !double.isEmpty else { return nil }
            return repeats ? double[block % double.count] : Self.spread(double, block, count)
        }

        func addedSingle(after block: Int, of count: Int) -> Tensor? { single.isEmpty ? nil : Self.spread(single, block, count) }

        private static func spread(_ tensors: [Tensor], _ block: Int, _ count: Int) -> Tensor? {
            let run = max(1, (count + tensors.count - 1) / tensors.count)
            return tensors[min(tensors.count - 1, block / run)]
        }
    }

    /// Throws `undecided` if the configuration leaves open what shapes do not tell.
    public init(_ configuration: FluxControlNetConfiguration) throws(IsomerError) {
        rotaryWidths = try configuration.trunk.checkedRotaryWidths()
        self.configuration = configuration
    }

    /// What is to be added to the base model's.
    ///
    /// - Parameters:
    ///   - tokens: as the base model's.
    ///   - condition: the second latent as tokens; or the picture itself, `[images, height, width, 3]`, eight times as large as the latent,
    ///     where the network looks at pixels.
    ///   - mode: which kind of control it is, for each picture, in a union.
    public func callAsFunction(
        _ c: Computation, _ weights: Module, tokens: Tensor, condition: Tensor, positions: [[Float]], times: [Float], context: Tensor,
        pooled: Tensor, guidance: [Float]? = nil, mode: [Int]? = nil, scale: Float = 1
    ) throws(IsomerError) -> Output {
        let (trunk, width) = (configuration.trunk, configuration.trunk.width)
        var hint = condition
        if let widths = configuration.pictureWidths, let last = widths.last {
            hint = try c.pictureEmbedding(condition, weights["input_hint_block"], widths: widths, output: last)
            hint = try c.patchify(hint, side: 2, order: .channelsFirst)
        }
        var textPositions = [[Float]](repeating: [0, 0, 0], count: context.shape.count == 3 ? context.shape[1] : 0)
        var (pass, text) = try c.fluxEntrance(
            trunk, rotaryWidths, weights, tokens: tokens, positions: positions, times: times, guidance: guidance, context: context,
            pooled: pooled, textPositions: textPositions)
        if let modes = configuration.modes {
            guard let mode, mode.count == tokens.shape[0] else {
                throw IsomerError(.usage, "a union ControlNet wants the kind of control of each picture")
            }
            let kinds = try c.embedding(mode, images: mode.count, weights["controlnet_mode_embedder"], count: modes, width: width)
            text = try c.concatenateTokens(kinds, text)
            textPositions.append([0, 0, 0])
            pass.rotation = try c.rotaryTable(textPositions + positions, widths: rotaryWidths)
        }
        var x = try c.linear(tokens, weights["x_embedder"], outputs: width, isExact: true)
        x = try c.linear(hint, weights["controlnet_x_embedder"], outputs: width, residual: x, isExact: true)
        var output = Output(double: [], single: [], repeats: configuration.pictureWidths != nil)
        for block in 0..<trunk.doubleBlocks {
            (text, x) = try pass.jointBlock(text, x, weights["transformer_blocks"]["\(block)"])
            output.double.append(try c.linear(x, weights["controlnet_blocks"]["\(block)"], outputs: width, scale: scale))
        }
        guard trunk.singleBlocks > 0 else { return output }
        let count = text.shape[1]
        var joined = try c.concatenateTokens(text, x)
        for block in 0..<trunk.singleBlocks {
            joined = try pass.singleBlock(joined, weights["single_transformer_blocks"]["\(block)"])
            let picture = try c.tokens(joined, count..<joined.shape[1])
            output.single.append(try c.linear(picture, weights["controlnet_single_blocks"]["\(block)"], outputs: width, scale: scale))
        }
        return output
    }
}
