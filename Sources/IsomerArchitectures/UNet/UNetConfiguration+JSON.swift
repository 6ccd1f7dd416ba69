public import IsomerBytes

extension UNetConfiguration {
    /// Reads Diffusers' `config.json` of a `UNet2DConditionModel`.
    public init(json: JSONCursor) throws(IsomerError) {
        try UNetConfiguration.refuseUnknownVariants(json)
        let channels = try json.required("block_out_channels").extents()
        let count = channels.count
        let layers =
            try json.optional("layers_per_block")?.perLevel(count) { cursor throws(IsomerError) -> Int in try cursor.extent() }
            ?? Array(repeating: 2, count: count)
        guard layers.allSatisfy({ $0 <= 64 }) else { throw json.failure("layers_per_block is out of range") }

        let downTypes = try UNetConfiguration.attentionFlags(
            json, "down_block_types", count, with: "CrossAttnDownBlock2D", without: "DownBlock2D",
            default: (0..<count).map { $0 + 1 < count })
        let upTypes = try UNetConfiguration.attentionFlags(
            json, "up_block_types", count, with: "CrossAttnUpBlock2D", without: "UpBlock2D", default: (0..<count).map { $0 > 0 })

        let depths =
            try UNetConfiguration.depths(json, "transformer_layers_per_block", layers) ?? layers.map { Array(repeating: 1, count: $0) }
        let upLayers = layers.reversed().map { $0 + 1 }
        let upDepths: [[Int]]
        if let written = try UNetConfiguration.depths(json, "reverse_transformer_layers_per_block", upLayers) {
            upDepths = written
        } else {
            // Without a list of its own the way up mirrors the way down, which must then say one depth for each block.
            upDepths = zip(depths.reversed(), upLayers).map { Array(repeating: $0.first ?? 1, count: $1) }
        }
        let down = (0..<count).map { i in
            Block(channels: channels[i], depths: depths[i].map { downTypes[i] ? $0 : nil })
        }
        let up = (0..<count).map { i in
            Block(channels: channels[count - 1 - i], depths: upDepths[i].map { upTypes[i] ? $0 : nil })
        }

        let middle: Middle
        switch try UNetConfiguration.middleType(json) {
        case "UNetMidBlock2DCrossAttn": middle = .attention(depth: depths.last?.first ?? 1)
        case "UNetMidBlock2D": middle = .residual
        default: middle = .absent
        }

        self.init(
            inputChannels: try json.extent("in_channels", default: 4), outputChannels: try json.extent("out_channels", default: 4),
            down: down, middle: middle, up: up,
            crossAttentionWidth: try UNetConfiguration.singleWidth(json, count),
            usesLinearProjection: try json.optional("use_linear_projection")?.bool() ?? false,
            classEmbedding: try UNetConfiguration.classEmbedding(json),
            additionWidth: try UNetConfiguration.additionWidth(json), guidanceWidth: try json.optionalExtent("time_cond_proj_dim"),
            textOnlyLevels: try UNetConfiguration.textOnlyLevels(json, count))
        // Diffusers' `attention_head_dim` is the number of heads here, for want of a `num_attention_heads` that nobody writes.
        let key = try json.optional("num_attention_heads") == nil ? "attention_head_dim" : "num_attention_heads"
        headCounts =
            try json.optional(key)?.perLevel(count) { cursor throws(IsomerError) -> Int in try cursor.extent() }
            ?? Array(repeating: 8, count: count)
        sampleSize = try UNetConfiguration.sampleSize(json)
        additionTimeWidth = try json.optionalExtent("addition_time_embed_dim")
        upcastsAttention = try json.optional("upcast_attention")?.bool() ?? false
        normGroups = try json.extent("norm_num_groups", default: 32)
        normEpsilon = try json.optional("norm_eps")?.double() ?? 1e-5
    }

    /// Diffusers has settings for networks of other families in the same class; weights of those have other tensors.
    private static func refuseUnknownVariants(_ json: JSONCursor) throws(IsomerError) {
        try json.requireUsual("act_fn", "silu", "swish")
        try json.requireUsual("dual_cross_attention", false)
        try json.requireUsual("encoder_hid_dim_type")
        try json.requireUsual("encoder_hid_dim")
        try json.requireUsual("resnet_time_scale_shift", "default")
        try json.requireUsual("resnet_skip_time_act", false)
        try json.requireUsual("time_embedding_type", "positional")
        try json.requireUsual("time_embedding_dim")
        try json.requireUsual("time_embedding_act_fn")
        try json.requireUsual("timestep_post_act")
        try json.requireUsual("conv_in_kernel", 3)
        try json.requireUsual("conv_out_kernel", 3)
        try json.requireUsual("attention_type", "default")
        try json.requireUsual("class_embeddings_concat", false)
        try json.requireUsual("cross_attention_norm")
        try json.requireUsual("addition_embed_type", "text_time")
        // These change no tensor, but everything that is computed.
        try json.requireUsual("center_input_sample", false)
        try json.requireUsual("flip_sin_to_cos", true)
        try json.requireUsual("freq_shift", 0)
        try json.requireUsual("downsample_padding", 1)
        try json.requireUsual("mid_block_scale_factor", 1)
    }

