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
        guard let (weight, bias) = try normWeights(module, channels), let input = x.address, let target = output.address, x.count > 0,
            images > 0
        else { return output }

        let level = level.kernels
        let parts = GroupParts(images: images, pixels: x.rows / images, channels: channels, groups: groups)
        let moments = Slots<Double>(count: parts.count * groups * 2)
        let sums = Slots<Float>(count: parts.count * channels * 2)
        // SAFETY: every part has its own slots, and reads and writes its own rows.
        nonisolated(unsafe) let (source, destination) = (UnsafePointer(input), target)
        try parallel(parts.count) { item, _ in
            let place = moments.address + item * groups * 2
            isomer_group_moments(
                level, source + parts.start(item), parts.rows(item), channels, groups, sums.address + item * channels * 2, place,
                place + groups)
        }
        // More than common caches hold.
        let isLarge = output.count * MemoryLayout<Float>.size > 32 << 20
        let factors = parts.factors(moments, weight, bias, epsilon: Double(epsilon))
        try parallel(parts.count) { item, _ in
            let scale = factors.address + parts.image(item) * 2 * channels
            isomer_scale_shift(
                level, source + parts.start(item), destination + parts.start(item), parts.rows(item), channels, scale, scale + channels,
                activation.kernel, isLarge)
        }
        try observer?(module.name, output)
        return withExtendedLifetime((x, moments, factors, sums)) { output }
    }

    /// `weight` and `bias [channels]` of a norm, the latter empty if it has none; `nil` where a pass is planned only.
    private func normWeights(
        _ module: Module, _ channels: Int, hasBias: Bool = true
    ) throws(IsomerError) -> (weight: [Float], bias: [Float])? {
        let names = hasBias ? ["weight", "bias"] : ["weight"]
        guard !isPlanning else {
            for name in names { try module.weights.expect(module.path + name, [channels]) }
            return nil
        }
        let weight = try module.weights.values(module.path + "weight", [channels])
        return (weight, hasBias ? try module.weights.values(module.path + "bias", [channels]) : [])
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
        guard let numbers = try normWeights(module, channels, hasBias: hasBias), let input = x.address, let target = output.address,
            channels > 0
        else { return output }
        let weight = Slots(numbers.weight)
        let bias = hasBias ? Slots(numbers.bias) : nil
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

/// How the rows of a group norm are shared out: each image in parts of equally many pixels, the last one perhaps smaller.
private struct GroupParts {
    let images, pixels, channels, groups: Int
    /// Pixels in a part, in multiples of the 16 rows whose deviations are taken together.
    let size: Int
    /// Parts of one image.
    let perImage: Int

    init(images: Int, pixels: Int, channels: Int, groups: Int) {
        (self.images, self.pixels, self.channels, self.groups) = (images, pixels, channels, groups)
        size = max(1, 65_536 / max(1, channels) / 16) * 16
        perImage = (pixels + size - 1) / size
    }

    var count: Int { images * perImage }
    func image(_ item: Int) -> Int { item / perImage }
    func rows(_ item: Int) -> Int { min(size, pixels - item % perImage * size) }
    /// The first number of part `item`.
    func start(_ item: Int) -> Int { (item / perImage * pixels + item % perImage * size) * channels }

    /// What each channel of each image is multiplied by, and behind it what is added: `[images, 2, channels]`.
    ///
    /// - Parameter moments: of each part the groups' means, and behind them the sums of their squared deviations.
    func factors(_ moments: Slots<Double>, _ weight: [Float], _ bias: [Float], epsilon: Double) -> Slots<Float> {
        let factors = Slots<Float>(count: images * channels * 2)
        let width = channels / groups
        for image in 0..<images {
            for group in 0..<groups {
                // Chan, Golub and LeVeque: two sets' moments from each one's.
                var (mean, deviation, before) = (0.0, 0.0, 0.0)
                for item in image * perImage..<(image + 1) * perImage {
                    let place = moments.address + item * groups * 2
                    let size = Double(rows(item) * width)
                    let apart = place[group] - mean
                    mean += apart * (size / (size + before))
                    deviation += place[groups + group] + apart * apart * (size * before / (size + before))
                    before += size
                }
                let factor = 1 / (deviation / before + epsilon).squareRoot()
                for channel in group * width..<(group + 1) * width {
                    factors.address[image * 2 * channels + channel] = Float(factor * Double(weight[channel]))
                    factors.address[(image * 2 + 1) * channels + channel] =
                        Float(Double(bias[channel]) - mean * factor * Double(weight[channel]))
                }
            }
        }
        return factors
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
