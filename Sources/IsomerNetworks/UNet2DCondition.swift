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
        /// Added to the skip connections, in the order of the way down, and to the middle block's output: a ControlNet's answer.
        public var control: (down: [Tensor], middle: Tensor)?

        /// Conditioning by text alone; the rest can be set.
        public init(context: Tensor) { self.context = context }
    }

    /// Throws `undecided` if the configuration leaves open what shapes do not tell.
    public init(_ configuration: UNetConfiguration) throws(IsomerError) {
        guard let headCounts = configuration.headCounts, let groups = configuration.normGroups else {
            throw IsomerError(
                .undecided, "the weights alone do not tell the number of attention heads or norm groups of this UNet",
                remedy: "say it with --config and a config.json of the same structure")
        }
        guard headCounts.count == configuration.down.count, configuration.up.count == configuration.down.count,
            !configuration.down.isEmpty
        else { throw IsomerError(.malformed, "the UNet's configuration contradicts itself", found: "\(headCounts.count) head counts") }
        self.configuration = configuration
        self.headCounts = headCounts
        self.groups = groups
    }

    /// By how much each side of the latent must be divisible.
    public var sizeUnit: Int { 1 << (configuration.down.count - 1) }

    /// Predicts from `sample [images, height, width, inputChannels]` at a time for each picture; `[images, height, width, outputChannels]`.
    public func callAsFunction(
        _ c: Computation, _ weights: Module, sample: Tensor, times: [Float], _ conditioning: Conditioning
    ) throws(IsomerError) -> Tensor {
        let images = sample.shape.first ?? 0
        guard sample.shape.count == 4, sample.channels == configuration.inputChannels, times.count == images,
            sample.shape[1] % sizeUnit == 0, sample.shape[2] % sizeUnit == 0
        else {
            throw IsomerError(
                .mismatch, "the UNet's input does not fit",
                expected: "[\(times.count), height, width, \(configuration.inputChannels)], both sides divisible by \(sizeUnit)",
                found: "\(sample.shape)")
        }
        let time = try embedded(c, weights, times, conditioning, images)
        let pass = Pass(c: c, time: time, context: conditioning.context, configuration: configuration, groups: groups)

        var x = try c.convolution(sample, weights["conv_in"], outputs: configuration.down[0].channels, kernel: 3, isExact: true)
        var skips = [x]
        for (level, block) in configuration.down.enumerated() {
            let module = weights["down_blocks"]["\(level)"]
            var attention = 0
            for (layer, depth) in block.depths.enumerated() {
                x = try pass.residual(x, module["resnets"]["\(layer)"], block.channels)
                if let depth {
                    x = try pass.transformer(x, module["attentions"]["\(attention)"], depth, heads: headCounts[level])
                    attention += 1
                }
                skips.append(x)
            }
            if level + 1 < configuration.down.count {
                x = try c.convolution(x, module["downsamplers"]["0"]["conv"], outputs: block.channels, kernel: 3, stride: 2)
                skips.append(x)
            }
        }

        let width = x.channels
        let middle = weights["mid_block"]
        if configuration.middle != .absent { x = try pass.residual(x, middle["resnets"]["0"], width) }
        if case .attention(let depth) = configuration.middle {
            x = try pass.transformer(x, middle["attentions"]["0"], depth, heads: headCounts[headCounts.count - 1])
            x = try pass.residual(x, middle["resnets"]["1"], width)
        }
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
                    x = try pass.transformer(
                        x, module["attentions"]["\(attention)"], depth, heads: headCounts[headCounts.count - 1 - level])
                    attention += 1
                }
            }
            if level + 1 < configuration.up.count {
                x = try c.convolution(x, module["upsamplers"]["0"]["conv"], outputs: block.channels, kernel: 3, magnification: 2)
            }
        }
        x = try c.groupNorm(
            x, weights["conv_norm_out"], groups: groups, epsilon: Float(configuration.normEpsilon), activation: .silu)
        return try c.convolution(x, weights["conv_out"], outputs: configuration.outputChannels, kernel: 3, isExact: true)
    }

    /// Time, class and sizes as one vector for each picture, after the function that every layer begins with.
    private func embedded(
        _ c: Computation, _ weights: Module, _ times: [Float], _ conditioning: Conditioning, _ images: Int
    ) throws(IsomerError) -> Tensor {
        func mlp(_ x: Tensor, _ module: Module, residual: Tensor? = nil) throws(IsomerError) -> Tensor {
            let width = configuration.timeWidth
            let hidden = try c.linear(x, module["linear_1"], outputs: width, activation: .silu, isExact: true)
            return try c.linear(hidden, module["linear_2"], outputs: width, residual: residual, isExact: true)
        }
        let sinusoids = configuration.down[0].channels
        var time = try mlp(c.timeEmbedding(times, width: sinusoids), weights["time_embedding"])
        switch configuration.classEmbedding {
        case .none: break
        case .table(let count):
            guard let classes = conditioning.classes, let ids = try? classes.map(exactly) else { throw missing("class numbers") }
            let rows = try c.embedding(ids, images: images, weights["class_embedding"], count: count, width: configuration.timeWidth)
            time = try c.add(time, c.reshape(rows, [images, configuration.timeWidth]))
        case .projection(let width):
            guard let vector = conditioning.classVector, vector.shape == [images, width] else { throw missing("a class vector") }
            time = try mlp(vector, weights["class_embedding"], residual: time)
        case .timestep:
            guard let classes = conditioning.classes else { throw missing("class numbers") }
            time = try mlp(c.timeEmbedding(classes, width: sinusoids), weights["class_embedding"], residual: time)
        }
        if let width = configuration.additionWidth {
            guard let (text, sizes) = conditioning.addition, let each = configuration.additionTimeWidth, sizes.count % images == 0,
                text.channels + sizes.count / images * each == width
            else { throw missing("a pooled text and sizes that together make \(width) numbers") }
            let angles = try c.reshape(c.timeEmbedding(sizes, width: each), [images, sizes.count / images * each])
            time = try mlp(c.concatenate(text, angles), weights["add_embedding"], residual: time)
        }
        return try c.activate(time, .silu)
    }

    private func missing(_ what: String) -> IsomerError { IsomerError(.usage, "the UNet wants \(what)") }

    private func exactly(_ value: Float) throws(IsomerError) -> Int {
        guard let id = Int(exactly: value) else { throw missing("whole class numbers") }
        return id
    }
}

