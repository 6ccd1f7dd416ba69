/// A convolutional autoencoder between pictures and latents: Diffusers' `AutoencoderKL`, LDM's `AutoencoderKL`.
///
/// What shapes do not tell is `nil` until something else says it.
/// Reference: diffusers 0.42.1, models/autoencoders/autoencoder_kl.py and vae.py.
public struct AutoencoderKLConfiguration: Hashable, Sendable {
    /// Channels of the picture that enters.
    public var inputChannels: Int
    /// Channels of the picture that leaves.
    public var outputChannels: Int
    /// Channels at each resolution, from the highest to the lowest.
    public var channels: [Int]
    /// Residual layers at each resolution of the encoder; the decoder has one more.
    public var layers: Int
    /// Channels of the latent.
    public var latentChannels: Int
    /// Whether a 1×1 convolution follows the encoder.
    public var hasQuantConvolution: Bool
    /// Whether a 1×1 convolution precedes the decoder.
    public var hasPostQuantConvolution: Bool
    /// Whether the blocks at the lowest resolution attend.
    public var hasMiddleAttention: Bool

    // What shapes do not tell.

    /// The latent is multiplied by this on its way to the denoiser.
    public var scalingFactor: Double?
    /// What Diffusers takes for it where `config.json` is silent: Stable Diffusion 1's.
    public static let usualScalingFactor = 0.18215
    /// The latent is shifted by this before that.
    public var shiftFactor: Double?
    /// Mean and standard deviation of each latent channel, by which some models normalise instead of by one factor.
    public var latentsMean: [Double]?
    public var latentsDeviation: [Double]?
    /// Width and height of the pictures it was trained on.
    public var sampleSize: Int?
    /// Whether it must run in f32 because f16 overflows.
    public var forcesUpcast: Bool?
    /// Groups of each group norm.
    public var normGroups: Int?

    /// A configuration with everything that shapes tell; the rest is `nil` or usual.
    public init(
        inputChannels: Int, outputChannels: Int, channels: [Int], layers: Int, latentChannels: Int,
        hasQuantConvolution: Bool = true, hasPostQuantConvolution: Bool = true, hasMiddleAttention: Bool = true
    ) {
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
        self.channels = channels
        self.layers = layers
        self.latentChannels = latentChannels
        self.hasQuantConvolution = hasQuantConvolution
        self.hasPostQuantConvolution = hasPostQuantConvolution
        self.hasMiddleAttention = hasMiddleAttention
    }

    /// This configuration with everything set back that shapes do not tell: equal for two networks with equal tensors.
    public var structure: AutoencoderKLConfiguration {
        AutoencoderKLConfiguration(
            inputChannels: inputChannels, outputChannels: outputChannels, channels: channels, layers: layers,
            latentChannels: latentChannels, hasQuantConvolution: hasQuantConvolution,
            hasPostQuantConvolution: hasPostQuantConvolution, hasMiddleAttention: hasMiddleAttention)
    }
}
