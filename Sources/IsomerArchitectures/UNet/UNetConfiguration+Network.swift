public import IsomerBytes

extension UNetConfiguration: NetworkConfiguration {
    public static let classes = [NetworkClass("diffusers", "UNet2DConditionModel")]
    public static let title = "UNet"
    public static let signature = NetworkSignature(
        present: ["down_blocks.0.resnets.0.conv1.weight", "conv_in.weight", "time_embedding.linear_1.weight", "conv_out.weight"],
        absent: ["controlnet_cond_embedding.conv_in.weight"])

    public var undecided: [String] {
        var keys: [String] = []
        if headCounts == nil { keys.append("attention_head_dim") }
        if normGroups == nil { keys.append("norm_num_groups") }
        if additionWidth != nil, additionTimeWidth == nil { keys.append("addition_time_embed_dim") }
        return keys
    }

    public func completed(by other: UNetConfiguration) -> UNetConfiguration {
        var result = self
        result.headCounts = headCounts ?? other.headCounts
        result.sampleSize = sampleSize ?? other.sampleSize
        result.additionTimeWidth = additionTimeWidth ?? other.additionTimeWidth
        result.upcastsAttention = upcastsAttention ?? other.upcastsAttention
        // Where the text is as wide as a level, shapes do not tell what it attends to; nor a time step from a vector.
        if down.map(\.channels) == other.down.map(\.channels) {
            result.textOnlyLevels.formUnion(other.textOnlyLevels.filter { !attends(at: $0) || down[$0].channels == crossAttentionWidth })
        }
        if other.classEmbedding == .timestep, structure.classEmbedding == other.structure.classEmbedding {
            result.classEmbedding = .timestep
        }
        result.normGroups = normGroups ?? other.normGroups
        result.normEpsilon = other.normEpsilon
        return result
    }

    public func completed(asRelativeOf other: UNetConfiguration) -> UNetConfiguration? {
        guard let known = other.headCounts, crossAttentionWidth == other.crossAttentionWidth else { return nil }
        let headsByWidth = Dictionary(zip(other.down.map(\.channels), known), uniquingKeysWith: { first, _ in first })
        let heads = down.compactMap { headsByWidth[$0.channels] }
        guard heads.count == down.count else { return nil }
        var result = completed(by: other)
        result.headCounts = headCounts ?? heads
        return result
    }

    public var interface: [Int] { [inputChannels, outputChannels] }

    public func completed(inTheMannerOf other: UNetConfiguration) -> UNetConfiguration {
        var known = other
        known.headCounts = headCounts(inTheMannerOf: other)
        if let groups = other.normGroups, !down.allSatisfy({ $0.channels.isMultiple(of: groups) }) { known.normGroups = nil }
        // Five or six embedded sizes stand before the pooled text.
        if let time = other.additionTimeWidth, let width = additionWidth, width / 5 <= time { known.additionTimeWidth = nil }
        return completed(by: known)
    }

    private func headCounts(inTheMannerOf other: UNetConfiguration) -> [Int]? {
        guard let convention = other.headCounts.flatMap({ HeadConvention(widths: other.down.map(\.channels), heads: $0) }) else {
            return nil
        }
        var heads: [Int] = []
        for (i, block) in down.enumerated() {
            var hasAttention = block.hasAttention
            if i + 1 == down.count, case .attention = middle { hasAttention = true }
            // A level without attention has heads all the same, which nothing looks at.
            guard let count = convention.heads(in: block.channels) ?? (hasAttention ? nil : 1) else { return nil }
            heads.append(count)
        }
        return heads
    }

    public var summary: String {
        let widths = down.map { String($0.channels) }.joined(separator: "·")
        let conditioning =
            additionWidth.map { ", size and pooled text of width \($0)" } ?? (classEmbedding == .none ? "" : ", a class input")
        return "\(inputChannels) latent channels in, \(outputChannels) out; \(widths) wide; text width \(crossAttentionWidth)"
            + conditioning + (guidanceWidth == nil ? "" : ", told the strength of guidance")
    }

    public var tiny: UNetConfiguration {
        var small = self
        // Groups and heads must still divide the refiner's odd widths.
        func narrow(_ channels: Int) -> Int { max(16, channels / 10 / 16 * 16) }
        for index in small.down.indices { small.down[index].channels = narrow(small.down[index].channels) }
        for index in small.up.indices { small.up[index].channels = narrow(small.up[index].channels) }
        small.crossAttentionWidth /= 16
        small.headCounts = small.down.map { max(1, $0.channels / 16) }
        small.normGroups = 8
        small.sampleSize = 8
        small.additionWidth = additionWidth.map { $0 / 16 }
        small.additionTimeWidth = additionTimeWidth.map { $0 / 16 }
        small.guidanceWidth = guidanceWidth.map { $0 / 16 }
        return small
    }

