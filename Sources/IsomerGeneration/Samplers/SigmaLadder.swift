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

    /// `count` levels and the end. `endsInZero`: after the last step there is no noise at all.
    public init(
        _ count: Int, _ schedule: NoiseSchedule, _ spacing: TimestepSpacing = .leading, _ distribution: SigmaSpacing = .schedule,
        offset: Int = 1, endsInZero: Bool = true
    ) {
        let trained = schedule.sigmas(floor: 0x1p-24)
        let table = SigmaTable(trained)
        var timesteps = spacing.timesteps(count, of: trained.count, offset: offset).map { Double(Float($0)) }
        var sigmas = timesteps.map(table.sigma)
        if distribution != .schedule, let high = sigmas.first, let low = sigmas.last {
            sigmas = distribution.sigmas(count, from: high, to: low)
            timesteps = sigmas.map(table.timestep)
        }
        self.timesteps = timesteps.map(Float.init)
        self.sigmas = sigmas.map(Float.init) + [endsInZero ? 0 : trained.first ?? 0]
        let highest = self.sigmas.max() ?? 0
        initialDeviation = spacing == .leading ? (highest * highest + 1).squareRoot() : highest
    }

    /// What the model is shown at `level`: a sample of unit variance.
    func input(_ sample: [Float], _ sigma: Float) -> [Float] {
        let deviation = (sigma * sigma + 1).squareRoot()
        return sample.map { $0 / deviation }
    }
}
