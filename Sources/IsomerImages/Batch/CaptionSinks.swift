internal import IsomerBytes

/// The files that hold all captions, written in the order of the inputs.
struct CaptionSinks {
    private let format: CaptionFormat
    private let file: StreamedFile?
    private var isFirst = true

    init(_ job: PreparationJob) throws(IsomerError) {
        format = job.placedCaptionFormat
        let part = job.shard.map { "-\($0.index)-of-\($0.count)" } ?? ""
        switch format {
        case .metadata: file = try StreamedFile(job.output.appending("metadata\(part).jsonl"))
        case .meta:
            file = try StreamedFile(job.output.appending("meta\(part).json"))
            try file?.append(Array("{".utf8))
        case .txt, .caption, .json, .none: file = nil
        }
    }

    mutating func append(_ record: PictureRecord) throws(IsomerError) {
        guard let file, record.status == .prepared else { return }
        for output in record.outputs {
            switch format {
            case .metadata:
                let line: JSONValue = ["file_name": .string(output.file), "text": .string(record.caption ?? "")]
                try file.append(JSONWriter(style: .spaced).bytes(line) + [UInt8(ascii: "\n")])
            case .meta:
                let size = JSONValue.array([.number(JSONNumber(output.size.width)), .number(JSONNumber(output.size.height))])
                let value: JSONValue = ["caption": .string(record.caption ?? ""), "train_resolution": size]
                var text: [UInt8] = Array((isFirst ? "\n  " : ",\n  ").utf8)
                JSONWriter().write(output.file, to: &text)
                try file.append(text + Array(": ".utf8) + JSONWriter(style: .spaced).bytes(value))
                isFirst = false
            default: break
            }
        }
    }

    func finish() throws(IsomerError) {
        if format == .meta { try file?.append(Array("\n}\n".utf8)) }
        try file?.finish()
    }

    /// Whether captions lie beside their pictures.
    static func isBeside(_ format: CaptionFormat) -> Bool { [.txt, .caption, .json].contains(format) }

    /// The caption file of a picture.
    static func side(_ file: String, _ format: CaptionFormat) -> String {
        PictureInputs.split(file).stem + "." + (isBeside(format) ? format.rawValue : "txt")
    }

    static func content(_ caption: String, _ format: CaptionFormat) -> [UInt8]? {
        switch format {
        case .txt, .caption: Array(caption.utf8)
        case .json: JSONWriter(style: .spaced).bytes(["caption": .string(caption)]) + [UInt8(ascii: "\n")]
        case .metadata, .meta, .none: nil
        }
    }
}