/// What all layers of one pass share.
private struct Pass {
    let c: Computation
    /// `[images, timeWidth]`
    let time: Tensor
    let context: Tensor
    let configuration: UNetConfiguration
    let groups: Int

    func residual(_ x: Tensor, _ module: Module, _ outputs: Int) throws(IsomerError) -> Tensor {
        let epsilon = Float(configuration.normEpsilon)
        let bias = try c.linear(time, module["time_emb_proj"], outputs: outputs, isExact: true)
        var h = try c.groupNorm(x, module["norm1"], groups: groups, epsilon: epsilon, activation: .silu)
        h = try c.convolution(h, module["conv1"], outputs: outputs, kernel: 3, imageBias: bias)
        h = try c.groupNorm(h, module["norm2"], groups: groups, epsilon: epsilon, activation: .silu)
        let skip = x.channels == outputs ? x : try c.convolution(x, module["conv_shortcut"], outputs: outputs, kernel: 1)
        return try c.convolution(h, module["conv2"], outputs: outputs, kernel: 3, residual: skip)
    }

    func transformer(_ x: Tensor, _ module: Module, _ depth: Int, heads: Int) throws(IsomerError) -> Tensor {
        let width = x.channels
        let sequence = [x.shape[0], x.shape[1] * x.shape[2], width]
        var h = try c.groupNorm(x, module["norm"], groups: groups, epsilon: 1e-6)
        if configuration.usesLinearProjection {
            h = try c.linear(c.reshape(h, sequence), module["proj_in"], outputs: width)
        } else {
            h = try c.reshape(c.convolution(h, module["proj_in"], outputs: width, kernel: 1), sequence)
        }
        for layer in 0..<depth { h = try block(h, module["transformer_blocks"]["\(layer)"], heads) }
        if configuration.usesLinearProjection {
            return try c.reshape(c.linear(h, module["proj_out"], outputs: width, residual: c.reshape(x, sequence)), x.shape)
        }
        return try c.convolution(c.reshape(h, x.shape), module["proj_out"], outputs: width, kernel: 1, residual: x)
    }

    private func block(_ x: Tensor, _ module: Module, _ heads: Int) throws(IsomerError) -> Tensor {
        let width = x.channels
        let first = try c.layerNorm(x, module["norm1"], epsilon: 1e-5)
        var h = try attention(first, first, module["attn1"], heads, residual: x)
        h = try attention(c.layerNorm(h, module["norm2"], epsilon: 1e-5), context, module["attn2"], heads, residual: h)
        var wide = try c.linear(c.layerNorm(h, module["norm3"], epsilon: 1e-5), module["ff"]["net"]["0"]["proj"], outputs: 8 * width)
        wide = try c.gate(wide, .gelu)
        return try c.linear(wide, module["ff"]["net"]["2"], outputs: width, residual: h)
    }

    private func attention(
        _ x: Tensor, _ context: Tensor, _ module: Module, _ heads: Int, residual: Tensor
    ) throws(IsomerError) -> Tensor {
        let width = x.channels
        guard context.channels == (context === x ? width : configuration.crossAttentionWidth) else {
            throw IsomerError(
                .mismatch, "the text has the wrong width", item: module.name, expected: "\(configuration.crossAttentionWidth)",
                found: "\(context.channels)")
        }
        let query = try c.linear(x, module["to_q"], outputs: width, hasBias: false)
        let key = try c.linear(context, module["to_k"], outputs: width, hasBias: false)
        let value = try c.linear(context, module["to_v"], outputs: width, hasBias: false)
        return try c.linear(
            c.attention(query, key, value, heads: heads), module["to_out"]["0"], outputs: width, residual: residual)
    }
}
