public import IsomerArchitectures
public import IsomerBytes
public import IsomerCompute

/// A T2I-Adapter, for Stable Diffusion 1 or XL.
///
/// Reference: diffusers 0.42.1, models/adapter.py, `FullAdapter`, `FullAdapterXL` and `LightAdapter`.
public struct T2IAdapter {
    /// What the network is like.
    public let configuration: T2IAdapterConfiguration
    private let foldedSide: Int
    private let isForXL: Bool

    /// Throws `undecided` if the configuration leaves open what shapes do not tell.
    public init(_ configuration: T2IAdapterConfiguration) throws(IsomerError) {
        guard let foldedSide = configuration.foldedSide, let isForXL = configuration.isLight ? false : configuration.isForXL else {
            throw .undecided(configuration.undecided.joined(separator: ", "), of: T2IAdapterConfiguration.title)
        }
        guard foldedSide > 0, configuration.foldedChannels % (foldedSide * foldedSide) == 0, !configuration.channels.isEmpty else {
            throw IsomerError(.malformed, "the adapter's pixels do not fold", found: "\(configuration.foldedChannels) channels")
        }
        self.configuration = configuration
        self.foldedSide = foldedSide
        self.isForXL = isForXL
    }

    /// Channels of the picture it looks at.
    public var pictureChannels: Int { configuration.foldedChannels / (foldedSide * foldedSide) }

    /// By how much each side of the picture must be divisible.
    public var sizeUnit: Int { foldedSide }

    /// Features of `picture [images, height, width, pictureChannels]`, from 0 to 1, one for each level (`UNet2DCondition.Conditioning.features`).
    public func callAsFunction(
        _ c: Computation, _ weights: Module, _ picture: Tensor, scale: Float = 1
    ) throws(IsomerError) -> [Tensor] {
        guard picture.shape.count == 4, picture.channels == pictureChannels, picture.shape[1] % foldedSide == 0,
            picture.shape[2] % foldedSide == 0
        else {
            throw IsomerError(
                .mismatch, "the adapter's picture does not fit",
                expected: "\(pictureChannels) channels, both sides divisible by \(foldedSide)", found: "\(picture.shape)")
        }
        let adapter = weights["adapter"]
        let folded = try c.reshape(
            c.patchify(picture, side: foldedSide, order: .channelsFirst),
            [picture.shape[0], picture.shape[1] / foldedSide, picture.shape[2] / foldedSide, configuration.foldedChannels])
        guard !configuration.isLight else { return try light(c, adapter, folded, scale) }
        var width = configuration.channels[0]
        var x = try c.convolution(folded, adapter["conv_in"], outputs: width, kernel: 3)
        var features: [Tensor] = []
        for (level, channels) in configuration.channels.enumerated() {
            let module = adapter["body"]["\(level)"]
            // XL's network has few resolutions: only the third level is smaller.
            if isForXL ? level == 2 : level > 0 { x = try c.averagePool(x) }
            if channels != width { x = try c.convolution(x, module["in_conv"], outputs: channels, kernel: 1) }
            width = channels
            for layer in 0..<configuration.layers {
                let block = module["resnets"]["\(layer)"]
                let h = try c.convolution(x, block["block1"], outputs: channels, kernel: 3, activation: .relu)
                x = try c.convolution(h, block["block2"], outputs: channels, kernel: 1, residual: x)
            }
            features.append(scale == 1 ? x : try c.scaled(x, by: scale))
        }
        return features
    }

    private func light(_ c: Computation, _ adapter: Module, _ folded: Tensor, _ scale: Float) throws(IsomerError) -> [Tensor] {
        var x = folded
        var features: [Tensor] = []
        for (level, channels) in configuration.channels.enumerated() {
            let module = adapter["body"]["\(level)"]
            let inner = try configuration.innerWidth(channels)
            if level > 0 { x = try c.averagePool(x) }
            x = try c.convolution(x, module["in_conv"], outputs: inner, kernel: 1)
            for layer in 0..<configuration.layers {
                let block = module["resnets"]["\(layer)"]
                let h = try c.convolution(x, block["block1"], outputs: inner, kernel: 3, activation: .relu)
                x = try c.convolution(h, block["block2"], outputs: inner, kernel: 3, residual: x)
            }
            x = try c.convolution(x, module["out_conv"], outputs: channels, kernel: 1)
            features.append(scale == 1 ? x : try c.scaled(x, by: scale))
        }
        return features
    }
}
