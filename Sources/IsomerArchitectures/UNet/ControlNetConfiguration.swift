/// A copy of a UNet's way down that looks at a picture: Diffusers' `ControlNetModel` and `ControlNetUnionModel`, the original's `ControlNet`.
///
/// Reference: diffusers 0.42.1, models/controlnets/controlnet.py, controlnet_union.py; lllyasviel/ControlNet, cldm.py.
public struct ControlNetConfiguration: Hashable, Sendable {
    /// The UNet whose way down and middle it copies; its way up is empty.
    public var encoder: UNetConfiguration
    /// Channels of the picture it looks at.
    public var conditioningChannels: Int
    /// Channels at each of the picture's resolutions until it is as small as the latent.
    public var conditioningWidths: [Int]
    /// What a union of several kinds of control has beside.
    public var union: Union?

    /// The part that tells kinds of control apart and mixes them.
    public struct Union: Hashable, Sendable {
        /// Kinds of control.
        public var controlTypes: Int
        /// Width of the small transformer over the pictures.
        public var width: Int
        /// Its layers.
        public var layers: Int
        /// Width of what it adds to each picture.
        public var projectionWidth: Int
        /// Numbers in the vector that says which kinds are there.
        public var additionWidth: Int
        /// Its attention heads, which shapes do not tell.
        public var headCount: Int?

        /// A union with everything that shapes tell.
        public init(controlTypes: Int, width: Int, layers: Int, projectionWidth: Int, additionWidth: Int) {
            self.controlTypes = controlTypes
            self.width = width
            self.layers = layers
            self.projectionWidth = projectionWidth
            self.additionWidth = additionWidth
        }
    }

    // What shapes do not tell.

    /// `rgb` or `bgr`.
    public var channelOrder: String?
    /// Whether only the mean over the picture counts.
    public var poolsGlobally: Bool?

    /// A configuration with everything that shapes tell.
    public init(encoder: UNetConfiguration, conditioningChannels: Int, conditioningWidths: [Int], union: Union? = nil) {
        self.encoder = encoder
        self.conditioningChannels = conditioningChannels
        self.conditioningWidths = conditioningWidths
        self.union = union
    }

    public var structure: ControlNetConfiguration {
        var told = ControlNetConfiguration(
            encoder: encoder.structure, conditioningChannels: conditioningChannels, conditioningWidths: conditioningWidths, union: union)
        told.union?.headCount = nil
        return told
    }
}
