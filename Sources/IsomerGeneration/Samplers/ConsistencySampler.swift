/// The samplers of distilled models: at every step the image is predicted at once, and noised again to the next level.
///
/// Reference: Luo and others, 2023 (LCM); Zheng and others, 2024 (TCD); diffusers 0.42, scheduling_lcm.py and scheduling_tcd.py.
public struct ConsistencySampler: Sampler {
    /// How the model was distilled.
    public enum Kind: Hashable, Sendable {
        /// Latent consistency models. The timestep is multiplied by this where the boundary condition is weighed; 10 is usual.
        case latent(timestepScaling: Float)
        /// Trajectory consistency distillation: of the way to the next level this share is made of new noise (η, or γ in the paper).
        case trajectory(stochasticity: Double)
    }

    public let timesteps: [Float]
    public var initialDeviation: Float { 1 }
    /// Bounds of the image that is predicted, for models of pixels. Only LCM's.
    public var bounds: ImageBounds?

    private let steps: [Int]
    private let schedule: NoiseSchedule
    private let prediction: PredictionType
    private let kind: Kind

    /// `count` steps out of the `originalCount` that the model was distilled for; no more of them than that. A `strength` below 1 takes them
    /// from the less noisy share, as the pipelines for image to image with these models do.
    public init(
        _ count: Int, _ schedule: NoiseSchedule, _ prediction: PredictionType, _ kind: Kind, originalCount: Int = 50, strength: Double = 1
    ) {
        let total = schedule.alphas.count
        let original = min(max(1, originalCount), max(1, total))
        let spaced = total / original
        let kept = min(max(0, Int(Double(original) * min(max(0, strength), 1))), original)
        let count = total == 0 ? 0 : min(max(0, count), kept)
        steps = (0..<count).map { (kept - Int(Double(kept) / Double(count) * Double($0))) * spaced - 1 }
        timesteps = steps.map(Float.init)
        self.schedule = schedule
        self.prediction = prediction
        self.kind = kind
    }

    public mutating func step(_ output: [Float], _ sample: [Float], at index: Int, noise: (Int) -> [Float]) -> [Float] {
        let here = NoiseLevel(alpha: schedule.alphas[steps[index]])
        let isLast = index == steps.count - 1
        let next = isLast ? 0 : steps[index + 1]
        let image = prediction.image(output, sample, here)
        switch kind {
        case .latent(let scaling):
            let scaled = Double(steps[index]) * Double(scaling)
            let whole = scaled * scaled + 0.25
            let denoised = combine(scaled / whole.squareRoot(), image.kept(within: bounds), 0.25 / whole, sample)
            return isLast ? denoised : NoiseLevel(alpha: schedule.alphas[next]).mix(denoised, noise(sample.count))
        case .trajectory(let stochasticity):
            let between = Int((Float(1 - min(max(0, stochasticity), 1)) * Float(next)).rounded(.down))
            let alpha = schedule.alphas[min(max(0, between), schedule.alphas.count - 1)]
            let moved = NoiseLevel(alpha: alpha).mix(image, prediction.noise(output, sample, here))
            guard stochasticity > 0, !isLast else { return moved }
            let kept = Double(schedule.alphas[next]) / Double(alpha)
            return combine(kept.squareRoot(), moved, (1 - kept).squareRoot(), noise(sample.count))
        }
    }

    public func noised(_ image: [Float], _ noise: [Float], at index: Int) -> [Float] {
        NoiseLevel(alpha: schedule.alphas[steps[index]]).mix(image, noise)
    }
}
