/// The levels of noise that the solvers go down which count in the logarithm of signal to noise (DPM-Solver, UniPC).
///
/// One step more is spaced out than is taken, except where steps trail; and the model is told whole steps.
///
/// Reference: diffusers 0.42, `set_timesteps` of scheduling_dpmsolver_multistep.py, scheduling_dpmsolver_singlestep.py and
/// scheduling_unipc_multistep.py.
public struct SolverLadder: Hashable, Sendable {
    /// What the model is told at each level but the last.
    public let timesteps: [Float]
    /// The levels, the last one being 0 or the lowest there is.
    public let sigmas: [Float]
    /// Whether the levels are shares of noise on the straight way from the image to the noise.
    public let isFlow: Bool

    /// Which levels there are, beside their number and spread.
    public struct Options: Hashable, Sendable {
        /// After the last step there is no noise at all, rather than the first training step's.
        public var endsInZero = true
        /// Karras' levels are told to the model as the nearest whole steps, others as those before.
        public var roundsKarras = true
        /// The highest and the lowest level, where they are not the first and last training steps'.
        public var highest: Double?
        public var lowest: Double?
        /// Training steps where the logarithm of signal to noise is below this are left out.
        public var lowestLogarithm = -Double.infinity

        public init() {}
    }

    /// `count` levels and the end.
    public init(
        _ count: Int, _ schedule: NoiseSchedule, _ spacing: TimestepSpacing = .linspace, _ distribution: SigmaSpacing = .schedule,
        offset: Int = 0, _ options: Options = Options()
    ) {
        isFlow = false
        let count = schedule.alphas.isEmpty ? 0 : max(0, count)
        let trained = schedule.sigmas(floor: 0x1p-24)
        let table = SigmaTable(trained)
        var steps: [Double]
        var sigmas: [Double]
        if distribution == .schedule {
            let kept = trained.count { NoiseLevel(sigma: $0).logarithm >= options.lowestLogarithm }
            switch spacing {
            case .trailing:
                let ratio = Double(max(1, trained.count)) / Double(max(1, count))
                steps = stride(from: Double(kept), to: 0, by: -ratio).prefix(count).map { $0.rounded(.toNearestOrEven) - 1 }
            default:
                steps = spacing.timesteps(count + 1, of: kept, offset: offset).dropLast().map { $0.rounded(.toNearestOrEven) }
            }
            sigmas = steps.map(table.sigma)
        } else {
            sigmas = distribution.sigmas(
                count, from: options.highest ?? Double(trained.last ?? 0), to: options.lowest ?? Double(trained.first ?? 0))
            let rounds = distribution == .lu || distribution == .karras && options.roundsKarras
            steps = sigmas.map { table.timestep(of: $0).rounded(rounds ? .toNearestOrEven : .towardZero) }
        }
        timesteps = steps.map(Float.init)
        let lowest = distribution == .schedule ? Double(trained.first ?? 0) : options.lowest ?? Double(trained.first ?? 0)
        self.sigmas = sigmas.map(Float.init) + [options.endsInZero ? 0 : Float(lowest)]
    }

    /// Levels of a flow, as they are, and the end.
    public init(flow sigmas: [Double], trainingSteps: Int = 1_000, endsInZero: Bool = true) {
        isFlow = true
        timesteps = sigmas.map { Float(($0 * Double(trainingSteps)).rounded(.towardZero)) }
        self.sigmas = (sigmas + [endsInZero ? 0 : sigmas.last ?? 0]).map(Float.init)
    }

    /// Between level 0 and the number of levels.
    func level(_ index: Int) -> NoiseLevel { isFlow ? NoiseLevel(flow: sigmas[index]) : NoiseLevel(sigma: sigmas[index]) }
}
