internal import ArgumentParser
internal import IsomerImages

struct ShapeOptions: ParsableArguments {
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp(
            "The size of what comes out: 512 for a square, or 512x768, width by height. Repeat it for several, each made from the original. "
                + "(default: 512)",
            valueName: "size"))
    var size: [SizeArgument] = []

    @Option(
        help: ArgumentHelp(
            "Give each picture the size that suits its shape, as this trainer would: --size then says how many pixels that has. autosized, A1111's "
                + "auto-sized crop, has sizes of its own.", valueName: "trainer"))
    var buckets: BucketArgument?

    @Option(help: ArgumentHelp("Sides of buckets are multiples of this; autosized has 64.", valueName: "pixels"))
    var bucketStep = 64

    @Option(help: ArgumentHelp("The shortest side of kohya's buckets. Unused with --no-upscale.", valueName: "pixels"))
    var bucketMin = 256

    @Option(help: ArgumentHelp("The longest side of kohya's buckets. Unused with --no-upscale.", valueName: "pixels"))
    var bucketMax = 1024

    @Option(help: ArgumentHelp("Scale the shorter side to this and keep the shape, instead of --size.", valueName: "pixels"))
    var shortSide: Int?

    @Flag(
        help: ArgumentHelp(
            "Never enlarge a picture; smaller ones come out smaller.",
            discussion: """
                They keep the shape asked for, in sides that are multiples of --multiple, or with --buckets of --bucket-step. With --buckets kohya \
                it is that trainer's bucket_no_upscale: every picture keeps its own shape, cut to multiples of --bucket-step, and only those of \
                more pixels than --size are made smaller. Pictures too small for one multiple cannot be used.
                """))
    var noUpscale = false

    @Option(help: ArgumentHelp("With --short-side or --no-upscale: sides are multiples of this.", valueName: "pixels"))
    var multiple = 8

    @Option(help: ArgumentHelp("Leave out pictures whose shorter side has fewer pixels.", valueName: "pixels"))
    var minSide = 0

    @Option(help: ArgumentHelp("Leave out pictures whose longer side is more than this many times the shorter.", valueName: "ratio"))
    var maxAspect: Double?

    @Option(
        help: "What becomes of pictures of another shape: crop cuts what is too much, pad fills up with --pad-color, stretch distorts them."
    )
    var fit = Fitting.crop

    @Flag(help: "Split pictures that are much taller or wider than their size, such as comics, into overlapping parts.")
    var split = false

    @Option(help: ArgumentHelp("With --split: how much of a part the next one shows again, 0 to below 1.", valueName: "share"))
    var overlap = 0.2

    @Option(
        help: ArgumentHelp(
            "With --split: 0.5 splits what is twice as long as its size's shape or more, 0.25 four times; 1 splits all, 0 none.",
            valueName: "share"))
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
        if shortSide != nil, !size.isEmpty || buckets != nil {
            throw ValidationError("--short-side keeps each picture's shape, --size and --buckets change it: name one of them.")
        }
        if buckets == .autosized, !size.isEmpty {
            throw ValidationError("--buckets autosized has sizes of its own, from 384 to 768 pixels on a side: leave --size away.")
        }
        if let buckets, [.onetrainer, .aiToolkit].contains(buckets), let other = size.first(where: { $0.size.width != $0.size.height }) {
            throw ValidationError("--buckets \(buckets.rawValue) takes one number as --size, and \(other.size) are two.")
        }
        if let shortSide, !(1...32768).contains(shortSide) { throw ValidationError("--short-side takes a number from 1 to 32768.") }
    }

    func apply(to options: inout PreparationOptions) {
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
