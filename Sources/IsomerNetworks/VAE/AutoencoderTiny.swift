public import IsomerArchitectures
public import IsomerBytes
public import IsomerCompute

/// TAESD: a small autoencoder for previews and drafts.
///
/// Reference: diffusers 0.42.1, models/autoencoders/autoencoder_tiny.py, vae.py `EncoderTiny`, `DecoderTiny`.
public struct AutoencoderTiny {
    /// What the network is like.
    public let configuration: AutoencoderTinyConfiguration

    /// Throws `malformed` if the configuration contradicts itself.
    public init(_ configuration: AutoencoderTinyConfiguration) throws(IsomerError) {
        guard !configuration.encoderBlocks.isEmpty, !configuration.decoderBlocks.isEmpty else {
            throw IsomerError(.malformed, "an autoencoder needs at least one resolution")
        }
        self.configuration = configuration
    }

    /// Pixels along a side for each latent pixel.
    public var magnification: Int { 1 << (configuration.decoderBlocks.count - 1) }

    /// Pictures `[images, height, width, inputChannels]`, from -1 to 1, to latents. They are those of the imitated autoencoder as its denoiser
    /// takes them, scaling factor included.
    public func encode(_ c: Computation, _ weights: Module, _ pictures: Tensor) throws(IsomerError) -> Tensor {
        try require(pictures, configuration.inputChannels)
        let (layers, width) = (weights["encoder"]["layers"], configuration.width)
        var x = try c.scaled(pictures, by: 0.5, plus: 0.5)
        var layer = 0
        for (level, count) in configuration.encoderBlocks.enumerated() {
            x = try c.convolution(
                x, layers["\(layer)"], outputs: width, kernel: 3, stride: level == 0 ? 1 : 2, hasBias: level == 0, isExact: level == 0)
            layer += 1
            x = try blocks(c, x, layers, from: &layer, count)
        }
        return try c.convolution(x, layers["\(layer)"], outputs: configuration.latentChannels, kernel: 3, isExact: true)
    }

    /// Latents, as `encode` gives them, to pictures from about -1 to 1.
    public func decode(_ c: Computation, _ weights: Module, _ latents: Tensor) throws(IsomerError) -> Tensor {
        try require(latents, configuration.latentChannels)
        let (layers, width) = (weights["decoder"]["layers"], configuration.width)
        // Softly bounded to ±3.
        var x = try c.scaled(c.activate(c.scaled(latents, by: 1 / 3), .tanh), by: 3)
        x = try c.convolution(x, layers["0"], outputs: width, kernel: 3, activation: .relu, isExact: true)
        var layer = 2
        for (level, count) in configuration.decoderBlocks.enumerated() {
            x = try blocks(c, x, layers, from: &layer, count)
            if level + 1 < configuration.decoderBlocks.count {
                // The enlargement has a number of its own.
                layer += 1
                x = try c.convolution(x, layers["\(layer)"], outputs: width, kernel: 3, magnification: 2, hasBias: false)
                layer += 1
            }
        }
        x = try c.convolution(x, layers["\(layer)"], outputs: configuration.outputChannels, kernel: 3, isExact: true)
        return try c.scaled(x, by: 2, plus: -1)
    }

    private func blocks(
        _ c: Computation, _ x: Tensor, _ layers: Module, from layer: inout Int, _ count: Int
    ) throws(IsomerError) -> Tensor {
        var x = x
        for _ in 0..<count {
            let maps = layers["\(layer)"]["conv"]
            var h = try c.convolution(x, maps["0"], outputs: configuration.width, kernel: 3, activation: .relu)
            h = try c.convolution(h, maps["2"], outputs: configuration.width, kernel: 3, activation: .relu)
            x = try c.activate(c.convolution(h, maps["4"], outputs: configuration.width, kernel: 3, residual: x), .relu)
            layer += 1
        }
        return x
    }

    private func require(_ x: Tensor, _ channels: Int) throws(IsomerError) {
        guard x.shape.count == 4, x.channels == channels else {
            throw IsomerError(
                .mismatch, "the tiny VAE's input does not fit", expected: "[images, height, width, \(channels)]", found: "\(x.shape)")
        }
    }
}
