public import ArgumentParser
internal import IsomerBytes
public import IsomerImages

/// `512` or `512x768`.
struct SizeArgument: Hashable, Sendable, ExpressibleByArgument {
    let size: PixelSize

    init?(argument: String) {
        let parts = argument.split(omittingEmptySubsequences: false, whereSeparator: { $0 == "x" || $0 == "X" }).map { Int($0) }
        let sides = parts.compactMap { $0 }
        guard sides.count == parts.count, (1...2).contains(sides.count), sides.allSatisfy({ (1...32768).contains($0) }) else { return nil }
        size = PixelSize(sides[0], sides.count == 2 ? sides[1] : sides[0])
    }
}

enum BucketArgument: String, CaseIterable, ExpressibleByArgument {
    case kohya, onetrainer, autosized
    case aiToolkit = "ai-toolkit"
}

extension Fitting: ExpressibleByArgument {}
extension ResamplingFilter: ExpressibleByArgument {}
extension CaptionFormat: ExpressibleByArgument {}
extension CaptionSource: ExpressibleByArgument {}

struct ShapeOptions: ParsableArguments {
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp(
            "The size of what comes out: 512, 512x768. Repeat it for several, each made from the original. (default: 512)",
            valueName: "size"))
    var size: [SizeArgument] = []

    @Option(
        help: ArgumentHelp(
            "Give each picture the size that suits it, as this trainer would; --size is then the resolution.", valueName: "trainer"))
    var buckets: BucketArgument?

    @Option(help: ArgumentHelp("Sides of buckets are multiples of this.", valueName: "pixels"))
    var bucketStep = 64

    @Option(help: ArgumentHelp("The shortest side of kohya's buckets.", valueName: "pixels"))
    var bucketMin = 256

    @Option(help: ArgumentHelp("The longest side of kohya's buckets.", valueName: "pixels"))
    var bucketMax = 1024

    @Option(help: ArgumentHelp("Scale the shorter side to this, and keep the shape.", valueName: "pixels"))
    var shortSide: Int?

    @Flag(help: "Never enlarge a picture; smaller ones come out smaller.")
    var noUpscale = false

    @Option(help: ArgumentHelp("Sides are multiples of this where the shape does not say: 8, 16, 32, 64.", valueName: "pixels"))
    var multiple = 8

    @Option(help: ArgumentHelp("Leave out pictures with a shorter side below this.", valueName: "pixels"))
    var minSide = 0

    @Option(help: ArgumentHelp("Leave out pictures that are longer than this in proportion.", valueName: "ratio"))
    var maxAspect: Double?

    @Option(help: "What happens to pictures of another shape: crop, pad or stretch.")
    var fit = Fitting.crop

    @Flag(help: "Split pictures that are much taller or wider than their size into overlapping parts.")
    var split = false

    @Option(help: ArgumentHelp("By how much parts overlap.", valueName: "share"))
    var overlap = 0.2

    @Option(help: ArgumentHelp("How different a shape must be to be split: 1 splits all, 0 none.", valueName: "share"))
    var splitThreshold = 0.5

    func validate() throws {
        guard (1...1024).contains(bucketStep), (1...1024).contains(multiple) else {
            throw ValidationError("A step is a number from 1 to 1024.")
        }
        guard bucketMin >= 1, bucketMin <= bucketMax, bucketMax <= 32768 else {
            throw ValidationError("--bucket-min must not exceed --bucket-max.")
        }
        guard minSide >= 0, (maxAspect ?? 1) >= 1 else { throw ValidationError("--min-side is at least 0, --max-aspect at least 1.") }
        guard (0..<1).contains(overlap), (0...1).contains(splitThreshold) else {
            throw ValidationError("--overlap and --split-threshold are shares.")
        }
        if let shortSide, !(1...32768).contains(shortSide) { throw ValidationError("--short-side takes a number from 1 to 32768.") }
    }

    func apply(to options: inout PreparationOptions) throws {
        let sizes = size.isEmpty ? [PixelSize(512, 512)] : size.map(\.size)
        if let shortSide {
            options.shapes = [.shortSide(shortSide, multiple: multiple)]
        } else if let buckets {
            options.shapes = sizes.map { size in
                switch buckets {
                case .kohya where noUpscale: .buckets(.kohyaNoUpscale(resolution: size, step: bucketStep))
                case .kohya:
                    .buckets(
                        .kohya(resolution: size, minimum: bucketMin, maximum: max(bucketMax, size.width, size.height), step: bucketStep))
                case .onetrainer: .buckets(.oneTrainer(resolution: size.width, step: bucketStep))
                case .aiToolkit: .buckets(.aiToolkit(resolution: size.width, step: bucketStep))
                case .autosized: .buckets(.autoSized(sides: 384...768, area: 4096...409_600, prefersArea: true, threshold: 0.1))
                }
            }
        } else {
            options.shapes = sizes.map { .fixed($0) }
        }
        options.rules.allowsUpscaling = !noUpscale
        options.rules.multiple = buckets == nil ? multiple : bucketStep
        options.rules.minimumSide = minSide
        if let maxAspect { options.rules.maximumAspect = maxAspect }
        options.rules.fitting = fit
        options.splits = split
        options.splitOverlap = overlap
        options.splitThreshold = splitThreshold
    }
}

