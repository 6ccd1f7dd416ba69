internal import CKernels
public import IsomerBytes

/// Sequences of tokens, joined, cut and numbered.
extension Computation {
    /// Tokens of `a [images, tokens, width]`, then tokens of `b`, picture by picture.
    public func concatenateTokens(_ a: Tensor, _ b: Tensor) throws(IsomerError) -> Tensor {
        guard a.shape.count == 3, b.shape.count == 3, a.shape[0] == b.shape[0], a.channels == b.channels else {
            throw IsomerError(.mismatch, "tokens cannot be joined", expected: "\(a.shape)", found: "\(b.shape)")
        }
        let output = try tensor([a.shape[0], a.shape[1] + b.shape[1], a.channels])
        guard let first = a.address, let second = b.address, let target = output.address else { return output }
        let (one, two) = (a.shape[1] * a.channels, b.shape[1] * b.channels)
        for image in 0..<a.shape[0] {
            (target + image * (one + two)).update(from: first + image * one, count: one)
            (target + image * (one + two) + one).update(from: second + image * two, count: two)
        }
        return withExtendedLifetime((a, b)) { output }
    }

    /// Some tokens of each picture: `x [images, tokens, width]`.
    public func tokens(_ x: Tensor, _ range: Range<Int>) throws(IsomerError) -> Tensor {
        guard x.shape.count == 3, range.lowerBound >= 0, range.upperBound <= x.shape[1] else {
            throw IsomerError(.mismatch, "there are no such tokens", expected: "\(x.shape)", found: "\(range)")
        }
        let output = try tensor([x.shape[0], range.count, x.channels])
        guard let input = x.address, let target = output.address else { return output }
        let size = range.count * x.channels
        for image in 0..<x.shape[0] {
            (target + image * size).update(from: input + (image * x.shape[1] + range.lowerBound) * x.channels, count: size)
        }
        return withExtendedLifetime(x) { output }
    }

    /// `a · b`, number by number, of one shape.
    public func multiply(_ a: Tensor, _ b: Tensor) throws(IsomerError) -> Tensor {
        try b.require(a.shape, as: "what is multiplied")
        let output = try tensor(a.shape)
        guard let left = a.address, let right = b.address, let target = output.address else { return output }
        let level = level.kernels
        // SAFETY: every share reads and writes its own numbers.
        nonisolated(unsafe) let (first, second, destination) = (UnsafePointer(left), UnsafePointer(right), target)
        try parallelRows(a.count, cost: 1, multipleOf: 64) { range in
            let start = range.lowerBound
            isomer_multiply(level, first + start, second + start, destination + start, range.count)
        }
        return withExtendedLifetime((a, b)) { output }
    }

    /// `x · scale + shift`.
    public func scaled(_ x: Tensor, by scale: Float, plus shift: Float = 0) throws(IsomerError) -> Tensor {
        let output = try tensor(x.shape)
        guard let input = x.address, let target = output.address else { return output }
        let level = level.kernels
        // SAFETY: every share reads and writes its own numbers.
        nonisolated(unsafe) let (source, destination) = (UnsafePointer(input), target)
        try parallelRows(x.count, cost: 1, multipleOf: 64) { range in
            let start = range.lowerBound
            isomer_scale_number(level, source + start, scale, shift, destination + start, range.count)
        }
        return withExtendedLifetime(x) { output }
    }

    /// Root-mean-square norm of each head of `x [..., heads · head]`, with `weight [head]`.
    public func rootMeanSquareNorm(_ x: Tensor, _ module: Module, heads: Int, epsilon: Float) throws(IsomerError) -> Tensor {
        guard heads > 0, x.channels % heads == 0 else {
            throw IsomerError(
                .mismatch, "the channels cannot be split into heads", item: module.name, expected: "a multiple of \(heads)",
                found: "\(x.channels)")
        }
        let size = x.channels / heads
        let output = try tensor(x.shape)
        if isPlanning {
            try module.weights.expect(module.path + "weight", [size])
            return output
        }
        let weight = Slots(try module.weights.values(module.path + "weight", [size]))
        guard let input = x.address, let target = output.address, size > 0 else { return output }
        let level = level.kernels
        // SAFETY: every share reads and writes its own heads.
        nonisolated(unsafe) let (source, destination) = (UnsafePointer(input), target)
        try parallelRows(x.count / size, cost: size) { rows in
            isomer_row_norm(
                level, source + rows.lowerBound * size, destination + rows.lowerBound * size, rows.count, size, weight.address, nil,
                epsilon, true)
        }
        try observer?(module.name, output)
        return withExtendedLifetime(x) { output }
    }

    /// Layer norm of each head of `x [..., heads · head]`, without weights.
    public func layerNorm(_ x: Tensor, heads: Int, epsilon: Float) throws(IsomerError) -> Tensor {
        guard heads > 0, x.channels % heads == 0 else {
            throw IsomerError(
                .mismatch, "the channels cannot be split into heads", expected: "a multiple of \(heads)", found: "\(x.channels)")
        }
        let size = x.channels / heads
        let output = try tensor(x.shape)
        guard let input = x.address, let target = output.address, size > 0 else { return output }
        let level = level.kernels
        // SAFETY: every share reads and writes its own heads.
        nonisolated(unsafe) let (source, destination) = (UnsafePointer(input), target)
        try parallelRows(x.count / size, cost: size) { rows in
            isomer_row_norm(
                level, source + rows.lowerBound * size, destination + rows.lowerBound * size, rows.count, size, nil, nil, epsilon, false)
        }
        return withExtendedLifetime(x) { output }
    }

    /// T5's bias of attention scores, `[1, heads, tokens, tokens]`: `weight [buckets, heads]` by how far the key stands from the query.
    ///
    /// - Parameter reach: distances from this one on are alike.
    public func relativePositionBias(
        _ module: Module, tokens: Int, heads: Int, buckets: Int, reach: Int = 128
    ) throws(IsomerError) -> Tensor {
        guard buckets >= 4, buckets % 2 == 0, reach > buckets / 4, tokens >= 0, heads > 0 else {
            throw IsomerError(
                .unsupported, "distances cannot be classed like this", item: module.name, expected: "an even number of at least 4 classes",
                found: "\(buckets)")
        }
        let output = try tensor([1, heads, tokens, tokens])
        if isPlanning {
            try module.weights.expect(module.path + "weight", [buckets, heads])
            return output
        }
        let weight = try module.weights.values(module.path + "weight", [buckets, heads])
        guard let target = output.address, tokens > 0 else { return output }
        // By the key's place less the query's, from 1 - tokens to tokens - 1.
        let classes = (1 - tokens..<tokens).map { Reference.relativePositionBucket($0, buckets: buckets, reach: reach) }
        for head in 0..<heads {
            let biases = classes.map { weight[$0 * heads + head] }
            biases.withUnsafeBufferPointer { biases in
                guard let base = biases.baseAddress else { return }
                for query in 0..<tokens {
                    (target + (head * tokens + query) * tokens).update(from: base + tokens - 1 - query, count: tokens)
                }
            }
        }
        return output
    }
}
