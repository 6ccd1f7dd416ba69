public import IsomerBytes

extension AutoencoderKLConfiguration: NetworkConfiguration {
    public static let classes = [NetworkClass("diffusers", "AutoencoderKL")]
    public static let title = "VAE"
    public static let signature = NetworkSignature(
        present: ["decoder.up_blocks.0.resnets.0.conv1.weight", "encoder.conv_in.weight", "encoder.down_blocks.0.resnets.0.conv1.weight"])

    /// Reads Diffusers' `config.json` of an `AutoencoderKL`.
    public init(json: JSONCursor) throws(IsomerError) {
        try json.requireUsual("act_fn", "silu", "swish")
        let channels = try json.optional("block_out_channels")?.extents() ?? [64]
        for (key, type) in [("down_block_types", "DownEncoderBlock2D"), ("up_block_types", "UpDecoderBlock2D")] {
            _ = try json.optional(key)?.perLevel(channels.count) { cursor throws(IsomerError) in
                guard try cursor.string() == type else {
                    throw IsomerError(
                        .unsupported, "the configuration asks for a block that is not known", path: json.path, item: cursor.keyPath,
                        expected: type, found: try cursor.string())
                }
            }
        }
        let layers = try json.extent("layers_per_block", default: 1)
        guard layers <= 64 else { throw json.failure("layers_per_block is out of range", expected: "at most 64", found: "\(layers)") }
        self.init(
            inputChannels: try json.extent("in_channels", default: 3), outputChannels: try json.extent("out_channels", default: 3),
            channels: channels, layers: layers, latentChannels: try json.extent("latent_channels", default: 4),
            hasQuantConvolution: try json.optional("use_quant_conv")?.bool() ?? true,
            hasPostQuantConvolution: try json.optional("use_post_quant_conv")?.bool() ?? true,
            hasMiddleAttention: try json.optional("mid_block_add_attention")?.bool() ?? true)
        scalingFactor = try json.optional("scaling_factor")?.double() ?? Self.usualScalingFactor
        shiftFactor = try json.optional("shift_factor")?.double()
        latentsMean = try AutoencoderKLConfiguration.perChannel(json, "latents_mean", latentChannels)
        latentsDeviation = try AutoencoderKLConfiguration.perChannel(json, "latents_std", latentChannels)
        sampleSize = try json.optionalExtent("sample_size")
        forcesUpcast = try json.optional("force_upcast")?.bool() ?? true
        normGroups = try json.extent("norm_num_groups", default: 32)
    }

    private static func perChannel(_ json: JSONCursor, _ key: String, _ count: Int) throws(IsomerError) -> [Double]? {
        guard let list = try json.optional(key) else { return nil }
        var numbers: [Double] = []
        for element in try list.elements() { numbers.append(try element.double()) }
        guard numbers.count == count else {
            throw list.failure("the list has the wrong length", expected: "\(count)", found: "\(numbers.count)")
        }
        return numbers
    }

    public var undecided: [String] {
        (scalingFactor == nil ? ["scaling_factor"] : []) + (normGroups == nil ? ["norm_num_groups"] : [])
    }

    public func completed(by other: AutoencoderKLConfiguration) -> AutoencoderKLConfiguration {
        var result = self
        if scalingFactor == nil {
            result.scalingFactor = other.scalingFactor
            result.shiftFactor = other.shiftFactor
            result.latentsMean = latentsMean ?? other.latentsMean
            result.latentsDeviation = latentsDeviation ?? other.latentsDeviation
        }
        result.sampleSize = sampleSize ?? other.sampleSize
        result.forcesUpcast = forcesUpcast ?? other.forcesUpcast
        result.normGroups = normGroups ?? other.normGroups
        return result
    }

    public func completed(asRelativeOf other: AutoencoderKLConfiguration) -> AutoencoderKLConfiguration? {
        guard latentChannels == other.latentChannels, Set(channels).isSubset(of: other.channels) else { return nil }
        return completed(by: other)
    }

    public func completed(inTheMannerOf other: AutoencoderKLConfiguration) -> AutoencoderKLConfiguration {
        var known = other
        // The scale is that of other latents.
        if latentChannels != other.latentChannels {
            (known.scalingFactor, known.shiftFactor, known.latentsMean, known.latentsDeviation) = (nil, nil, nil, nil)
        }
        if let groups = other.normGroups, !channels.allSatisfy({ $0.isMultiple(of: groups) }) { known.normGroups = nil }
        return completed(by: known)
    }

    public var summary: String {
        let quantization = hasQuantConvolution || hasPostQuantConvolution ? "" : ", no 1×1 convolutions around it"
        return "\(latentChannels) latent channels\(quantization); \(channels.map(String.init).joined(separator: "·")) wide"
    }

    public var tiny: AutoencoderKLConfiguration {
        var small = self
        small.channels = channels.map { $0 / 8 }
        small.normGroups = 8
        small.sampleSize = 64
        return small
    }

    /// Every key that Diffusers itself writes for this class.
    public func json() throws(IsomerError) -> JSONObject {
        if let error = undecidedError() { throw error }
        return [
            "_class_name": "AutoencoderKL",
            "_diffusers_version": .string(NetworkClass.diffusersVersion),
            "act_fn": "silu",
            "block_out_channels": JSONValue(channels),
            "down_block_types": .array(channels.map { _ in "DownEncoderBlock2D" }),
            "force_upcast": .bool(forcesUpcast ?? true),
            "in_channels": JSONValue(inputChannels),
            "latent_channels": JSONValue(latentChannels),
            "latents_mean": latentsMean.map { .array($0.map { JSONValue($0) }) } ?? .null,
            "latents_std": latentsDeviation.map { .array($0.map { JSONValue($0) }) } ?? .null,
            "layers_per_block": JSONValue(layers),
            "mid_block_add_attention": .bool(hasMiddleAttention),
            "norm_num_groups": JSONValue(normGroups),
            "out_channels": JSONValue(outputChannels),
            "sample_size": JSONValue(sampleSize ?? 32),
            "scaling_factor": JSONValue(scalingFactor),
            "shift_factor": JSONValue(shiftFactor),
            "up_block_types": .array(channels.map { _ in "UpDecoderBlock2D" }),
            "use_post_quant_conv": .bool(hasPostQuantConvolution),
            "use_quant_conv": .bool(hasQuantConvolution),
        ]
    }
}
