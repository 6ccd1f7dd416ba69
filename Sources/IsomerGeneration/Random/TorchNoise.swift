#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// What `torch.randn(…, generator=torch.Generator().manual_seed(seed))` gives on the CPU, to the last bit.
///
/// Tensors of 16 elements or more are filled with uniform numbers of 24 bits and turned into normal ones by Box and Muller's method, 16 at a
/// time: the first 8 of a block give radii, the other 8 angles. If the size is no multiple of 16 the last 16 elements are drawn again.
/// Smaller tensors are drawn one by one in double precision, and the second number of a pair is kept for the next call.
///
/// In half precision the same numbers are rounded; only where the size is no multiple of 16 the elements beyond the last whole block are not
/// drawn before they are drawn again.
///
/// Reference: PyTorch 2.13, ATen/native/cpu/DistributionTemplates.h `normal_fill_AVX2` (what machines with AVX2 do: others may differ in the
/// last bit), ATen/core/DistributionsHelper.h, ATen/CPUGeneratorImpl.cpp.
public struct TorchNoise: NoiseGenerator {
    /// The type of the tensor that is drawn.
    public enum Precision: Hashable, Sendable, CaseIterable {
        case float32, float16, bfloat16

        func rounded(_ number: Float) -> Float {
            switch self {
            case .float32: return number
            case .float16: return Float(Float16(number))
            case .bfloat16:
                // To the nearest, ties to even. Normal numbers are far from the largest.
                let bits = number.bitPattern
                return Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000)
            }
        }
    }

    private var words: MersenneTwister
    private var kept: Double?
    private let precision: Precision

    /// Only the low 32 bits of a seed count, as in PyTorch.
    public init(seed: UInt64, _ precision: Precision = .float32) {
        words = MersenneTwister(seed: UInt32(truncatingIfNeeded: seed))
        self.precision = precision
    }

    public mutating func normals(_ count: Int) -> [Float] {
        guard count >= 16 else { return (0..<max(0, count)).map { _ in precision.rounded(Float(normal())) } }
        let drawn = precision == .float32 ? count : count / 16 * 16
        var numbers = (0..<drawn).map { _ in uniform() } + [Float](repeating: 0, count: count - drawn)
        for start in stride(from: 0, through: count - 16, by: 16) { transform(&numbers, start) }
        if count % 16 != 0 {
            for index in count - 16..<count { numbers[index] = uniform() }
            transform(&numbers, count - 16)
        }
        return precision == .float32 ? numbers : numbers.map(precision.rounded)
    }

    /// In [0, 1), a multiple of 2⁻²⁴.
    private mutating func uniform() -> Float {
        Float(words.next() & 0xFF_FFFF) * 0x1p-24
    }

    /// In [0, 1), a multiple of 2⁻⁵³.
    private mutating func uniformDouble() -> Double {
        let high = UInt64(words.next())
        let low = UInt64(words.next())
        return Double((high << 32 | low) & 0x1F_FFFF_FFFF_FFFF) * 0x1p-53
    }

    private mutating func normal() -> Double {
        if let number = kept {
            kept = nil
            return number
        }
        let angle = 2 * Double.pi * uniformDouble()
        let radius = (-2 * log1p(-uniformDouble())).squareRoot()
        kept = radius * sin(angle)
        return radius * cos(angle)
    }

    private func transform(_ numbers: inout [Float], _ start: Int) {
        for index in start..<start + 8 {
            let radius = (-2 * CephesFloat.log(1 - numbers[index])).squareRoot()
            let (sine, cosine) = CephesFloat.sineAndCosine(2 * Float(Double.pi) * numbers[index + 8])
            numbers[index] = radius * cosine
            numbers[index + 8] = radius * sine
        }
    }
}
