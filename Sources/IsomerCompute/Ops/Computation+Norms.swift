internal import CKernels
public import IsomerBytes

extension Computation {
    /// Group norm of `[images, ..., channels]` with `weight [channels]` and `bias [channels]`, then a function.
    public func groupNorm(
        _ x: Tensor, _ module: Module, groups: Int, epsilon: Float, activation: Activation = .none
    ) throws(IsomerError) -> Tensor {
        let (channels, images) = (x.channels, x.shape.first ?? 0)
        guard x.shape.count >= 2, groups > 0, channels % groups == 0 else {
            throw IsomerError(
                .mismatch, "the channels cannot be split into groups", item: module.name, expected: "a multiple of \(groups)",
                found: "\(channels)")
        }
        let output = try tensor(x.shape)
        if isPlanning {
            try module.weights.expect(module.path + "weight", [channels])
            try module.weights.expect(module.path + "bias", [channels])
            return output
        }
        let weight = try module.weights.values(module.path + "weight", [channels])
        let bias = try module.weights.values(module.path + "bias", [channels])
        guard let input = x.address, let target = output.address, x.count > 0, images > 0 else { return output }

        let level = level.kernels
        let pixels = x.rows / images
        // In multiples of the 16 rows whose deviations are taken together.
        let share = max(1, 65_536 / max(1, channels) / 16) * 16
        let shares = (pixels + share - 1) / share
        let moments = Slots<Double>(count: images * shares * groups * 2)
        let factors = Slots<Float>(count: images * channels * 2)
        let sums = Slots<Float>(count: images * shares * channels * 2)
        // SAFETY: every share has its own slots, and reads and writes its own rows.
        nonisolated(unsafe) let (source, destination) = (UnsafePointer(input), target)
        try parallel(images * shares) { item, _ in
            let (image, part) = (item / shares, item % shares)
            let rows = min(share, pixels - part * share)
            let place = moments.address + item * groups * 2
            isomer_group_moments(
                level, source + (image * pixels + part * share) * channels, rows, channels, groups, sums.address + item * channels * 2,
                place, place + groups)
        }
        let width = channels / groups
        for image in 0..<images {
            for group in 0..<groups {
                // Chan, Golub and LeVeque: two sets' moments from each one's.
                var (mean, deviation, before) = (0.0, 0.0, 0.0)
                for part in 0..<shares {
                    let place = moments.address + (image * shares + part) * groups * 2
                    let size = Double(min(share, pixels - part * share) * width)
                    let apart = place[group] - mean
                    mean += apart * (size / (size + before))
                    deviation += place[groups + group] + apart * apart * (size * before / (size + before))
                    before += size
                }
                let factor = 1 / (deviation / before + Double(epsilon)).squareRoot()
                for channel in group * width..<(group + 1) * width {
                    factors.address[image * 2 * channels + channel] = Float(factor * Double(weight[channel]))
                    factors.address[(image * 2 + 1) * channels + channel] =
                        Float(Double(bias[channel]) - mean * factor * Double(weight[channel]))
                }
            }
        }
        try parallel(images * shares) { item, _ in
            let (image, part) = (item / shares, item % shares)
            let first = (image * pixels + part * share) * channels
            let scale = factors.address + image * 2 * channels
            isomer_scale_shift(
                level, source + first, destination + first, min(share, pixels - part * share), channels, scale, scale + channels,
                activation.kernel)
        }
        try observer?(module.name, output)
        return withExtendedLifetime((x, moments, factors, sums)) { output }
    }

    /// Layer norm over the last axis, with `weight` and `bias [channels]`.
    public func layerNorm(_ x: Tensor, _ module: Module, epsilon: Float) throws(IsomerError) -> Tensor {
        try rowNorm(x, module, epsilon, hasBias: true, isRootMeanSquare: false)
    }

    /// Root-mean-square norm over the last axis, with `weight [channels]`.
    public func rootMeanSquareNorm(_ x: Tensor, _ module: Module, epsilon: Float) throws(IsomerError) -> Tensor {
        try rowNorm(x, module, epsilon, hasBias: false, isRootMeanSquare: true)
    }

    private func rowNorm(
        _ x: Tensor, _ module: Module, _ epsilon: Float, hasBias: Bool, isRootMeanSquare: Bool
    ) throws(IsomerError) -> Tensor {
        let channels = x.channels
        let output = try tensor(x.shape)
        if isPlanning {
            try module.weights.expect(module.path + "weight", [channels])
            if hasBias { try module.weights.expect(module.path + "bias", [channels]) }
            return output
        }
        let weight = Slots(try module.weights.values(module.path + "weight", [channels]))
        let bias = hasBias ? Slots(try module.weights.values(module.path + "bias", [channels])) : nil
        guard let input = x.address, let target = output.address, channels > 0 else { return output }
        let level = level.kernels
        // SAFETY: every share reads and writes its own rows.
        nonisolated(unsafe) let (source, destination) = (UnsafePointer(input), target)
        try parallelRows(x.rows, cost: channels) { rows in
            isomer_row_norm(
                level, source + rows.lowerBound * channels, destination + rows.lowerBound * channels, rows.count, channels, weight.address,
                bias?.address, epsilon, isRootMeanSquare)
        }
        try observer?(module.name, output)
        return withExtendedLifetime(x) { output }
    }
}

/// Numbers that threads share out among themselves.
final class Slots<Number: BitwiseCopyable>: @unchecked Sendable {
    // SAFETY (@unchecked): whoever shares it sees to it that no two threads write the same number.
    let address: UnsafeMutablePointer<Number>
    let count: Int

    /// Numbers that are not set yet.
    init(count: Int) {
        self.count = count
        address = UnsafeMutablePointer.allocate(capacity: max(1, count))
    }

    convenience init(_ values: [Number]) {
        self.init(count: values.count)
        values.withUnsafeBufferPointer { if let base = $0.baseAddress { address.initialize(from: base, count: values.count) } }
    }

    deinit { address.deallocate() }
}
