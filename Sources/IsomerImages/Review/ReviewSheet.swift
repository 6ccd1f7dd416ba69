public import IsomerBytes
internal import Synchronization

/// What a person looks at to judge a batch: every original, small, with the crop drawn on it.
public struct ReviewSheet: Sendable {
    /// One picture of the sheet.
    struct Card: Sendable {
        var record: PictureRecord
        /// The original, at most `side` pixels long, upright, as JPEG; nil if it cannot be read.
        var thumbnail: [UInt8]?
    }

    var cards: [Card]
    var title: String
    /// What was decided before, and what the page therefore begins with.
    private let overrides: [String: PictureOverride]
    private static let side = 192

    /// Reads the originals again, small, for the records of a batch, in their order.
    public init(_ job: PreparationJob, records: [JSONValue], title: String) throws(IsomerError) {
        let inputs = try PictureInputs(job.inputs, excluding: job.output, limits: job.options.decoding.limits)
        let sources: [(record: PictureRecord, input: PictureInput?)] = records.compactMap { value in
            guard case .object(let object) = value, let record = PictureRecord(object) else { return nil }
            return (record, inputs.first(named: record.name))
        }
        let thumbnails = Mutex<[[UInt8]?]>(Array(repeating: nil, count: sources.count))
        var options = job.options.decoding
        options.allowTruncated = true
        options.shrink = .covering(PixelSize(Self.side, Self.side))
        let decoding = options
        try job.workers.run(sources.count) { (index, _) throws(IsomerError) in
            guard let input = sources[index].input, let small = try? Self.thumbnail(input, decoding) else { return }
            let bytes = try JPEGEncoder.encode(small, settings: JPEGSettings(quality: 80))
            thumbnails.withLock { $0[index] = bytes }
        }
        let made = thumbnails.withLock { $0 }
        cards = zip(sources, made).map { Card(record: $0.record, thumbnail: $1) }
        self.title = title
        overrides = job.overrides
    }

    private static func thumbnail(_ input: PictureInput, _ options: DecodeOptions) throws(IsomerError) -> Bitmap {
        let bytes = try input.contents(limit: options.limits.pictureBytes)
        let picture = try ImageDecoder.decode(bytes, options: options).bitmap.reducedTo8Bits().composited(over: 255, 255, 255)
            .expandedToColour()
        let scale = min(1, Double(side) / Double(max(picture.width, picture.height)))
        let size = PixelSize(max(1, Int(Double(picture.width) * scale)), max(1, Int(Double(picture.height) * scale)))
        return try picture.resampled(to: size, filter: .bilinear)
    }

    /// As many originals as a contact sheet shows: those of a longer batch are the first.
    public static let contactSheetLimit = 7000
    private static let contactSheetWidth = 2000
    private static let contactSheetPixels = 24_000_000

