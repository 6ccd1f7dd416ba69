#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The C library's functions under names that do not depend on which library it is.
enum Elementary {
    static func cosine(_ x: Double) -> Double { cos(x) }
    static func logarithm(_ x: Double) -> Double { log(x) }
    static func logarithm(_ x: Float) -> Float { logf(x) }
    static func exponential(_ x: Double) -> Double { exp(x) }
    static func exponential(_ x: Float) -> Float { expf(x) }
    static func exponentialLessOne(_ x: Double) -> Double { expm1(x) }
    static func sine(_ x: Float) -> Float { sinf(x) }
    static func arccosine(_ x: Float) -> Float { acosf(x) }
    static func gamma(_ x: Double) -> Double { tgamma(x) }
    static func power(_ x: Double, _ y: Double) -> Double { pow(x, y) }
}
