public import IsomerBytes

extension UNetConfiguration {
    /// Every tensor of the network, in the order of Diffusers' state dictionary.
    /// Reference: diffusers 0.42.1, unet_2d_condition.py, unet_2d_blocks.py, resnet.py, transformer_2d.py.
    public func manifest() throws(IsomerError) -> Manifest {
        guard let first = down.first, let last = down.last, up.count == down.count else {
            throw IsomerError(.malformed, "a UNet needs as many blocks on the way up as on the way down, and at least one")
        }
        guard up.first?.channels == last.channels else {
            throw IsomerError(.malformed, "the first block on the way up must be as wide as the last on the way down")
        }
        var builder = ManifestBuilder()
        try entrance(&builder)
        var skips = try wayDown(&builder)
        // Diffusers registers the blocks on the way up before the middle one.
        let bottom = last.channels
        var channels = bottom
        for (i, block) in up.enumerated() {
            try builder.scope("up_blocks.\(i)") { builder throws(IsomerError) in
                try transformers(&builder, block, level: up.count - 1 - i)
                for j in 0..<block.layers {
                    guard let skip = skips.popLast() else {
                        throw IsomerError(.malformed, "a UNet has more layers on the way up than the way down left inputs for")
                    }
                    try residual(&builder, "resnets.\(j)", input: channels + skip, output: block.channels)
                    channels = block.channels
                }
                guard i + 1 < up.count else { return }
                try builder.convolution("upsamplers.0.conv", input: channels, output: channels, kernel: 3)
            }
        }
        try middleBlock(&builder)
        try builder.norm("conv_norm_out", first.channels)
        try builder.convolution("conv_out", input: first.channels, output: outputChannels, kernel: 3)
        return builder.manifest
    }

    /// What comes before the first block.
    func entrance(_ builder: inout ManifestBuilder) throws(IsomerError) {
        let width = down.first?.channels ?? 0
        try builder.convolution("conv_in", input: inputChannels, output: width, kernel: 3)
        try embeddings(&builder, width: width)
    }

    /// The blocks on the way down, and the channels of each of their outputs, from the first convolution's on.
    func wayDown(_ builder: inout ManifestBuilder) throws(IsomerError) -> [Int] {
        var channels = down.first?.channels ?? 0
        var skips = [channels]
        for (i, block) in down.enumerated() {
            try builder.scope("down_blocks.\(i)") { builder throws(IsomerError) in
                try transformers(&builder, block, level: i)
                for j in 0..<block.layers {
                    try residual(&builder, "resnets.\(j)", input: channels, output: block.channels)
                    channels = block.channels
                    skips.append(channels)
                }
                guard i + 1 < down.count else { return }
                try builder.convolution("downsamplers.0.conv", input: channels, output: channels, kernel: 3)
                skips.append(channels)
            }
        }
        return skips
    }

    /// The block at the lowest resolution.
    func middleBlock(_ builder: inout ManifestBuilder) throws(IsomerError) {
        let width = down.last?.channels ?? 0
        try builder.scope("mid_block") { builder throws(IsomerError) in
            if case .attention(let depth) = middle { try transformer(&builder, "attentions.0", width, depth, firstContext: width) }
            if middle != .absent { try residual(&builder, "resnets.0", input: width, output: width) }
            if case .attention = middle { try residual(&builder, "resnets.1", input: width, output: width) }
        }
    }

    /// The block's attentions, numbered among themselves where only some layers have one.
    private func transformers(_ builder: inout ManifestBuilder, _ block: Block, level: Int) throws(IsomerError) {
        let context = textOnlyLevels.contains(level) ? crossAttentionWidth : block.channels
        for (k, depth) in block.depths.compactMap({ $0 }).enumerated() {
            try transformer(&builder, "attentions.\(k)", block.channels, depth, firstContext: context)
        }
    }

    private func embeddings(_ builder: inout ManifestBuilder, width: Int) throws(IsomerError) {
        try builder.linear("time_embedding.linear_1", input: width, output: timeWidth)
        if let guidanceWidth { try builder.linear("time_embedding.cond_proj", input: guidanceWidth, output: width, hasBias: false) }
        try builder.linear("time_embedding.linear_2", input: timeWidth, output: timeWidth)
        switch classEmbedding {
        case .none: break
        case .table(let count): try builder.embedding("class_embedding", count: count, width: timeWidth)
        case .projection(let input): try mlp(&builder, "class_embedding", input: input)
        case .timestep: try mlp(&builder, "class_embedding", input: width)
        }
        if let additionWidth { try mlp(&builder, "add_embedding", input: additionWidth) }
    }

    private func mlp(_ builder: inout ManifestBuilder, _ name: String, input: Int) throws(IsomerError) {
        try builder.linear(name + ".linear_1", input: input, output: timeWidth)
        try builder.linear(name + ".linear_2", input: timeWidth, output: timeWidth)
    }

    private func residual(_ builder: inout ManifestBuilder, _ name: String, input: Int, output: Int) throws(IsomerError) {
        try builder.scope(name) { builder throws(IsomerError) in
            try builder.norm("norm1", input)
            try builder.convolution("conv1", input: input, output: output, kernel: 3)
            try builder.linear("time_emb_proj", input: timeWidth, output: output)
            try builder.norm("norm2", output)
            try builder.convolution("conv2", input: output, output: output, kernel: 3)
            if input != output { try builder.convolution("conv_shortcut", input: input, output: output, kernel: 1) }
        }
    }

    /// `firstContext`: the width of what the first attention of each layer looks at.
    private func transformer(
        _ builder: inout ManifestBuilder, _ name: String, _ width: Int, _ depth: Int, firstContext: Int
    ) throws(IsomerError) {
        try builder.scope(name) { builder throws(IsomerError) in
            try builder.norm("norm", width)
            try projection(&builder, "proj_in", width)
            for layer in 0..<depth {
                try builder.scope("transformer_blocks.\(layer)") { builder throws(IsomerError) in
                    try builder.norm("norm1", width)
                    try attention(&builder, "attn1", width, context: firstContext)
                    try builder.norm("norm2", width)
                    try attention(&builder, "attn2", width, context: crossAttentionWidth)
                    try builder.norm("norm3", width)
                    // Twice four times the width: GEGLU splits what comes out into value and gate.
                    try builder.linear("ff.net.0.proj", input: width, output: 8 * width)
                    try builder.linear("ff.net.2", input: 4 * width, output: width)
                }
            }
            try projection(&builder, "proj_out", width)
        }
    }

    private func projection(_ builder: inout ManifestBuilder, _ name: String, _ width: Int) throws(IsomerError) {
        if usesLinearProjection {
            try builder.linear(name, input: width, output: width)
        } else {
            try builder.convolution(name, input: width, output: width, kernel: 1)
        }
    }

    private func attention(_ builder: inout ManifestBuilder, _ name: String, _ width: Int, context: Int) throws(IsomerError) {
        try builder.scope(name) { builder throws(IsomerError) in
            try builder.linear("to_q", input: width, output: width, hasBias: false)
            try builder.linear("to_k", input: context, output: width, hasBias: false)
            try builder.linear("to_v", input: context, output: width, hasBias: false)
            try builder.linear("to_out.0", input: width, output: width)
        }
    }
}
