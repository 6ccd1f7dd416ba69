/// A level of noise: a sample there is signal · image + deviation · noise.
struct NoiseLevel: Hashable, Sendable {
    let signal: Float
    let deviation: Float

    /// Where the variance is kept at one and `alpha` of it is the image's.
    init(alpha: Float) {
        signal = alpha.squareRoot()
        deviation = (1 - alpha).squareRoot()
    }

    /// Where the variance is kept at one and the noise is `sigma` times the image.
    init(sigma: Float) {
        signal = 1 / (sigma * sigma + 1).squareRoot()
        deviation = sigma * signal
    }

    /// On the straight way from the image to the noise.
    init(flow sigma: Float) {
        signal = 1 - sigma
        deviation = sigma
    }

    /// The logarithm of signal over deviation (λ), infinite where there is no noise.
    var logarithm: Float { Elementary.logarithm(signal) - Elementary.logarithm(deviation) }

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
        case .epsilon: return zip(sample, output).map { ($0 - deviation * $1) / signal }
        case .sample: return output
        case .velocity: return combine(signal, sample, -deviation, output)
        case .flow:
            let whole = signal + deviation
            return zip(sample, output).map { ($0 - deviation * $1) / whole }
        }
    }

    /// The noise that `sample` at `level` is made of, by the model's `output` for it.
    func noise(_ output: [Float], _ sample: [Float], _ level: NoiseLevel) -> [Float] {
        let (signal, deviation) = (level.signal, level.deviation)
        switch self {
        case .epsilon: return output
        case .sample: return zip(sample, output).map { ($0 - signal * $1) / deviation }
        case .velocity: return combine(signal, output, deviation, sample)
        case .flow:
            let whole = signal + deviation
            return zip(sample, output).map { ($0 + signal * $1) / whole }
        }
    }

    /// The image that `sample` = image + `sigma` · noise is made of, by the model's `output` for the sample scaled to unit variance.
    func image(_ output: [Float], _ sample: [Float], sigma: Float) -> [Float] {
        switch self {
        case .epsilon: return combine(1, sample, -sigma, output)
        case .sample: return output
        case .velocity:
            let square = sigma * sigma + 1
            return combine(-sigma / square.squareRoot(), output, 1 / square, sample)
        case .flow: return zip(sample, output).map { ($0 - sigma * $1) / (1 + sigma) }
        }
    }
}

/// a·x + b·y, element by element.
func combine(_ a: Float, _ x: [Float], _ b: Float, _ y: [Float]) -> [Float] {
    zip(x, y).map { a * $0 + b * $1 }
}

/// The sum of `terms`, each a factor and what it multiplies. Terms with a factor of zero are left out: what they multiply need not be finite.
func combine(_ terms: [(Float, [Float])]) -> [Float] {
    var sum: [Float] = []
    for (factor, values) in terms where factor != 0 {
        sum = sum.isEmpty ? values.map { factor * $0 } : combine(1, sum, factor, values)
    }
    return sum.isEmpty ? [Float](repeating: 0, count: terms.first?.1.count ?? 0) : sum
}

extension [Float] {
    /// Every element between −bound and bound; as they are without one.
    func clipped(to bound: Float?) -> [Float] {
        guard let bound else { return self }
        return map { Swift.min(Swift.max($0, -bound), bound) }
    }
}
