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
        /// By this factor, which follows from the number of image tokens.
        case linear(Double)

        var factor: Double {
            switch self {
            case .fixed(let factor), .linear(let factor): factor
            case .exponential(let exponent): Elementary.exponential(exponent)
            }
        }

        func callAsFunction(_ level: Double) -> Double {
            if case .fixed(let factor) = self { return factor * level / (1 + (factor - 1) * level) }
            return level > 0 ? factor / (factor + (1 / level - 1)) : 0
        }
    }

    /// What sets Euler's method for flows apart from others of its kind.
    public struct Options: Hashable, Sendable {
        /// The levels are stretched so that the last one before the end is this.
        public var terminal: Double?
        /// How the levels between the first and the last are spread.
        public var distribution = SigmaSpacing.schedule
        /// At every step the image is predicted at once, and noised again to the next level.
        public var isStochastic = false

        public init() {}
    }

    public let timesteps: [Float]
    public var initialDeviation: Float { 1 }
    /// The share of noise at each step, and 0.
    public let sigmas: [Float]
    private let isStochastic: Bool

    /// `count` steps. `unshifted` are the levels before the shift; by default evenly from pure noise to one step, as Flux's pipeline has them.
    public init(
        _ count: Int, _ shift: Shift, trainingSteps: Int = 1_000, unshifted: [Double]? = nil, _ options: Options = Options()
    ) {
        var levels = (unshifted ?? Self.levels(count, to: 1 / Double(max(1, count)))).map { shift($0) }
        if let terminal = options.terminal { levels = Self.stretched(levels, to: terminal) }
        if options.distribution != .schedule, let high = levels.first, let low = levels.last {
            levels = options.distribution.sigmas(levels.count, from: high, to: low)
        }
        sigmas = levels.map(Float.init) + [0]
        timesteps = sigmas.dropLast().map { $0 * Float(trainingSteps) }
        isStochastic = options.isStochastic
    }

    /// Evenly from 1 to `last`.
    public static func levels(_ count: Int, to last: Double) -> [Double] {
        (0..<max(0, count)).map { count == 1 ? 1 : 1 + Double($0) / Double(count - 1) * (last - 1) }
    }

    /// The levels that the scheduler spaces out itself, as Stable Diffusion 3's pipeline has them: from pure noise to the last training
    /// step, which is shifted already where the shift is fixed, and shifted again with the others.
    public static func ownLevels(_ count: Int, _ shift: Shift, trainingSteps: Int = 1_000) -> [Double] {
        let last = 1 / Double(max(1, trainingSteps))
        guard case .fixed = shift else { return levels(count, to: last) }
        return levels(count, to: Double(Float(shift(last))))
    }

    /// The shift's exponent, or factor, for an image of so many tokens, on a line through two of them.
    ///
    /// Reference: diffusers 0.42, pipeline_flux.py `calculate_shift`.
    public static func exponent(
        tokens: Int, from base: (tokens: Int, shift: Double) = (256, 0.5), to greatest: (tokens: Int, shift: Double) = (4_096, 1.15)
    ) -> Double {
        let slope = (greatest.shift - base.shift) / Double(max(1, greatest.tokens - base.tokens))
        return Double(tokens) * slope + (base.shift - slope * Double(base.tokens))
    }

    static func stretched(_ levels: [Double], to terminal: Double) -> [Double] {
        guard let last = levels.last, last < 1, terminal < 1 else { return levels }
        let scale = (1 - last) / (1 - terminal)
        return levels.map { 1 - (1 - $0) / scale }
    }

    public mutating func step(_ output: [Float], _ sample: [Float], at index: Int, noise: (Int) -> [Float]) -> [Float] {
        let (here, next) = (Double(sigmas[index]), Double(sigmas[index + 1]))
        guard isStochastic else { return combine(1, sample, next - here, output) }
        return combine(1 - next, combine(1, sample, -here, output), next, noise(sample.count))
    }

    public func noised(_ image: [Float], _ noise: [Float], at index: Int) -> [Float] { NoiseLevel(flow: sigmas[index]).mix(image, noise) }

    /// The pipelines of flow models round the steps that are left out down, others those that are done.
    public func firstCall(strength: Double) -> Int {
        let done = min(Double(stepCount) * max(0, strength), Double(stepCount))
        return Int(max(0, Double(stepCount) - done))
    }
}
