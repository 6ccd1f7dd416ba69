/// The transformer of Flux.1: blocks in which picture and text have weights of their own, then blocks in which they share them. Diffusers'
/// `FluxTransformer2DModel`, Black Forest Labs' `Flux`.
///
/// Reference: diffusers 0.42.1, models/transformers/transformer_flux.py; black-forest-labs/flux, model.py.
public struct FluxTransformerConfiguration: Hashable, Sendable {
    /// Numbers in an input token: four latent pixels, and what stands beside them (mask, hint).
    public var inputWidth: Int
    /// Numbers in an output token.
    public var outputWidth: Int
    /// Width of the stream.
    public var width: Int
    /// Width of an attention head.
    public var headWidth: Int
    /// Blocks with weights for each stream.
    public var doubleBlocks: Int
    /// Blocks with shared weights.
    public var singleBlocks: Int
    /// Width of the text tokens.
    public var contextWidth: Int
    /// Width of the pooled text.
    public var pooledWidth: Int
    /// Whether guidance is an input.
    public var hasGuidance: Bool

    // What shapes do not tell.

    /// How many of a head's numbers turn with each of the three coordinates.
    public var rotaryWidths: [Int]?

    /// A configuration with everything that shapes tell.
    public init(
        inputWidth: Int, outputWidth: Int, width: Int, headWidth: Int, doubleBlocks: Int, singleBlocks: Int, contextWidth: Int,
        pooledWidth: Int, hasGuidance: Bool
    ) {
        self.inputWidth = inputWidth
        self.outputWidth = outputWidth
        self.width = width
        self.headWidth = headWidth
        self.doubleBlocks = doubleBlocks
        self.singleBlocks = singleBlocks
        self.contextWidth = contextWidth
        self.pooledWidth = pooledWidth
        self.hasGuidance = hasGuidance
    }

    public var structure: FluxTransformerConfiguration {
        var told = self
        told.rotaryWidths = nil
        return told
    }
}
