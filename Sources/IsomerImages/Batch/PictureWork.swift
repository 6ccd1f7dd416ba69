internal import IsomerBytes

/// A crop, with the subject it was made for.
struct PicturePart {
    var plan: CropPlan
    var subject: Subject
    var suffix: String
    /// What makes its pixels while the rows come, if that was begun.
    var stream: ResamplingStream?
}

/// What is done to one picture: what can be while its rows come, and the rest afterwards.
struct PictureWork {
    private let options: PreparationOptions
    private let override: PictureOverride?
    private let layout: PictureLayout
    /// The upright original's size, and how many of its pixels are one of the decoded picture.
    let original: PixelSize
    let scale: (x: Double, y: Double)
    private var overview: ResamplingStream?
    /// Of each shape the parts that are known before the picture is seen.
    private var told: [[PicturePart]?]

    /// - Parameter stored: The size in the file, before orientation and shrinking.
    init(
        _ options: PreparationOptions, _ layout: PictureLayout, stored: PixelSize, _ override: PictureOverride?
    ) throws(IsomerError) {
        self.options = options
        self.override = override
        self.layout = layout
        original = layout.orientation.upright(stored)
        let size = layout.upright
        scale = (x: Double(original.width) / Double(size.width), y: Double(original.height) / Double(size.height))
        told = []
        for shape in options.shapes {
            // A shape that does not suit the picture is complained about once it turned out to be whole.
            told.append(try? toldParts(choice(shape)))
        }
        guard layout.samples == .uint8, !layout.channels.hasAlpha else { return }
        overview = try PictureOverview.stream(layout, side: options.finder.overviewSide, limits: options.decoding.limits)
        guard overview != nil, let known = allTold else { return }
        // All that comes out lies in memory at once; hundreds of parts of a long picture would be more than the picture.
        guard known.reduce(0, { $0 + $1.plan.size.area }) <= layout.size.area else { return }
        told = try told.map { parts throws(IsomerError) in
            try parts?.map { part throws(IsomerError) in
                var part = part
                let (size, box) = part.plan.resampling(of: layout.upright, options.rules.fitting)
                part.stream = try ResamplingStream(
                    layout, to: size, options.filter, box, options.compatibility, options.decoding.limits, recurs: true)
                return part
            }
        }
    }

    /// All parts, if none is to be looked for.
    private var allTold: [PicturePart]? {
        told.allSatisfy { $0 != nil } ? told.flatMap { $0 ?? [] } : nil
    }

    /// Who looks at the rows; they are kept if any part is still to be found in them, or is no resampling of rows.
    var plan: RowPlan {
        let streams = [overview] + (allTold ?? []).map(\.stream)
        return RowPlan(readers: streams.compactMap { $0?.reader }, keepsAll: allTold == nil || streams.contains { $0 == nil })
    }

    /// The picture, where it was kept.
    func picture(_ bitmap: Bitmap?) throws(IsomerError) -> StoredPicture? {
        guard let bitmap else { return nil }
        let picture = StoredPicture(bitmap: try bitmap.reducedTo8Bits(), orientation: layout.orientation)
        // Where alpha counts, or nothing is summed, it is turned once, and not for every part.
        guard bitmap.channels.hasAlpha || !options.filter.isSeparable else { return picture }
        return StoredPicture(bitmap: try picture.upright())
    }

    func overview(_ picture: StoredPicture?) throws(IsomerError) -> PictureOverview {
        if let overview { return try PictureOverview(overview.result(), of: layout.upright, picture) }
        let (side, upright) = (options.finder.overviewSide, try Self.present(picture).upright())
        guard case .colour(let red, let green, let blue) = options.alpha else { return try PictureOverview(upright, side: side) }
        return try PictureOverview(upright, side: side, background: (red, green, blue))
    }

    private static func present(_ picture: StoredPicture?) throws(IsomerError) -> StoredPicture {
        guard let picture else { throw ResamplingStream.isCut }
        return picture
    }

    /// The parts that a shape takes of the picture.
    func parts(_ shape: Int, _ overview: PictureOverview) throws(IsomerError) -> [PicturePart] {
        let choice = try choice(options.shapes[shape])
        if let told = told[shape] { return told }
        if let told = try toldParts(choice) { return told }
        return try foundParts(overview, choice)
    }

    /// The pixels and, if asked for, the mask.
    func rendered(_ part: PicturePart, _ picture: StoredPicture?) throws(IsomerError) -> (Bitmap, Bitmap?) {
        var cut: Bitmap
        if let stream = part.stream {
            cut = try stream.result()
        } else {
            let (size, box) = part.plan.resampling(of: layout.upright, options.rules.fitting)
            cut = try Self.present(picture).resampled(
                to: size, filter: options.filter, box: box, compatibility: options.compatibility, limits: options.decoding.limits)
        }
        if options.rules.fitting == .pad { cut = try cut.expandedToColour().placed(on: part.plan.size, options.padding) }
        switch options.alpha {
        case .keep: return (cut, nil)
        case .colour(let red, let green, let blue): cut = try cut.composited(over: red, green, blue)
        case .mask:
            let mask = cut.channels.hasAlpha ? try cut.alphaMask() : nil
            return (try cut.composited(over: 255, 255, 255), mask)
        }
        return (cut, nil)
    }
}

