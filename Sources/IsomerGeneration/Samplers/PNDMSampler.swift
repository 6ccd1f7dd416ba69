/// Pseudo numerical methods: a linear multistep method along DDIM's steps, which begins with three Runge-Kutta steps of four calls each, or
/// without them (PLMS), with the first step taken twice.
///
/// Where image to image begins later, PLMS still takes its second call for the first step's repetition, as diffusers does, although no step is
/// repeated there; a Runge-Kutta start begins with a whole step, or with what slopes are known after it (diffusers mixes both up).
///
/// Reference: Liu and others, 2022, equations 11 to 13; diffusers 0.42, scheduling_pndm.py.
public struct PNDMSampler: Sampler {
    public let timesteps: [Float]
    public let stepCount: Int
    public var initialDeviation: Float { 1 }

    private let calls: [Int]
    private let rungeKuttaCalls: Int
    private let stride: Int
    private let schedule: NoiseSchedule
    private let prediction: PredictionType
    private let finalAlpha: Float
    /// The model's outputs of the steps before, the latest first; how many calls were made; where the step began, and the sum of its slopes.
    private var outputs: [[Float]] = []
    private var made = 0
    private var begun: [Float] = []
    private var sum: [Float] = []

    /// `count` steps, and nine calls more with `startsWithRungeKutta`, for which four steps are needed: fewer are taken without it (where
    /// diffusers fails). `endsAtOne`: after the last there is no noise at all, rather than the first training step's.
    public init(
        _ count: Int, _ schedule: NoiseSchedule, _ prediction: PredictionType, _ spacing: TimestepSpacing = .leading, offset: Int = 1,
        startsWithRungeKutta: Bool = false, endsAtOne: Bool = false
    ) {
        let total = schedule.alphas.count
        let steps = spacing.wholeTimesteps(count, of: total, offset: offset)
        stride = total / max(1, count)
        stepCount = steps.count
        if startsWithRungeKutta, steps.count >= 4 {
            let half = stride / 2
            var calls: [Int] = []
            for (from, to) in zip(steps, steps.dropFirst()).prefix(3) { calls += [from, to + half, to + half, to] }
            rungeKuttaCalls = calls.count
            self.calls = calls + steps.dropFirst(3)
        } else {
            calls = Array(steps.prefix(2) + steps.dropFirst())
            rungeKuttaCalls = 0
        }
        timesteps = calls.map(Float.init)
        self.schedule = schedule
        self.prediction = prediction
        finalAlpha = endsAtOne ? 1 : schedule.alphas.first ?? 1
    }

    public func firstCall(strength: Double) -> Int {
        let skipped = skippedSteps(strength)
        guard rungeKuttaCalls > 0 else { return skipped }
        return skipped < 3 ? 4 * skipped : rungeKuttaCalls + skipped - 3
    }

    public mutating func step(_ output: [Float], _ sample: [Float], at index: Int, noise: (Int) -> [Float]) -> [Float] {
        defer { made += 1 }
        return index < rungeKuttaCalls ? rungeKutta(output, sample, at: index) : multistep(output, sample, at: index)
    }

    private mutating func rungeKutta(_ output: [Float], _ sample: [Float], at index: Int) -> [Float] {
        let first = index / 4 * 4
        switch index - first {
        case 0:
            begun = sample
            sum = combine([(1.0 / 6, output)])
            outputs = [output] + outputs.prefix(2)
            return moved(sample, output, from: calls[first], to: calls[first] - stride / 2)
        case 1:
            sum = combine(1, sum, 1.0 / 3, output)
            return moved(begun, output, from: calls[first], to: calls[index])
        case 2:
            sum = combine(1, sum, 1.0 / 3, output)
            return moved(begun, output, from: calls[first], to: calls[index] - stride / 2)
        default:
            return moved(begun, combine(1, sum, 1.0 / 6, output), from: calls[first], to: calls[index])
        }
    }

    private mutating func multistep(_ output: [Float], _ sample: [Float], at index: Int) -> [Float] {
        // PLMS' second call is told where the first step ended, and takes that step again.
        if rungeKuttaCalls == 0, made == 1, let first = outputs.first {
            return moved(begun, combine(0.5, output, 0.5, first), from: calls[index] + stride, to: calls[index])
        }
        if made == 0 { begun = sample }
        outputs = [output] + outputs.prefix(3)
        let weights: [Double] =
            switch outputs.count {
            case 1: [1]
            case 2: [3 / 2, -1 / 2]
            case 3: [23 / 12, -16 / 12, 5 / 12]
            default: [55 / 24, -59 / 24, 37 / 24, -9 / 24]
            }
        return moved(sample, combine(Array(zip(weights, outputs))), from: calls[index], to: calls[index] - stride)
    }

    /// Along a slope from one training step to another. Reference: equation 9 of the paper.
    private func moved(_ sample: [Float], _ output: [Float], from: Int, to: Int) -> [Float] {
        let noise = prediction.noise(output, sample, NoiseLevel(alpha: alpha(from)))
        let level = Double(alpha(from))
        let next = Double(to >= 0 ? alpha(to) : finalAlpha)
        let divisor = level * (1 - next).squareRoot() + (level * (1 - level) * next).squareRoot()
        return combine((next / level).squareRoot(), sample, -(next - level) / divisor, noise)
    }

    private func alpha(_ step: Int) -> Float { schedule.alphas[min(max(0, step), schedule.alphas.count - 1)] }

    public func noised(_ image: [Float], _ noise: [Float], at index: Int) -> [Float] {
        NoiseLevel(alpha: alpha(calls[index])).mix(image, noise)
    }
}
