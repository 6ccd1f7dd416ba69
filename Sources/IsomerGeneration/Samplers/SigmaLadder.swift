/// The levels of noise that the samplers go down which see the process as image + σ · noise, and the steps they tell the model.
///
/// Reference: diffusers 0.42, scheduling_euler_discrete.py `set_timesteps`.
public struct SigmaLadder: Hashable, Sendable {
    /// What the model is told at each level but the last.
    public let timesteps: [Float]
    /// The levels, the last one being 0 or the first training step's.
    public let sigmas: [Float]
    /// The deviation of the noise to begin with.
    public let initialDeviation: Float
    /// Of every training step.
    private let table: SigmaTable

    /// What some samplers do otherwise.
    public struct Options: Hashable, Sendable {
        /// After the last step there is no noise at all, rather than the first training step's.
        public var endsInZero = true
        /// The highest and the lowest level, where they are not the first and last steps'.
        public var highest: Double?
        public var lowest: Double?
        /// Karras' levels are told to the model as whole steps.
        public var roundsKarras = false
        /// The model is told a quarter of the level's logarithm instead of a training step.
        public var tellsLogarithm = false

        public init() {}
    }

    /// `count` levels and the end.
    public init(
        _ count: Int, _ schedule: NoiseSchedule, _ spacing: TimestepSpacing = .leading, _ distribution: SigmaSpacing = .schedule,
        offset: Int = 1, _ options: Options = Options()
    ) {
        let trained = schedule.sigmas(floor: 0x1p-24)
        let table = SigmaTable(trained)
        var timesteps = spacing.timesteps(count, of: trained.count, offset: offset).map { Double(Float($0)) }
        var sigmas = timesteps.map(table.sigma)
        if distribution != .schedule, let high = sigmas.first, let low = sigmas.last {
            sigmas = distribution.sigmas(sigmas.count, from: options.highest ?? high, to: options.lowest ?? low)
            timesteps = sigmas.map(table.timestep)
            if distribution == .karras, options.roundsKarras { timesteps = timesteps.map { $0.rounded(.toNearestOrEven) } }
        }
        self.sigmas = sigmas.map(Float.init) + [options.endsInZero ? 0 : trained.first ?? 0]
        self.timesteps = options.tellsLogarithm ? self.sigmas.dropLast().map { 0.25 * Elementary.logarithm($0) } : timesteps.map(Float.init)
        let highest = self.sigmas.max() ?? 0
        initialDeviation = spacing == .leading ? (highest * highest + 1).squareRoot() : highest
        self.table = table
    }

    /// The level of step `index`, or the end.
    func sigma(_ index: Int) -> Double { Double(sigmas[index]) }

    /// What the model is shown at the level `sigma`: a sample of unit variance.
    func input(_ sample: [Float], _ sigma: Double) -> [Float] {
        let deviation = (sigma * sigma + 1).squareRoot()
        return sample.map { Float(Double($0) / deviation) }
    }

    /// The training step, or the place between two, where the noise is `sigma`.
    func timestep(of sigma: Double) -> Float { Float(table.timestep(of: sigma)) }

    /// Every timestep but the first after the one of the level between, which `between` gives for each step but the last: what samplers
    /// tell the model that ask twice a step.
    func interleaved(_ between: (Int) -> Double) -> [Float] {
        timesteps.indices.flatMap { $0 == 0 ? [timesteps[0]] : [timestep(of: between($0 - 1)), timesteps[$0]] }
    }
}

/// The level between two, by the logarithm; zero if either is.
func middle(_ a: Double, _ b: Double) -> Double {
    guard a > 0, b > 0 else { return 0 }
    return Elementary.exponential((Elementary.logarithm(a) + Elementary.logarithm(b)) / 2)
}
