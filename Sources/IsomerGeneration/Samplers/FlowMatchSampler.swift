/// Euler's method along a straight flow from noise to the image: Stable Diffusion 3 and Flux.
///
/// Reference: Esser and others, 2024, equation 23 (the shift); diffusers 0.42, scheduling_flow_match_euler_discrete.py.
public struct FlowMatchSampler: Sampler {
    /// How the levels of noise are moved towards the noisy end, where large images need more steps.
    public enum Shift: Hashable, Sendable {
        /// By a factor: Stable Diffusion 3 has 3.
        case fixed(Double)
        /// By e to this, which follows from the number of image tokens: Flux.1 dev.
        case exponential(Double)
    }

    public let timesteps: [Float]
    public var initialDeviation: Float { 1 }
    /// The share of noise at each step, and 0.
    public let sigmas: [Float]

    /// `count` steps. `startsFrom` are the levels before the shift; by default evenly from pure noise to one training step, as Flux's
    /// pipeline has them.
    public init(_ count: Int, _ shift: Shift, trainingSteps: Int = 1_000, unshifted: [Double]? = nil) {
        let levels = unshifted ?? FlowMatchSampler.levels(count, to: 1 / Double(max(1, count)))
        let shifted = levels.map { level -> Float in
            switch shift {
            case .fixed(let factor): return Float(factor * level / (1 + (factor - 1) * level))
            case .exponential(let exponent):
                let factor = Elementary.exponential(exponent)
                return Float(factor / (factor + (1 / level - 1)))
            }
        }
        sigmas = shifted + [0]
        timesteps = shifted.map { $0 * Float(trainingSteps) }
    }

    /// Evenly from 1 to `last`.
    public static func levels(_ count: Int, to last: Double) -> [Double] {
        (0..<max(0, count)).map { count == 1 ? 1 : 1 + Double($0) / Double(count - 1) * (last - 1) }
    }

    /// The exponent for an image of so many tokens. Reference: diffusers 0.42, pipeline_flux.py `calculate_shift`.
    public static func exponent(tokens: Int) -> Double {
        let slope = (1.15 - 0.5) / Double(4_096 - 256)
        return Double(tokens) * slope + (0.5 - slope * 256)
    }

    public func input(_ sample: [Float], at index: Int) -> [Float] { sample }

    public mutating func step(_ output: [Float], _ sample: [Float], at index: Int, noise: (Int) -> [Float]) -> [Float] {
        combine(1, sample, sigmas[index + 1] - sigmas[index], output)
    }

    public func noised(_ image: [Float], _ noise: [Float], at index: Int) -> [Float] {
        combine(sigmas[index], noise, 1 - sigmas[index], image)
    }
}
