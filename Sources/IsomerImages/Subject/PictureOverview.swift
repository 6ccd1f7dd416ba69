internal import IsomerBytes

/// A small copy of a picture, on which subjects are looked for and scores are taken. Made once for all crops of a picture; what is found
/// costly is kept.
///
/// Not to be shared between threads.
final class PictureOverview {
    /// The picture itself, for a closer look.
    private let picture: Bitmap
    private let background: (red: UInt8, green: UInt8, blue: UInt8)
    /// The size of the picture itself.
    var original: PixelSize { picture.size }
    /// At most `side` pixels long, in colour, without alpha.
    let small: Bitmap
    private var grays: [Int: Bitmap] = [:]
    private var saliency: SaliencyMap?
    /// What a detector found, or that it found nothing.
    var faces: (kind: Subject.Kind, detections: [Detection])??

    /// Transparent parts show `background`. `columns` is what was reduced of the picture while it was decoded.
    init(
        _ picture: Bitmap, side: Int = PictureOverview.side, background: (red: UInt8, green: UInt8, blue: UInt8) = (255, 255, 255),
        columns: Bitmap? = nil
    ) throws(IsomerError) {
        self.picture = picture
        self.background = background
        small = try picture.reducedTo8Bits().boxReduced(to: Self.fitted(picture.size, into: side), columns: columns)
            .composited(over: background.red, background.green, background.blue).expandedToColour()
    }

    /// A part of the picture itself, in gray.
    func part(_ box: PixelBox, size: PixelSize) throws(IsomerError) -> Bitmap {
        try picture.resampled(to: size, filter: .bilinear, box: box).reducedTo8Bits()
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
        let gray = size.width < small.width ? try self.gray(Self.side).resampled(to: size, filter: .bilinear) : try small.gray()
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
