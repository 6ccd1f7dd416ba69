internal import IsomerBytes

/// Everything that decides what comes out of a picture.
public struct PreparationOptions: Hashable, Sendable {
    /// What becomes of transparent parts.
    public enum Alpha: Hashable, Sendable {
        /// Painted over with a colour.
        case colour(UInt8, UInt8, UInt8)
        /// Kept; needs PNG.
        case keep
        /// Painted over with white, and written beside the picture as a gray mask.
        case mask
    }

    /// What files come out.
    public enum Format: Hashable, Sendable {
        case png(PNGCompression)
        case jpeg(JPEGSettings)
        /// JPEG for JPEG, PNG for PNG.
        case same(JPEGSettings, PNGCompression)
    }

    /// Sizes, each made from the original.
    public var shapes: [TargetShape] = [.fixed(PixelSize(512, 512))]
    public var rules = ShapeRules()
    public var focus = Focus.automatic
    /// One picture for each face instead of one for all, with this share of the face's longer side around it.
    public var eachFaceMargin: Double?
    public var finder = SubjectFinder()
    public var filter = ResamplingFilter.lanczos
    public var compatibility = PillowCompatibility.pillow13
    /// Decodes JPEG at half size where that still is large enough.
    public var isFast = false
    public var alpha = Alpha.colour(255, 255, 255)
    public var padding: (red: UInt8, green: UInt8, blue: UInt8) {
        get { (paddingColour[0], paddingColour[1], paddingColour[2]) }
        set { paddingColour = [newValue.red, newValue.green, newValue.blue] }
    }
    private var paddingColour: [UInt8] = [255, 255, 255]
    public var format = Format.png(.photo)
    public var decoding = DecodeOptions()
    public var keepsMetadata = false
    public var keepsPlace = false
    /// Also a mirrored copy of each.
    public var mirrors = false
    /// Splits pictures much taller or wider than their target.
    public var splits = false
    public var splitThreshold = 0.5
    public var splitOverlap = 0.2
    public var captions = CaptionRules()

    public init() {}

    public static func == (left: Self, right: Self) -> Bool { left.description == right.description }
    public func hash(into hasher: inout Hasher) { hasher.combine(description) }
}

extension PreparationOptions: CustomStringConvertible {
    /// All options in words: two runs with the same text make the same files.
    public var description: String {
        let cascades = finder.cascades.map { "\($0.window) \($0.nodes.count) \($0.leaves.reduce(0, +))" }
        return """
            4 \(shapes) \(rules) \(focus) \(eachFaceMargin ?? -1) \(cascades) \(finder.findsAnimals) \(finder.detectionSide) \(finder.fallbackSide) \
            \(finder.minimumVotes) \(filter) \(compatibility) \(isFast) \(alpha) \(paddingColour) \(format) \(decoding) \(keepsMetadata) \
            \(keepsPlace) \(mirrors) \(splits) \(splitThreshold) \(splitOverlap) \(captions)
            """
    }
}
