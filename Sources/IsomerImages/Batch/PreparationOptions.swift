public import IsomerBytes

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
            2 \(shapes) \(rules) \(focus) \(eachFaceMargin ?? -1) \(cascades) \(finder.findsAnimals) \(finder.detectionSide) \(finder.fallbackSide) \
            \(finder.minimumVotes) \(filter) \(compatibility) \(isFast) \(alpha) \(paddingColour) \(format) \(decoding) \(keepsMetadata) \
            \(keepsPlace) \(mirrors) \(splits) \(splitThreshold) \(splitOverlap) \(captions)
            """
    }
}

/// What a person decided about one picture; wins over everything found.
public struct PictureOverride: Hashable, Sendable {
    public var isExcluded = false
    public var focus: Focus?
    public var caption: String?

    public init(isExcluded: Bool = false, focus: Focus? = nil, caption: String? = nil) {
        self.isExcluded = isExcluded
        self.focus = focus
        self.caption = caption
    }

    /// Reads a file of overrides: an object with a member for each picture, by its path inside the input.
    ///
    /// `{"photo.jpg": {"exclude": true}, "b/c.png": {"point": [0.4, 0.3]}, "d.jpg": {"box": [10, 20, 200, 240]}, "e.jpg": {"boxes": […]}}`;
    /// a point is given in shares of width and height, boxes in pixels of the upright picture.
    public static func read(_ bytes: [UInt8], limits: Limits = Limits()) throws(IsomerError) -> [String: PictureOverride] {
        let root = JSONCursor(try JSONValue(parsing: bytes, limits: limits))
        var result: [String: PictureOverride] = [:]
        for (name, cursor) in try root.members() {
            var override = PictureOverride()
            if let exclude = try cursor.optional("exclude") { override.isExcluded = try exclude.bool() }
            if let caption = try cursor.optional("caption") { override.caption = try caption.string() }
            if let point = try cursor.optional("point") {
                let numbers = try numbers(point, 2)
                override.focus = .point(x: numbers[0], y: numbers[1])
            }
            if let box = try cursor.optional("box") { override.focus = .boxes([try self.box(box)]) }
            if let boxes = try cursor.optional("boxes") {
                var list: [PixelBox] = []
                for element in try boxes.elements() { list.append(try self.box(element)) }
                override.focus = .boxes(list)
            }
            result[name] = override
        }
        return result
    }

    private static func box(_ cursor: JSONCursor) throws(IsomerError) -> PixelBox {
        let sides = try numbers(cursor, 4)
        guard sides[0] < sides[2], sides[1] < sides[3] else {
            throw cursor.failure(
                "a box needs its left before its right and its top above its bottom", expected: "[left, top, right, bottom]")
        }
        return PixelBox(left: sides[0], top: sides[1], right: sides[2], bottom: sides[3])
    }

    private static func numbers(_ cursor: JSONCursor, _ count: Int) throws(IsomerError) -> [Double] {
        var result: [Double] = []
        for element in try cursor.elements() {
            let number = try element.double()
            guard number.isFinite, abs(number) < 1e9 else { throw element.failure("this is no place in a picture") }
            result.append(number)
        }
        guard result.count == count else {
            throw cursor.failure("this is no place in a picture", expected: "\(count) numbers", found: "\(result.count)")
        }
        return result
    }
}
