internal import IsomerBytes

/// A small copy of a picture, on which subjects are looked for and scores are taken. Made once for all crops of a picture; what is found
/// costly is kept.
///
/// Not to be shared between threads.
final class PictureOverview {
    /// The picture itself, for a closer look, if it was kept.
    private let picture: StoredPicture?
    private let background: (red: UInt8, green: UInt8, blue: UInt8)
    /// The size of the picture itself.
    let original: PixelSize
    /// At most `side` pixels long, in colour, without alpha.
    let small: Bitmap
    private var grays: [Int: Bitmap] = [:]
    private var saliency: SaliencyMap?
    /// What a detector found, or that it found nothing.
    var faces: (kind: Subject.Kind, detections: [Detection])??

    /// Transparent parts show `background`.
    init(
        _ picture: Bitmap, side: Int = PictureOverview.side, background: (red: UInt8, green: UInt8, blue: UInt8) = (255, 255, 255)
    ) throws(IsomerError) {
        self.picture = StoredPicture(bitmap: picture)
        self.background = background
        original = picture.size
        small = try picture.reducedTo8Bits().boxReduced(to: Self.fitted(picture.size, into: side))
            .composited(over: background.red, background.green, background.blue).expandedToColour()
    }

    /// What was made of an opaque picture's rows while they came, as `stream` says. Of a picture that was not kept nothing can be found that
    /// needs a closer look.
    init(_ small: Bitmap, of original: PixelSize, _ picture: StoredPicture?) throws(IsomerError) {
        (self.picture, self.original) = (picture, original)
        background = (255, 255, 255)
        self.small = try small.expandedToColour()
    }

    /// What makes an overview of a picture's rows; nil for one that is small itself.
    static func stream(_ layout: PictureLayout, side: Int, limits: Limits) throws(IsomerError) -> ResamplingStream? {
        let size = fitted(layout.upright, into: side)
        guard size != layout.upright else { return nil }
        let whole = PixelBox(left: 0, top: 0, right: Double(layout.upright.width), bottom: Double(layout.upright.height))
        let key = PassKernels.Key(layout: layout, size: size, filter: nil, box: whole, compatibility: .pillow13)
        let kernels = try PassKernels.recurring(key) { () throws(IsomerError) in
            try PassKernels(.boxes(from: layout.upright, to: size), of: layout)
        }
        return try kernels.flatMap { kernels throws(IsomerError) in
            try ResamplingStream(kernels, of: layout.size, layout.channels, standing: layout.orientation, limits: limits)
        }
    }

    /// A part of the picture itself, in gray.
    func part(_ box: PixelBox, size: PixelSize) throws(IsomerError) -> Bitmap? {
        try picture?.resampled(to: size, filter: .bilinear, box: box).reducedTo8Bits()
            .composited(over: background.red, background.green, background.blue).gray()
    }

    static let side = 480

    /// The size that is at most `side` pixels long.
    static func fitted(_ size: PixelSize, into side: Int) -> PixelSize {
        let factor = min(1, Double(side) / Double(max(size.width, size.height)))
        return PixelSize(
            max(1, Int((Double(size.width) * factor).rounded())), max(1, Int((Double(size.height) * factor).rounded())))
    }

    /// In gray, at most `side` pixels long.
    func gray(_ side: Int) throws(IsomerError) -> Bitmap {
        if let known = grays[side] { return known }
        let size = Self.fitted(original, into: side)
        // Small sizes come from the usual one, which is needed anyway.
        var gray = try side < Self.side && size.width < small.width ? self.gray(Self.side) : small.gray()
        if size.width < gray.width { gray = try gray.resampled(to: size, filter: .bilinear) }
        grays[side] = gray
        return gray
    }

    func saliencyMap() throws(IsomerError) -> SaliencyMap {
        if let saliency { return saliency }
        let map = try SaliencyMap(small, of: original)
        saliency = map
        return map
    }
}
