/// How the levels of noise between the highest and the lowest are spread.
public enum SigmaSpacing: String, Hashable, Sendable, CaseIterable {
    /// As the training steps have them.
    case schedule
    /// Evenly in the seventh root. Reference: Karras and others, 2022, equation 5.
    case karras
    /// Evenly in the logarithm.
    case exponential
    /// By the quantiles of the beta distribution with both parameters 0.6: many at both ends. Reference: Lee and others, 2024.
    case beta
    /// Evenly in the logarithm of signal to noise, told to the model as whole steps. Reference: Lu and others, 2022.
    case lu
    /// Ten levels found by optimisation for Stable Diffusion 1, and levels between them. Reference: Sabour and others, 2024.
    case alignYourSteps = "ays"
    /// The same for SDXL.
    case alignYourStepsXL = "ays-sdxl"
}

extension SigmaSpacing {
    /// `count` levels from `high` down to `low`. Levels that were optimised for a model are as they are.
    func sigmas(_ count: Int, from high: Double, to low: Double) -> [Double] {
        let ramp = (0..<count).map { count == 1 ? 0 : Double($0) / Double(count - 1) }
        switch self {
        case .schedule: return ramp.map { high + $0 * (low - high) }
        case .karras:
            let top = Elementary.power(high, 1 / 7)
            let bottom = Elementary.power(low, 1 / 7)
            return ramp.map { Elementary.power(top + $0 * (bottom - top), 7) }
        case .exponential, .lu:
            let top = Elementary.logarithm(high)
            let bottom = Elementary.logarithm(low)
            return ramp.map { Elementary.exponential(top + $0 * (bottom - top)) }
        case .beta:
            let distribution = BetaDistribution(alpha: 0.6, beta: 0.6)
            return ramp.map { low + distribution.quantile(1 - $0) * (high - low) }
        case .alignYourSteps: return between(Self.stableDiffusion, count)
        case .alignYourStepsXL: return between(Self.stableDiffusionXL, count)
        }
    }

    /// The published levels, the last of which stands where the last step ends. Reference: ComfyUI, comfy_extras/nodes_align_your_steps.py;
    /// diffusers 0.42 has the first ten of them as `AysSchedules`.
    private static let stableDiffusion = [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029]
    private static let stableDiffusionXL = [14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029]

    /// `count` levels and an end, of which the end is left out: evenly along `levels` by their logarithm.
    private func between(_ levels: [Double], _ count: Int) -> [Double] {
        let last = levels.count - 1
        return (0..<count).map { index in
            let place = Double(index * last) / Double(count)
            let below = min(Int(place), last - 1)
            let share = place - Double(below)
            guard share > 0 else { return levels[below] }
            let (from, to) = (Elementary.logarithm(levels[below]), Elementary.logarithm(levels[below + 1]))
            return Elementary.exponential(from + share * (to - from))
        }
    }
}