    /// All originals with their crops on one picture, in rows: what is cut away is dark. The more there are, the smaller they get.
    public func contactSheet() throws(IsomerError) -> Bitmap {
        let shown = cards.prefix(Self.contactSheetLimit)
        let gap = 8
        let side = [Self.side, 128, 96, 64].first { ($0 + gap) * ($0 + gap) * shown.count <= Self.contactSheetPixels } ?? 48
        let columns = max(1, min(Self.contactSheetWidth / (side + gap), shown.count))
        let rows = max(1, (shown.count + columns - 1) / columns)
        let size = PixelSize(columns * (side + gap), rows * (side + gap))
        var sheet = try Bitmap(
            width: size.width, height: size.height, channels: .rgb, bytes: [UInt8](repeating: 32, count: size.area * 3))
        for (index, card) in shown.enumerated() {
            guard let bytes = card.thumbnail, var thumbnail = try? ImageDecoder.decode(bytes).bitmap.expandedToColour() else { continue }
            let fitted = PictureOverview.fitted(thumbnail.size, into: side)
            thumbnail = try thumbnail.resampled(to: fitted, filter: .box)
            let left = index % columns * (side + gap) + (side + gap - thumbnail.width) / 2
            let top = index / columns * (side + gap) + (side + gap - thumbnail.height) / 2
            let crops = card.record.crops.map { crop in
                func place(_ share: Double, _ extent: Int) -> Int { min(max(Int((share * Double(extent)).rounded()), 0), extent) }
                return (
                    x: place(crop.left, thumbnail.width)..<max(place(crop.left, thumbnail.width) + 1, place(crop.right, thumbnail.width)),
                    y: place(crop.top, thumbnail.height)..<max(place(crop.top, thumbnail.height) + 1, place(crop.bottom, thumbnail.height))
                )
            }
            let source = thumbnail.bytes
            sheet.withUnsafeMutableBytes { target in
                for y in 0..<thumbnail.height {
                    for x in 0..<thumbnail.width {
                        let isKept = crops.isEmpty || crops.contains { $0.x.contains(x) && $0.y.contains(y) }
                        let isEdge = crops.contains { crop in
                            crop.x.contains(x) && crop.y.contains(y)
                                && (x == crop.x.lowerBound || x == crop.x.upperBound - 1 || y == crop.y.lowerBound
                                    || y == crop.y.upperBound - 1)
                        }
                        for (c, edge) in [0, 212, 90].enumerated() {
                            let value = Int(source[(y * thumbnail.width + x) * 3 + c])
                            target[((top + y) * size.width + left + x) * 3 + c] = UInt8(
                                truncatingIfNeeded: isEdge ? edge : isKept ? value : value * 2 / 5)
                        }
                    }
                }
            }
        }
        return sheet
    }

    /// A page that needs nothing but itself: pictures, crops, captions, flags, a chart of sizes, and keys to accept, nudge and exclude.
    public func html() -> [UInt8] {
        var items: [JSONValue] = []
        for card in cards {
            var item: JSONObject = ["record": .object(card.record.object)]
            if let thumbnail = card.thumbnail {
                item["thumbnail"] = .string("data:image/jpeg;base64," + Base64.encode(thumbnail))
            }
            items.append(.object(item))
        }
        // "<" could end the element that the data stands in.
        var decided = JSONObject()
        for (name, override) in overrides.sorted(by: { $0.key < $1.key }) { decided[name] = override.json }
        let data = JSONWriter().text(["title": .string(title), "overrides": .object(decided), "items": .array(items)])
            .replacing("<", with: "\\u003c")
        return Array((Self.head + data + Self.tail).utf8)
    }
}

extension PictureRecord {
    init?(_ object: JSONObject) {
        guard case .string? = object["input"] else { return nil }
        self.object = object
    }

    /// The crops as shares of the original's sides.
    var crops: [PixelBox] {
        guard case .array(let size)? = object["original"], case .array(let outputs)? = object["outputs"], size.count == 2,
            case .number(let width) = size[0], case .number(let height) = size[1], width.double > 0, height.double > 0
        else { return [] }
        return outputs.compactMap { output in
            guard case .array(let sides)? = output["crop"] else { return nil }
            let numbers = sides.compactMap { if case .number(let number) = $0 { number.double } else { nil } }
            guard numbers.count == 4, numbers.allSatisfy(\.isFinite) else { return nil }
            return PixelBox(
                left: numbers[0] / width.double, top: numbers[1] / height.double, right: numbers[2] / width.double,
                bottom: numbers[3] / height.double)
        }
    }
}

/// Reference: RFC 4648 §4.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count / 3 * 4 + 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let part = bytes[start..<min(start + 3, bytes.count)]
            let word = part.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - part.count))
            for i in 0..<4 { output.append(i <= part.count ? alphabet[word >> (18 - 6 * i) & 63] : UInt8(ascii: "=")) }
        }
        return String(decoding: output, as: UTF8.self)
    }
}
