/// Denoising diffusion probabilistic models.
///
/// Reference: Ho and others, 2020, equations 6 and 7; diffusers 0.42, scheduling_ddpm.py.
public struct DDPMSampler: Sampler {
    /// How much noise a step adds.
    public enum Variance: Hashable, Sendable {
        /// As much as if the image were known.
        case small
        /// As much as the step took away.
        case large
    }

    public let timesteps: [Float]
    public var initialDeviation: Float { 1 }
    public var variance = Variance.small
    /// Bounds of the image that is predicted, for models of pixels.
    public var bounds: ImageBounds?

    private let steps: [Int]
    private let schedule: NoiseSchedule
    private let prediction: PredictionType

    public init(
        _ count: Int, _ schedule: NoiseSchedule, _ prediction: PredictionType, _ spacing: TimestepSpacing = .leading, offset: Int = 0
    ) {
        steps = spacing.wholeTimesteps(count, of: schedule.alphas.count, offset: offset)
        timesteps = steps.map(Float.init)
        self.schedule = schedule
        self.prediction = prediction
    }

    public mutating func step(_ output: [Float], _ sample: [Float], at index: Int, noise: (Int) -> [Float]) -> [Float] {
        let image = prediction.image(output, sample, NoiseLevel(alpha: schedule.alphas[steps[index]])).kept(within: bounds)
        let alpha = Double(schedule.alphas[steps[index]])
        let next = index + 1 < steps.count ? Double(schedule.alphas[steps[index + 1]]) : 1
        let kept = alpha / next
        var terms = [
            (next.squareRoot() * (1 - kept) / (1 - alpha), image), (kept.squareRoot() * (1 - next) / (1 - alpha), sample),
        ]
        if steps[index] > 0 {
            let added = variance == .large ? 1 - kept : max((1 - next) / (1 - alpha) * (1 - kept), 1e-20)
            terms.append((added.squareRoot(), noise(sample.count)))
        }
        return combine(terms)
    }

    public func noised(_ image: [Float], _ noise: [Float], at index: Int) -> [Float] {
        NoiseLevel(alpha: schedule.alphas[steps[index]]).mix(image, noise)
    }
}