    private static func attentionFlags(
        _ json: JSONCursor, _ key: String, _ count: Int, with: String, without: String, default standard: [Bool]
    ) throws(IsomerError) -> [Bool] {
        guard let list = try json.optional(key) else { return standard }
        return try list.perLevel(count) { cursor throws(IsomerError) -> Bool in
            switch try cursor.string() {
            case with: return true
            case without: return false
            case let other:
                throw IsomerError(
                    .unsupported, "the configuration asks for a block that is not known", path: json.path, item: cursor.keyPath,
                    expected: "\(with) or \(without)", found: other)
            }
        }
    }

    private static func middleType(_ json: JSONCursor) throws(IsomerError) -> String? {
        guard let written = try json.object()["mid_block_type"] else { return "UNetMidBlock2DCrossAttn" }
        if written == .null { return nil }
        try json.requireUsual("mid_block_type", "UNetMidBlock2DCrossAttn", "UNetMidBlock2D")
        return try json.required("mid_block_type").string()
    }

    /// A depth for all, for each block, or for each layer of each block.
    private static func depths(_ json: JSONCursor, _ key: String, _ layers: [Int]) throws(IsomerError) -> [[Int]]? {
        guard let list = try json.optional(key) else { return nil }
        var result: [[Int]] = []
        let blocks: [JSONCursor] = try list.perLevel(layers.count) { cursor throws(IsomerError) -> JSONCursor in cursor }
        for (block, count) in zip(blocks, layers) {
            result.append(try block.perLevel(count) { cursor throws(IsomerError) -> Int in try cursor.integer(in: 0...1_000) })
        }
        return result
    }

    private static func singleWidth(_ json: JSONCursor, _ count: Int) throws(IsomerError) -> Int {
        guard let field = try json.optional("cross_attention_dim") else { return 1280 }
        let widths: [Int] = try field.perLevel(count) { cursor throws(IsomerError) -> Int in try cursor.extent() }
        guard let first = widths.first, widths.allSatisfy({ $0 == first }) else {
            throw IsomerError(
                .unsupported, "the configuration gives each block another cross_attention_dim", path: json.path, item: field.keyPath)
        }
        return first
    }

    /// One number, or one for the height and one for the width.
    private static func sampleSize(_ json: JSONCursor) throws(IsomerError) -> Int? {
        guard let field = try json.optional("sample_size") else { return nil }
        let sides: [Int] = try field.perLevel(2) { cursor throws(IsomerError) -> Int in try cursor.extent() }
        guard let first = sides.first, sides.allSatisfy({ $0 == first }) else {
            throw IsomerError(
                .unsupported, "the configuration asks for latents that are not square", path: json.path, item: field.keyPath,
                expected: "one number", found: sides.map(String.init).joined(separator: " by "),
                remedy: "write the larger one there: it only says how large pictures are where nobody does")
        }
        return first
    }

    private static func classEmbedding(_ json: JSONCursor) throws(IsomerError) -> ClassEmbedding {
        try json.requireUsual("class_embed_type", "projection", "timestep")
        switch try json.optional("class_embed_type")?.string() {
        case "projection": return .projection(width: try json.extent("projection_class_embeddings_input_dim"))
        case "timestep": return .timestep
        default: return try json.optionalExtent("num_class_embeds").map { .table(count: $0) } ?? .none
        }
    }

    /// What is said of the middle (`mid_block_only_cross_attention`) goes to a kind of middle block that is refused; the known ones never ask.
    private static func textOnlyLevels(_ json: JSONCursor, _ count: Int) throws(IsomerError) -> Set<Int> {
        guard let written = try json.optional("only_cross_attention") else { return [] }
        let flags = try written.perLevel(count) { cursor throws(IsomerError) -> Bool in try cursor.bool() }
        return Set(flags.indices.filter { flags[$0] })
    }

    private static func additionWidth(_ json: JSONCursor) throws(IsomerError) -> Int? {
        guard try json.optional("addition_embed_type") != nil else { return nil }
        return try json.extent("projection_class_embeddings_input_dim")
    }
}
