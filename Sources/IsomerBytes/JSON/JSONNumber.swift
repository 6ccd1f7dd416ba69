/// A number as it stands in a JSON text, digit by digit.
///
/// Nothing is rounded before somebody asks for a machine number. Two numbers are equal if they are written alike: `1` is not `1.0`.
public struct JSONNumber: Hashable, Sendable {
    /// The number as written: `-0.00085`, `1e5`, and in Python's dialect `NaN`, `Infinity`, `-Infinity`.
    public let text: String

    /// For the reader, which has checked the text.
    init(checked text: String) {
        self.text = text
    }

    public init(_ value: some BinaryInteger) {
        text = String(value)
    }

    /// The number as Python writes it: the shortest digits that read back as the same value. Infinities and NaN become Python's words,
    /// which strict JSON does not have.
    public init(_ value: Double) {
        text = pythonDescription(of: value)
    }

    /// Whether it is written without fraction and exponent.
    public var isInteger: Bool {
        text.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || $0 == UInt8(ascii: "-") }
    }

    /// The value, if it is written as an integer and fits.
    public func integer<Integer: FixedWidthInteger>(as type: Integer.Type = Integer.self) -> Integer? {
        isInteger ? Integer(text) : nil
    }

    /// The nearest double. Infinite if the number is too large, NaN only for `NaN`.
    public var double: Double {
        switch text {
        case "NaN": .nan
        case "Infinity": .infinity
        case "-Infinity": -.infinity
        default: Double(text) ?? .nan
        }
    }

    /// The number as Python's `json` writes it after having read it: integers without a negative zero, everything else by value.
    public var pythonText: String {
        if isInteger { return text == "-0" ? "0" : text }
        return pythonDescription(of: double)
    }
}

/// A double as Python's `repr` writes it.
///
/// Swift and Python both find the shortest digits that read back; they differ in where the exponent starts and how it looks.
// Reference: CPython 3.12, Objects/floatobject.c float_repr with format code 'r': fixed notation while -4 <= exponent < 16.
private func pythonDescription(of value: Double) -> String {
    guard value.isFinite else { return value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity" }
    let sign = value.sign == .minus ? "-" : ""
    guard value != 0 else { return sign + "0.0" }
    let parts = value.magnitude.description.split(separator: "e", maxSplits: 1)
    let mantissa = parts[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    let whole = mantissa[0]
    let fraction = mantissa.count > 1 ? mantissa[1] : ""
    let leadingZeros = (whole + fraction).prefix { $0 == "0" }.count
    var digits = String((whole + fraction).dropFirst(leadingZeros))
    while digits.count > 1, digits.hasSuffix("0") { digits.removeLast() }
    // The power of ten of the first digit.
    let exponent = (parts.count > 1 ? Int(parts[1]) ?? 0 : 0) + whole.count - 1 - leadingZeros
    if exponent < -4 || exponent >= 16 {
        let magnitude = String(exponent.magnitude)
        let tail = digits.count > 1 ? "." + digits.dropFirst() : ""
        return "\(sign)\(digits.prefix(1))\(tail)e\(exponent < 0 ? "-" : "+")\(magnitude.count < 2 ? "0" : "")\(magnitude)"
    }
    if exponent < 0 { return sign + "0." + String(repeating: "0", count: -exponent - 1) + digits }
    let point = exponent + 1
    guard digits.count > point else { return sign + digits + String(repeating: "0", count: point - digits.count) + ".0" }
    return "\(sign)\(digits.prefix(point)).\(digits.dropFirst(point))"
}
