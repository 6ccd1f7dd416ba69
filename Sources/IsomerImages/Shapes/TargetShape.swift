public import IsomerBytes

/// What sizes pictures get.
public enum TargetShape: Hashable, Sendable {
    /// One size for all.
    case fixed(PixelSize)
    /// The size that suits each picture best.
    case buckets(BucketScheme)
    /// The shorter side becomes this long, both sides multiples of `multiple`; nothing else is cut.
    case shortSide(Int, multiple: Int)
}

/// How a picture that has another shape than its target is made to fit.
public enum Fitting: String, Hashable, Sendable, CaseIterable {
    /// Cut what does not fit.
    case crop
    /// Keep all, and fill the rest with one colour.
    case pad
    /// Keep all, and distort it.
    case stretch
}

/// Which pictures are taken, and how large they may become.
public struct ShapeRules: Hashable, Sendable {
    public var fitting = Fitting.crop
    /// Whether a picture smaller than its target is enlarged. If not, it becomes the largest multiple of `multiple` with the target's aspect.
    public var allowsUpscaling = true
    /// Sides of what comes out are multiples of this.
    public var multiple = 8
    /// Pictures with a shorter side below this are left out.
    public var minimumSide = 0
    /// Pictures that are longer than this in proportion are left out.
    public var maximumAspect = Double.infinity
    /// Pictures with at most this many megapixels are taken.
    public var maximumMegapixels = Double.infinity

    public init() {}

    /// Why a picture is left out, if it is.
    public func refusal(of picture: PixelSize) -> String? {
        let (short, long) = (min(picture.width, picture.height), max(picture.width, picture.height))
        if short < minimumSide { return "its shorter side has \(short) pixels, fewer than \(minimumSide)" }
        let aspect = Double(long) / Double(max(1, short))
        if aspect > maximumAspect { return "it is \(Self.text(aspect)) times as long as wide, more than \(Self.text(maximumAspect))" }
        if Double(picture.area) > maximumMegapixels * 1e6 { return "it has more than \(Self.text(maximumMegapixels)) megapixels" }
        return nil
    }

    private static func text(_ value: Double) -> String {
        let hundredths = (value * 100).rounded()
        return hundredths == (hundredths / 100).rounded() * 100 ? "\(Int(hundredths / 100))" : "\(hundredths / 100)"
    }

    /// The size for a picture, or a reason why there is none.
    public func choice(_ shape: TargetShape, for picture: PixelSize) throws(IsomerError) -> BucketChoice {
        var choice: BucketChoice
        switch shape {
        case .fixed(let size):
            choice = BucketScheme.covering(picture, size)
        case .buckets(let scheme):
            guard let found = scheme.choice(for: picture) else { throw scheme.refusal(of: picture) }
            choice = found
        case .shortSide(let side, let multiple):
            let scale = Double(side) / Double(min(picture.width, picture.height))
            let step = max(1, multiple)
            func whole(_ extent: Int) -> Int { max(step, Int(Double(extent) * scale + 0.5) / step * step) }
            choice = BucketScheme.covering(picture, PixelSize(whole(picture.width), whole(picture.height)))
        }
        if !allowsUpscaling { choice = try withoutUpscaling(choice, picture) }
        return choice
    }

    private func withoutUpscaling(_ choice: BucketChoice, _ picture: PixelSize) throws(IsomerError) -> BucketChoice {
        guard choice.scaled.width > picture.width || choice.scaled.height > picture.height else { return choice }
        // The largest crop of the target's aspect, cut down to the multiple.
        let step = max(1, multiple)
        let crop = SubjectFinder.largestCrop(of: picture, aspect: choice.size.aspect)
        let size = PixelSize(Int(crop.width + 0.5) / step * step, Int(crop.height + 0.5) / step * step)
        guard size.width > 0, size.height > 0 else { throw Self.tooSmall(picture, step: step) }
        return BucketScheme.covering(picture, size)
    }

    static func tooSmall(_ picture: PixelSize, step: Int) -> IsomerError {
        IsomerError(
            .unsupported, "the picture is too small to be used without enlarging it", expected: "at least \(step) pixels on a side",
            found: "\(picture)", remedy: "leave it out with --min-side, or let it be enlarged")
    }
}

/// Parts of a picture that is much taller or wider than its target.
public enum Splitting {
    /// Boxes of the target's aspect that cover the picture along its long side, evenly spaced and overlapping by at least `overlap` of a part;
    /// one box, the whole, if it is not longer than `threshold` allows: 0 never splits, 1 splits everything that is not the target's aspect.
    ///
    /// Reference: AUTOMATIC1111/stable-diffusion-webui, `split_pic`: ⌈(h − H·o) / (H·(1 − o))⌉ parts, with the picture scaled to the target's
    /// width; one part is allowed here, where that program divides by zero.
    ///
    /// - Throws: `limitExceeded` if there would be more parts than `limits` allow.
    public static func boxes(
        of picture: PixelSize, into size: PixelSize, overlap: Double = 0.2, threshold: Double = 0.5, limits: Limits = Limits()
    ) throws(IsomerError) -> [PixelBox] {
        let whole = PixelBox(left: 0, top: 0, right: Double(picture.width), bottom: Double(picture.height))
        guard picture.width > 0, picture.height > 0, size.width > 0, size.height > 0, overlap >= 0, overlap < 1 else { return [whole] }
        let isTall = picture.aspect < size.aspect
        let ratio = isTall ? picture.aspect / size.aspect : size.aspect / picture.aspect
        guard ratio < 1, ratio <= threshold else { return [whole] }
        // Lengths in units of one part.
        let length = 1 / ratio
        let parts = max(1, ((length - overlap) / (1 - overlap) - 1e-9).rounded(.up))
        guard let count = Int(exactly: parts), count <= limits.pictureParts else {
            throw IsomerError(
                .limitExceeded, "the picture is so long that it would be split into too many parts",
                expected: "at most \(limits.pictureParts)", found: Int(exactly: parts).map(String.init) ?? "\(parts)",
                remedy: "let parts overlap less, or leave such pictures out with --max-aspect")
        }
        let part = (isTall ? whole.bottom : whole.right) * ratio
        let step = count > 1 ? ((isTall ? whole.bottom : whole.right) - part) / Double(count - 1) : 0
        return (0..<count).map { index in
            let start = (step * Double(index)).rounded(.down)
            return isTall
                ? PixelBox(left: 0, top: start, right: whole.right, bottom: min(whole.bottom, start + part))
                : PixelBox(left: start, top: 0, right: min(whole.right, start + part), bottom: whole.bottom)
        }
    }
}
