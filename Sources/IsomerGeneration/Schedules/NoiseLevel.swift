/// A level of noise: a sample there is signal · image + deviation · noise.
///
/// Levels and all that follows from them are reckoned in binary64, from tables that are float32 as PyTorch's are: differences of logarithms lose
/// what a sample's last bits are made of otherwise.
struct NoiseLevel: Hashable, Sendable {
    let signal: Double
    let deviation: Double

    /// Where the variance is kept at one and `alpha` of it is the image's.
    init(alpha: Float) {
        let alpha = Double(alpha)
        signal = alpha.squareRoot()
        deviation = (1 - alpha).squareRoot()
    }

    /// Where the variance is kept at one and the noise is `sigma` times the image.
    init(sigma: Float) {
        let sigma = Double(sigma)
        signal = 1 / (sigma * sigma + 1).squareRoot()
        deviation = sigma * signal
    }

    /// On the straight way from the image to the noise.
    init(flow sigma: Float) {
        signal = 1 - Double(sigma)
        deviation = Double(sigma)
    }

    /// The logarithm of signal over deviation (λ), infinite where there is no noise.
    var logarithm: Double { Elementary.logarithm(signal) - Elementary.logarithm(deviation) }

    /// `image` with as much of `noise` as there is at this level.
    func mix(_ image: [Float], _ noise: [Float]) -> [Float] { combine(signal, image, deviation, noise) }
}

/// What a model was trained to say of a noisy image.
public enum PredictionType: String, Hashable, Sendable, CaseIterable {
    /// The noise.
    case epsilon
    /// The image.
    case sample
    /// The velocity on the circle: √ᾱ · noise − √(1 − ᾱ) · image.
    case velocity = "v_prediction"
    /// The velocity on the straight way: noise − image.
    case flow = "flow_prediction"
}

extension PredictionType {
    /// The image that `sample` at `level` is made of, by the model's `output` for it.
    func image(_ output: [Float], _ sample: [Float], _ level: NoiseLevel) -> [Float] {
        let (signal, deviation) = (level.signal, level.deviation)
        switch self {
        case .epsilon: return combine(1 / signal, sample, -deviation / signal, output)
        case .sample: return output
        case .velocity: return combine(signal, sample, -deviation, output)
        case .flow: return combine(1 / (signal + deviation), sample, -deviation / (signal + deviation), output)
        }
    }

    /// The noise that `sample` at `level` is made of, by the model's `output` for it.
    func noise(_ output: [Float], _ sample: [Float], _ level: NoiseLevel) -> [Float] {
        let (signal, deviation) = (level.signal, level.deviation)
        switch self {
        case .epsilon: return output
        case .sample: return combine(1 / deviation, sample, -signal / deviation, output)
        case .velocity: return combine(signal, output, deviation, sample)
        case .flow: return combine(1 / (signal + deviation), sample, signal / (signal + deviation), output)
        }
    }

    /// The image that `sample` = image + `sigma` · noise is made of, by the model's `output` for the sample scaled to unit variance.
    func image(_ output: [Float], _ sample: [Float], sigma: Double) -> [Float] {
        switch self {
        case .epsilon: return combine(1, sample, -sigma, output)
        case .sample: return output
        case .velocity:
            let square = sigma * sigma + 1
            return combine(-sigma / square.squareRoot(), output, 1 / square, sample)
        case .flow: return combine(1 / (1 + sigma), sample, -sigma / (1 + sigma), output)
        }
    }
}

/// a·x + b·y, element by element, rounded once.
func combine(_ a: Double, _ x: [Float], _ b: Double, _ y: [Float]) -> [Float] {
    zip(x, y).map { Float(a * Double($0) + b * Double($1)) }
}

/// (a − b) · factor, element by element, rounded once.
func difference(_ a: [Float], _ b: [Float], _ factor: Double) -> [Float] {
    zip(a, b).map { Float((Double($0) - Double($1)) * factor) }
}

/// The sum of `terms`, each a factor and what it multiplies, rounded once. Terms with a factor of zero are left out: what they multiply need
/// not be finite.
func combine(_ terms: [(Double, [Float])]) -> [Float] {
    var sum = [Double](repeating: 0, count: terms.first?.1.count ?? 0)
    for (factor, values) in terms where factor != 0 {
        for (place, value) in zip(sum.indices, values) { sum[place] += factor * Double(value) }
    }
    return sum.map { Float($0) }
}
