/// Heun's method: each step but the last asks the model twice, and goes by the mean of both slopes.
///
/// Reference: Karras and others, 2022, algorithm 1 without churn; diffusers 0.42, scheduling_heun_discrete.py.
public struct HeunSampler: Sampler {
    public let timesteps: [Float]
    public var callsPerStep: Int { 2 }
    public var initialDeviation: Float { ladder.initialDeviation }

    private let ladder: SigmaLadder
    private let prediction: PredictionType
    private let bounds: ImageBounds?
    /// Where the step began, and its first slope.
    private var begun: (sample: [Float], slope: [Float])?

    public init(_ ladder: SigmaLadder, _ prediction: PredictionType, bounds: ImageBounds? = nil) {
        self.ladder = ladder
        self.prediction = prediction
        self.bounds = bounds
        timesteps = ladder.timesteps.prefix(1) + ladder.timesteps.dropFirst().flatMap { [$0, $0] }
    }

    /// Call 0 stands at level 0, calls 1 and 2 at level 1, and so on: the second call of a step stands where the next step begins.
    private func sigma(_ index: Int) -> Double { ladder.sigma((index + 1) / 2) }

    public func input(_ sample: [Float], at index: Int) -> [Float] { ladder.input(sample, sigma(index)) }

    public mutating func step(_ output: [Float], _ sample: [Float], at index: Int, noise: (Int) -> [Float]) -> [Float] {
        let here = sigma(index)
        let image = prediction.image(output, sample, sigma: here).kept(within: bounds)
        let slope = difference(sample, image, 1 / here)
        guard let first = begun else {
            begun = (sample, slope)
            return combine(1, sample, sigma(index + 1) - here, slope)
        }
        begun = nil
        let half = (here - sigma(index - 1)) / 2
        return combine([(1, first.sample), (half, first.slope), (half, slope)])
    }

    public func noised(_ image: [Float], _ noise: [Float], at index: Int) -> [Float] { combine(1, image, sigma(index), noise) }
}
