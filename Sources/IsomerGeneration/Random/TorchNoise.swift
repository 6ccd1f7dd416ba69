#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// What `torch.randn(…, generator=torch.Generator().manual_seed(seed))` gives on the CPU in float32, to the last bit.
///
/// Tensors of 16 elements or more are filled with uniform numbers of 24 bits and turned into normal ones by Box and Muller's method, 16 at a
/// time: the first 8 of a block give radii, the other 8 angles. If the size is no multiple of 16 the last 16 elements are drawn again.
/// Smaller tensors are drawn one by one in double precision, and the second number of a pair is kept for the next call.
///
/// Reference: PyTorch 2.13, ATen/native/cpu/DistributionTemplates.h `normal_fill_AVX2` (what machines with AVX2 do: others may differ in the
/// last bit), ATen/core/DistributionsHelper.h, ATen/CPUGeneratorImpl.cpp.
public struct TorchNoise: NoiseGenerator {
    private var words: MersenneTwister
    private var kept: Double?

    /// Only the low 32 bits of a seed count, as in PyTorch.
    public init(seed: UInt64) {
        words = MersenneTwister(seed: UInt32(truncatingIfNeeded: seed))
    }

    public mutating func normals(_ count: Int) -> [Float] {
        guard count >= 16 else { return (0..<max(0, count)).map { _ in Float(normal()) } }
        var numbers = (0..<count).map { _ in uniform() }
        for start in stride(from: 0, through: count - 16, by: 16) { transform(&numbers, start) }
        if count % 16 != 0 {
            for index in count - 16..<count { numbers[index] = uniform() }
            transform(&numbers, count - 16)
        }
        return numbers
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
