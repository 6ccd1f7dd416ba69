import IsomerArchitectures
import IsomerBytes
import IsomerCompute

/// What all layers of one pass through a UNet, or through the half of one that a ControlNet is, share.
struct UNetPass {
    let c: Computation
    /// The time and what else is known of the whole picture, after the function that every layer begins with: `[images, timeWidth]`.
    let time: Tensor
    let context: Tensor
    let configuration: UNetConfiguration
    let headCounts: [Int]
    let groups: Int

    /// The blocks from the highest resolution to the lowest; `x` has gone through `conv_in`. Also gives what the way up takes.
    func wayDown(_ x: Tensor, _ blocks: Module, _ features: inout [Tensor]) throws(IsomerError) -> (x: Tensor, skips: [Tensor]) {
        var x = x
        var skips = [x]
        for (level, block) in configuration.down.enumerated() {
            let module = blocks["\(level)"]
            var attention = 0
            for (layer, depth) in block.depths.enumerated() {
                x = try residual(x, module["resnets"]["\(layer)"], block.channels)
                if let depth {
                    x = try transformer(x, module["attentions"]["\(attention)"], depth, level: level)
                    attention += 1
                }
                if block.hasAttention, layer + 1 == block.layers, !features.isEmpty { x = try c.add(x, features.removeFirst()) }
                skips.append(x)
            }
            if level + 1 < configuration.down.count {
                x = try c.convolution(x, module["downsamplers"]["0"]["conv"], outputs: block.channels, kernel: 3, stride: 2)
                skips.append(x)
            }
            if !block.hasAttention, !features.isEmpty {
                x = try c.add(x, features.removeFirst())
                skips[skips.count - 1] = x
            }
        }
        return (x, skips)
    }

    /// The block at the lowest resolution.
    func middle(_ x: Tensor, _ module: Module) throws(IsomerError) -> Tensor {
        let width = x.channels
        switch configuration.middle {
        case .absent: return x
        case .residual: return try residual(x, module["resnets"]["0"], width)
        case .attention(let depth):
            var x = try residual(x, module["resnets"]["0"], width)
            x = try transformer(x, module["attentions"]["0"], depth, level: nil)
            return try residual(x, module["resnets"]["1"], width)
        }
    }

    func residual(_ x: Tensor, _ module: Module, _ outputs: Int) throws(IsomerError) -> Tensor {
        let epsilon = Float(configuration.normEpsilon)
        let bias = try c.linear(time, module["time_emb_proj"], outputs: outputs, isExact: true)
        var h = try c.groupNorm(x, module["norm1"], groups: groups, epsilon: epsilon, activation: .silu)
        h = try c.convolution(h, module["conv1"], outputs: outputs, kernel: 3, imageBias: bias)
        h = try c.groupNorm(h, module["norm2"], groups: groups, epsilon: epsilon, activation: .silu)
        let skip = x.channels == outputs ? x : try c.convolution(x, module["conv_shortcut"], outputs: outputs, kernel: 1)
        return try c.convolution(h, module["conv2"], outputs: outputs, kernel: 3, residual: skip)
    }

    /// `level`: the one whose ways of attention it has, from the highest resolution; `nil` for the middle.
    func transformer(_ x: Tensor, _ module: Module, _ depth: Int, level: Int?) throws(IsomerError) -> Tensor {
        let width = x.channels
        let heads = headCounts[level ?? headCounts.count - 1]
        let looksAtTextOnly = level.map(configuration.textOnlyLevels.contains) ?? false
        let sequence = [x.shape[0], x.shape[1] * x.shape[2], width]
        var h = try c.groupNorm(x, module["norm"], groups: groups, epsilon: 1e-6)
        if configuration.usesLinearProjection {
            h = try c.linear(c.reshape(h, sequence), module["proj_in"], outputs: width)
        } else {
            h = try c.reshape(c.convolution(h, module["proj_in"], outputs: width, kernel: 1), sequence)
        }
        for layer in 0..<depth {
            h = try block(h, module["transformer_blocks"]["\(layer)"], heads, looksAtTextOnly)
        }
        if configuration.usesLinearProjection {
            return try c.reshape(c.linear(h, module["proj_out"], outputs: width, residual: c.reshape(x, sequence)), x.shape)
        }
        return try c.convolution(c.reshape(h, x.shape), module["proj_out"], outputs: width, kernel: 1, residual: x)
    }

    private func block(_ x: Tensor, _ module: Module, _ heads: Int, _ looksAtTextOnly: Bool) throws(IsomerError) -> Tensor {
        let width = x.channels
        let first = try c.layerNorm(x, module["norm1"], epsilon: 1e-5)
        var h = try attention(first, looksAtTextOnly ? context : first, module["attn1"], heads, residual: x)
        h = try attention(c.layerNorm(h, module["norm2"], epsilon: 1e-5), context, module["attn2"], heads, residual: h)
        var wide = try c.linear(c.layerNorm(h, module["norm3"], epsilon: 1e-5), module["ff"]["net"]["0"]["proj"], outputs: 8 * width)
        wide = try c.observed(c.gate(wide, .gelu), module["ff"]["net"]["0"], "gated")
        return try c.linear(wide, module["ff"]["net"]["2"], outputs: width, residual: h)
    }

    private func attention(
        _ x: Tensor, _ context: Tensor, _ module: Module, _ heads: Int, residual: Tensor
    ) throws(IsomerError) -> Tensor {
        let width = x.channels
        guard context.channels == (context === x ? width : configuration.crossAttentionWidth) else {
            throw IsomerError(
                .mismatch, "the text has the wrong width", item: module.name, expected: "\(configuration.crossAttentionWidth)",
                found: "\(context.channels)")
        }
        let query = try c.linear(x, module["to_q"], outputs: width, hasBias: false)
        let key = try c.linear(context, module["to_k"], outputs: width, hasBias: false)
        let value = try c.linear(context, module["to_v"], outputs: width, hasBias: false)
        try c.observeScores(query, key, heads: heads, module)
        return try c.linear(
            c.attention(query, key, value, heads: heads), module["to_out"]["0"], outputs: width, residual: residual)
    }
}

extension UNetConfiguration {
    /// Throws unless the heads of every level with attention fill its width.
    func checkHeads(_ counts: [Int]) throws(IsomerError) {
        for (level, (block, heads)) in zip(down, counts).enumerated() {
            var attends = block.hasAttention || up.dropLast(level).last?.hasAttention ?? false
            if level + 1 == down.count, case .attention = middle { attends = true }
            guard attends, heads < 1 || block.channels % heads != 0 else { continue }
            throw IsomerError(
                .malformed, "the configuration's attention heads do not divide the width of level \(level)", item: "attention_head_dim",
                expected: "a divisor of \(block.channels)", found: "\(heads)",
                remedy: "say with --config a config.json in which it does: diffusers calls the number of heads so")
        }
    }
}
