/// DPM-Solver++ of first and second order over several steps, along the flow or, with `isStochastic`, with noise added at every step.
///
/// Reference: Lu and others, 2022, algorithm 2 (midpoint); diffusers 0.42, scheduling_dpmsolver_multistep.py.
public struct DPMSolverSampler: Sampler {
    public let timesteps: [Float]
    public var initialDeviation: Float { 1 }

    private let sigmas: [Float]
    private let prediction: PredictionType
    private let isStochastic: Bool
    /// The image predicted at the step before.
    private var last: [Float]?

    /// `count` steps, the last of them down to no noise at all.
    public init(
        _ count: Int, _ schedule: NoiseSchedule, _ prediction: PredictionType, _ spacing: TimestepSpacing = .leading,
        _ distribution: SigmaSpacing = .schedule, offset: Int = 1, isStochastic: Bool = false
    ) {
        let trained = schedule.sigmas(floor: 0x1p-24)
        let table = SigmaTable(trained)
        var sigmas: [Double]
        if distribution == .schedule {
            // Here one step more is spaced out than is taken, except where steps trail.
            let steps =
                spacing == .trailing
                ? spacing.timesteps(count, of: trained.count)
                : spacing.timesteps(count + 1, of: trained.count, offset: offset).dropLast().map { $0.rounded(.toNearestOrEven) }
            timesteps = steps.map(Float.init)
            sigmas = steps.map(table.sigma)
        } else {
            sigmas = distribution.sigmas(count, from: Double(trained.last ?? 0), to: Double(trained.first ?? 0))
            let steps = sigmas.map(table.timestep)
            timesteps = steps.map { Float(distribution == .karras ? $0.rounded(.toNearestOrEven) : $0.rounded(.towardZero)) }
        }
        self.sigmas = sigmas.map(Float.init) + [0]
        self.prediction = prediction
        self.isStochastic = isStochastic
    }

    public func input(_ sample: [Float], at index: Int) -> [Float] { sample }

    public mutating func step(_ output: [Float], _ sample: [Float], at index: Int, noise: (Int) -> [Float]) -> [Float] {
        let (here, next) = (Level(sigmas[index]), Level(sigmas[index + 1]))
        let image = prediction.parts(output, sample, here)
        let width = next.logarithm - here.logarithm
        let shrink = Elementary.exponential(-width)
        var (keep, take, add) = (next.deviation / here.deviation, next.signal * (1 - shrink), Float(0))
        if isStochastic {
            keep *= shrink
            take = next.signal * (1 - shrink * shrink)
            add = next.deviation * (1 - shrink * shrink).squareRoot()
        }
        var direction = image
        // The step down to zero is of infinite width and takes the image as it is; so does the first, which has none before it.
        let isFirstOrder = index == timesteps.count - 1 || last == nil
        if !isFirstOrder, let last {
            let ratio = (here.logarithm - Level(sigmas[index - 1]).logarithm) / width
            direction = zip(image, last).map { $0 + 0.5 * (1 / ratio * ($0 - $1)) }
        }
        last = image
        let moved = combine(keep, sample, take, direction)
        return isStochastic ? combine(1, moved, add, noise(sample.count)) : moved
    }

    public func noised(_ image: [Float], _ noise: [Float], at index: Int) -> [Float] {
        let level = Level(sigmas[index])
        return combine(level.signal, image, level.deviation, noise)
    }

    /// A level of noise as this method sees it: √ᾱ · image + √(1 − ᾱ) · noise.
    struct Level {
        let signal: Float
        let deviation: Float
        /// Of the ratio of both.
        let logarithm: Float

        init(_ sigma: Float) {
            signal = 1 / (sigma * sigma + 1).squareRoot()
            deviation = sigma * signal
            logarithm = Elementary.logarithm(signal) - Elementary.logarithm(deviation)
        }
    }
}

extension PredictionType {
    fileprivate func parts(_ output: [Float], _ sample: [Float], _ level: DPMSolverSampler.Level) -> [Float] {
        switch self {
        case .epsilon: zip(sample, output).map { ($0 - level.deviation * $1) / level.signal }
        case .sample: output
        case .velocity: combine(level.signal, sample, -level.deviation, output)
        }
    }
}
