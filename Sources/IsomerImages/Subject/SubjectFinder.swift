public import IsomerBytes

/// What decides where a crop goes.
public enum Focus: Hashable, Sendable {
    /// Faces, then animals' faces, then what draws the eye.
    case automatic
    /// Faces; without one, as `automatic`.
    case face
    /// What draws the eye, faces or not.
    case salient
    case centre
    /// A point, as shares of width and height.
    case point(x: Double, y: Double)
    /// Boxes in pixels of the upright picture; more than one is a group.
    case boxes([PixelBox])
}

/// What was found in a picture, and why it counts as the subject.
public struct Subject: Hashable, Sendable {
    /// How it was found.
    public enum Kind: String, Hashable, Sendable {
        case face, profile, cat, custom, salient, centre, point, given
    }

    public var kind: Kind
    /// What the crop should hold, in pixels of the picture.
    public var box: PixelBox
    /// Everything that a detector found, whether it is in `box` or not; the largest first.
    public var detections: [Detection]
    /// 0 to 1 for saliency: which share of it a crop can hold. For faces, the best detector's margin.
    public var score: Double
    /// One sentence.
    public var reason: String
}

/// Finds the subject of a picture.
///
/// A face wins outright: its place is never averaged with anything else's. Without one, saliency decides.
public struct SubjectFinder: Sendable {
    /// Cascades of the user's own, tried before the bundled ones.
    public var cascades: [Cascade] = []
    /// Whether cats' faces are looked for when there is no human one.
    public var findsAnimals = true
    /// The longer side at which faces from the front are looked for: those of a twentieth of it are the smallest that are found.
    public var detectionSide = 480
    /// The same for what is only looked for when there is none: faces from the side, and animals.
    public var fallbackSide = 320
    /// Votes that a bundled detector needs. A single false face costs more than a missed one, since saliency is there to catch that.
    public var minimumVotes = 6
    /// Votes that a face with fewer needs when it is looked at closely: true ones have 15 and more there, other things up to 11.
    public var closeVotes = 14

    public init() {}

    /// The subject of an upright picture, for crops of the given aspect (width divided by height).
    public func subject(in picture: Bitmap, aspect: Double, focus: Focus = .automatic) throws(IsomerError) -> Subject {
        try subject(in: PictureOverview(picture, side: overviewSide), aspect: aspect, focus: focus)
    }

    /// What an overview must be large enough for.
    var overviewSide: Int { max(PictureOverview.side, detectionSide, fallbackSide) }

    /// The subject that a focus tells without a look at the picture.
    static func told(_ focus: Focus, of picture: PixelSize) -> Subject? {
        let whole = PixelBox(left: 0, top: 0, right: Double(picture.width), bottom: Double(picture.height))
        switch focus {
        case .centre:
            return Subject(kind: .centre, box: whole, detections: [], score: 1, reason: "the middle was asked for")
        case .point(let x, let y):
            let (px, py) = (min(max(x, 0), 1) * Double(picture.width), min(max(y, 0), 1) * Double(picture.height))
            return Subject(
                kind: .point, box: PixelBox(left: px, top: py, right: px, bottom: py), detections: [], score: 1, reason: "a point was given"
            )
        case .boxes(let boxes):
            guard let first = boxes.first else { return nil }
            let union = boxes.dropFirst().reduce(first) { $0.union($1) }
            return Subject(
                kind: .given, box: union.intersection(whole), detections: boxes.map { Detection(box: $0, votes: 0, score: 1) }, score: 1,
                reason: boxes.count == 1 ? "a box was given" : "\(boxes.count) boxes were given")
        case .automatic, .face, .salient: return nil
        }
    }

    func subject(in overview: PictureOverview, aspect: Double, focus: Focus) throws(IsomerError) -> Subject {
        let picture = overview.original
        if let told = Self.told(focus, of: picture) { return told }
        let crop = Self.largestCrop(of: picture, aspect: aspect)
        let whole = PixelBox(left: 0, top: 0, right: Double(picture.width), bottom: Double(picture.height))
        if focus != .salient, let face = try face(overview, crop, whole) { return face }
        return try salient(overview, crop)
    }

