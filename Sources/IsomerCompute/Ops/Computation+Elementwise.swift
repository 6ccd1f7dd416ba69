internal import CKernels
public import IsomerBytes

extension Computation {
    /// `f(x)`.
    public func activate(_ x: Tensor, _ activation: Activation) throws(IsomerError) -> Tensor {
        let output = try tensor(x.shape)
        guard let input = x.address, let target = output.address else { return output }
        let level = level.kernels
        // SAFETY: every share reads and writes its own numbers.
        nonisolated(unsafe) let (source, destination) = (UnsafePointer(input), target)
        try parallelRows(x.count, cost: 4, multipleOf: 64) { range in
            isomer_activate(level, source + range.lowerBound, destination + range.lowerBound, range.count, activation.kernel)
        }
        return withExtendedLifetime(x) { output }
    }

    /// `[..., 2·width]` to `[..., width]`: the first half times the function of the second (GEGLU).
    public func gate(_ x: Tensor, _ activation: Activation) throws(IsomerError) -> Tensor {
        guard x.channels % 2 == 0 else { throw IsomerError(.mismatch, "a gate needs two halves", found: "\(x.shape)") }
        let width = x.channels / 2
        let output = try tensor(Array(x.shape.dropLast()) + [width])
        guard let input = x.address, let target = output.address else { return output }
        let level = level.kernels
        // SAFETY: every share reads and writes its own rows.
        nonisolated(unsafe) let (source, destination) = (UnsafePointer(input), target)
        try parallelRows(x.rows, cost: 4 * width) { rows in
            isomer_gate(
                level, source + rows.lowerBound * 2 * width, destination + rows.lowerBound * width, rows.count, width, activation.kernel)
        }
        return withExtendedLifetime(x) { output }
    }

    /// `a + scale · b`, of one shape.
    public func add(_ a: Tensor, _ b: Tensor, scale: Float = 1) throws(IsomerError) -> Tensor {
        try b.require(a.shape, as: "what is added")
        let output = try tensor(a.shape)
        guard let left = a.address, let right = b.address, let target = output.address else { return output }
        let level = level.kernels
        // SAFETY: every share reads and writes its own numbers.
        nonisolated(unsafe) let (first, second, destination) = (UnsafePointer(left), UnsafePointer(right), target)
        try parallelRows(a.count, cost: 1, multipleOf: 64) { range in
            let start = range.lowerBound
            isomer_add_scaled(level, first + start, second + start, scale, destination + start, range.count)
        }
        return withExtendedLifetime((a, b)) { output }
    }

    /// Channels of `a`, then channels of `b`.
    public func concatenate(_ a: Tensor, _ b: Tensor) throws(IsomerError) -> Tensor {
        try b.require(Array(a.shape.dropLast()) + [b.channels], as: "what is appended")
        let (left, right) = (a.channels, b.channels)
        let output = try tensor(Array(a.shape.dropLast()) + [left + right])
        guard let first = a.address, let second = b.address, let target = output.address else { return output }
        // SAFETY: every share writes its own rows.
        nonisolated(unsafe) let (one, two, destination) = (UnsafePointer(first), UnsafePointer(second), target)
        try parallelRows(a.rows, cost: left + right) { rows in
            for row in rows {
                (destination + row * (left + right)).update(from: one + row * left, count: left)
                (destination + row * (left + right) + left).update(from: two + row * right, count: right)
            }
        }
        return withExtendedLifetime((a, b)) { output }
    }

    /// The same numbers in another shape, in the same memory.
    public func reshape(_ x: Tensor, _ shape: [Int]) throws(IsomerError) -> Tensor {
        x.shape == shape ? x : try Tensor(x, as: shape)
    }

    /// Some channels of each row.
    public func channels(_ x: Tensor, _ range: Range<Int>) throws(IsomerError) -> Tensor {
        guard range.lowerBound >= 0, range.upperBound <= x.channels else {
            throw IsomerError(.mismatch, "there are no such channels", expected: "0..<\(x.channels)", found: "\(range)")
        }
        let output = try tensor(Array(x.shape.dropLast()) + [range.count])
        guard let input = x.address, let target = output.address else { return output }
        for row in 0..<x.rows {
            (target + row * range.count).update(from: input + row * x.channels + range.lowerBound, count: range.count)
        }
        return output
    }

    /// One row of each picture's: `x [images, tokens, channels]` to `[images, channels]`.
    public func rows(_ x: Tensor, _ tokens: [Int]) throws(IsomerError) -> Tensor {
        guard x.shape.count == 3, tokens.count == x.shape[0], tokens.allSatisfy({ 0 <= $0 && $0 < x.shape[1] }) else {
            throw IsomerError(.mismatch, "there are no such rows", expected: "\(x.shape)", found: "\(tokens)")
        }
        let output = try tensor([x.shape[0], x.channels])
        guard let input = x.address, let target = output.address else { return output }
        for (image, token) in tokens.enumerated() {
            (target + image * x.channels).update(from: input + (image * x.shape[1] + token) * x.channels, count: x.channels)
        }
        return output
    }

    /// The largest |x|; an infinity or NaN if there is one. Zero in a plan.
    public func magnitude(of x: Tensor) throws(IsomerError) -> Float {
        guard let input = x.address, x.count > 0 else { return 0 }
        let level = level.kernels
        let share = 65_536
        let shares = (x.count + share - 1) / share
        let found = Slots<Float>(count: shares)
        // SAFETY: every share writes its own slot.
        nonisolated(unsafe) let source = UnsafePointer(input)
        let count = x.count
        try parallel(shares) { item, _ in
            found.address[item] = isomer_magnitude(level, source + item * share, min(share, count - item * share))
        }
        return withExtendedLifetime(x) {
            // Ordered by bits, in which NaN comes last.
            UnsafeBufferPointer(start: found.address, count: shares).reduce(Float(0)) { $1.bitPattern > $0.bitPattern ? $1 : $0 }
        }
    }
}
