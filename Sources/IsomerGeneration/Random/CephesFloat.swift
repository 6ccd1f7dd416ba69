/// Logarithm, sine and cosine in float32 by Cephes' polynomials, each product that is summed rounded once with the sum, in the order in which
/// PyTorch's build does so.
///
/// The functions of the C library are more exact, which is the trouble: a seed's image follows from these. A fused multiply-add is a library
/// call here, slow, but there are only as many numbers as a latent image has.
///
/// Reference: Cephes 2.8, single/logf.c and sinf.c; avx_mathfun.h in PyTorch 2.13, compiled with contraction: the order was found by comparing
/// 2⁻²⁴-spaced inputs bit by bit.
enum CephesFloat {
    /// The natural logarithm of a positive number.
    static func log(_ number: Float) -> Float {
        let bits = max(number, .leastNormalMagnitude).bitPattern
        var exponent = Float(Int32(bitPattern: bits >> 23) - 0x7E)
        var x = Float(bitPattern: (bits & ~0x7F80_0000) | 0x3F00_0000)
        if x < 0.707106781186547524 {
            exponent -= 1
            x = (x - 1) + x
        } else {
            x -= 1
        }
        let square = x * x
        var y: Float = 7.0376836292e-2
        for coefficient: Float in [
            -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1,
            3.3333331174e-1,
        ] {
            y = coefficient.addingProduct(y, x)
        }
        y *= x
        y = (exponent * -2.12194440e-4).addingProduct(y, square)
        y = y.addingProduct(-0.5, square)
        return (x + y).addingProduct(0.693359375, exponent)
    }

    /// Of an angle in radians that is not negative and not large.
    static func sineAndCosine(_ angle: Float) -> (sine: Float, cosine: Float) {
        // The octant, rounded up to an even one.
        let octant = (Int32(angle * 1.27323954473516) + 1) & ~1
        let turns = Float(octant)
        var x = angle
        for part: Float in [-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8] { x = x.addingProduct(part, turns) }
        let square = x * x

        var cosine: Float = 2.443315711809948e-5
        for coefficient: Float in [-1.388731625493765e-3, 4.166664568298827e-2] { cosine = coefficient.addingProduct(cosine, square) }
        cosine *= square
        cosine = (square * -0.5).addingProduct(cosine, square) + 1

        var sine: Float = -1.9515295891e-4
        for coefficient: Float in [8.3321608736e-3, -1.6666654611e-1] { sine = coefficient.addingProduct(sine, square) }
        sine = x.addingProduct(sine * square, x)

        let isSwapped = octant & 2 != 0
        let isSineNegative = octant & 4 != 0
        let isCosineNegative = (octant - 2) & 4 == 0
        return (
            (isSwapped ? cosine : sine) * (isSineNegative ? -1 : 1), (isSwapped ? sine : cosine) * (isCosineNegative ? -1 : 1)
        )
    }
}
