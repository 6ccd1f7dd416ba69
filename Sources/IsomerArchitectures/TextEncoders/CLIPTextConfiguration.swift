/// CLIP's text transformer: transformers' `CLIPTextModel` and `CLIPTextModelWithProjection`, OpenCLIP's text tower.
///
/// What shapes do not tell is `nil` until something else says it.
/// Reference: transformers 5.23, models/clip/modeling_clip.py.
public struct CLIPTextConfiguration: Hashable, Sendable {
    /// The function between the two maps of each feed-forward layer.
    public enum Activation: String, Hashable, Sendable {
        /// x · sigmoid(1.702 x): OpenAI's models.
        case quickGELU = "quick_gelu"
        /// The exact one, by erf: OpenCLIP's models.
        case gelu
    }

    /// Tokens in the vocabulary.
    public var vocabularySize: Int
    /// Tokens in a prompt.
    public var positions: Int
    /// Width of the stream.
    public var width: Int
    /// Width between the two maps of a feed-forward layer.
    public var feedForwardWidth: Int
    /// Transformer layers.
    public var layers: Int
    /// Width of the projected pooled output; `nil` for a model without projection.
    public var projectionWidth: Int?

    // What shapes do not tell.

    /// Attention heads.
    public var headCount: Int?
    /// The feed-forward layers' function.
    public var activation: Activation?
    /// Epsilon of the layer norms.
    public var normEpsilon: Double = 1e-5
    /// The `projection_dim` written for models that have no projection.
    public var declaredProjectionWidth: Int?

    /// A configuration with everything that shapes tell; the rest is `nil` or usual.
    public init(vocabularySize: Int, positions: Int, width: Int, feedForwardWidth: Int, layers: Int, projectionWidth: Int? = nil) {
        self.vocabularySize = vocabularySize
        self.positions = positions
        self.width = width
        self.feedForwardWidth = feedForwardWidth
        self.layers = layers
        self.projectionWidth = projectionWidth
    }

    /// This configuration with everything set back that shapes do not tell: equal for two networks with equal tensors.
    public var structure: CLIPTextConfiguration {
        CLIPTextConfiguration(
            vocabularySize: vocabularySize, positions: positions, width: width, feedForwardWidth: feedForwardWidth, layers: layers,
            projectionWidth: projectionWidth)
    }
}
