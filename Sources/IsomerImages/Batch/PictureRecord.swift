internal import IsomerBytes

/// What became of one input: a line of the manifest.
struct PictureRecord {
    enum Status: String {
        case prepared, excluded, duplicate, failed
        case leftOut = "left out"
    }

    var object: JSONObject

    init(_ name: String, sha256: String, bytes: Int, key: String) {
        object = ["input": .string(name), "sha256": .string(sha256), "bytes": .number(JSONNumber(bytes)), "key": .string(key)]
    }

    /// A line of an earlier run; nil if it is none.
    init?(line: [UInt8]) {
        guard case .object(let object)? = try? JSONValue(parsing: line), case .string? = object["input"] else { return nil }
        self.object = object
    }

    /// The input of a line of a manifest, which comes first in it, without reading all of it.
    static func name(inLine line: ArraySlice<UInt8>) -> String? {
        let head = Array("{\"input\":".utf8)
        return line.starts(with: head) ? string(line.dropFirst(head.count)) : nil
    }

    /// The archive of a line of a manifest, which comes last in it. Quotes inside of texts are escaped, so its key can stand in none.
    static func archive(inLine line: ArraySlice<UInt8>) -> String? {
        let (head, tail) = (Array(",\"archive\":".utf8), line.suffix(256))
        guard let start = tail.indices.first(where: { tail[$0...].starts(with: head) }) else { return nil }
        return string(tail[start...].dropFirst(head.count))
    }

    /// The JSON string that some bytes begin with.
    private static func string(_ bytes: ArraySlice<UInt8>) -> String? {
        guard bytes.first == UInt8(ascii: "\"") else { return nil }
        var isEscaped = false
        for (offset, byte) in bytes.enumerated().dropFirst() {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                guard case .string(let text)? = try? JSONValue(parsing: Array(bytes.prefix(offset + 1))) else { return nil }
                return text
            }
        }
        return nil
    }

    var line: [UInt8] { JSONWriter().bytes(.object(object)) + [UInt8(ascii: "\n")] }

    var name: String { text("input") ?? "" }
    var sha256: String? { text("sha256") }
    /// Everything besides the content that decides what comes out.
    var key: String? { text("key") }
    var caption: String? { text("caption") }
    var reason: String? { text("reason") }
    /// The archive that holds it.
    var archive: String? {
        get { text("archive") }
        set { object["archive"] = newValue.map { .string($0) } }
    }
    var status: Status? { text("status").flatMap(Status.init) }

    private func text(_ key: String) -> String? {
        if case .string(let text)? = object[key] { text } else { nil }
    }

    var outputs: [(file: String, mask: String?, bytes: UInt64, size: PixelSize)] {
        guard case .array(let list)? = object["outputs"] else { return [] }
        return list.compactMap { value in
            guard case .string(let file)? = value["file"], case .number(let bytes)? = value["bytes"],
                case .number(let width)? = value["width"],
                case .number(let height)? = value["height"], let size = bytes.integer(as: UInt64.self), let w = width.integer(as: Int.self),
                let h = height.integer(as: Int.self)
            else { return nil }
            let mask: String? = if case .string(let mask)? = value["mask"] { mask } else { nil }
            return (file, mask, size, PixelSize(w, h))
        }
    }

    /// What copies of the picture are found by: how it looks, or where the hash sees next to nothing of it, its content. Blank pictures, thin
    /// strips and even slopes would be copies of each other.
    var likeness: UInt64? {
        guard let hash, hash.nonzeroBitCount <= DuplicateFinder.distance else { return hash }
        return sha256.flatMap { UInt64($0.prefix(16), radix: 16) }
    }

    private var hash: UInt64? {
        guard case .string(let hex)? = object["scores"]?["hash"] else { return nil }
        return UInt64(hex, radix: 16)
    }

    mutating func set(_ status: Status, reason: String? = nil) {
        object["status"] = .string(status.rawValue)
        object["reason"] = reason.map { .string($0) }
    }

    mutating func set(_ result: PreparedResult, files: [(file: String, mask: String?)]) {
        object["original"] = .array([.number(JSONNumber(result.original.width)), .number(JSONNumber(result.original.height))])
        object["format"] = .string(result.format.rawValue)
        let scores = result.scores
        object["scores"] = [
            "hash": .string(
                String(repeating: "0", count: scores.hash.leadingZeroBitCount / 4 - (scores.hash == 0 ? 1 : 0))
                    + String(scores.hash, radix: 16)),
            "sharpness": .number(Self.rounded(scores.sharpness)), "exposure": .number(Self.rounded(scores.exposure)),
            "dark": .number(Self.rounded(scores.dark)), "bright": .number(Self.rounded(scores.bright)),
        ]
        object["outputs"] = .array(
            zip(result.pictures, files).map { picture, name in
                var output: JSONObject = [
                    "file": .string(name.file), "bytes": .number(JSONNumber(picture.bytes.count)),
                    "width": .number(JSONNumber(picture.size.width)), "height": .number(JSONNumber(picture.size.height)),
                    "crop": Self.box(picture.crop), "mirrored": .bool(picture.isMirrored),
                    "subject": .string(picture.subject.kind.rawValue), "box": Self.box(picture.subject.box),
                    "score": .number(Self.rounded(picture.subject.score)), "reason": .string(picture.subject.reason),
                ]
                if !picture.subject.detections.isEmpty {
                    output["detections"] = .array(
                        picture.subject.detections.map {
                            ["box": Self.box($0.box), "votes": .number(JSONNumber($0.votes)), "score": .number(Self.rounded($0.score))]
                        })
                }
                output["mask"] = name.mask.map { .string($0) }
                return .object(output)
            })
        if !result.warnings.isEmpty { object["warnings"] = .array(result.warnings.map { .string($0) }) }
    }

    /// Thousandths are enough for people, and the same on every machine.
    private static func rounded(_ value: Double) -> JSONNumber {
        guard value.isFinite, abs(value) < 1e12 else { return JSONNumber(0) }
        let thousandths = Int((value * 1000).rounded())
        return thousandths % 1000 == 0 ? JSONNumber(thousandths / 1000) : JSONNumber(Double(thousandths) / 1000)
    }

    private static func box(_ box: PixelBox) -> JSONValue {
        .array([box.left, box.top, box.right, box.bottom].map { .number(rounded($0)) })
    }
}
