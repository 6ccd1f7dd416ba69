/// The transformer of Stable Diffusion 3 and 3.5, in which picture and text attend to each other: Diffusers' `SD3Transformer2DModel`, the
/// original's `MMDiT` and `MMDiTX`.
///
/// What shapes do not tell is `nil` until something else says it.
/// Reference: diffusers 0.42.1, models/transformers/transformer_sd3.py; Stability-AI/sd3.5, mmditx.py.
public struct SD3TransformerConfiguration: Hashable, Sendable {
    /// Latent channels that enter.
    public var inputChannels: Int
    /// Latent channels that leave.
    public var outputChannels: Int
    /// Side of the square of latent pixels that becomes one token.
    public var patchSize: Int
    /// Width of the stream.
    public var width: Int
    /// Joint blocks. In the last one the text is only looked at.
    public var layers: Int
    /// Blocks in which the picture attends once more to itself alone, in order.
    public var dualAttentionLayers: [Int]
    /// Width of the text tokens.
    public var contextWidth: Int
    /// Width of the pooled text.
    public var pooledWidth: Int
    /// Side of the square of positions.
    public var positionsSide: Int
    /// Width of a head where queries and keys are normalised, which makes shapes tell it; `nil` where they are not.
    public var normalizedHeadWidth: Int?

    // What shapes do not tell.

    /// Width of an attention head.
    public var headWidth: Int?
    /// Width and height of the latent the model was trained for.
    public var sampleSize: Int?

    /// A configuration with everything that shapes tell.
    public init(
        inputChannels: Int, outputChannels: Int, patchSize: Int, width: Int, layers: Int, dualAttentionLayers: [Int] = [],
        contextWidth: Int,
        pooledWidth: Int, positionsSide: Int, normalizedHeadWidth: Int?
    ) {
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
        self.patchSize = patchSize
        self.width = width
        self.layers = layers
        self.dualAttentionLayers = dualAttentionLayers
        self.contextWidth = contextWidth
        self.pooledWidth = pooledWidth
        self.positionsSide = positionsSide
        self.normalizedHeadWidth = normalizedHeadWidth
        headWidth = normalizedHeadWidth
    }

    public var structure: SD3TransformerConfiguration {
        SD3TransformerConfiguration(
            inputChannels: inputChannels, outputChannels: outputChannels, patchSize: patchSize, width: width, layers: layers,
            dualAttentionLayers: dualAttentionLayers, contextWidth: contextWidth, pooledWidth: pooledWidth, positionsSide: positionsSide,
            normalizedHeadWidth: normalizedHeadWidth)
    }
}
