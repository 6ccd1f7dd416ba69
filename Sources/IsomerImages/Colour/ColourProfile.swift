/// A colour space given by three curves and a matrix, or by one curve for gray.
///
/// Reference: ICC.1:2022 §7.2 (header), §10.6 (curveType), §10.18 (parametricCurveType), §10.31 (XYZType).
struct ColourProfile {
    /// Stored value, 0 to 1, to light, 0 to 1. One for gray, three for colour.
    var curves: [ToneCurve]
    /// Light to XYZ under D50, row by row; unused for gray.
    var matrix: [Double]

    enum Failure: Error {
        case malformed(String)
        case unsupported(String)
    }

    /// Reads a profile. Only the curves and the matrix count; lookup tables are refused.
    init(icc bytes: [UInt8]) throws(Failure) {
        let reader = ProfileReader(bytes)
        guard bytes.count >= 132, reader.text(36) == "acsp" else { throw .malformed("it is no ICC profile") }
        let space = reader.text(16) ?? ""
        let connection = reader.text(20) ?? ""
        guard connection == "XYZ " || connection == "Lab " else { throw .unsupported("its connection space is \"\(connection)\"") }
        let tags = reader.tags()
        func curve(_ name: String) throws(Failure) -> ToneCurve {
            guard let range = tags[name], let curve = ToneCurve(reader, range) else {
                throw .unsupported("it has no usable curve \(name)")
            }
            return curve
        }
        switch space {
        case "GRAY":
            let gray = try curve("kTRC")
            curves = [connection == "Lab " ? .lightness(gray) : gray]
            matrix = []
        case "RGB ":
            guard connection == "XYZ " else { throw .unsupported("it converts through lookup tables") }
            var columns: [[Double]] = []
            for name in ["rXYZ", "gXYZ", "bXYZ"] {
                guard let range = tags[name], let xyz = reader.xyz(range) else { throw .unsupported("it converts through lookup tables") }
                columns.append(xyz)
            }
            matrix = (0..<9).map { columns[$0 % 3][$0 / 3] }
            curves = [try curve("rTRC"), try curve("gTRC"), try curve("bTRC")]
        default:
            throw .unsupported("it is for \"\(space.trimmingSpaces())\" and not for RGB or gray")
        }
    }

    /// The space of a PNG that gives only its gamma, and perhaps its primaries: x and y of white, red, green and blue.
    init?(gamma: Double, chromaticities: [Double]?) {
        guard gamma > 0.01, gamma < 100 else { return nil }
        curves = Array(repeating: .power(1 / gamma), count: 3)
        guard let xy = chromaticities else {
            matrix = Self.sRGBToXYZ
            return
        }
        guard xy.count == 8, xy.allSatisfy({ $0.isFinite && $0 >= 0 && $0 <= 1 }),
            stride(from: 1, to: 8, by: 2).allSatisfy({ xy[$0] > 0.001 })
        else { return nil }
        func xyz(_ i: Int) -> [Double] { [xy[i] / xy[i + 1], 1, (1 - xy[i] - xy[i + 1]) / xy[i + 1]] }
        let (white, red, green, blue) = (xyz(0), xyz(2), xyz(4), xyz(6))
        let primaries = (0..<9).map { [red, green, blue][$0 % 3][$0 / 3] }
        guard let inverse = invert(primaries) else { return nil }
        let scale = apply(inverse, white)
        let scaled = (0..<9).map { primaries[$0] * scale[$0 % 3] }
        guard let adaptation = Self.adaptation(from: white) else { return nil }
        matrix = multiply(adaptation, scaled)
    }

    /// Linear sRGB to XYZ under D50, as the ICC's sRGB profiles have it.
    static let sRGBToXYZ: [Double] = [
        0.4360747, 0.3850649, 0.1430804,
        0.2225045, 0.7168786, 0.0606169,
        0.0139322, 0.0971045, 0.7141733,
    ]

    /// Bradford's adaptation to D50.
    private static func adaptation(from white: [Double]) -> [Double]? {
        let cones: [Double] = [0.8951, 0.2664, -0.1614, -0.7502, 1.7135, 0.0367, 0.0389, -0.0685, 1.0296]
        guard let back = invert(cones) else { return nil }
        let (from, to) = (apply(cones, white), apply(cones, [0.9642, 1, 0.8249]))
        guard from.allSatisfy({ abs($0) > 1e-9 }) else { return nil }
        let diagonal = [to[0] / from[0], 0, 0, 0, to[1] / from[1], 0, 0, 0, to[2] / from[2]]
        return multiply(back, multiply(diagonal, cones))
    }
}

/// A 3×3 matrix, row by row, times another.
func multiply(_ a: [Double], _ b: [Double]) -> [Double] {
    (0..<9).map { (i: Int) -> Double in
        let (row, column) = (i / 3 * 3, i % 3)
        return a[row] * b[column] + a[row + 1] * b[3 + column] + a[row + 2] * b[6 + column]
    }
}

/// A 3×3 matrix times a vector.
func apply(_ a: [Double], _ v: [Double]) -> [Double] {
    (0..<3).map { (i: Int) -> Double in a[3 * i] * v[0] + a[3 * i + 1] * v[1] + a[3 * i + 2] * v[2] }
}

/// The inverse of a 3×3 matrix, or nil if it has none worth the name.
func invert(_ m: [Double]) -> [Double]? {
    func minor(_ a: Int, _ b: Int, _ c: Int, _ d: Int) -> Double { m[a] * m[d] - m[b] * m[c] }
    let adjugate = [
        minor(4, 5, 7, 8), -minor(1, 2, 7, 8), minor(1, 2, 4, 5),
        -minor(3, 5, 6, 8), minor(0, 2, 6, 8), -minor(0, 2, 3, 5),
        minor(3, 4, 6, 7), -minor(0, 1, 6, 7), minor(0, 1, 3, 4),
    ]
    let determinant = m[0] * adjugate[0] + m[1] * adjugate[3] + m[2] * adjugate[6]
    guard determinant.isFinite, abs(determinant) > 1e-9 else { return nil }
    return adjugate.map { $0 / determinant }
}

extension String {
    func trimmingSpaces() -> String {
        var rest = self[...]
        while rest.last == " " { rest.removeLast() }
        while rest.first == " " { rest.removeFirst() }
        return String(rest)
    }
}
