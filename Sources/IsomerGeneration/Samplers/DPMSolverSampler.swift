/// DPM-Solver over several steps: the derivatives come from the predictions of the steps before. DPM++ 2M and its relatives.
///
/// Reference: Lu and others, 2022, algorithm 2; diffusers 0.42, scheduling_dpmsolver_multistep.py, which fails (IndexError) where its search for
/// the first timestep finds it twice, as with 50 steps and beta levels.
public struct DPMSolverSampler: Sampler {
    public var timesteps: [Float] { ladder.timesteps }
    public var initialDeviation: Float { 1 }

    private let ladder: SolverLadder
    private let prediction: PredictionType
    private let options: DPMSolverOptions
    private let bounds: ImageBounds?
    /// What was predicted at the steps before, the latest last.
    private var history: [[Float]] = []

    /// `bounds`: of the image that is predicted, for models of pixels.
    public init(
        _ ladder: SolverLadder, _ prediction: PredictionType, _ options: DPMSolverOptions = DPMSolverOptions(), bounds: ImageBounds? = nil
    ) {
        self.ladder = ladder
        self.prediction = prediction
        self.options = options
        self.bounds = bounds
    }

    public mutating func step(_ output: [Float], _ sample: [Float], at index: Int, noise: (Int) -> [Float]) -> [Float] {
        let here = ladder.level(index)
        let update = DPMSolverUpdate(options: options, start: here, end: ladder.level(index + 1))
        let predicted = DPMSolverUpdate.predicted(output, sample, prediction, here, options, bounds)
        defer { history = history.suffix(1) + [predicted] }

        let order = order(at: index)
        guard order > 1, let last = history.last else { return update.moved(sample, predicted, noise: noise) }
        let width = update.end.logarithm - here.logarithm
        let before = here.logarithm - ladder.level(index - 1).logarithm
        let slope = difference(predicted, last, width / before)
        guard order > 2, let earlier = history.first else {
            return update.moved(sample, predicted, first: slope, options.usesHeun ? .heun : .midpoint, noise: noise)
        }
        let (near, far) = (before / width, (ladder.level(index - 1).logarithm - ladder.level(index - 2).logarithm) / width)
        let bend = difference(slope, difference(last, earlier, 1 / far), 1)
        return update.moved(
            sample, predicted, first: combine(1, slope, near / (near + far), bend), second: combine([(1 / (near + far), bend)]), .heun,
            noise: noise)
    }

    public func noised(_ image: [Float], _ noise: [Float], at index: Int) -> [Float] { ladder.level(index).mix(image, noise) }

    /// As many steps as are known bound the order; and the last steps, if they are few or end without noise, are of a lower one.
    private func order(at index: Int) -> Int {
        let left = timesteps.count - index
        let isFew = options.lowersOrderAtEnd && timesteps.count < 15
        let greatest = options.algorithm == .noiseStochastic ? min(options.order, 2) : options.order
        if left == 1, isFew || options.usesEulerAtEnd || ladder.sigmas.last == 0 { return 1 }
        return min(greatest, history.count + 1, left == 2 && isFew ? 2 : 3)
    }
}
