public import IsomerBytes

extension ControlNetConfiguration: NetworkConfiguration {
    public static let classes = [
        NetworkClass("diffusers", "ControlNetModel"), NetworkClass("diffusers", "ControlNetUnionModel"),
    ]
    public static let title = "ControlNet"
    public static let signature = NetworkSignature(
        present: ["controlnet_cond_embedding.conv_in.weight", "controlnet_down_blocks.0.weight", "conv_in.weight"])

    public var classIdentity: NetworkClass { Self.classes[union == nil ? 0 : 1] }

    /// Reads Diffusers' `config.json` of a `ControlNetModel` or `ControlNetUnionModel`.
    public init(json: JSONCursor) throws(IsomerError) {
        let isUnion = try json.optional("_class_name")?.string() == Self.classes[1].name
        var encoder = try UNetConfiguration(wayDown: json)
        encoder.sampleSize = nil
        let standard = isUnion ? [48, 96, 192, 384] : [16, 32, 96, 256]
        var union: Union?
        if isUnion {
            let types = try json.extent("num_control_type", default: 6)
            let layers = try json.extent("num_trans_layer", default: 1)
            let (addition, overflow) = types.multipliedReportingOverflow(by: encoder.additionTimeWidth ?? 256)
            guard layers <= 1_000, !overflow, addition <= JSONCursor.greatestExtent else {
                throw json.failure("num_trans_layer or num_control_type is out of range")
            }
            union = Union(
                controlTypes: types, width: try json.extent("num_trans_channel", default: 320), layers: layers,
                projectionWidth: try json.extent("num_proj_channel", default: 320), additionWidth: addition)
            union?.headCount = try json.extent("num_trans_head", default: 8)
        }
        self.init(
            encoder: encoder, conditioningChannels: try json.extent("conditioning_channels", default: 3),
            conditioningWidths: try json.optional("conditioning_embedding_out_channels")?.extents() ?? standard, union: union)
        channelOrder = try json.optional("controlnet_conditioning_channel_order")?.string()
        poolsGlobally = try json.optional("global_pool_conditions")?.bool()
    }

    public var undecided: [String] {
        encoder.undecided + (union != nil && union?.headCount == nil ? ["num_trans_head"] : [])
    }

    public func completed(by other: ControlNetConfiguration) -> ControlNetConfiguration {
        var result = self
        result.encoder = encoder.completed(by: other.encoder)
        result.channelOrder = channelOrder ?? other.channelOrder
        result.poolsGlobally = poolsGlobally ?? other.poolsGlobally
        if result.union?.headCount == nil { result.union?.headCount = other.union?.headCount }
        return result
    }

    public func completed(asRelativeOf other: ControlNetConfiguration) -> ControlNetConfiguration? {
        guard let encoder = encoder.completed(asRelativeOf: other.encoder) else { return nil }
        var result = completed(by: other)
        result.encoder = encoder
        return result
    }

    public func completed(inTheMannerOf other: ControlNetConfiguration) -> ControlNetConfiguration {
        var known = other
        if let union, let heads = other.union?.headCount, !union.width.isMultiple(of: heads) { known.union?.headCount = nil }
        var result = completed(by: known)
        result.encoder = encoder.completed(inTheMannerOf: other.encoder)
        return result
    }

    public var summary: String {
        let widths = encoder.down.map { String($0.channels) }.joined(separator: "·")
        return "\(widths) wide; text width \(encoder.crossAttentionWidth)" + (union.map { "; \($0.controlTypes) kinds of control" } ?? "")
    }

    public var tiny: ControlNetConfiguration {
        var small = self
        small.encoder = encoder.tiny
        small.encoder.sampleSize = nil
        small.conditioningWidths = conditioningWidths.map { max(4, $0 / 8) }
        if let union {
            small.union = Union(
                controlTypes: union.controlTypes, width: union.width / 10, layers: union.layers,
                projectionWidth: union.projectionWidth / 10,
                additionWidth: union.additionWidth / 16)
            small.union?.headCount = 2
        }
        return small
    }

    /// Every key that Diffusers itself writes for this class.
    public func json() throws(IsomerError) -> JSONObject {
        if let error = undecidedError() { throw error }
        var complete = encoder
        // A UNet's configuration must have a way up; a ControlNet's does not mention it.
        complete.up = encoder.down.reversed().map {
            UNetConfiguration.Block(channels: $0.channels, depths: $0.depths + $0.depths.prefix(1))
        }
        let written = try complete.json()
        var object: JSONObject = [:]
        let shared = [
            "act_fn", "addition_embed_type", "addition_embed_type_num_heads", "addition_time_embed_dim", "attention_head_dim",
            "block_out_channels", "class_embed_type", "cross_attention_dim", "down_block_types", "downsample_padding", "encoder_hid_dim",
            "encoder_hid_dim_type", "flip_sin_to_cos", "freq_shift", "in_channels", "layers_per_block", "mid_block_scale_factor",
            "norm_eps",
            "norm_num_groups", "num_attention_heads", "num_class_embeds", "only_cross_attention", "projection_class_embeddings_input_dim",
            "resnet_time_scale_shift", "transformer_layers_per_block", "upcast_attention", "use_linear_projection",
        ]
        object["_class_name"] = .string(classIdentity.name)
        object["_diffusers_version"] = .string(NetworkClass.diffusersVersion)
        for key in shared { object[key] = written[key] }
        object["conditioning_channels"] = JSONValue(conditioningChannels)
        object["conditioning_embedding_out_channels"] = JSONValue(conditioningWidths)
        object["controlnet_conditioning_channel_order"] = .string(channelOrder ?? "rgb")
        object["global_pool_conditions"] = .bool(poolsGlobally ?? false)
        if let union {
            object["num_control_type"] = JSONValue(union.controlTypes)
            object["num_proj_channel"] = JSONValue(union.projectionWidth)
            object["num_trans_channel"] = JSONValue(union.width)
            object["num_trans_head"] = JSONValue(union.headCount)
            object["num_trans_layer"] = JSONValue(union.layers)
        } else {
            object["mid_block_type"] = written["mid_block_type"]
        }
        return object
    }
}

extension UNetConfiguration {
    /// Reads the configuration of a network that is a UNet's way down and middle.
    init(wayDown json: JSONCursor) throws(IsomerError) {
        var object = try json.object()
        let count = try json.required("block_out_channels").extents().count
        let types =
            try json.optional("down_block_types")?.perLevel(count) { cursor throws(IsomerError) -> String in try cursor.string() }
            ?? (0..<count).map { $0 + 1 < count ? "CrossAttnDownBlock2D" : "DownBlock2D" }
        object["up_block_types"] = .array(types.reversed().map { $0 == "DownBlock2D" ? "UpBlock2D" : "CrossAttnUpBlock2D" })
        self = try UNetConfiguration(json: JSONCursor(.object(object), path: json.path))
        up = []
        // A ControlNet gives back what the UNet's layers take.
        outputChannels = 4
    }
}
