public import IsomerArchitectures
public import IsomerBytes
public import IsomerCompute

/// A ControlNet of Stable Diffusion 1, 2 or XL, and a union of several kinds of control.
///
/// Reference: diffusers 0.42.1, models/controlnets/controlnet.py, controlnet_union.py.
public struct ControlNet {
    /// What the network is like.
    public let configuration: ControlNetConfiguration
    private let headCounts: [Int]
    private let groups: Int

    /// A picture to look at.
    public struct Condition {
        /// `[images, height, width, conditioningChannels]`, from 0 to 1, as many times larger than the latent as the network wants.
        public var picture: Tensor
        /// Which kind of control it is, in a union.
        public var kind: Int
        /// How strongly it counts.
        public var scale: Float

        /// One picture.
        public init(_ picture: Tensor, kind: Int = 0, scale: Float = 1) {
            self.picture = picture
            self.kind = kind
            self.scale = scale
        }
    }

    /// Throws `undecided` if the configuration leaves open what shapes do not tell.
    public init(_ configuration: ControlNetConfiguration) throws(IsomerError) {
        let encoder = configuration.encoder
        guard let headCounts = encoder.headCounts, let groups = encoder.normGroups else {
            throw .undecided("the number of attention heads or norm groups", of: ControlNetConfiguration.title)
        }
        guard headCounts.count == encoder.down.count, !encoder.down.isEmpty, !configuration.conditioningWidths.isEmpty else {
            throw IsomerError(.malformed, "the ControlNet's configuration contradicts itself", found: "\(headCounts.count) head counts")
        }
        try encoder.checkHeads(headCounts)
        self.configuration = configuration
        self.headCounts = headCounts
        self.groups = groups
    }

    /// What each side of the latent should be divisible by, so that it can be halved all the way down.
    public var sizeUnit: Int { 1 << (configuration.encoder.down.count - 1) }

    /// Pixels of a condition's picture along a side for each latent pixel.
    public var pictureMagnification: Int { 1 << (configuration.conditioningWidths.count - 1) }

    /// What is to be added to a UNet's skip connections and middle (`UNet2DCondition.Conditioning.control`).
    ///
    /// - Parameters:
    ///   - conditions: one; in a union one or more, of different kinds.
    ///   - guesses: whether deeper answers count more, from 0.1 up, as when there is no prompt to go by.
    public func callAsFunction(
        _ c: Computation, _ weights: Module, sample: Tensor, times: [Float], conditions: [Condition],
        _ conditioning: UNet2DCondition.Conditioning, guesses: Bool = false
    ) throws(IsomerError) -> (down: [Tensor], middle: Tensor) {
        let encoder = configuration.encoder
        let images = sample.shape.first ?? 0
        guard sample.shape.count == 4, sample.channels == encoder.inputChannels, times.count == images else {
            throw IsomerError(
                .mismatch, "the ControlNet's input does not fit", expected: "[\(times.count), height, width, \(encoder.inputChannels)]",
                found: "\(sample.shape)")
        }
        guard let only = conditions.first, configuration.union != nil || conditions.count == 1 else {
            throw IsomerError(.usage, "this ControlNet looks at one picture", found: "\(conditions.count)")
        }
        var kinds: Tensor?
        if let union = configuration.union { kinds = try embeddedKinds(c, weights, union, conditions, images) }
        let pass = try UNetPass(
            c, weights, encoder, headCounts, groups, times: times, images: images, conditioning, plus: kinds)
        let width = encoder.down[0].channels
        var x = try c.convolution(sample, weights["conv_in"], outputs: width, kernel: 3, isExact: true)
        // A union's own mixing applies the scales of several pictures.
        var scale = only.scale
        if let union = configuration.union {
            x = try mixed(c, weights, union, x, conditions)
            if conditions.count > 1 { scale = 1 }
        } else {
            x = try c.add(x, embedded(c, weights, only, for: x))
        }
        var none: [Tensor] = []
        let (last, outputs) = try pass.wayDown(x, weights["down_blocks"], &none)
        x = try pass.middle(last, weights["mid_block"])

        let pools = configuration.poolsGlobally ?? false
        func answer(_ x: Tensor, _ module: Module, _ place: Int) throws(IsomerError) -> Tensor {
            let share = guesses && !pools ? ControlNet.guessScale(place, of: outputs.count + 1) : 1
            let y = try c.convolution(x, module, outputs: x.channels, kernel: 1, scale: scale * share)
            guard pools else { return y }
            return try c.addToPixels(c.zeros(y.shape), c.meanOverPixels(y))
        }
        var down: [Tensor] = []
        for (index, output) in outputs.enumerated() {
            down.append(try answer(output, weights["controlnet_down_blocks"]["\(index)"], index))
        }
        return (down, try answer(x, weights["controlnet_mid_block"], outputs.count))
    }

    /// From 0.1 for the first to 1 for the last, by equal factors.
    static func guessScale(_ place: Int, of count: Int) -> Float {
        count < 2 ? 1 : Float.tenToThe(-1 + Float(place) / Float(count - 1))
    }

    func embedded(_ c: Computation, _ weights: Module, _ condition: Condition, for x: Tensor) throws(IsomerError) -> Tensor {
        let side = pictureMagnification
        let expected = [x.shape[0], x.shape[1] * side, x.shape[2] * side, configuration.conditioningChannels]
        guard condition.picture.shape == expected else {
            throw IsomerError(
                .mismatch, "the ControlNet's picture has the wrong size", expected: "\(expected)", found: "\(condition.picture.shape)")
        }
        let isReversed = configuration.channelOrder == "bgr"
        let picture = isReversed ? try c.reversedChannels(condition.picture) : condition.picture
        return try c.pictureEmbedding(
            picture, weights["controlnet_cond_embedding"], widths: configuration.conditioningWidths, output: x.channels)
    }
}
