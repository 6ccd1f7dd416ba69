/// Numbers in words for people. Nothing here depends on the locale, so that output can be compared and searched.
enum Numbers {
    /// `1234567` as `1,234,567`.
    static func grouped(_ value: some BinaryInteger) -> String {
        let digits = String(value.magnitude)
        var result = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { result += "," }
            result.append(digit)
        }
        return value < 0 ? "-" + result : result
    }

    /// Decimal units and three digits: `4.27 GB`, `12.0 kB`, `999 B`.
    static func bytes(_ count: some BinaryInteger) -> String {
        scaled(Double(count), ["B", "kB", "MB", "GB", "TB", "PB", "EB"])
    }

    /// `1.07 billion`, `859.5 million`, `12,345`.
    static func count(_ value: some BinaryInteger) -> String {
        let number = Double(value)
        switch number {
        case 1e9...: return fixed(number / 1e9, 2) + " billion"
        case 1e6...: return fixed(number / 1e6, 1) + " million"
        default: return grouped(value)
        }
    }

    /// One noun, or several.
    static func count(_ value: some BinaryInteger, _ noun: String, plural: String? = nil) -> String {
        "\(grouped(value)) \(value == 1 ? noun : plural ?? noun + "s")"
    }

    /// `1.73 GB/s`.
    static func rate(bytes: some BinaryInteger, seconds: Double) -> String {
        seconds > 0 ? scaled(Double(bytes) / seconds, ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"]) : "–"
    }

    /// `0.8 s`, `12 s`, `3:07 min`, `1:02:03 h`.
    static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e7 else { return "–" }
        if seconds < 9.95 { return fixed(seconds, seconds < 0.0995 ? 3 : seconds < 0.995 ? 2 : 1) + " s" }
        let whole = Int(seconds.rounded())
        if whole < 60 { return "\(whole) s" }
        let (minutes, rest) = (whole / 60, whole % 60)
        if minutes < 60 { return "\(minutes):\(twoDigits(rest)) min" }
        return "\(minutes / 60):\(twoDigits(minutes % 60)):\(twoDigits(rest)) h"
    }

    /// So many digits after the point, rounded half away from zero.
    static func fixed(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite, digits >= 0, digits <= 9 else { return "\(value)" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = (value * scale).rounded()
        guard scaled.magnitude < 9e15 else { return "\(value)" }
        let integer = Int64(scaled)
        let (whole, part) = (integer.magnitude / UInt64(scale), integer.magnitude % UInt64(scale))
        let sign = integer < 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(whole)" }
        let text = String(part)
        return "\(sign)\(whole).\(String(repeating: "0", count: digits - text.count))\(text)"
    }

    /// A measured value with so many significant digits: `0.01234`, `1.23e-07`, `-3.5`.
    static func significant(_ value: Double, _ digits: Int = 4) -> String {
        guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
        guard value != 0 else { return "0" }
        var exponent = 0
        var mantissa = value.magnitude
        // Doubles span fewer than 700 decades.
        while mantissa >= 10 {
            mantissa /= 10
            exponent += 1
        }
        while mantissa < 1 {
            mantissa *= 10
            exponent -= 1
        }
        var text = fixed(mantissa, digits - 1)
        if text.hasPrefix("10") {
            mantissa /= 10
            exponent += 1
            text = fixed(mantissa, digits - 1)
        }
        let sign = value < 0 ? "-" : ""
        if exponent >= -4 && exponent < digits + 2 { return sign + trimmed(fixed(value.magnitude, max(0, digits - 1 - exponent))) }
        return "\(sign)\(trimmed(text))e\(exponent < 0 ? "-" : "+")\(twoDigits(Int(exponent.magnitude)))"
    }

    private static func trimmed(_ text: String) -> String {
        guard text.contains(".") else { return text }
        var result = Substring(text)
        while result.last == "0" { result.removeLast() }
        if result.last == "." { result.removeLast() }
        return String(result)
    }

    private static func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }

    private static func scaled(_ value: Double, _ units: [String]) -> String {
        var value = value
        var unit = 0
        while value >= 999.5 && unit + 1 < units.count {
            value /= 1000
            unit += 1
        }
        let digits = unit == 0 ? 0 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0
        return "\(fixed(value, digits)) \(units[unit])"
    }
}