struct SubjectOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What the crop keeps: auto, face, salient, center, or a point as shares of the sides: 0.5,0.3.", valueName: "focus"))
    var focus = "auto"

    @Flag(help: "Make one picture of each face instead of one of all.")
    var eachFace = false

    @Option(help: ArgumentHelp("How much stays around each face, as a share of it.", valueName: "share"))
    var faceMargin = 0.6

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp("Look first for what this OpenCV cascade finds (LBP or Haar, XML). May be repeated.", valueName: "file"))
    var cascade: [PathArgument] = []

    @Option(help: ArgumentHelp("A JSON file of decisions for single pictures, as the review sheet saves it.", valueName: "file"))
    var overrides: PathArgument?

    func apply(to options: inout PreparationOptions, _ job: inout PreparationJob) throws {
        switch focus {
        case "auto": options.focus = .automatic
        case "face": options.focus = .face
        case "salient": options.focus = .salient
        case "center", "centre": options.focus = .centre
        default:
            let numbers = focus.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
            guard numbers.count == 2, let x = numbers[0], let y = numbers[1], (0...1).contains(x), (0...1).contains(y) else {
                throw ValidationError("--focus takes auto, face, salient, center, or two shares such as 0.5,0.3.")
            }
            options.focus = .point(x: x, y: y)
        }
        guard faceMargin >= 0, faceMargin <= 100 else { throw ValidationError("--face-margin is a share, 0 or more.") }
        if eachFace { options.eachFaceMargin = faceMargin }
        options.finder.cascades = try cascade.map { try Cascade($0.path) }
        if let overrides {
            do throws(IsomerError) {
                job.overrides = try PictureOverride.read(ReadableFile(overrides.path).contents(limit: 256 << 20))
            } catch {
                throw error.inFile(overrides.path)
            }
        }
    }
}

struct PictureOptions: ParsableArguments {
    enum FormatArgument: String, CaseIterable, ExpressibleByArgument {
        case png, jpeg, same
    }

    @Option(help: "What is written: png, jpeg, or the same as the original.")
    var format = FormatArgument.png

    @Option(help: ArgumentHelp("JPEG quality, 1 to 100.", valueName: "number"))
    var quality = 95

    @Flag(name: .customLong("444"), help: "Full colour resolution in JPEG.")
    var fullColour = false

    @Option(
        help: ArgumentHelp("Compress PNG as zlib does at this level, 0 to 9, instead of the fast way for photographs.", valueName: "level"))
    var pngLevel: Int?

    @Option(help: "How pixels are weighed: nearest, box, bilinear, hamming, bicubic, lanczos or area (OpenCV's, only to shrink).")
    var filter = ResamplingFilter.lanczos

    @Option(help: ArgumentHelp("Resample as this Pillow does: 12 or 13.", valueName: "version"))
    var pillowCompat = 13

    @Flag(help: "Decode JPEG at half size where that is still large enough: faster, about 54 dB from exact.")
    var fast = false

    @Option(
        help: ArgumentHelp(
            "What becomes of transparency: white, black, #rrggbb, keep (PNG), or mask (a gray picture beside).", valueName: "way"))
    var alpha = "white"

    @Option(help: ArgumentHelp("The colour around padded pictures.", valueName: "#rrggbb"))
    var padColor = "#ffffff"

    @Flag(help: "Also write a mirrored copy of each.")
    var mirror = false

    @Flag(help: "Keep EXIF, without the place.")
    var keepMetadata = false

    @Flag(help: "Keep the place too.")
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

struct CaptionOptions: ParsableArguments {
    @Option(
        parsing: .singleValue,
        help: ArgumentHelp(
            "Where captions are looked for, in this order: txt, caption, json, metadata, meta, file-name, at, folder. May be repeated.",
            valueName: "source"))
    var captionFrom: [CaptionSource] = []

