/// The beta distribution on [0, 1].
struct BetaDistribution {
    private let alpha: Double
    private let beta: Double
    /// One over the density's integral before it is scaled.
    private let scale: Double

    /// Parameters above zero and small enough that their gamma functions are finite.
    init(alpha: Double, beta: Double) {
        self.alpha = alpha
        self.beta = beta
        scale = Elementary.gamma(alpha + beta) / (Elementary.gamma(alpha) * Elementary.gamma(beta))
    }

    /// Where this share of the distribution lies below, to the last bits of a double.
    func quantile(_ share: Double) -> Double {
        guard share > 0 else { return 0 }
        guard share < 1 else { return 1 }
        // Numbers near zero are told apart better than numbers near one.
        guard share <= 0.5 else { return 1 - BetaDistribution(alpha: beta, beta: alpha).quantile(1 - share) }
        var (low, high) = (0.0, 1.0)
        while true {
            let middle = low + (high - low) / 2
            guard middle > low, middle < high else { return middle }
            if below(middle) < share { low = middle } else { high = middle }
        }
    }

    /// The share of the distribution that lies below `x` (the regularised incomplete beta function).
    func below(_ x: Double) -> Double {
        guard x > 0 else { return 0 }
        guard x < 1 else { return 1 }
        let front = scale * Elementary.power(x, alpha) * Elementary.power(1 - x, beta)
        // The continued fraction converges fast on this side of the mean.
        return x < (alpha + 1) / (alpha + beta + 2)
            ? front / alpha * fraction(x, alpha, beta) : 1 - front / beta * fraction(1 - x, beta, alpha)
    }

    /// Reference: Abramowitz and Stegun, 26.5.8; evaluated by the modified method of Lentz.
    private func fraction(_ x: Double, _ a: Double, _ b: Double) -> Double {
        let tiny = 1e-300
        func away(_ number: Double) -> Double { abs(number) < tiny ? tiny : number }
        var top = 1.0
        var bottom = 1 / away(1 - (a + b) * x / (a + 1))
        var value = bottom
        for step in 1...300 {
            let m = Double(step)
            for factor in [
                m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
            ] {
                bottom = 1 / away(1 + factor * bottom)
                top = away(1 + factor / top)
                value *= bottom * top
            }
            if abs(bottom * top - 1) < 1e-16 { break }
        }
        return value
    }
}
