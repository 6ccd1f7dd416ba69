public import IsomerBytes

/// One file that comes out of a picture.
public struct PreparedPicture: Sendable {
    /// What is added to the name: "", "_1", "_mirror".
    public var suffix: String
    /// Which of the asked sizes it is.
    public var shape: Int
    /// "png" or "jpg".
    public var fileExtension: String
    public var bytes: [UInt8]
    /// The mask that goes with it, as PNG.
    public var mask: [UInt8]?
    public var size: PixelSize
    /// In pixels of the upright original.
    public var crop: PixelBox
    public var isMirrored: Bool
    public var subject: Subject
    /// Whether it has more pixels than its part of the original.
    public var isEnlarged: Bool
}

/// What a picture became.
public struct PreparedResult: Sendable {
    public var original: PixelSize
    public var format: ImageFormat
    public var pictures: [PreparedPicture]
    public var scores: PictureScores
    public var warnings: [String]
}

/// Turns the bytes of one picture into the bytes of its training pictures. Touches no files; the same input always gives the same output.
public struct PictureProcessor: Sendable {
    public var options: PreparationOptions

    public init(_ options: PreparationOptions) {
        self.options = options
    }

    /// Decodes, turns, finds the subject, crops, resamples and encodes.
    ///
    /// Where the crop does not depend on what is seen in the picture, all of it is done while the rows come, and the picture is never whole in
    /// memory.
    public func process(_ bytes: [UInt8], override: PictureOverride? = nil) throws(IsomerError) -> PreparedResult {
        var decoding = options.decoding
        let stored = try ImageDecoder.storedSize(of: bytes)
        decoding.shrink = try shrink(stored)
        var begun: PictureWork?
        let image = try ImageDecoder.decode(bytes, decoding) { layout throws(IsomerError) in
            let work = try PictureWork(options, layout, stored: stored, override)
            begun = work
            return work.plan
        }
        guard let work = begun else { throw ResamplingStream.isCut }
        if let reason = options.rules.refusal(of: work.original) { throw IsomerError(.unsupported, "left out: \(reason)") }

        let picture = try work.picture(image.bitmap)
        let overview = try work.overview(picture)
        var warnings = image.warnings
        var pictures: [PreparedPicture] = []
        for index in options.shapes.indices {
            for part in try work.parts(index, overview) {
                let (pixels, mask) = try work.rendered(part, picture)
                let picture = try encoded(pixels, mask, image, part, shape: index, scale: work.scale, isMirrored: false)
                if picture.isEnlarged {
                    warnings.append("\(picture.size) is larger than the part of the original it comes from")
                }
                pictures.append(picture)
                if options.mirrors {
                    pictures.append(
                        try encoded(pixels.mirrored(), mask?.mirrored(), image, part, shape: index, scale: work.scale, isMirrored: true))
                }
            }
        }
        return PreparedResult(
            original: work.original, format: image.format, pictures: pictures, scores: try overview.scores(), warnings: warnings)
    }

    /// Half size, if every target still gets at least as many pixels as it needs.
    private func shrink(_ stored: PixelSize) throws(IsomerError) -> DecodeOptions.Shrink {
        guard options.isFast, options.eachFaceMargin == nil else { return .none }
        for shape in options.shapes {
            let upright = try options.rules.choice(shape, for: stored).scaled
            let turned = try options.rules.choice(shape, for: PixelSize(stored.height, stored.width)).scaled
            let longest = max(upright.width, upright.height, turned.width, turned.height)
            let shortest = max(min(upright.width, upright.height), min(turned.width, turned.height))
            if longest * 2 > max(stored.width, stored.height) || shortest * 2 > min(stored.width, stored.height) { return .none }
        }
        return .factor(2)
    }

    private func encoded(
        _ pixels: Bitmap, _ mask: Bitmap?, _ image: DecodedRows, _ part: PicturePart, shape: Int, scale: (x: Double, y: Double),
        isMirrored: Bool
    ) throws(IsomerError) -> PreparedPicture {
        var metadata = ImageMetadata(profile: image.profile)
        if options.keepsMetadata { metadata.exif = image.exif.flatMap { EXIF($0)?.forUprightCopy(keepPlace: options.keepsPlace) } }
        // Trainers read RGB; gray stays gray only where a gray file is read as one anyway.
        let colour = try pixels.expandedToColour()
        let fileExtension: String
        let bytes: [UInt8]
        switch (options.format, image.format) {
        case (.jpeg(let settings), _), (.same(let settings, _), .jpeg):
            fileExtension = "jpg"
            bytes = try JPEGEncoder.encode(colour.droppingAlpha(), settings: settings, metadata: metadata)
        case (.png(let compression), _), (.same(_, let compression), _):
            fileExtension = "png"
            bytes = try PNGEncoder.encode(colour, compression: compression, metadata: metadata)
        }
        func original(_ box: PixelBox) -> PixelBox {
            PixelBox(left: box.left * scale.x, top: box.top * scale.y, right: box.right * scale.x, bottom: box.bottom * scale.y)
        }
        var subject = part.subject
        subject.box = original(subject.box)
        subject.detections = subject.detections.map { detection in
            var detection = detection
            detection.box = original(detection.box)
            return detection
        }
        let crop = original(part.plan.box)
        let isEnlarged = Double(part.plan.size.width) > crop.width + 1 || Double(part.plan.size.height) > crop.height + 1
        return PreparedPicture(
            suffix: part.suffix + (isMirrored ? "_mirror" : ""), shape: shape, fileExtension: fileExtension, bytes: bytes,
            mask: try mask.map { mask throws(IsomerError) in try PNGEncoder.encode(mask) }, size: pixels.size, crop: crop,
            isMirrored: isMirrored, subject: subject, isEnlarged: isEnlarged && options.rules.fitting == .crop)
    }
}
