/// How a DPM-Solver steps.
public struct DPMSolverOptions: Hashable, Sendable {
    /// What is integrated, and whether noise is added. The names are diffusers'.
    public enum Algorithm: String, Hashable, Sendable, CaseIterable {
        /// The predicted noise. It cannot go down to a level of zero.
        case noise = "dpmsolver"
        case noiseStochastic = "sde-dpmsolver"
        /// The predicted image: DPM-Solver++.
        case image = "dpmsolver++"
        case imageStochastic = "sde-dpmsolver++"

        var integratesNoise: Bool { self == .noise || self == .noiseStochastic }
        var isStochastic: Bool { self == .noiseStochastic || self == .imageStochastic }
    }

    public var algorithm = Algorithm.image
    /// 1, 2 or 3.
    public var order = 2
    /// Whether a step of second order takes Heun's way rather than the midpoint's.
    public var usesHeun = false
    /// Whether the last steps of few are of lower order.
    public var lowersOrderAtEnd = true
    /// Whether the last step is of first order in any case.
    public var usesEulerAtEnd = false

    public init() {}
}

/// One step of DPM-Solver from one level of noise to another.
///
/// Reference: Lu and others, 2022 (two papers); diffusers 0.42, scheduling_dpmsolver_multistep.py, with one difference: the third-order term of
/// the stochastic solver has the sign there that leaves it as large however small the step is, and here the one of k-diffusion's
/// `sample_dpmpp_3m_sde`.
struct DPMSolverUpdate {
    let options: DPMSolverOptions
    /// Where the step begins and ends.
    let start: NoiseLevel
    let end: NoiseLevel

    /// How the first derivative is weighed: the second order's two ways, of which the third order takes Heun's.
    enum Weight { case midpoint, heun }

    /// The sample at `end`: from that at `start`, what was predicted there, and its first and second derivatives, as far as they are known.
    func moved(
        _ sample: [Float], _ predicted: [Float], first: [Float]? = nil, second: [Float]? = nil, _ weight: Weight = .midpoint,
        noise: (Int) -> [Float]
    ) -> [Float] {
        let width = end.logarithm - start.logarithm
        var terms: [(Double, [Float])]
        let added: Double
        if options.algorithm.integratesNoise {
            let growth = Elementary.exponentialLessOne(width)
            let double: Double = options.algorithm.isStochastic ? 2 : 1
            terms = [(end.signal / start.signal, sample), (-double * end.deviation * growth, predicted)]
            if let first {
                terms.append((-double * end.deviation * (weight == .midpoint ? growth / 2 : growth / width - 1), first))
            }
            if let second { terms.append((-end.deviation * ((growth - width) / (width * width) - 0.5), second)) }
            added = end.deviation * Elementary.exponentialLessOne(2 * width).squareRoot()
        } else {
            let doubled = options.algorithm.isStochastic ? 2 * width : width
            let gone = -Elementary.exponentialLessOne(-doubled)
            let kept = end.deviation / start.deviation * (options.algorithm.isStochastic ? Elementary.exponential(-width) : 1)
            terms = [(kept, sample), (end.signal * gone, predicted)]
            if let first {
                terms.append((end.signal * (weight == .midpoint ? gone / 2 : 1 - gone / doubled), first))
            }
            if let second { terms.append((end.signal * (0.5 - (doubled - gone) / (doubled * doubled)), second)) }
            added = end.deviation * gone.squareRoot()
        }
        if options.algorithm.isStochastic { terms.append((added, noise(sample.count))) }
        return combine(terms)
    }

    /// What the solver integrates.
    static func predicted(
        _ output: [Float], _ sample: [Float], _ prediction: PredictionType, _ level: NoiseLevel, _ options: DPMSolverOptions,
        _ bounds: ImageBounds?
    ) -> [Float] {
        if options.algorithm.integratesNoise, bounds == nil { return prediction.noise(output, sample, level) }
        let image = prediction.image(output, sample, level).kept(within: bounds)
        return options.algorithm.integratesNoise ? PredictionType.sample.noise(image, sample, level) : image
    }
}
