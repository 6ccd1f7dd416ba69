#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// How stored values become light: both run from 0 to 1.
indirect enum ToneCurve {
    case power(Double)
    case table([UInt16])
    /// ICC's five parametric shapes; g, a, b, c, d, e, f.
    case parametric(kind: Int, [Double])
    /// A curve whose result is CIE lightness instead of light.
    case lightness(ToneCurve)

    /// Reads a `curv` or `para` element.
    init?(_ reader: ProfileReader, _ range: Range<Int>) {
        guard range.count >= 12, let type = reader.text(range.lowerBound) else { return nil }
        let start = range.lowerBound
        switch type {
        case "curv":
            guard let count = reader.number(start + 8), let size = Int(exactly: count), size <= 65536, 12 + 2 * size <= range.count
            else { return nil }
            let values = (0..<size).map { UInt16(truncatingIfNeeded: reader.number16(start + 12 + 2 * $0) ?? 0) }
            switch size {
            case 0: self = .power(1)
            case 1: self = .power(Double(values[0]) / 256)
            default: self = .table(values)
            }
        case "para":
            let sizes = [1, 3, 4, 5, 7]
            guard let kind = reader.number16(start + 8), kind < sizes.count, 12 + 4 * sizes[kind] <= range.count else { return nil }
            let values = (0..<sizes[kind]).compactMap { reader.fixed(start + 12 + 4 * $0) }
            guard values.count == sizes[kind], values[0] > 0 else { return nil }
            self = .parametric(kind: kind, values)
        default: return nil
        }
    }

    /// Light for a stored value, cut to 0...1.
    func light(_ x: Double) -> Double {
        let y = raw(x)
        return y.isNaN ? 0 : min(max(y, 0), 1)
    }

    private func raw(_ x: Double) -> Double {
        switch self {
        case .power(let gamma): return gamma == 1 ? x : pow(x, gamma)
        case .table(let values):
            let place = x * Double(values.count - 1)
            let index = min(Int(place), values.count - 2)
            let (low, high) = (Double(values[index]), Double(values[index + 1]))
            return (low + (high - low) * (place - Double(index))) / 65535
        case .parametric(let kind, let p):
            let g = p[0]
            func part(_ i: Int) -> Double { i < p.count ? p[i] : 0 }
            let (a, b, c, d) = (part(1), part(2), part(3), part(4))
            switch kind {
            case 0: return pow(x, g)
            case 1: return a * x + b >= 0 ? pow(a * x + b, g) : 0
            case 2: return a * x + b >= 0 ? pow(a * x + b, g) + c : c
            case 3: return x >= d ? pow(a * x + b, g) : c * x
            default: return x >= d ? pow(a * x + b, g) + part(5) : c * x + part(6)
            }
        case .lightness(let curve):
            let l = curve.light(x) * 100
            return l > 8 ? pow((l + 16) / 116, 3) : l / 903.2963
        }
    }
}

/// Big-endian numbers out of a profile; nil where it ends.
struct ProfileReader {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func number(_ offset: Int) -> UInt32? {
        guard offset >= 0, offset <= bytes.count - 4 else { return nil }
        return bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    func number16(_ offset: Int) -> Int? {
        guard offset >= 0, offset <= bytes.count - 2 else { return nil }
        return Int(bytes[offset]) << 8 | Int(bytes[offset + 1])
    }

    /// A signed number with 16 bits behind the point.
    func fixed(_ offset: Int) -> Double? {
        number(offset).map { Double(Int32(bitPattern: $0)) / 65536 }
    }

    func text(_ offset: Int) -> String? {
        guard offset >= 0, offset <= bytes.count - 4 else { return nil }
        return String(decoding: bytes[offset..<offset + 4], as: UTF8.self)
    }

    func xyz(_ range: Range<Int>) -> [Double]? {
        guard range.count >= 20, text(range.lowerBound) == "XYZ " else { return nil }
        let values = (0..<3).compactMap { fixed(range.lowerBound + 8 + 4 * $0) }
        return values.count == 3 ? values : nil
    }

    /// Where each tag's element lies; those outside the profile are left out.
    func tags() -> [String: Range<Int>] {
        guard let count = number(128), count <= 1024 else { return [:] }
        var result: [String: Range<Int>] = [:]
        for index in 0..<Int(count) {
            let entry = 132 + 12 * index
            guard let name = text(entry), let offset = number(entry + 4).flatMap(Int.init(exactly:)),
                let size = number(entry + 8).flatMap(Int.init(exactly:)), offset <= bytes.count, size <= bytes.count - offset
            else { continue }
            if result[name] == nil { result[name] = offset..<offset + size }
        }
        return result
    }
}
