/// DPM-Solver++ for the stochastic equation: each step but the last asks the model again at the level in the middle, by the logarithm. DPM++ SDE.
///
/// The noise of a step's middle and that of its end are increments of one Brownian path over the level of noise, which overlap: independent
/// draws are joined so that they have the right correlation. With a `path` they are its increments, and nothing is drawn.
///
/// Reference: k-diffusion `sample_dpmpp_sde`; diffusers 0.42, scheduling_dpmsolver_sde.py.
public struct DPMSolverSDESampler: Sampler {
    public let timesteps: [Float]
    public var callsPerStep: Int { 2 }
    public var initialDeviation: Float { ladder.initialDeviation }

    private let ladder: SigmaLadder
    private let prediction: PredictionType
    private let path: BrownianPath?
    /// Where the step began, and the noise that was drawn for the way to its middle.
    private var begun: (sample: [Float], noise: [Float])?

    /// With a `seed`, the noise is that of torchsde's Brownian tree, as A1111 and diffusers' `noise_sampler_seed` have it.
    public init(_ ladder: SigmaLadder, _ prediction: PredictionType, seed: UInt64? = nil) {
        self.ladder = ladder
        self.prediction = prediction
        let levels = ladder.sigmas.filter { $0 > 0 }
        path = seed.map { BrownianPath(seed: $0, from: levels.min() ?? 0, to: levels.max() ?? 0) }
        timesteps = ladder.interleaved { middle(ladder.sigma($0), ladder.sigma($0 + 1)) }
    }

    /// Even calls begin a step, odd ones stand in its middle.
    private func sigma(_ index: Int) -> Double {
        let step = index / 2
        return index % 2 == 0 ? ladder.sigma(step) : middle(ladder.sigma(step), ladder.sigma(step + 1))
    }

    public func input(_ sample: [Float], at index: Int) -> [Float] { ladder.input(sample, sigma(index)) }

    public mutating func step(_ output: [Float], _ sample: [Float], at index: Int, noise: (Int) -> [Float]) -> [Float] {
        let (start, next) = (ladder.sigma(index / 2), ladder.sigma(index / 2 + 1))
        let image = prediction.image(output, sample, sigma: sigma(index))
        guard next > 0 else { return image }
        let half = middle(start, next)
        if let path {
            let (pathStart, pathEnd) = (Float(start), Float(next))
            guard index % 2 == 1, let first = begun else {
                begun = (sample, [])
                return moved(
                    sample, image, from: start, to: half,
                    path.noise(sample.count, from: pathStart, to: Self.pathMiddle(pathStart, pathEnd)))
            }
            begun = nil
            return moved(first.sample, image, from: start, to: next, path.noise(sample.count, from: pathStart, to: pathEnd))
        }
        guard index % 2 == 1, let first = begun else {
            let drawn = noise(sample.count)
            begun = (sample, drawn)
            return moved(sample, image, from: start, to: half, drawn)
        }
        begun = nil
        let share = (start - half) / (start - next)
        let joined = combine(share.squareRoot(), first.noise, (1 - share).squareRoot(), noise(sample.count))
        return moved(first.sample, image, from: start, to: next, joined)
    }

    /// The middle in float32, as the references have it: a path's noise is another one where an end differs in its sixth decimal.
    private static func pathMiddle(_ a: Float, _ b: Float) -> Float {
        Elementary.exponential((Elementary.logarithm(a) + Elementary.logarithm(b)) / 2)
    }

    private func moved(_ sample: [Float], _ image: [Float], from start: Double, to end: Double, _ noise: [Float]) -> [Float] {
        let step = AncestralStep(start, end)
        let share = step.down / start
        return combine([(share, sample), (1 - share, image), (step.up, noise)])
    }

    public func noised(_ image: [Float], _ noise: [Float], at index: Int) -> [Float] { combine(1, image, sigma(index), noise) }
}
