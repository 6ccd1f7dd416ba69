internal import ArgumentParser
internal import IsomerBytes
internal import IsomerImages

struct PictureOptions: ParsableArguments {
    enum FormatArgument: String, CaseIterable, ExpressibleByArgument {
        case png, jpeg, same
    }

    @Option(help: "What is written: png, jpeg, or the same as the original.")
    var format = FormatArgument.png

    @Option(help: ArgumentHelp("JPEG quality, 1 to 100.", valueName: "number"))
    var quality = 95

    @Flag(name: .customLong("444"), help: "Full colour resolution in JPEG (4:4:4); usual is half.")
    var fullColour = false

    @Option(
        help: ArgumentHelp("Compress PNG as zlib does at this level, 0 to 9, instead of the fast way for photographs.", valueName: "level"))
    var pngLevel: Int?

    @Option(help: "How pixels are weighed: nearest, box, bilinear, hamming, bicubic, lanczos or area (OpenCV's, only to shrink).")
    var filter = ResamplingFilter.lanczos

    @Option(help: ArgumentHelp("Give the pixels of this version of Pillow, 12 or 13: they differ for tall pictures.", valueName: "version"))
    var pillowCompat = 13

    @Flag(help: "Decode JPEG at half size where that is still large enough: faster, and hardly to be seen (about 54 dB).")
    var fast = false

    @Option(
        help: ArgumentHelp(
            "What is put behind transparent parts: white, black or #rrggbb. Or keep: they stay so, in PNG; or mask: "
                + "white, and NAME-masklabel.png beside it.",
            valueName: "way"))
    var alpha = "white"

    @Option(help: ArgumentHelp("The colour around padded pictures.", valueName: "#rrggbb"))
    var padColor = "#ffffff"

    @Flag(help: "Also write a mirrored copy of each.")
    var mirror = false

    @Flag(help: "Keep EXIF, but for the place where the photo was taken.")
    var keepMetadata = false

    @Flag(help: "Keep EXIF with the place.")
    var keepGps = false

    @Flag(help: "Do not turn pictures as their EXIF says.")
    var noOrient = false

    @Flag(help: "Do not convert colours to sRGB.")
    var noColorConversion = false

    @Flag(help: "Use what there is of files that are cut short.")
    var allowTruncated = false

    @Option(help: ArgumentHelp("Refuse pictures with more pixels than this.", valueName: "millions"))
    var maxMegapixels: Double?

    func apply(to options: inout PreparationOptions) throws {
        guard (1...100).contains(quality) else { throw ValidationError("--quality takes a number from 1 to 100.") }
        if let pngLevel, !(0...9).contains(pngLevel) { throw ValidationError("--png-level takes a number from 0 to 9.") }
        guard let compatibility = PillowCompatibility(rawValue: pillowCompat) else {
            throw ValidationError("--pillow-compat takes 12 or 13.")
        }
        let jpeg = JPEGSettings(quality: quality, fullColour: fullColour)
        let png = pngLevel.map { PNGCompression.level($0) } ?? .photo
        options.format =
            switch format {
            case .png: .png(png)
            case .jpeg: .jpeg(jpeg)
            case .same: .same(jpeg, png)
            }
        options.filter = filter
        options.compatibility = compatibility
        options.isFast = fast
        switch alpha {
        case "keep": options.alpha = .keep
        case "mask": options.alpha = .mask
        default:
            let colour = try Self.colour(alpha, "--alpha")
            options.alpha = .colour(colour.red, colour.green, colour.blue)
        }
        options.padding = try Self.colour(padColor, "--pad-color")
        options.mirrors = mirror
        options.keepsMetadata = keepMetadata || keepGps
        options.keepsPlace = keepGps
        options.decoding.orient = !noOrient
        options.decoding.convertToSRGB = !noColorConversion
        options.decoding.allowTruncated = allowTruncated
        if let maxMegapixels {
            guard maxMegapixels > 0, maxMegapixels < 1e6 else { throw ValidationError("--max-megapixels takes a number above 0.") }
            options.decoding.limits.pixels = UInt64(maxMegapixels * 1e6)
            // As many bytes as 16-bit RGBA takes, if that is more than is allowed anyway.
            options.decoding.limits.pictureBytes = max(options.decoding.limits.pictureBytes, options.decoding.limits.pixels * 8)
        }
    }

    private static func colour(_ text: String, _ option: String) throws -> (red: UInt8, green: UInt8, blue: UInt8) {
        switch text {
        case "white": return (255, 255, 255)
        case "black": return (0, 0, 0)
        default:
            guard text.utf8.count == 7, text.hasPrefix("#"), text.dropFirst().allSatisfy(\.isHexDigit),
                let value = UInt32(text.dropFirst(), radix: 16)
            else {
                throw ValidationError("\(option) takes a colour such as #ffffff.")
            }
            return (UInt8(truncatingIfNeeded: value >> 16), UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value))
        }
    }
}