    /// The largest crop of an aspect that fits into a picture.
    static func largestCrop(of size: PixelSize, aspect: Double) -> (width: Double, height: Double) {
        let (width, height) = (Double(size.width), Double(size.height))
        return width / height > aspect ? (height * aspect, height) : (width, width / aspect)
    }

    private func salient(_ overview: PictureOverview, _ crop: (width: Double, height: Double)) throws(IsomerError) -> Subject {
        let (box, share) = try overview.saliencyMap().subject(cropWidth: crop.width, cropHeight: crop.height)
        guard share > 0 else {
            return Subject(kind: .centre, box: box, detections: [], score: 0, reason: "the picture is the same everywhere")
        }
        return Subject(
            kind: .salient, box: box, detections: [], score: share, reason: "no face; this part differs most from its surroundings")
    }

    /// Faces of the first detector that finds any: as many of the large ones as fit into a crop.
    private func face(_ overview: PictureOverview, _ crop: (width: Double, height: Double), _ whole: PixelBox) throws(IsomerError)
        -> Subject?
    {
        guard let (kind, detections) = try detect(in: overview), let largest = detections.first else { return nil }
        // The group: faces at least a quarter as large as the largest. Those behind are bystanders.
        let group = detections.filter { $0.box.area >= largest.box.area / 4 }
        func extended(_ box: PixelBox) -> PixelBox {
            // Detectors see brow to chin; hair and forehead are a fifth more.
            PixelBox(left: box.left, top: box.top - 0.2 * box.height, right: box.right, bottom: box.bottom).intersection(whole)
        }
        let fitting = Self.largestGroup(group.map { extended($0.box) }, within: crop)
        let noun = kind == .cat ? "a cat's face" : kind == .custom ? "what the given cascade looks for" : "a face"
        let reason =
            group.count == 1
            ? "\(noun) was found"
            : fitting.count == group.count
                ? "\(group.count) faces fit into the crop"
                : "\(group.count) faces do not fit into one crop, so the largest "
                    + (fitting.count > 1 ? "\(fitting.count) that do count" : "counts")
        let union = fitting.dropFirst().reduce(fitting.first ?? extended(largest.box)) { $0.union($1) }
        return Subject(kind: kind, box: union, detections: detections, score: group.map(\.score).max() ?? 0, reason: reason)
    }

    /// Of boxes, the largest first, those with the largest area together that one crop can hold; the largest alone if it cannot hold even that.
    static func largestGroup(_ boxes: [PixelBox], within crop: (width: Double, height: Double)) -> [PixelBox] {
        guard let largest = boxes.first else { return [] }
        // A crowd's faces beyond the first few are small.
        let shown = boxes.prefix(24)
        var (best, bestArea) = ([largest], largest.area)
        // A crop that holds a group can be moved until one of its boxes touches the left side and one the top.
        for left in shown.map(\.left) {
            for top in shown.map(\.top) {
                let inside = shown.filter {
                    $0.left >= left && $0.top >= top && $0.right <= left + crop.width && $0.bottom <= top + crop.height
                }
                let area = inside.reduce(0) { $0 + $1.area }
                if area > bestArea { (best, bestArea) = (Array(inside), area) }
            }
        }
        return best
    }

    /// All faces by the first detector that finds one, in pixels of the picture; the largest first.
    public func detect(in picture: Bitmap) throws(IsomerError) -> (kind: Subject.Kind, detections: [Detection])? {
        try detect(in: PictureOverview(picture, side: overviewSide))
    }

    func detect(in overview: PictureOverview) throws(IsomerError) -> (kind: Subject.Kind, detections: [Detection])? {
        if let known = overview.faces { return known }
        let found = try look(overview)
        overview.faces = .some(found)
        return found
    }

