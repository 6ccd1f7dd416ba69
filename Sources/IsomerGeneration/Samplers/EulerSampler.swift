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

    public func input(_ sample: [Float], at index: Int) -> [Float] { ladder.input(sample, ladder.sigmas[index]) }

    public mutating func step(_ output: [Float], _ sample: [Float], at index: Int, noise: (Int) -> [Float]) -> [Float] {
        let (sigma, next) = (ladder.sigmas[index], ladder.sigmas[index + 1])
        let image = prediction.image(output, sample, sigma: sigma)
        let end = isAncestral ? AncestralStep(sigma, next) : AncestralStep(down: next, up: 0)
        let change = end.down - sigma
        let moved = zip(sample, image).map { $0 + ($0 - $1) / sigma * change }
        return isAncestral ? combine(1, moved, end.up, noise(sample.count)) : moved
    }

    public func noised(_ image: [Float], _ noise: [Float], at index: Int) -> [Float] { combine(1, image, ladder.sigmas[index], noise) }
}
