internal import CKernels
internal import CPNG
internal import IsomerBytes

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// From a profile's space to sRGB, relative colorimetric, 8 bits in and out; agrees with LittleCMS to ±1.
struct SRGBConversion {
    /// Light for each stored value, per channel.
    private let light: [[Float]]
    /// Light in the profile's primaries to light in sRGB's, row by row.
    private let matrix: [Float]

    init?(_ profile: ColourProfile) {
        light = profile.curves.map { curve in (0..<256).map { Float(curve.light(Double($0) / 255)) } }
        guard profile.curves.count == 3 else {
            matrix = []
            return
        }
        guard let toSRGB = invert(ColourProfile.sRGBToXYZ), profile.matrix.allSatisfy(\.isFinite) else { return nil }
        matrix = multiply(toSRGB, profile.matrix).map { Float($0) }
    }

    var isGray: Bool { light.count == 1 }

    /// Whether it changes no colour by more than one step: the picture is sRGB in all but name.
    var isIdentity: Bool {
        if isGray { return (0..<256).allSatisfy { abs(Int(Self.encoded(light[0][$0])) - $0) <= 1 } }
        let steps = Array(stride(from: 0, through: 255, by: 15))
        for red in steps {
            for green in steps {
                for blue in steps {
                    let l = [light[0][red], light[1][green], light[2][blue]]
                    for (i, value) in [red, green, blue].enumerated() {
                        let sum = matrix[3 * i] * l[0] + matrix[3 * i + 1] * l[1] + matrix[3 * i + 2] * l[2]
                        if abs(Int(Self.encoded(sum)) - value) > 1 { return false }
                    }
                }
            }
        }
        return true
    }

    /// The converted picture; alpha stays as it is.
    func convert(_ bitmap: Bitmap) throws(IsomerError) -> Bitmap {
        let result = try Bitmap(uninitialized: bitmap.width, bitmap.height, bitmap.channels)
        let pixels = bitmap.width * bitmap.height
        if isGray || !bitmap.channels.isColour {
            // A gray profile on a colour picture would be a mistake of the file; the caller does not get here with one.
            let table = (0..<256).map { Self.encoded(light[0][$0]) }
            let step = bitmap.channels.count
            for i in 0..<pixels {
                result.target[i * step] = table[Int(bitmap.source[i * step])]
                if step == 2 { result.target[i * step + 1] = bitmap.source[i * step + 1] }
            }
            return result
        }
        let curves = light.flatMap { $0 }
        isomer_colour_rgb8(bitmap.source, result.target, pixels, Int32(bitmap.channels.count), curves, matrix, Self.encoding)
        return result
    }

    /// Light in 65,536 steps to stored sRGB values.
    static let encoding: [UInt8] = (0..<65536).map { step in
        let x = Double(step) / 65535
        let y = x <= 0.0031308 ? 12.92 * x : 1.055 * pow(x, 1 / 2.4) - 0.055
        return UInt8(min(max(y * 255 + 0.5, 0), 255))
    }

    private static func encoded(_ light: Float) -> UInt8 {
        encoding[Int(min(max(light, 0), 1) * 65535 + 0.5)]
    }
}

extension DecodedImage {
    /// Converts to sRGB by the embedded profile, or keeps the profile and says why.
    mutating func apply(profile bytes: [UInt8], convert: Bool) throws(IsomerError) {
        guard convert, bitmap.samples == .uint8 else {
            profile = bytes
            return
        }
        let conversion: SRGBConversion
        do throws(ColourProfile.Failure) {
            guard let usable = SRGBConversion(try ColourProfile(icc: bytes)), usable.isGray == !bitmap.channels.isColour else {
                throw .unsupported("it does not fit the picture's channels")
            }
            conversion = usable
        } catch {
            profile = bytes
            switch error {
            case .malformed(let why): warnings.append("the colour profile is damaged, so colours are left as they are: \(why)")
            case .unsupported(let why): warnings.append("the colour profile is kept, colours are not converted: \(why)")
            }
            return
        }
        if !conversion.isIdentity { bitmap = try conversion.convert(bitmap) }
    }

    /// Converts to sRGB by a PNG's gamma and chromaticities.
    mutating func apply(gamma info: isomer_png_info) throws(IsomerError) {
        var xy: [Double]?
        if info.has_chromaticities != 0 {
            xy = withUnsafeBytes(of: info.chromaticities) { raw in raw.bindMemory(to: Int32.self).map { Double($0) / 100_000 } }
        }
        let gamma = Double(info.gamma) / 100_000
        // 1/2.2 is what writers say for sRGB. Reference: PNG (Third Edition) §12.1.
        let isUsualGamma = abs(gamma * 2.2 - 1) < 0.05
        let sRGB = [0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06]
        if isUsualGamma, xy.map({ zip($0, sRGB).allSatisfy { abs($0 - $1) < 0.005 } }) ?? true { return }
        guard var profile = ColourProfile(gamma: gamma, chromaticities: xy) else {
            warnings.append("the gamma or the chromaticities make no sense, so colours are left as they are")
            return
        }
        if !bitmap.channels.isColour { profile.curves = [profile.curves[0]] }
        if let conversion = SRGBConversion(profile), !conversion.isIdentity { bitmap = try conversion.convert(bitmap) }
    }
}
