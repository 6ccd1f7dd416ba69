/// A conditional denoising UNet: Diffusers' `UNet2DConditionModel`, LDM's and SGM's `UNetModel`.
///
/// What the shapes of the weights tell is not optional here. What they cannot tell is, and is `nil` until a known member of the family, a
/// configuration file or the user says it.
/// Reference: diffusers 0.42.1, models/unets/unet_2d_condition.py.
public struct UNetConfiguration: Hashable, Sendable {
    /// One resolution on the way down or up.
    public struct Block: Hashable, Sendable {
        /// Channels that leave the block.
        public var channels: Int
        /// Transformer layers after each residual layer: one number per layer, or `nil` where the layer has no attention.
        public var depths: [Int?]

        /// A block of `depths.count` residual layers.
        public init(channels: Int, depths: [Int?]) {
            self.channels = channels
            self.depths = depths
        }

        /// A block of `layers` equal residual layers.
        public init(channels: Int, layers: Int, depth: Int?) {
            self.init(channels: channels, depths: Array(repeating: depth, count: layers))
        }

        /// Residual layers.
        public var layers: Int { depths.count }

        /// Whether the block has attention at all.
        public var hasAttention: Bool { depths.contains { $0 != nil } }
    }

    /// The block at the lowest resolution.
    public enum Middle: Hashable, Sendable {
        /// There is none.
        case absent
        /// One residual layer and nothing else.
        case residual
        /// A transformer of `depth` layers between two residual layers.
        case attention(depth: Int)
    }

    /// What the class input is, beside the time step (Diffusers' `class_embed_type`).
    public enum ClassEmbedding: Hashable, Sendable {
        /// No class input.
        case none
        /// A class number out of `count`.
        case table(count: Int)
        /// A vector of `width` numbers through two linear maps.
        case projection(width: Int)
        /// Another time step through two linear maps.
        case timestep
    }

    /// Latent channels that enter.
    public var inputChannels: Int
    /// Latent channels that leave.
    public var outputChannels: Int
    /// From the highest resolution to the lowest.
    public var down: [Block]
    /// The lowest resolution.
    public var middle: Middle
    /// From the lowest resolution to the highest.
    public var up: [Block]
    /// Width of the text embedding that attention looks at.
    public var crossAttentionWidth: Int
    /// Whether transformers begin and end with linear maps rather than 1×1 convolutions.
    public var usesLinearProjection: Bool
    /// The class input.
    public var classEmbedding: ClassEmbedding
    /// SDXL's size and pooled-text conditioning: numbers in its vector. `nil` without.
    public var additionWidth: Int?
    /// Numbers that the strength of guidance is embedded into, in latent consistency models, into which guidance was distilled (Diffusers'
    /// `time_cond_proj_dim`). `nil` without.
    public var guidanceWidth: Int?
    /// The levels, from the highest resolution, whose first attention looks at the text too instead of at the picture (Diffusers'
    /// `only_cross_attention`). Shapes tell where the text is not as wide as the level.
    public var textOnlyLevels: Set<Int> = []

    // What shapes do not tell.

    /// Attention heads at each resolution, on the way down.
    public var headCounts: [Int]?
    /// Width and height of the latent the model was trained for.
    public var sampleSize: Int?
    /// Numbers that one of SDXL's six sizes is embedded into.
    public var additionTimeWidth: Int?
    /// Whether attention is computed in f32 even when the weights are f16.
    public var upcastsAttention: Bool?
    /// Groups of each group norm.
    public var normGroups: Int?
    /// Epsilon of each group norm outside the transformers.
    public var normEpsilon: Double = 1e-5

    /// A configuration with everything that shapes tell; the rest is `nil` or usual.
    public init(
        inputChannels: Int, outputChannels: Int, down: [Block], middle: Middle, up: [Block], crossAttentionWidth: Int,
        usesLinearProjection: Bool, classEmbedding: ClassEmbedding = .none, additionWidth: Int? = nil, guidanceWidth: Int? = nil,
        textOnlyLevels: Set<Int> = []
    ) {
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
        self.down = down
        self.middle = middle
        self.up = up
        self.crossAttentionWidth = crossAttentionWidth
        self.usesLinearProjection = usesLinearProjection
        self.classEmbedding = classEmbedding
        self.additionWidth = additionWidth
        self.guidanceWidth = guidanceWidth
        self.textOnlyLevels = textOnlyLevels
    }

    /// Width of the embedded time step.
    public var timeWidth: Int { (down.first?.channels ?? 0) * 4 }

    /// This configuration with everything set back that shapes do not tell: equal for two networks with equal tensors.
    public var structure: UNetConfiguration {
        UNetConfiguration(
            inputChannels: inputChannels, outputChannels: outputChannels, down: down, middle: middle, up: up,
            crossAttentionWidth: crossAttentionWidth, usesLinearProjection: usesLinearProjection,
            // A time step is embedded into as many numbers as the first level is wide.
            classEmbedding: classEmbedding == .timestep ? .projection(width: down.first?.channels ?? 0) : classEmbedding,
            additionWidth: additionWidth, guidanceWidth: guidanceWidth,
            textOnlyLevels: textOnlyLevels.filter { attends(at: $0) && down[$0].channels != crossAttentionWidth })
    }

    /// Whether the level has attention on the way down or up.
    func attends(at level: Int) -> Bool {
        down.indices.contains(level) && (down[level].hasAttention || up.dropLast(level).last?.hasAttention ?? false)
    }
}
