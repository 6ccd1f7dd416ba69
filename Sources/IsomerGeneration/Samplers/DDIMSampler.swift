/// Denoising diffusion implicit models.
///
/// Reference: Song and others, 2021, equation 12; diffusers 0.42, scheduling_ddim.py.
public struct DDIMSampler: Sampler {
    public let timesteps: [Float]
    public var initialDeviation: Float { 1 }
    /// How much of the noise that DDPM would add is added.
    public var eta = 0.0
    /// Bounds of the image that is predicted, for models of pixels.
    public var bounds: ImageBounds?

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
        steps = spacing.wholeTimesteps(count, of: total, offset: offset)
        stride = total / max(1, count)
        timesteps = steps.map(Float.init)
        self.schedule = schedule
        self.prediction = prediction
        finalAlpha = endsAtOne ? 1 : schedule.alphas.first ?? 1
    }

    public mutating func step(_ output: [Float], _ sample: [Float], at index: Int, noise: (Int) -> [Float]) -> [Float] {
        let next = steps[index] - stride
        let level = NoiseLevel(alpha: schedule.alphas[steps[index]])
        let alpha = Double(schedule.alphas[steps[index]])
        let nextAlpha = Double(next >= 0 ? schedule.alphas[next] : finalAlpha)
        let image = prediction.image(output, sample, level).kept(within: bounds)
        let variance = (1 - nextAlpha) / (1 - alpha) * (1 - alpha / nextAlpha)
        let deviation = eta * variance.squareRoot()
        let kept = max(0, 1 - nextAlpha - deviation * deviation).squareRoot()
        var terms = [(nextAlpha.squareRoot(), image), (kept, prediction.noise(output, sample, level))]
        if eta > 0 { terms.append((deviation, noise(sample.count))) }
        return combine(terms)
    }

    public func noised(_ image: [Float], _ noise: [Float], at index: Int) -> [Float] {
        NoiseLevel(alpha: schedule.alphas[steps[index]]).mix(image, noise)
    }
}
