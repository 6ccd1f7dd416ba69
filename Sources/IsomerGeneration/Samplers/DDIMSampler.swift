/// Denoising diffusion implicit models.
///
/// Reference: Song and others, 2021, equation 12; diffusers 0.42, scheduling_ddim.py.
public struct DDIMSampler: Sampler {
    public let timesteps: [Float]
    public var initialDeviation: Float { 1 }
    /// How much of the noise that DDPM would add is added.
    public var eta: Float = 0
    /// Bounds of the image that is predicted, for models of pixels.
    public var clip: Float?

    private let steps: [Int]
    private let stride: Int
    private let schedule: NoiseSchedule
    private let prediction: PredictionType
    private let finalAlpha: Float

    /// `count` steps. `endsAtOne`: after the last there is no noise at all, rather than the first training step's.
    public init(
        _ count: Int, _ schedule: NoiseSchedule, _ prediction: PredictionType, _ spacing: TimestepSpacing = .leading, offset: Int = 1,
        endsAtOne: Bool = false
    ) {
        let total = schedule.alphas.count
        steps = spacing.timesteps(min(count, total), of: total, offset: offset).map {
            min(max(0, Int($0.rounded(.toNearestOrEven))), max(0, total - 1))
        }
        stride = total / max(1, count)
        timesteps = steps.map(Float.init)
        self.schedule = schedule
        self.prediction = prediction
        finalAlpha = endsAtOne ? 1 : schedule.alphas.first ?? 1
    }

    public func input(_ sample: [Float], at index: Int) -> [Float] { sample }

    public mutating func step(_ output: [Float], _ sample: [Float], at index: Int, noise: (Int) -> [Float]) -> [Float] {
        let alpha = schedule.alphas[steps[index]]
        let next = steps[index] - stride
        let nextAlpha = next >= 0 ? schedule.alphas[next] : finalAlpha
        var (image, epsilon) = prediction.parts(output, sample, alpha: alpha)
        if let clip { image = image.map { min(max($0, -clip), clip) } }
        let variance = (1 - nextAlpha) / (1 - alpha) * (1 - alpha / nextAlpha)
        let deviation = eta * variance.squareRoot()
        epsilon = combine(nextAlpha.squareRoot(), image, (1 - nextAlpha - deviation * deviation).squareRoot(), epsilon)
        return eta > 0 ? combine(1, epsilon, deviation, noise(sample.count)) : epsilon
    }

    public func noised(_ image: [Float], _ noise: [Float], at index: Int) -> [Float] {
        let alpha = schedule.alphas[steps[index]]
        return combine(alpha.squareRoot(), image, (1 - alpha).squareRoot(), noise)
    }
}

extension PredictionType {
    /// The image and the noise that `sample` is made of, by the model's `output`, where `alpha` of the image's variance is left.
    func parts(_ output: [Float], _ sample: [Float], alpha: Float) -> (image: [Float], noise: [Float]) {
        let signal = alpha.squareRoot()
        let deviation = (1 - alpha).squareRoot()
        switch self {
        case .epsilon: return (zip(sample, output).map { ($0 - deviation * $1) / signal }, output)
        case .sample: return (output, zip(sample, output).map { ($0 - signal * $1) / deviation })
        case .velocity: return (combine(signal, sample, -deviation, output), combine(signal, output, deviation, sample))
        }
    }

    /// The image that `sample` = image + `sigma` · noise is made of, by the model's `output`.
    func image(_ output: [Float], _ sample: [Float], sigma: Float) -> [Float] {
        switch self {
        case .epsilon: return combine(1, sample, -sigma, output)
        case .sample: return output
        case .velocity:
            let square = sigma * sigma + 1
            return zip(output, sample).map { $0 * (-sigma / square.squareRoot()) + $1 / square }
        }
    }
}
