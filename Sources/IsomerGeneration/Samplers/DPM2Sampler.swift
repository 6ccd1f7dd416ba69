/// DPM-Solver-2 in Karras' form: each step but the last asks the model again at the level in the middle, by the logarithm, and goes by the
/// slope found there. With `isAncestral`, as much noise is taken away and added anew as DDPM would.
///
/// Reference: Karras and others, 2022, algorithm 2; diffusers 0.42, scheduling_k_dpm_2_discrete.py and
/// scheduling_k_dpm_2_ancestral_discrete.py.
public struct DPM2Sampler: Sampler {
    public let timesteps: [Float]
    public var callsPerStep: Int { 2 }
    public var initialDeviation: Float { ladder.initialDeviation }

    private let ladder: SigmaLadder
    private let prediction: PredictionType
    private let isAncestral: Bool
    /// Where the step began.
    private var begun: [Float]?

    public init(_ ladder: SigmaLadder, _ prediction: PredictionType, isAncestral: Bool = false) {
        self.ladder = ladder
        self.prediction = prediction
        self.isAncestral = isAncestral
        timesteps = ladder.interleaved { step in
            let (from, to) = (ladder.sigma(step), ladder.sigma(step + 1))
            return middle(from, isAncestral ? AncestralStep(from, to).down : to)
        }
    }

    /// Even calls begin a step, odd ones stand in its middle.
    private func sigma(_ index: Int) -> Double { index % 2 == 0 ? ladder.sigma(index / 2) : middleOfStep(index / 2) }

    private func middleOfStep(_ step: Int) -> Double { middle(ladder.sigma(step), end(step).down) }

    private func end(_ step: Int) -> AncestralStep {
        let next = ladder.sigma(step + 1)
        return isAncestral ? AncestralStep(ladder.sigma(step), next) : AncestralStep(down: next, up: 0)
    }

    public func input(_ sample: [Float], at index: Int) -> [Float] { ladder.input(sample, sigma(index)) }

    public mutating func step(_ output: [Float], _ sample: [Float], at index: Int, noise: (Int) -> [Float]) -> [Float] {
        let (here, start) = (sigma(index), ladder.sigma(index / 2))
        let slope = difference(sample, prediction.image(output, sample, sigma: here), 1 / here)
        guard index % 2 == 1, let first = begun else {
            begun = sample
            return combine(1, sample, middleOfStep(index / 2) - start, slope)
        }
        begun = nil
        let end = end(index / 2)
        guard isAncestral else { return combine(1, first, end.down - start, slope) }
        return combine([(1, first), (end.down - start, slope), (end.up, noise(sample.count))])
    }

    public func noised(_ image: [Float], _ noise: [Float], at index: Int) -> [Float] { combine(1, image, sigma(index), noise) }
}

/// A step that goes further down than it should, and adds noise to make up for it, as much as DDPM would.
struct AncestralStep {
    let down: Double
    let up: Double

    init(down: Double, up: Double) {
        self.down = down
        self.up = up
    }

    init(_ from: Double, _ to: Double) {
        let square = to * to * (from * from - to * to) / (from * from)
        up = min(to, square.squareRoot())
        down = max(0, to * to - up * up).squareRoot()
    }
}
