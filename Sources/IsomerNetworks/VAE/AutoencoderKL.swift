public import IsomerArchitectures
public import IsomerBytes
public import IsomerCompute

/// The autoencoder between pictures and latents.
///
/// Reference: diffusers 0.42.1, models/autoencoders/autoencoder_kl.py, vae.py, models/unets/unet_2d_blocks.py.
public struct AutoencoderKL {
    /// What the network is like.
    public let configuration: AutoencoderKLConfiguration
    private let groups: Int
    /// Of every norm.
    private static let epsilon: Float = 1e-6

    /// Throws `undecided` if the configuration leaves open what shapes do not tell.
    public init(_ configuration: AutoencoderKLConfiguration) throws(IsomerError) {
        guard let groups = configuration.normGroups else {
            throw .undecided("the number of norm groups", of: AutoencoderKLConfiguration.title)
        }
        guard !configuration.channels.isEmpty else { throw IsomerError(.malformed, "an autoencoder needs at least one resolution") }
        self.configuration = configuration
        self.groups = groups
    }

    /// Pixels along a side for each latent pixel.
    public var magnification: Int { 1 << (configuration.channels.count - 1) }

    /// Pictures `[images, height, width, inputChannels]`, from -1 to 1, to means and logarithms of variances,
    /// `[images, height / magnification, width / magnification, 2 · latentChannels]`. The scaling factor is not applied.
    public func encode(_ c: Computation, _ weights: Module, _ pictures: Tensor) throws(IsomerError) -> Tensor {
        try require(pictures, channels: configuration.inputChannels)
        let encoder = weights["encoder"]
        var x = try c.convolution(pictures, encoder["conv_in"], outputs: configuration.channels[0], kernel: 3, isExact: true)
        for (level, width) in configuration.channels.enumerated() {
            let module = encoder["down_blocks"]["\(level)"]
            for layer in 0..<configuration.layers { x = try residual(c, x, module["resnets"]["\(layer)"], width) }
            if level + 1 < configuration.channels.count {
                x = try c.convolution(
                    x, module["downsamplers"]["0"]["conv"], outputs: width, kernel: 3, stride: 2, padding: .trailing)
            }
        }
        x = try middle(c, x, encoder["mid_block"])
        x = try c.groupNorm(x, encoder["conv_norm_out"], groups: groups, epsilon: Self.epsilon, activation: .silu)
        x = try c.convolution(x, encoder["conv_out"], outputs: 2 * configuration.latentChannels, kernel: 3, isExact: true)
        guard configuration.hasQuantConvolution else { return x }
        return try c.convolution(x, weights["quant_conv"], outputs: 2 * configuration.latentChannels, kernel: 1, isExact: true)
    }

    /// Latents `[images, height, width, latentChannels]`, scaling factor taken out, to pictures `magnification` times as wide and high.
    public func decode(_ c: Computation, _ weights: Module, _ latents: Tensor) throws(IsomerError) -> Tensor {
        try require(latents, channels: configuration.latentChannels)
        let decoder = weights["decoder"]
        var x = latents
        if configuration.hasPostQuantConvolution {
            x = try c.convolution(x, weights["post_quant_conv"], outputs: configuration.latentChannels, kernel: 1, isExact: true)
        }
        let deepest = configuration.channels[configuration.channels.count - 1]
        x = try c.convolution(x, decoder["conv_in"], outputs: deepest, kernel: 3, isExact: true)
        x = try middle(c, x, decoder["mid_block"])
        for (level, width) in configuration.channels.reversed().enumerated() {
            let module = decoder["up_blocks"]["\(level)"]
            for layer in 0...configuration.layers { x = try residual(c, x, module["resnets"]["\(layer)"], width) }
            if level + 1 < configuration.channels.count {
                x = try c.convolution(x, module["upsamplers"]["0"]["conv"], outputs: width, kernel: 3, magnification: 2)
            }
        }
        x = try c.groupNorm(x, decoder["conv_norm_out"], groups: groups, epsilon: Self.epsilon, activation: .silu)
        return try c.convolution(x, decoder["conv_out"], outputs: configuration.outputChannels, kernel: 3, isExact: true)
    }

    private func require(_ x: Tensor, channels: Int) throws(IsomerError) {
        guard x.shape.count == 4, x.channels == channels else {
            throw IsomerError(
                .mismatch, "the VAE's input does not fit", expected: "[images, height, width, \(channels)]", found: "\(x.shape)")
        }
    }

    private func residual(_ c: Computation, _ x: Tensor, _ module: Module, _ outputs: Int) throws(IsomerError) -> Tensor {
        var h = try c.groupNorm(x, module["norm1"], groups: groups, epsilon: Self.epsilon, activation: .silu)
        h = try c.convolution(h, module["conv1"], outputs: outputs, kernel: 3)
        h = try c.groupNorm(h, module["norm2"], groups: groups, epsilon: Self.epsilon, activation: .silu)
        let skip = x.channels == outputs ? x : try c.convolution(x, module["conv_shortcut"], outputs: outputs, kernel: 1)
        return try c.convolution(h, module["conv2"], outputs: outputs, kernel: 3, residual: skip)
    }

    private func middle(_ c: Computation, _ x: Tensor, _ module: Module) throws(IsomerError) -> Tensor {
        let width = x.channels
        var h = try residual(c, x, module["resnets"]["0"], width)
        if configuration.hasMiddleAttention { h = try attention(c, h, module["attentions"]["0"]) }
        h = try residual(c, h, module["resnets"]["1"], width)
        return h
    }

    /// One head as wide as the picture has channels.
    private func attention(_ c: Computation, _ x: Tensor, _ module: Module) throws(IsomerError) -> Tensor {
        let width = x.channels
        let sequence = [x.shape[0], x.shape[1] * x.shape[2], width]
        let h = try c.reshape(c.groupNorm(x, module["group_norm"], groups: groups, epsilon: Self.epsilon), sequence)
        let query = try c.linear(h, module["to_q"], outputs: width)
        let key = try c.linear(h, module["to_k"], outputs: width)
        let value = try c.linear(h, module["to_v"], outputs: width)
        try c.observeScores(query, key, heads: 1, module)
        let seen = try c.attention(query, key, value, heads: 1)
        return try c.reshape(c.linear(seen, module["to_out"]["0"], outputs: width, residual: c.reshape(x, sequence)), x.shape)
    }
}