    /// Every key that Diffusers itself writes for this class, so that its loader has nothing to fill in.
    public func json() throws(IsomerError) -> JSONObject {
        if let error = undecidedError() { throw error }
        guard up.map(\.channels) == down.map(\.channels).reversed(), zip(up, down.reversed()).allSatisfy({ $0.layers == $1.layers + 1 })
        else {
            throw IsomerError(.unsupported, "a UNet whose way up does not mirror its way down has no Diffusers configuration")
        }
        var object = plainFields
        writeDepths(&object)
        switch classEmbedding {
        case .none: break
        case .table(let count): object["num_class_embeds"] = JSONValue(count)
        case .projection(let width):
            object["class_embed_type"] = "projection"
            object["projection_class_embeddings_input_dim"] = JSONValue(width)
        case .timestep: object["class_embed_type"] = "timestep"
        }
        return object
    }

    /// What follows from one property each, and what no published UNet has otherwise.
    private var plainFields: JSONObject {
        [
            "_class_name": "UNet2DConditionModel",
            "_diffusers_version": .string(NetworkClass.diffusersVersion),
            "act_fn": "silu",
            "addition_embed_type": additionWidth == nil ? .null : "text_time",
            "addition_embed_type_num_heads": 64,
            "addition_time_embed_dim": JSONValue(additionTimeWidth),
            "attention_head_dim": JSONValue(collapsing: headCounts ?? []),
            "attention_type": "default",
            "block_out_channels": JSONValue(down.map(\.channels)),
            "center_input_sample": false,
            "class_embed_type": .null,
            "class_embeddings_concat": false,
            "conv_in_kernel": 3,
            "conv_out_kernel": 3,
            "cross_attention_dim": JSONValue(crossAttentionWidth),
            "cross_attention_norm": .null,
            "down_block_types": .array(down.map { $0.hasAttention ? "CrossAttnDownBlock2D" : "DownBlock2D" }),
            "downsample_padding": 1,
            "dropout": 0.0,
            "dual_cross_attention": false,
            "encoder_hid_dim": .null,
            "encoder_hid_dim_type": .null,
            "flip_sin_to_cos": true,
            "freq_shift": 0,
            "in_channels": JSONValue(inputChannels),
            "layers_per_block": JSONValue(collapsing: down.map(\.layers)),
            "mid_block_only_cross_attention": .null,
            "mid_block_scale_factor": 1,
            "mid_block_type": middleType,
            "norm_eps": JSONValue(normEpsilon),
            "norm_num_groups": JSONValue(normGroups),
            "num_attention_heads": .null,
            "num_class_embeds": .null,
            "only_cross_attention": onlyCrossAttention,
            "out_channels": JSONValue(outputChannels),
            "projection_class_embeddings_input_dim": JSONValue(additionWidth),
            "resnet_out_scale_factor": 1.0,
            "resnet_skip_time_act": false,
            "resnet_time_scale_shift": "default",
            "reverse_transformer_layers_per_block": .null,
            "sample_size": JSONValue(sampleSize),
            "time_cond_proj_dim": JSONValue(guidanceWidth),
            "time_embedding_act_fn": .null,
            "time_embedding_dim": .null,
            "time_embedding_type": "positional",
            "timestep_post_act": .null,
            "transformer_layers_per_block": 1,
            "up_block_types": .array(up.map { $0.hasAttention ? "CrossAttnUpBlock2D" : "UpBlock2D" }),
            "upcast_attention": .bool(upcastsAttention ?? false),
            "use_linear_projection": .bool(usesLinearProjection),
        ]
    }

    private var onlyCrossAttention: JSONValue {
        textOnlyLevels.isEmpty ? false : .array(down.indices.map { .bool(textOnlyLevels.contains($0)) })
    }

    private var middleType: JSONValue {
        switch middle {
        case .absent: .null
        case .residual: "UNetMidBlock2D"
        case .attention: "UNetMidBlock2DCrossAttn"
        }
    }

    /// The shortest way to say the depths: one number, one for each block, or one for each layer.
    private func writeDepths(_ object: inout JSONObject) {
        let middleDepth: Int? = if case .attention(let depth) = middle { depth } else { nil }
        // A block without attention has no depth; whatever is written for it is not looked at, except that the middle block takes the last.
        let downDepths = down.enumerated().map { i, block in
            block.depths.map { $0 ?? (i + 1 == down.count ? middleDepth ?? 1 : 1) }
        }
        let upDepths = up.map { $0.depths.map { $0 ?? 1 } }
        let isUniform = downDepths.allSatisfy { Set($0).count <= 1 }
        let mirrors = zip(up, downDepths.reversed()).allSatisfy { block, depths in
            block.depths.allSatisfy { $0 == nil || $0 == depths.first }
        }
        if isUniform && mirrors && (middleDepth == nil || downDepths.last?.first == middleDepth) {
            object["transformer_layers_per_block"] = JSONValue(collapsing: downDepths.map { $0.first ?? 1 })
        } else {
            object["transformer_layers_per_block"] = .array(downDepths.map { JSONValue(collapsing: $0) })
            object["reverse_transformer_layers_per_block"] = .array(upDepths.map { JSONValue(collapsing: $0) })
        }
    }
}
