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
    /// The same light, one channel behind the other.
    private let curves: [Float]
    /// What each stored value of gray becomes.
    private let table: [UInt8]

    init?(_ profile: ColourProfile) {
        light = profile.curves.map { curve in (0..<256).map { Float(curve.light(Double($0) / 255)) } }
        curves = light.flatMap { $0 }
        table = light.first.map { $0.map(Self.encoded) } ?? []
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

    /// Converts pixels in their place; alpha stays as it is.
    func convert(_ pixels: UnsafeMutablePointer<UInt8>, _ count: Int, _ channels: PixelChannels) {
        guard isGray || !channels.isColour else {
            isomer_colour_rgb8(pixels, pixels, count, Int32(channels.count), curves, matrix, Self.encoding)
            return
        }
        // A gray profile on a colour picture would be a mistake of the file; the caller does not get here with one.
        for i in 0..<count { pixels[i * channels.count] = table[Int(pixels[i * channels.count])] }
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

/// What becomes of a picture's colours.
struct ColourTreatment {
    /// To sRGB, if they are described as something else.
    private(set) var conversion: SRGBConversion?
    /// The profile that still describes them.
    private(set) var profile: [UInt8]?
    private(set) var warning: String?

    /// Nothing is known about them.
    init() {}

    /// By an embedded profile: converted, or kept with a reason. Only 8-bit samples are converted.
    init(profile bytes: [UInt8], _ channels: PixelChannels, _ samples: SampleType, convert: Bool) {
        guard convert, samples == .uint8 else {
            profile = bytes
            return
        }
        do throws(ColourProfile.Failure) {
            guard let usable = SRGBConversion(try ColourProfile(icc: bytes)), usable.isGray == !channels.isColour else {
                throw .unsupported("it does not fit the picture's channels")
            }
            if !usable.isIdentity { conversion = usable }
        } catch {
            profile = bytes
            switch error {
            case .malformed(let why): warning = "the colour profile is damaged, so colours are left as they are: \(why)"
            case .unsupported(let why): warning = "the colour profile is kept, colours are not converted: \(why)"
            }
        }
    }

    /// By a PNG's gamma and chromaticities.
    init(gamma info: isomer_png_info, _ channels: PixelChannels) {
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
            warning = "the gamma or the chromaticities make no sense, so colours are left as they are"
            return
        }
        if !channels.isColour { profile.curves = [profile.curves[0]] }
        if let usable = SRGBConversion(profile), !usable.isIdentity { conversion = usable }
    }

    /// CMYK is converted without its profile.
    static var cmyk: ColourTreatment {
        var treatment = ColourTreatment()
        treatment.warning = "the colour profile is for CMYK: colours were converted without it"
        return treatment
    }
}
