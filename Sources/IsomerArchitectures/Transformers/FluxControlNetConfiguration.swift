public import IsomerBytes

/// A copy of Flux's first blocks that looks at a second picture: Diffusers' `FluxControlNetModel`, XLabs' ControlNet.
///
/// Reference: diffusers 0.42.1, models/controlnets/controlnet_flux.py; XLabs-AI/x-flux, controlnet.py.
public struct FluxControlNetConfiguration: Hashable, Sendable {
    /// The blocks it copies. Its output width is its input width.
    public var trunk: FluxTransformerConfiguration
    /// Kinds of control of a union; `nil` for one kind.
    public var modes: Int?
    /// Channels at each resolution of an embedding of pixels; `nil` if it looks at a latent.
    public var pictureWidths: [Int]?

    /// A configuration with everything that shapes tell.
    public init(trunk: FluxTransformerConfiguration, modes: Int? = nil, pictureWidths: [Int]? = nil) {
        self.trunk = trunk
        self.modes = modes
        self.pictureWidths = pictureWidths
    }
}

extension FluxControlNetConfiguration: NetworkConfiguration {
    public static let classes = [NetworkClass("diffusers", "FluxControlNetModel")]
    public static let title = "Flux ControlNet"
    public static let signature = NetworkSignature(
        present: ["controlnet_x_embedder.weight", "controlnet_blocks.0.weight", "transformer_blocks.0.norm1_context.linear.weight"])

    /// Every tensor of the network, in the order of Diffusers' state dictionary.
    public func manifest() throws(IsomerError) -> Manifest {
        var builder = ManifestBuilder()
        try builder.fluxTrunk(trunk)
        for i in 0..<trunk.doubleBlocks { try builder.linear("controlnet_blocks.\(i)", input: trunk.width, output: trunk.width) }
        for i in 0..<trunk.singleBlocks { try builder.linear("controlnet_single_blocks.\(i)", input: trunk.width, output: trunk.width) }
        if let modes { try builder.embedding("controlnet_mode_embedder", count: modes, width: trunk.width) }
        if let pictureWidths, let last = pictureWidths.last {
            try builder.pictureEmbedding("input_hint_block", channels: 3, widths: pictureWidths, output: last)
        }
        try builder.linear("controlnet_x_embedder", input: trunk.inputWidth, output: trunk.width)
        return builder.manifest
    }

    public init(shapesOf inventory: TensorInventory) throws(IsomerError) {
        let looksAtPixels = inventory.has("input_hint_block.conv_in.weight")
        self.init(
            trunk: try FluxTransformerConfiguration(shapesOf: inventory),
            modes: inventory.extent(of: "controlnet_mode_embedder.weight", axis: 0),
            pictureWidths: looksAtPixels ? try inventory.pictureEmbeddingWidths("input_hint_block") : nil)
    }

    /// Reads Diffusers' `config.json` of a `FluxControlNetModel`.
    public init(json: JSONCursor) throws(IsomerError) {
        let width = try json.optionalExtent("conditioning_embedding_channels")
        var object = try json.object()
        // Where it looks at pixels, four of their features make a token; a latent comes as tokens.
        if width != nil, object["patch_size"] == 2 { object["patch_size"] = nil }
        self.init(
            trunk: try FluxTransformerConfiguration(json: JSONCursor(.object(object), path: json.path)),
            modes: try json.optionalExtent("num_mode"),
            pictureWidths: width.map { Array(repeating: $0, count: 4) })
        trunk.outputWidth = trunk.inputWidth
    }

    public var structure: FluxControlNetConfiguration {
        FluxControlNetConfiguration(trunk: trunk.structure, modes: modes, pictureWidths: pictureWidths)
    }

    public var undecided: [String] { trunk.undecided }

    public func completed(by other: FluxControlNetConfiguration) -> FluxControlNetConfiguration {
        var result = self
        result.trunk = trunk.completed(by: other.trunk)
        return result
    }

    public func completed(asRelativeOf other: FluxControlNetConfiguration) -> FluxControlNetConfiguration? {
        trunk.headWidth == other.trunk.headWidth ? completed(by: other) : nil
    }

    public var summary: String {
        "\(trunk.summary)" + (modes.map { "; \($0) kinds of control" } ?? "") + (pictureWidths == nil ? "" : "; looks at pixels")
    }

    public var tiny: FluxControlNetConfiguration {
        var small = self
        small.trunk = trunk.tiny
        return small
    }

    /// Every key that Diffusers itself writes for this class.
    public func json() throws(IsomerError) -> JSONObject {
        var object = try trunk.json()
        // Diffusers has one number for all resolutions of the picture's embedding.
        guard pictureWidths.map({ Set($0).count == 1 && $0.count == 4 }) ?? true else {
            throw IsomerError(.unsupported, "a ControlNet whose picture's embedding is not equally wide has no Diffusers configuration")
        }
        object["_class_name"] = .string(Self.classes[0].name)
        object["out_channels"] = nil
        if pictureWidths != nil { object["patch_size"] = 2 }
        object["num_mode"] = JSONValue(modes)
        object["conditioning_embedding_channels"] = JSONValue(pictureWidths?.first)
        return object
    }
}
