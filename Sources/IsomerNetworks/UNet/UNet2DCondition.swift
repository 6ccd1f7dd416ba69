public import IsomerArchitectures
public import IsomerBytes
public import IsomerCompute

/// The denoiser of Stable Diffusion 1, 2 and XL.
///
/// Reference: diffusers 0.42.1, models/unets/unet_2d_condition.py, unet_2d_blocks.py, models/resnet.py, models/attention.py.
public struct UNet2DCondition {
    /// What the network is like.
    public let configuration: UNetConfiguration
    private let headCounts: [Int]
    private let groups: Int

    /// What the prediction is conditioned on, beside the time.
    public struct Conditioning {
        /// The text: `[images, tokens, crossAttentionWidth]`.
        public var context: Tensor
        /// SDXL's pooled text, `[images, width]`, and its sizes, `sizes.count / images` numbers each: original height and width, crop top and
        /// left, target height and width (the refiner has an aesthetic score for the last two).
        public var addition: (text: Tensor, sizes: [Float])?
        /// A class number for each picture, where classes are a table, or a time step where they are times.
        public var classes: [Float]?
        /// A class vector for each picture, `[images, width]`, where classes are projected.
        public var classVector: Tensor?
        /// The strength of guidance for each picture, in models into which it was distilled.
        public var guidance: [Float]?
        /// Added to the skip connections, in the order of the way down, and to the middle block's output: a ControlNet's answer.
        public var control: (down: [Tensor], middle: Tensor)?
        /// A T2I-Adapter's pyramid: added inside the blocks of the way down, and what is left over to the middle's output.
        public var features: [Tensor] = []

        /// Conditioning by text alone; the rest can be set.
        public init(context: Tensor) { self.context = context }
    }

    /// Throws `undecided` if the configuration leaves open what shapes do not tell.
    public init(_ configuration: UNetConfiguration) throws(IsomerError) {
        guard let headCounts = configuration.headCounts, let groups = configuration.normGroups else {
            throw .undecided("the number of attention heads or norm groups", of: UNetConfiguration.title)
        }
        guard headCounts.count == configuration.down.count, configuration.up.count == configuration.down.count,
            !configuration.down.isEmpty
        else { throw IsomerError(.malformed, "the UNet's configuration contradicts itself", found: "\(headCounts.count) head counts") }
        try configuration.checkHeads(headCounts)
        self.configuration = configuration
        self.headCounts = headCounts
        self.groups = groups
    }

    /// What each side of the latent should be divisible by, so that it can be halved all the way down. Other sizes lose a row or a column
    /// where they are doubled again.
    public var sizeUnit: Int { 1 << (configuration.down.count - 1) }

    /// Predicts from `sample [images, height, width, inputChannels]` at a time for each picture; `[images, height, width, outputChannels]`.
    public func callAsFunction(
        _ c: Computation, _ weights: Module, sample: Tensor, times: [Float], _ conditioning: Conditioning
    ) throws(IsomerError) -> Tensor {
        let images = sample.shape.first ?? 0
        guard sample.shape.count == 4, sample.channels == configuration.inputChannels, times.count == images, sample.shape[1] > 0,
            sample.shape[2] > 0
        else {
            throw IsomerError(
                .mismatch, "the UNet's input does not fit", expected: "[\(times.count), height, width, \(configuration.inputChannels)]",
                found: "\(sample.shape)")
        }
        let pass = try UNetPass(c, weights, configuration, headCounts, groups, times: times, images: images, conditioning)
        var x = try c.convolution(sample, weights["conv_in"], outputs: configuration.down[0].channels, kernel: 3, isExact: true)
        var skips: [Tensor]
        var features = conditioning.features
        (x, skips) = try pass.wayDown(x, weights["down_blocks"], &features)
        x = try pass.middle(x, weights["mid_block"])
        if let feature = features.first, feature.shape == x.shape { x = try c.add(x, feature) }
        if let control = conditioning.control {
            guard control.down.count == skips.count else {
                throw IsomerError(
                    .mismatch, "the ControlNet is not made for this UNet", expected: "\(skips.count) skip connections",
                    found: "\(control.down.count)")
            }
            x = try c.add(x, control.middle)
            for index in skips.indices { skips[index] = try c.add(skips[index], control.down[index]) }
        }

        for (level, block) in configuration.up.enumerated() {
            let module = weights["up_blocks"]["\(level)"]
            var attention = 0
            for (layer, depth) in block.depths.enumerated() {
                guard let skip = skips.popLast() else {
                    throw IsomerError(.malformed, "a UNet has more layers on the way up than the way down left inputs for")
                }
                x = try pass.residual(c.concatenate(x, skip), module["resnets"]["\(layer)"], block.channels)
                if let depth {
                    x = try pass.transformer(x, module["attentions"]["\(attention)"], depth, level: configuration.up.count - 1 - level)
                    attention += 1
                }
            }
            if level + 1 < configuration.up.count {
                let convolution = module["upsamplers"]["0"]["conv"]
                let (height, width) = (skips.last?.shape[1] ?? 2 * x.shape[1], skips.last?.shape[2] ?? 2 * x.shape[2])
                if height % 2 == 0, width % 2 == 0 {
                    x = try c.convolution(x, convolution, outputs: block.channels, kernel: 3, magnification: 2)
                } else {
                    x = try c.convolution(
                        c.doubled(x, height: height, width: width), convolution, outputs: block.channels, kernel: 3)
                }
            }
        }
        x = try c.groupNorm(
            x, weights["conv_norm_out"], groups: groups, epsilon: Float(configuration.normEpsilon), activation: .silu)
        return try c.convolution(x, weights["conv_out"], outputs: configuration.outputChannels, kernel: 3, isExact: true)
    }
}