extension PictureWork {
    /// What decides where a crop goes, in pixels of the decoded picture.
    private var focus: Focus {
        let focus = override?.focus ?? options.focus
        // Overrides are told in pixels of the original.
        guard case .boxes(let boxes) = focus else { return focus }
        return .boxes(
            boxes.map {
                PixelBox(left: $0.left / scale.x, top: $0.top / scale.y, right: $0.right / scale.x, bottom: $0.bottom / scale.y)
            })
    }

    /// What comes out, which the shape of a long picture may make far larger than what went in.
    private func choice(_ shape: TargetShape) throws(IsomerError) -> BucketChoice {
        let choice = try options.rules.choice(shape, for: original)
        let most = options.decoding.limits.pixels
        guard choice.size.area <= most else {
            throw IsomerError(
                .limitExceeded, "what is made of the picture would be larger than a picture may be", expected: "at most \(most) pixels",
                found: "\(choice.size)", remedy: "choose a smaller size, or leave such pictures out with --max-aspect")
        }
        return choice
    }

    /// The parts, if one need not look at the picture for them.
    private func toldParts(_ choice: BucketChoice) throws(IsomerError) -> [PicturePart]? {
        let size = layout.upright
        if options.rules.fitting != .crop {
            let whole = PixelBox(left: 0, top: 0, right: Double(size.width), bottom: Double(size.height))
            let subject = Subject(kind: .centre, box: whole, detections: [], score: 1, reason: "the whole picture is kept")
            return [PicturePart(plan: CropPlan(box: whole, size: choice.size), subject: subject, suffix: "")]
        }
        if options.splits, override?.focus == nil {
            let boxes = try Splitting.boxes(
                of: size, into: choice.size, overlap: options.splitOverlap, threshold: options.splitThreshold,
                limits: options.decoding.limits)
            if boxes.count > 1 {
                return boxes.enumerated().map { index, box in
                    let reason = "part \(index + 1) of \(boxes.count) of a long picture"
                    let subject = Subject(kind: .centre, box: box, detections: [], score: 1, reason: reason)
                    return PicturePart(plan: CropPlan(box: box, size: choice.size), subject: subject, suffix: "_\(index + 1)")
                }
            }
        }
        if options.eachFaceMargin != nil, override?.focus == nil { return nil }
        guard let subject = SubjectFinder.told(focus, of: size) else { return nil }
        return [PicturePart(plan: plan(choice, subject), subject: subject, suffix: "")]
    }

    private func foundParts(_ overview: PictureOverview, _ choice: BucketChoice) throws(IsomerError) -> [PicturePart] {
        if let margin = options.eachFaceMargin, override?.focus == nil, let found = try options.finder.detect(in: overview) {
            return found.detections.enumerated().map { index, detection in
                let reason = "face \(index + 1) of \(found.detections.count)"
                let subject = Subject(
                    kind: found.kind, box: detection.box, detections: [detection], score: detection.score, reason: reason)
                let plan = CropPlan.around(detection.box, in: layout.upright, size: choice.size, margin: margin)
                return PicturePart(plan: plan, subject: subject, suffix: found.detections.count == 1 ? "" : "_\(index + 1)")
            }
        }
        let subject = try options.finder.subject(in: overview, aspect: choice.size.aspect, focus: focus)
        return [PicturePart(plan: plan(choice, subject), subject: subject, suffix: "")]
    }

    /// The crop for a bucket: `choice.size` cut from the picture scaled to `choice.scaled`, at the subject.
    private func plan(_ choice: BucketChoice, _ subject: Subject) -> CropPlan {
        let picture = layout.upright
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
}

extension CropPlan {
    /// What is resampled for it: where the rest is filled, the whole picture as large as it fits.
    func resampling(of picture: PixelSize, _ fitting: Fitting) -> (size: PixelSize, box: PixelBox) {
        guard fitting == .pad else { return (size, box) }
        let scale = min(Double(size.width) / Double(picture.width), Double(size.height) / Double(picture.height))
        let inner = PixelSize(
            min(size.width, max(1, Int(Double(picture.width) * scale + 0.5))),
            min(size.height, max(1, Int(Double(picture.height) * scale + 0.5))))
        return (inner, PixelBox(left: 0, top: 0, right: Double(picture.width), bottom: Double(picture.height)))
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