    @Option(help: ArgumentHelp("Where they are written: txt, caption, json, metadata, meta or none.", valueName: "format"))
    var captionFormat = CaptionFormat.txt

    @Option(help: ArgumentHelp("The caption of every picture.", valueName: "text"))
    var caption: String?

    @Option(help: ArgumentHelp("Put before every caption.", valueName: "text"))
    var prefix = ""

    @Option(help: ArgumentHelp("Put after every caption.", valueName: "text"))
    var suffix = ""

    @Option(parsing: .singleValue, help: ArgumentHelp("Replace a text in every caption. May be repeated.", valueName: "old=new"))
    var replace: [MetadataArgument] = []

    @Option(help: ArgumentHelp("The word for the new thing: sks. Added where it is missing.", valueName: "word"))
    var token: String?

    @Option(name: .customLong("class"), help: ArgumentHelp("What kind of thing it is: dog.", valueName: "word"))
    var classWord: String?

    @Flag(help: "Keep all lines of captions instead of the first.")
    var allLines = false

    func apply(to options: inout PreparationOptions, _ job: inout PreparationJob) {
        if !captionFrom.isEmpty { options.captions.sources = captionFrom }
        options.captions.fixed = caption
        options.captions.prefix = prefix
        options.captions.suffix = suffix
        options.captions.replacements = replace.map { .init($0.key, $0.value) }
        options.captions.token = token
        options.captions.classWord = classWord
        options.captions.firstLineOnly = !allLines
        job.captionFormat = captionFormat
    }
}

struct BatchOptions: ParsableArguments {
    enum LayoutArgument: String, CaseIterable, ExpressibleByArgument {
        case plain, kohya, dreambooth, imagefolder, webdataset
        case dreamboothClass = "dreambooth-class"
    }

    enum ErrorArgument: String, CaseIterable, ExpressibleByArgument {
        case `continue`, stop
    }

    @Option(help: "How files lie: plain, kohya, dreambooth, dreambooth-class, imagefolder or webdataset.")
    var layout = LayoutArgument.plain

    @Option(help: ArgumentHelp("How often kohya's trainer shows each picture.", valueName: "count"))
    var repeats = 10

    @Option(help: ArgumentHelp("Pictures in each archive of webdataset.", valueName: "count"))
    var samples = 1000

    @Option(help: ArgumentHelp("Do only this part, by the hash of each picture's content: 2/8.", valueName: "i/n"))
    var shard: String?

    @Flag(help: "Leave out pictures that look like an earlier one.")
    var dedupe = false

    @Option(help: ArgumentHelp("Copy pictures that cannot be used to this folder.", valueName: "folder"))
    var quarantine: PathArgument?

    @Option(help: ArgumentHelp("What a picture that cannot be used means: continue or stop.", valueName: "what"))
    var onError = ErrorArgument.continue

    @Flag(help: "Say what would happen to each picture, and write nothing.")
    var dryRun = false

    @Option(help: ArgumentHelp("Write a page to review the crops in a browser; it saves decisions for --overrides.", valueName: "file"))
    var html: PathArgument?

    @Option(help: ArgumentHelp("Write a PNG of all originals with their crops.", valueName: "file"))
    var preview: PathArgument?

    func apply(to job: inout PreparationJob, _ caption: CaptionOptions) throws {
        guard (1...1_000_000).contains(repeats), samples >= 1 else { throw ValidationError("--repeats and --samples are at least 1.") }
        switch layout {
        case .plain: job.layout = .plain
        case .kohya:
            let name = [caption.token, caption.classWord].compactMap { $0 }.joined(separator: " ")
            guard !name.isEmpty else { throw ValidationError("--layout kohya needs --token or --class for the folder's name.") }
            job.layout = .kohya(repeats: repeats, name: try FileSystem.safeComponent(name).string)
        case .dreambooth: job.layout = .dreamBooth(isClass: false)
        case .dreamboothClass: job.layout = .dreamBooth(isClass: true)
        case .imagefolder: job.layout = .imageFolder
        case .webdataset: job.layout = .webDataset(samples: samples)
        }
        if let shard {
            let parts = shard.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
            guard parts.count == 2, let index = parts[0], let count = parts[1], count >= 1, (1...count).contains(index) else {
                throw ValidationError("--shard takes a part and their count: 2/8.")
            }
            job.shard = (index, count)
        }
        job.removesDuplicates = dedupe
        job.quarantine = quarantine?.path
        job.stopsOnError = onError == .stop
        job.isDryRun = dryRun
    }
}
