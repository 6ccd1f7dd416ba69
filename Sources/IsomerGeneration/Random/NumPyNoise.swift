#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// What `numpy.random.RandomState(seed).randn(…)` gives, rounded to float32.
///
/// Marsaglia's polar method over doubles of 53 bits; the second number of a pair is kept for the next draw.
///
/// Reference: NumPy 2.3, numpy/random/src/legacy/legacy-distributions.c `legacy_gauss`, mt19937.c.
public struct NumPyNoise: NoiseGenerator {
    private var words: MersenneTwister
    private var kept: Double?

    public init(seed: UInt32) {
        words = MersenneTwister(seed: seed)
    }

    public mutating func normals(_ count: Int) -> [Float] {
        (0..<max(0, count)).map { _ in Float(normal()) }
    }

    private mutating func uniform() -> Double {
        let high = Double(words.next() >> 5)
        let low = Double(words.next() >> 6)
        return (high * 67_108_864 + low) / 9_007_199_254_740_992
    }

    private mutating func normal() -> Double {
        if let number = kept {
            kept = nil
            return number
        }
        var x = 0.0
        var y = 0.0
        var square = 0.0
        repeat {
            x = 2 * uniform() - 1
            y = 2 * uniform() - 1
            square = x * x + y * y
        } while square >= 1 || square == 0
        let factor = (-2 * log(square) / square).squareRoot()
        kept = factor * x
        return factor * y
    }
}
