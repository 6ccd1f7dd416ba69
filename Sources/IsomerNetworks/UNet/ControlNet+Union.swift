import IsomerArchitectures
import IsomerBytes
import IsomerCompute

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

extension ControlNet {
    /// Which kinds of control there are, as a part of the time's vector.
    func embeddedKinds(
        _ c: Computation, _ weights: Module, _ union: ControlNetConfiguration.Union, _ conditions: [Condition], _ images: Int
    ) throws(IsomerError) -> Tensor {
        guard union.controlTypes > 0, union.additionWidth % union.controlTypes == 0 else {
            throw IsomerError(.malformed, "the union's kinds do not fit its embedding", found: "\(union.additionWidth)")
        }
        for condition in conditions where !(0..<union.controlTypes).contains(condition.kind) {
            throw IsomerError(
                .usage, "the union has no such kind of control", expected: "0..<\(union.controlTypes)", found: "\(condition.kind)")
        }
        let kinds = Set(conditions.map(\.kind))
        let flags = (0..<images).flatMap { _ in (0..<union.controlTypes).map { kinds.contains($0) ? Float(1) : 0 } }
        let width = union.additionWidth / union.controlTypes
        let angles = try c.reshape(c.timeEmbedding(flags, width: width), [images, union.additionWidth])
        let module = weights["control_add_embedding"]
        let time = configuration.encoder.timeWidth
        let hidden = try c.linear(angles, module["linear_1"], outputs: time, activation: .silu, isExact: true)
        return try c.linear(hidden, module["linear_2"], outputs: time, isExact: true)
    }

    /// `x` plus the pictures, each shifted by what a small transformer over all of them says.
    func mixed(
        _ c: Computation, _ weights: Module, _ union: ControlNetConfiguration.Union, _ x: Tensor, _ conditions: [Condition]
    ) throws(IsomerError) -> Tensor {
        let (width, images) = (union.width, x.shape[0])
        guard let heads = union.headCount, heads > 0, width % heads == 0 else {
            throw .undecided("num_trans_head", of: "union \(ControlNetConfiguration.title)")
        }
        guard x.channels == width, union.projectionWidth == width else {
            throw IsomerError(
                .malformed, "the union's transformer is not as wide as the network", expected: "\(x.channels)", found: "\(width)")
        }
        // With one picture the scale applies to the answer instead.
        let scales = conditions.count == 1 ? [1] : conditions.map(\.scale)
        var pictures: [Tensor] = []
        var sequence: Tensor?
        for (condition, scale) in zip(conditions, scales) {
            let picture = try embedded(c, weights, condition, for: x)
            let task = try c.parameterRows(
                "task_embedding", of: weights, shape: [union.controlTypes, width], rows: [condition.kind], images: images)
            let mean = try c.reshape(c.meanOverPixels(picture), [1, images, width])
            let token = try c.scaled(c.add(mean, c.reshape(task, [1, images, width])), by: scale)
            pictures.append(try c.scaled(picture, by: scale))
            sequence = if let sequence { try c.concatenateTokens(sequence, token) } else { token }
        }
        guard let sequence else { return x }
        let all = try c.concatenateTokens(sequence, c.reshape(c.meanOverPixels(x), [1, images, width]))
        // The published network takes the pictures of a batch for the sequence and the kinds of control for the batch: what was trained so has
        // to be run so.
        var tokens = try c.reshape(all, [conditions.count + 1, images, width])
        for layer in 0..<union.layers {
            tokens = try residualAttention(c, tokens, weights["transformer_layes"]["\(layer)"], heads)
        }
        var sum = x
        for (index, picture) in pictures.enumerated() {
            let own = try c.tokens(c.reshape(tokens, [1, tokens.rows, width]), index * images..<(index + 1) * images)
            let shift = try c.linear(
                c.reshape(own, [images, width]), weights["spatial_ch_projs"], outputs: width, scale: scales[index])
            sum = try c.add(sum, c.addToPixels(picture, shift))
        }
        return sum
    }

    private func residualAttention(_ c: Computation, _ x: Tensor, _ module: Module, _ heads: Int) throws(IsomerError) -> Tensor {
        let width = x.channels
        let normal = try c.layerNorm(x, module["ln_1"], epsilon: 1e-5)
        let maps = try c.linear(normal, module["attn"].parameter("in_proj_"), outputs: 3 * width)
        let seen = try c.attention(
            c.channels(maps, 0..<width), c.channels(maps, width..<2 * width), c.channels(maps, 2 * width..<3 * width), heads: heads)
        let y = try c.linear(seen, module["attn"]["out_proj"], outputs: width, residual: x)
        let wide = try c.linear(
            c.layerNorm(y, module["ln_2"], epsilon: 1e-5), module["mlp"]["c_fc"], outputs: 4 * width, activation: .quickGELU)
        return try c.linear(wide, module["mlp"]["c_proj"], outputs: width, residual: y)
    }
}

extension Float {
    /// 10 to the `exponent`.
    static func tenToThe(_ exponent: Float) -> Float { powf(10, exponent) }
}
