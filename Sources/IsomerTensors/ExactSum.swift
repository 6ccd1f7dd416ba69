/// A sum of `Double`s without rounding, so that it does not depend on the order or on how the numbers were shared out among workers.
///
/// A fixed-point number wide enough for every finite `Double`, as digits of 32 bits. A digit has 64 bits, so that carries can wait.
struct ExactSum: Hashable, Sendable {
    /// Digit `i` counts units of 2^(32 i - 1088). Kept between additions in canonical form: all but the last in 0..<2^32.
    private var digits: [Int64]
    /// Infinities and NaN are added here.
    private var special: Double = 0

    /// 2^-1074 is in the second digit, 2^1023 in digit 65; the digits above hold the carries of 2^63 numbers.
    private static let digitCount = 69
    private static let leastExponent = -1088

    init() {
        digits = [Int64](repeating: 0, count: Self.digitCount)
    }

    static func += (sum: inout ExactSum, value: Double) {
        guard value.isFinite else {
            sum.special += value
            return
        }
        guard value != 0 else { return }
        // value = significand * 2^exponent
        let exponent = (value.isNormal ? Int(value.exponent) : -1022) - 52
        let significand = value.significandBitPattern | (value.isNormal ? 1 << 52 : 0)
        let place = exponent - leastExponent
        let wide = UInt128(significand) << (place % 32)
        for part in 0..<3 {
            let digit = Int64(truncatingIfNeeded: UInt32(truncatingIfNeeded: wide >> (32 * part)))
            sum.digits[place / 32 + part] += value < 0 ? -digit : digit
        }
        sum.carry(from: place / 32, through: place / 32 + 2)
    }

    static func += (sum: inout ExactSum, other: ExactSum) {
        sum.special += other.special
        for index in sum.digits.indices { sum.digits[index] += other.digits[index] }
        sum.carry(from: 0, through: digitCount - 1)
    }

    /// Makes the digits canonical, of which those from `first` to `last` may not be.
    private mutating func carry(from first: Int, through last: Int) {
        var carry: Int64 = 0
        for index in first..<Self.digitCount - 1 {
            let digit = digits[index] + carry
            digits[index] = digit & 0xFFFF_FFFF
            carry = digit >> 32
            if carry == 0, index >= last { return }
        }
        digits[Self.digitCount - 1] += carry
    }

    /// The sum, rounded to nearest even.
    var value: Double {
        guard special == 0 else { return special }
        var magnitude = digits
        let isNegative = (magnitude.last ?? 0) < 0
        if isNegative {
            var borrow = ExactSum()
            borrow.digits = magnitude.map { -$0 }
            borrow.carry(from: 0, through: Self.digitCount - 1)
            magnitude = borrow.digits
        }
        guard let top = magnitude.lastIndex(where: { $0 != 0 }) else { return 0 }
        // The four highest digits hold at least 97 significant bits; what is below only decides ties.
        var head = UInt128(0)
        for index in (max(top - 3, 0)...top).reversed() { head = head << 32 | UInt128(UInt64(bitPattern: magnitude[index])) }
        if top > 3, magnitude[..<(top - 3)].contains(where: { $0 != 0 }) { head |= 1 }
        let rounded = Double(sign: .plus, exponent: Self.leastExponent + 32 * max(top - 3, 0), significand: Double(head))
        return isNegative ? -rounded : rounded
    }
}
