/// DPM-Solver a step at a time: two or three calls of the model make one long step of that order. DPM++ 2S.
///
/// Each call is counted as a step here, as diffusers does.
///
/// Reference: Lu and others, 2022, algorithm 1; diffusers 0.42, scheduling_dpmsolver_singlestep.py.
public struct DPMSolverSingleSampler: Sampler {
    public var timesteps: [Float] { ladder.timesteps }
    public var initialDeviation: Float { 1 }

    private let ladder: SolverLadder
    private let prediction: PredictionType
    private let options: DPMSolverOptions
    private let bounds: ImageBounds?
    private let orders: [Int]
    /// What was predicted since the long step began, and the sample with which it began.
    private var history: [[Float]] = []
    private var begun: [Float] = []

    /// `bounds`: of the image that is predicted, for models of pixels.
    public init(
        _ ladder: SolverLadder, _ prediction: PredictionType, _ options: DPMSolverOptions = DPMSolverOptions(), bounds: ImageBounds? = nil
    ) {
        self.ladder = ladder
        self.prediction = prediction
        self.options = options
        self.bounds = bounds
        orders = Self.orders(ladder.timesteps.count, options, endsInZero: ladder.sigmas.last == 0)
    }

    /// The order of each call: 1, 2, 1, 2 … or 1, 2, 3, 1, 2, 3 …; the last is 1 where the noise ends in zero.
    private static func orders(_ count: Int, _ options: DPMSolverOptions, endsInZero: Bool) -> [Int] {
        let period = min(max(1, options.order), 3)
        var orders = (0..<count).map { $0 % period + 1 }
        let isLowered = options.lowersOrderAtEnd || count % period != 0 || endsInZero
        // A third-order solver ends with 1, 2, 1 rather than 1, 2, 3.
        if isLowered, count % period == 0, count > 0 { orders[count - 1] = 1 }
        if endsInZero, count > 0 { orders[count - 1] = 1 }
        return orders
    }

    public mutating func step(_ output: [Float], _ sample: [Float], at index: Int, noise: (Int) -> [Float]) -> [Float] {
        let here = ladder.level(index)
        history.append(DPMSolverUpdate.predicted(output, sample, prediction, here, options, bounds))
        // Where image to image begins amid a long step, what comes before is not known.
        let order = min(orders[index], history.count)
        if order == 1 {
            begun = sample
            history = history.suffix(1)
        }
        let update = DPMSolverUpdate(options: options, start: ladder.level(index - order + 1), end: ladder.level(index + 1))
        let width = update.end.logarithm - update.start.logarithm
        func share(_ level: NoiseLevel) -> Double { (level.logarithm - update.start.logarithm) / width }
        let first = history[history.count - order]
        switch order {
        case 1: return update.moved(begun, first, noise: noise)
        case 2:
            let slope = difference(history[history.count - 1], first, 1 / share(here))
            return update.moved(begun, first, first: slope, options.usesHeun ? .heun : .midpoint, noise: noise)
        default:
            let (near, far) = (share(ladder.level(index - 1)), share(here))
            let nearSlope = difference(history[history.count - 2], first, 1 / near)
            let farSlope = difference(history[history.count - 1], first, 1 / far)
            guard options.usesHeun else { return update.moved(begun, first, first: farSlope, .heun, noise: noise) }
            let slope = combine(far / (far - near), nearSlope, -near / (far - near), farSlope)
            return update.moved(
                begun, first, first: slope, second: difference(farSlope, nearSlope, 2 / (far - near)), .heun, noise: noise)
        }
    }

    public func noised(_ image: [Float], _ noise: [Float], at index: Int) -> [Float] { ladder.level(index).mix(image, noise) }
}
