internal import ArgumentParser
internal import IsomerImages

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
        // Said twice is made once.
        var seen: Set<PixelSize> = []
        let sizes = size.isEmpty ? [PixelSize(512, 512)] : size.map(\.size).filter { seen.insert($0).inserted }
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
