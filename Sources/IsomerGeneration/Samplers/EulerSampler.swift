/// Euler's method along the probability flow; with `isAncestral`, as much noise is taken away and added anew as DDPM would.
///
/// Reference: Karras and others, 2022, algorithm 2; k-diffusion `sample_euler_ancestral`; diffusers 0.42, scheduling_euler_discrete.py and
/// scheduling_euler_ancestral_discrete.py.
public struct EulerSampler: Sampler {
    public var timesteps: [Float] { ladder.timesteps }
    public var initialDeviation: Float { ladder.initialDeviation }

    private let ladder: SigmaLadder
    private let prediction: PredictionType
    private let isAncestral: Bool

    public init(_ ladder: SigmaLadder, _ prediction: PredictionType, isAncestral: Bool = false) {
        self.ladder = ladder
        self.prediction = prediction
        self.isAncestral = isAncestral
    }

    public func input(_ sample: [Float], at index: Int) -> [Float] { ladder.input(sample, ladder.sigma(index)) }

    public mutating func step(_ output: [Float], _ sample: [Float], at index: Int, noise: (Int) -> [Float]) -> [Float] {
        let (sigma, next) = (ladder.sigma(index), ladder.sigma(index + 1))
        let image = prediction.image(output, sample, sigma: sigma)
        let end = isAncestral ? AncestralStep(sigma, next) : AncestralStep(down: next, up: 0)
        // The share of the noise that is left, rather than a step along the slope: from a level of thousands nothing cancels out this way.
        let left = end.down / sigma
        guard isAncestral else { return combine(left, sample, 1 - left, image) }
        return combine([(left, sample), (1 - left, image), (end.up, noise(sample.count))])
    }

    public func noised(_ image: [Float], _ noise: [Float], at index: Int) -> [Float] { combine(1, image, ladder.sigma(index), noise) }
}
