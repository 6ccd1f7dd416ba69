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
    public func process(_ bytes: [UInt8], override: PictureOverride? = nil) throws(IsomerError) -> PreparedResult {
        var decoding = options.decoding
        let stored = try ImageDecoder.storedSize(of: bytes)
        decoding.shrink = try shrink(stored)
        decoding.overviewSide = options.finder.overviewSide
        var image = try ImageDecoder.decode(bytes, options: decoding)
        if image.bitmap.samples != .uint8 { image.bitmap = try image.bitmap.reducedTo8Bits() }
        // The original stands upright, and so does everything said about it.
        let original =
            decoding.orient && image.orientation.swapsSides ? PixelSize(stored.height, stored.width) : stored
        if let reason = options.rules.refusal(of: original) { throw IsomerError(.unsupported, "left out: \(reason)") }
        let scale = (x: Double(original.width) / Double(image.bitmap.width), y: Double(original.height) / Double(image.bitmap.height))

        let overview = try overview(image)
        var warnings = image.warnings
        var pictures: [PreparedPicture] = []
        for (index, shape) in options.shapes.enumerated() {
            let choice = try options.rules.choice(shape, for: original)
            for part in try parts(overview, choice, override, scale) {
                let (pixels, mask) = try rendered(image.bitmap, part.plan)
                let picture = try encoded(pixels, mask, image, part, shape: index, scale: scale, isMirrored: false)
                if picture.isEnlarged {
                    warnings.append("\(picture.size) is larger than the part of the original it comes from")
                }
                pictures.append(picture)
                if options.mirrors {
                    pictures.append(
                        try encoded(pixels.mirrored(), mask?.mirrored(), image, part, shape: index, scale: scale, isMirrored: true))
                }
            }
        }
        return PreparedResult(
            original: original, format: image.format, pictures: pictures, scores: try overview.scores(), warnings: warnings)
    }

    /// A crop, with the subject it was made for.
    private struct Part {
        var plan: CropPlan
        var subject: Subject
        var suffix: String
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

    private func overview(_ image: DecodedImage) throws(IsomerError) -> PictureOverview {
        guard case .colour(let red, let green, let blue) = options.alpha else {
            return try PictureOverview(image.bitmap, side: options.finder.overviewSide, columns: image.columns)
        }
        return try PictureOverview(
            image.bitmap, side: options.finder.overviewSide, background: (red, green, blue), columns: image.columns)
    }

    private func parts(
        _ overview: PictureOverview, _ choice: BucketChoice, _ override: PictureOverride?, _ scale: (x: Double, y: Double)
    ) throws(IsomerError) -> [Part] {
        var focus = override?.focus ?? options.focus
        // Overrides are told in pixels of the original.
        if case .boxes(let boxes) = focus {
            focus = .boxes(
                boxes.map {
                    PixelBox(left: $0.left / scale.x, top: $0.top / scale.y, right: $0.right / scale.x, bottom: $0.bottom / scale.y)
                })
        }
        let size = overview.original
        let whole = PixelBox(left: 0, top: 0, right: Double(size.width), bottom: Double(size.height))
        if options.rules.fitting != .crop {
            let subject = Subject(kind: .centre, box: whole, detections: [], score: 1, reason: "the whole picture is kept")
            return [Part(plan: CropPlan(box: whole, size: choice.size), subject: subject, suffix: "")]
        }
        if options.splits, override?.focus == nil {
            let boxes = Splitting.boxes(of: size, into: choice.size, overlap: options.splitOverlap, threshold: options.splitThreshold)
            if boxes.count > 1 {
                return boxes.enumerated().map { index, box in
                    let reason = "part \(index + 1) of \(boxes.count) of a long picture"
                    let subject = Subject(kind: .centre, box: box, detections: [], score: 1, reason: reason)
                    return Part(plan: CropPlan(box: box, size: choice.size), subject: subject, suffix: "_\(index + 1)")
                }
            }
        }
        if let margin = options.eachFaceMargin, override?.focus == nil, let found = try options.finder.detect(in: overview) {
            return found.detections.enumerated().map { index, detection in
                let reason = "face \(index + 1) of \(found.detections.count)"
                let subject = Subject(
                    kind: found.kind, box: detection.box, detections: [detection], score: detection.score, reason: reason)
                let plan = CropPlan.around(detection.box, in: size, size: choice.size, margin: margin)
                return Part(plan: plan, subject: subject, suffix: found.detections.count == 1 ? "" : "_\(index + 1)")
            }
        }
        let subject = try options.finder.subject(in: overview, aspect: choice.size.aspect, focus: focus)
        return [Part(plan: plan(size, choice, subject), subject: subject, suffix: "")]
    }

    /// The crop for a bucket: `choice.size` cut from the picture scaled to `choice.scaled`, at the subject.
    private func plan(_ picture: PixelSize, _ choice: BucketChoice, _ subject: Subject) -> CropPlan {
        var plan = CropPlan.covering(picture, size: choice.size, subject: subject.box)
        // Where a scheme leaves some of both sides away, as without upscaling, its scale rules.
        let width = Double(choice.size.width) * Double(picture.width) / Double(max(1, choice.scaled.width))
        let height = Double(choice.size.height) * Double(picture.height) / Double(max(1, choice.scaled.height))
        if width < plan.box.width - 1, height < plan.box.height - 1 {
            let left = min(max((subject.box.centre.x - width / 2).rounded(), 0), Double(picture.width) - width)
            let top = min(max((subject.box.centre.y - height / 2).rounded(), 0), Double(picture.height) - height)
            plan.box = PixelBox(left: left, top: top, right: left + width, bottom: top + height)
        }
        return plan
    }

    /// The pixels and, if asked for, the mask.
    private func rendered(_ bitmap: Bitmap, _ plan: CropPlan) throws(IsomerError) -> (Bitmap, Bitmap?) {
        let limits = options.decoding.limits
        var cut: Bitmap
        if options.rules.fitting == .pad {
            cut = try padded(bitmap, plan.size, limits)
        } else {
            cut = try bitmap.cropped(plan, filter: options.filter, compatibility: options.compatibility, limits: limits)
        }
        switch options.alpha {
        case .keep: return (cut, nil)
        case .colour(let red, let green, let blue): cut = try cut.composited(over: red, green, blue)
        case .mask:
            let mask = cut.channels.hasAlpha ? try cut.alphaMask() : nil
            return (try cut.composited(over: 255, 255, 255), mask)
        }
        return (cut, nil)
    }

    private func padded(_ bitmap: Bitmap, _ size: PixelSize, _ limits: Limits) throws(IsomerError) -> Bitmap {
        let scale = min(Double(size.width) / Double(bitmap.width), Double(size.height) / Double(bitmap.height))
        let inner = PixelSize(
            min(size.width, max(1, Int(Double(bitmap.width) * scale + 0.5))),
            min(size.height, max(1, Int(Double(bitmap.height) * scale + 0.5))))
        let small = try bitmap.resampled(to: inner, filter: options.filter, compatibility: options.compatibility, limits: limits)
        return try small.expandedToColour().placed(on: size, options.padding)
    }

    private func encoded(
        _ pixels: Bitmap, _ mask: Bitmap?, _ image: DecodedImage, _ part: Part, shape: Int, scale: (x: Double, y: Double), isMirrored: Bool
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

extension Bitmap {
    /// The picture in the middle of a larger one of a single colour. Where there is alpha, what is added is opaque. 8 bits only.
    func placed(on size: PixelSize, _ colour: (red: UInt8, green: UInt8, blue: UInt8)) throws(IsomerError) -> Bitmap {
        let result = try Bitmap(uninitialized: size.width, size.height, channels)
        let pixel = [colour.red, colour.green, colour.blue, 255].prefix(channels.count)
        for i in 0..<size.width * size.height {
            for (c, value) in pixel.enumerated() { result.target[i * channels.count + c] = value }
        }
        let (left, top) = ((size.width - width) / 2, (size.height - height) / 2)
        guard left >= 0, top >= 0 else { return result }
        for y in 0..<height {
            (result.target + (top + y) * result.rowBytes + left * channels.count).update(from: source + y * rowBytes, count: rowBytes)
        }
        return result
    }
}
