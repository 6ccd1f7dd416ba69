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
    }

    private static func thumbnail(_ input: PictureInput, _ options: DecodeOptions) throws(IsomerError) -> Bitmap {
        let bytes = try input.contents(limit: options.limits.pictureBytes)
        let picture = try ImageDecoder.decode(bytes, options: options).bitmap.reducedTo8Bits().composited(over: 255, 255, 255)
            .expandedToColour()
        let scale = min(1, Double(side) / Double(max(picture.width, picture.height)))
        let size = PixelSize(max(1, Int(Double(picture.width) * scale)), max(1, Int(Double(picture.height) * scale)))
        return try picture.resampled(to: size, filter: .bilinear)
    }

    /// All originals with their crops on one picture, in rows.
    public func contactSheet(columns: Int = 10, limit: Int = 400) throws(IsomerError) -> Bitmap {
        let shown = Array(cards.prefix(limit))
        let cell = Self.side + 8
        let width = max(1, min(columns, max(1, shown.count)))
        let height = max(1, (shown.count + width - 1) / width)
        var sheet = try Bitmap(
            width: width * cell, height: height * cell, channels: .rgb,
            bytes: [UInt8](repeating: 32, count: width * height * cell * cell * 3))
        for (index, card) in shown.enumerated() {
            guard let bytes = card.thumbnail, let thumbnail = try? ImageDecoder.decode(bytes).bitmap.expandedToColour() else { continue }
            let left = index % width * cell + (cell - thumbnail.width) / 2
            let top = index / width * cell + (cell - thumbnail.height) / 2
            let crops = card.record.crops
            let (sheetWidth, source) = (sheet.width, thumbnail.bytes)
            sheet.withUnsafeMutableBytes { target in
                for y in 0..<thumbnail.height {
                    for i in 0..<thumbnail.width * 3 {
                        target[((top + y) * sheetWidth + left) * 3 + i] = source[y * thumbnail.width * 3 + i]
                    }
                }
                for crop in crops {
                    let x0 = min(max(Int(crop.left * Double(thumbnail.width)), 0), thumbnail.width - 1)
                    let x1 = min(max(Int(crop.right * Double(thumbnail.width)) - 1, x0), thumbnail.width - 1)
                    let y0 = min(max(Int(crop.top * Double(thumbnail.height)), 0), thumbnail.height - 1)
                    let y1 = min(max(Int(crop.bottom * Double(thumbnail.height)) - 1, y0), thumbnail.height - 1)
                    func dot(_ x: Int, _ y: Int) {
                        let i = ((top + y) * sheetWidth + left + x) * 3
                        (target[i], target[i + 1], target[i + 2]) = (0, 230, 90)
                    }
                    for x in x0...x1 {
                        dot(x, y0)
                        dot(x, y1)
                    }
                    for y in y0...y1 {
                        dot(x0, y)
                        dot(x1, y)
                    }
                }
            }
        }
        return sheet
    }

    /// A page that needs nothing but itself: pictures, crops, captions, flags, a chart of sizes, and keys to accept, nudge and exclude.
    public func html() throws(IsomerError) -> [UInt8] {
        var items: [JSONValue] = []
        for card in cards {
            var item: JSONObject = ["record": .object(card.record.object)]
            if let thumbnail = card.thumbnail {
                item["thumbnail"] = .string("data:image/jpeg;base64," + Base64.encode(thumbnail))
            }
            items.append(.object(item))
        }
        // "<" could end the element that the data stands in.
        let data = JSONWriter().text(["title": .string(title), "items": .array(items)]).replacing("<", with: "\\u003c")
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
