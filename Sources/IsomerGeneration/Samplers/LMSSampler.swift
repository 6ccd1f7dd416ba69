/// Linear multistep: the slope of up to four steps, as a polynomial integrated over the step.
///
/// Reference: k-diffusion `sample_lms`; diffusers 0.42, scheduling_lms_discrete.py. That one takes the order by the step's number, also where
/// image to image begins later: its weights then belong to slopes that nobody has, and do not sum to the step. Here the order is the number of
/// slopes known.
public struct LMSSampler: Sampler {
    public var timesteps: [Float] { ladder.timesteps }
    public var initialDeviation: Float { ladder.initialDeviation }

    private let ladder: SigmaLadder
    private let prediction: PredictionType
    private let order: Int
    /// The slopes of the steps before, the latest first.
    private var slopes: [[Float]] = []

    public init(_ ladder: SigmaLadder, _ prediction: PredictionType, order: Int = 4) {
        self.ladder = ladder
        self.prediction = prediction
        self.order = min(max(1, order), 6)
    }

    public func input(_ sample: [Float], at index: Int) -> [Float] { ladder.input(sample, ladder.sigma(index)) }

    public mutating func step(_ output: [Float], _ sample: [Float], at index: Int, noise: (Int) -> [Float]) -> [Float] {
        let sigma = ladder.sigma(index)
        let slope = difference(sample, prediction.image(output, sample, sigma: sigma), 1 / sigma)
        slopes = [slope] + slopes.prefix(order - 1)
        let nodes = slopes.indices.map { ladder.sigma(index - $0) }
        let end = ladder.sigma(index + 1)
        return combine([(1, sample)] + slopes.indices.map { (Self.weight($0, nodes, to: end), slopes[$0]) })
    }

    public func noised(_ image: [Float], _ noise: [Float], at index: Int) -> [Float] { combine(1, image, ladder.sigma(index), noise) }

    /// The integral, from the first node to `end`, of the polynomial that is one at a node and zero at the others. Gauss' rule with three
    /// points is exact up to the fifth power.
    private static func weight(_ node: Int, _ nodes: [Double], to end: Double) -> Double {
        let half = (end - nodes[0]) / 2
        let place = 0.6.squareRoot()
        return [(-place, 5.0 / 9), (0, 8.0 / 9), (place, 5.0 / 9)].reduce(0) { sum, point in
            let x = nodes[0] + half * (1 + point.0)
            let value = nodes.indices.reduce(1.0) { $1 == node ? $0 : $0 * (x - nodes[$1]) / (nodes[node] - nodes[$1]) }
            return sum + half * point.1 * value
        }
    }
}
