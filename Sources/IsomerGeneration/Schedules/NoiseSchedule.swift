/// How noisy each training step of a diffusion model is: the cumulative products of what a step leaves of the image.
///
/// Reference: diffusers 0.42, schedulers/scheduling_ddim.py. Products are taken in float32 there, one after another, and so they are here.
public struct NoiseSchedule: Hashable, Sendable {
    /// How the variance that a step adds grows.
    ///
    /// The names are diffusers' `beta_schedule`.
    public enum Growth: String, Hashable, Sendable, CaseIterable {
        /// Evenly.
        case linear
        /// The square root of it does: Stable Diffusion.
        case scaledLinear = "scaled_linear"
        /// By a squared cosine of what is left.
        case squaredCosine = "squaredcos_cap_v2"
        /// Along a logistic curve.
        case sigmoid
        /// What is left decays exponentially.
        case exponential = "exp"
        /// The logarithm of signal to noise is distributed as Laplace's.
        case laplace
    }

    /// The variance that each step adds.
    public let betas: [Float]
    /// What is left of the image's variance after each step (ᾱ).
    public let alphas: [Float]

    /// The schedule of `count` training steps from `start` to `end`.
    ///
    /// With `endsInNoise` it is stretched so that nothing of the image is left at the last step ("zero terminal SNR"; Lin and others, 2023).
    public init(
        count: Int = 1_000, from start: Double = 0.00085, to end: Double = 0.012, _ growth: Growth = .scaledLinear,
        endsInNoise: Bool = false
    ) {
        self.init(betas: NoiseSchedule.betas(count, start, end, growth), endsInNoise: endsInNoise)
    }

    /// A schedule of given variances.
    public init(betas: [Float], endsInNoise: Bool = false) {
        let betas = endsInNoise ? NoiseSchedule.stretched(betas) : betas
        self.betas = betas
        alphas = NoiseSchedule.products(betas)
    }

    private static func products(_ betas: [Float]) -> [Float] {
        // PyTorch sums up the product in double and rounds each step to float32.
        var product = 1.0
        return betas.map {
            product *= Double(1 - $0)
            return Float(product)
        }
    }

    private static func betas(_ count: Int, _ start: Double, _ end: Double, _ growth: Growth) -> [Float] {
        switch growth {
        case .linear: return spaced(count, start, end)
        case .scaledLinear: return spaced(count, start.squareRoot(), end.squareRoot()).map { $0 * $0 }
        case .sigmoid:
            return spaced(count, -6, 6).map { 1 / (1 + Elementary.exponential(-$0)) * Float(end - start) + Float(start) }
        case .squaredCosine, .exponential, .laplace:
            return (0..<max(0, count)).map { step in
                let (before, after) = (Double(step) / Double(count), Double(step + 1) / Double(count))
                return Float(min(1 - left(after, growth) / left(before, growth), 0.999))
            }
        }
    }

    /// What is left of the image's variance after this share of the steps, where that is given by a curve.
    private static func left(_ time: Double, _ growth: Growth) -> Double {
        switch growth {
        case .exponential: return Elementary.exponential(-12 * time)
        case .laplace:
            let distance = 0.5 - time
            let logarithm = Elementary.logarithm(1 - 2 * abs(distance) + 1e-6)
            let ratio = Elementary.exponential(-0.5 * (distance < 0 ? -logarithm : logarithm))
            return (ratio / (1 + ratio)).squareRoot()
        default:
            let cosine = Elementary.cosine((time + 0.008) / 1.008 * .pi / 2)
            return cosine * cosine
        }
    }

    /// As `torch.linspace` in float32: from both ends towards the middle.
    private static func spaced(_ count: Int, _ start: Double, _ end: Double) -> [Float] {
        guard count > 1 else { return count == 1 ? [Float(start)] : [] }
        let (first, last) = (Float(start), Float(end))
        let step = (last - first) / Float(count - 1)
        return (0..<count).map { index in
            index < count / 2 ? first.addingProduct(step, Float(index)) : last.addingProduct(-step, Float(count - 1 - index))
        }
    }

    private static func stretched(_ betas: [Float]) -> [Float] {
        let roots = products(betas).map { $0.squareRoot() }
        guard let first = roots.first, let last = roots.last, first > last else { return betas }
        let factor = first / (first - last)
        let left = roots.map { root in
            let shifted = (root - last) * factor
            return shifted * shifted
        }
        return left.indices.map { 1 - (left[$0] / ($0 == 0 ? 1 : left[$0 - 1])) }
    }
}

extension NoiseSchedule {
    /// The deviation of the noise relative to the image after each step (σ), lowest first.
    ///
    /// `floor` stands in for an ᾱ of zero, of which there is no ratio. Reference: diffusers, `alphas_cumprod[-1] = 2**-24`.
    func sigmas(floor: Float = 0) -> [Float] {
        alphas.map { alpha in
            let alpha = alpha > 0 ? alpha : floor
            return ((1 - alpha) / alpha).squareRoot()
        }
    }
}
