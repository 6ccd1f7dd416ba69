#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// What PyTorch's CUDA generator gives for a seed, as A1111 computes it on the CPU ("RNG source: NV").
///
/// Every element has its own counter, and every call moves all of them on by one; of the two numbers that Box and Muller's method makes the
/// second is not used. CUDA's own sine and logarithm are approximate, so its last bits are not reproduced by anybody; and from as many elements
/// on as a card has threads (some hundred thousand) a card hands the later ones out in another order.
///
/// Reference: Salmon and others, "Parallel random numbers: as easy as 1, 2, 3", 2011 (Philox 4×32-10); AUTOMATIC1111 1.10,
/// modules/rng_philox.py.
public struct PhiloxNoise: NoiseGenerator {
    private let key: (UInt32, UInt32)
    private var call: UInt32 = 0

    /// The whole seed counts.
    public init(seed: UInt64) {
        key = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    }

    public mutating func normals(_ count: Int) -> [Float] {
        defer { call &+= 1 }
        // Both constants are rounded to float32 before the double arithmetic.
        let scale = Double(Float(2.3283064e-10))
        let turn = Double(Float(2.3283064e-10 * 6.2831855))
        return (0..<max(0, count)).map { index in
            let words = block(SIMD4(call, 0, UInt32(truncatingIfNeeded: index), 0))
            let uniform = Double(words[0]) * scale + scale / 2
            let angle = Double(words[1]) * turn + turn / 2
            return Float((-2 * log(uniform)).squareRoot() * sin(angle))
        }
    }

    /// Ten rounds over one counter.
    private func block(_ counter: SIMD4<UInt32>) -> SIMD4<UInt32> {
        var words = counter
        var (first, second) = key
        for round in 0..<10 {
            if round > 0 {
                first &+= 0x9E37_79B9
                second &+= 0xBB67_AE85
            }
            let left = words[0].multipliedFullWidth(by: 0xD251_1F53)
            let right = words[2].multipliedFullWidth(by: 0xCD9E_8D57)
            words = SIMD4(right.high ^ words[1] ^ first, right.low, left.high ^ words[3] ^ second, left.low)
        }
        return words
    }
}
