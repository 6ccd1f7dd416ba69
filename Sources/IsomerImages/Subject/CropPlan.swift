public import IsomerBytes

/// Where to cut a picture, and into what size.
public struct CropPlan: Hashable, Sendable {
    /// In pixels of the upright picture.
    public var box: PixelBox
    /// What comes out.
    public var size: PixelSize

    public init(box: PixelBox, size: PixelSize) {
        self.box = box
        self.size = size
    }

    /// The largest crop of `size`'s aspect, as close around the subject's middle as the picture allows.
    ///
    /// A side that the crop does not shorten stays whole, to the pixel.
    public static func covering(_ picture: PixelSize, size: PixelSize, subject: PixelBox) -> CropPlan {
        let (width, height) = SubjectFinder.largestCrop(of: picture, aspect: size.aspect)
        return placed(width, height, in: picture, size: size, around: subject.centre)
    }

    /// A crop around one detection with `margin` of its longer side on each side.
    public static func around(_ detection: PixelBox, in picture: PixelSize, size: PixelSize, margin: Double) -> CropPlan {
        let side = max(detection.width, detection.height) * (1 + 2 * max(0, margin))
        let aspect = size.aspect
        var (width, height) = aspect >= 1 ? (side * aspect, side) : (side, side / aspect)
        let shrink = min(1, Double(picture.width) / width, Double(picture.height) / height)
        width *= shrink
        height *= shrink
        return placed(width, height, in: picture, size: size, around: detection.centre)
    }

    /// Whole pixels where the crop is as large as the picture; elsewhere the corner is a whole pixel.
    private static func placed(
        _ width: Double, _ height: Double, in picture: PixelSize, size: PixelSize, around centre: (x: Double, y: Double)
    ) -> CropPlan {
        func corner(_ middle: Double, _ extent: Double, _ limit: Int) -> Double {
            min(max((middle - extent / 2).rounded(), 0), max(0, Double(limit) - extent))
        }
        let (left, top) = (corner(centre.x, width, picture.width), corner(centre.y, height, picture.height))
        return CropPlan(
            box: PixelBox(
                left: left, top: top, right: min(left + width, Double(picture.width)), bottom: min(top + height, Double(picture.height))),
            size: size)
    }
}

extension Bitmap {
    /// Cuts and resamples in one step, so that no pixel is rounded twice.
    public func cropped(
        _ plan: CropPlan, filter: ResamplingFilter = .lanczos, reducingGap: Double? = nil,
        compatibility: PillowCompatibility = .pillow13, limits: Limits = Limits()
    ) throws(IsomerError) -> Bitmap {
        try resampled(
            to: plan.size, filter: filter, box: plan.box, reducingGap: reducingGap, compatibility: compatibility, limits: limits)
    }
}
