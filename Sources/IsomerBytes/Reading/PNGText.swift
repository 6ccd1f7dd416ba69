/// Text that a PNG picture carries beside its pixels, under keywords.
///
/// Reference: PNG specification, third edition, 11.3.3: `tEXt` keyword 0 Latin-1 text, `zTXt` keyword 0 method compressed text, `iTXt` keyword 0
/// compressed? method language 0 translated keyword 0 UTF-8 text. Tools also write UTF-8 into `tEXt`, and so it is read.
public enum PNGText {
    /// The text under `keyword`, in any of the three kinds of chunks; `nil` if there is none, or the file is no PNG.
    ///
    /// Throws `malformed` if the file ends inside a chunk, `limitExceeded` if the text is longer than JSON may be.
    public static func text(_ keyword: String, in file: ReadableFile, limits: Limits = Limits()) throws(IsomerError) -> String? {
        guard var chunks = try PNGChunks(file, limits: limits) else { return nil }
        let name = Array(keyword.utf8) + [0]
        while let chunk = try chunks.next() {
            guard ["tEXt", "zTXt", "iTXt"].contains(chunk.kind), chunk.count >= UInt64(name.count), chunk.count <= limits.jsonBytes else {
                continue
            }
            let bytes = try file.bytes(at: chunk.offset, count: Int(chunk.count))
            if bytes.starts(with: name) { return try text(chunk.kind, Array(bytes.dropFirst(name.count)), limits) }
        }
        return nil
    }

    private static func text(_ kind: String, _ body: [UInt8], _ limits: Limits) throws(IsomerError) -> String? {
        func inflated(_ bytes: [UInt8]) throws(IsomerError) -> [UInt8] {
            try Inflater.inflate(bytes, .zlib, size: .atMost(limits.jsonBytes))
        }
        switch kind {
        case "tEXt": return String(decoding: body, as: UTF8.self)
        case "zTXt": return String(decoding: try inflated(Array(body.dropFirst())), as: UTF8.self)
        default:
            guard body.count > 2 else { return nil }
            let parts = body.dropFirst(2).split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return nil }
            let content = Array(parts[2])
            return String(decoding: body[0] == 1 ? try inflated(content) : content, as: UTF8.self)
        }
    }

    /// The kind and content of the chunk that holds `text`: the plain kind for ASCII, which all readers know.
    public static func chunk(_ keyword: String, _ text: String) -> (kind: String, content: [UInt8]) {
        let name = Array(keyword.utf8) + [0]
        let isPlain = text.utf8.allSatisfy { $0 < 0x80 && $0 != 0 }
        return isPlain ? ("tEXt", name + Array(text.utf8)) : ("iTXt", name + [0, 0, 0, 0] + Array(text.utf8))
    }
}