    private func look(_ overview: PictureOverview) throws(IsomerError) -> (kind: Subject.Kind, detections: [Detection])? {
        let picture = overview.original
        /// In pixels of the picture.
        func scaled(_ found: [Detection], from small: Bitmap, mirrored: Bool = false) -> [Detection] {
            let (x, y) = (Double(picture.width) / Double(small.width), Double(picture.height) / Double(small.height))
            return found.map { item in
                var item = item
                let (left, right) =
                    mirrored ? (Double(small.width) - item.box.right, Double(small.width) - item.box.left) : (item.box.left, item.box.right)
                item.box = PixelBox(left: left * x, top: item.box.top * y, right: right * x, bottom: item.box.bottom * y)
                return item
            }
        }
        func run(_ cascade: Cascade?, votes: Int, on gray: Bitmap) throws(IsomerError) -> [Detection] {
            guard let cascade else { return [] }
            return try CascadeDetector(cascade).detect(in: gray).filter { $0.votes >= votes }
        }
        let front = try overview.gray(detectionSide)
        for cascade in cascades {
            let found = try run(cascade, votes: 0, on: front)
            if !found.isEmpty { return (.custom, scaled(found, from: front)) }
        }
        let frontal = try frontalFaces(in: overview, on: front) { scaled([$0], from: front).first ?? $0 }
        if !frontal.isEmpty { return (.face, frontal) }
        let small = try overview.gray(fallbackSide)
        let right = try run(.profileFace, votes: minimumVotes * 2, on: small)
        if !right.isEmpty { return (.profile, scaled(right, from: small)) }
        let left = try run(.profileFace, votes: minimumVotes * 2, on: small.mirrored())
        if !left.isEmpty { return (.profile, scaled(left, from: small, mirrored: true)) }
        guard findsAnimals else { return nil }
        let cats = try run(.catFace, votes: minimumVotes, on: small)
        return cats.isEmpty ? nil : (.cat, scaled(cats, from: small))
    }

    /// Faces from the front, in pixels of the picture: those that enough windows agree on, and of the others those that a closer look confirms.
    private func frontalFaces(
        in overview: PictureOverview, on gray: Bitmap, _ scaled: (Detection) -> Detection
    ) throws(IsomerError) -> [Detection] {
        guard let cascade = Cascade.frontalFace else { return [] }
        var detector = CascadeDetector(cascade)
        detector.minimumNeighbours = 1
        let found = try detector.detect(in: gray)
        var faces = found.filter { $0.votes >= minimumVotes }.map(scaled)
        // Patterns give doubtful windows by the hundred; the better ones tell as much as all.
        let doubtful = found.filter { $0.votes < minimumVotes }.sorted { $0.votes > $1.votes }.prefix(12)
        for window in doubtful.map(scaled) {
            guard let face = try closeLook(at: window, in: overview, cascade) else { continue }
            if faces.allSatisfy({ $0.box.intersection(face.box).area == 0 }) { faces.append(face) }
        }
        return faces.sorted { ($0.box.area, $1.box.left, $1.box.top) > ($1.box.area, $0.box.left, $0.box.top) }
    }

    /// The same face in finer steps on the picture itself, if it is still there.
    private func closeLook(at window: Detection, in overview: PictureOverview, _ cascade: Cascade) throws(IsomerError) -> Detection? {
        // The window becomes 64 pixels wide, with half as much around it.
        let (width, centre) = (window.box.width, window.box.centre)
        let whole = PixelBox(left: 0, top: 0, right: Double(overview.original.width), bottom: Double(overview.original.height))
        let box = PixelBox(left: centre.x - width, top: centre.y - width, right: centre.x + width, bottom: centre.y + width)
            .intersection(whole)
        guard box.width >= 1, box.height >= 1, width > 0 else { return nil }
        let scale = 64 / width
        let size = PixelSize(max(1, Int((box.width * scale).rounded())), max(1, Int((box.height * scale).rounded())))
        guard let part = try overview.part(box, size: size) else { return nil }
        var detector = CascadeDetector(cascade)
        detector.scaleFactor = 1.1
        detector.minimumNeighbours = closeVotes - 1
        let shorter = Double(min(part.width, part.height))
        (detector.minimumShare, detector.maximumShare) = (38 / shorter, 109 / shorter)
        let near = try detector.detect(in: part).map { item in
            var item = item
            item.box = PixelBox(
                left: box.left + item.box.left / scale, top: box.top + item.box.top / scale, right: box.left + item.box.right / scale,
                bottom: box.top + item.box.bottom / scale)
            return item
        }.filter { abs($0.box.centre.x - centre.x) < 0.3 * width && abs($0.box.centre.y - centre.y) < 0.3 * width }
        return near.max { $0.votes < $1.votes }
    }
}
