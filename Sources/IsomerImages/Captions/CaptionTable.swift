internal import IsomerBytes

/// A file with the captions of a whole folder: `metadata.jsonl`, one object a line, or kohya's `meta.json`, one object with a member for each
/// picture. Only where each entry lies is held in memory.
///
/// Keys name pictures by their path from the file's folder, as Hugging Face has it, without the extension, or by an absolute path, which may
/// be another machine's: kohya has both.
final class CaptionTable: Sendable {
    private let file: ReadableFile
    private let entries: PieceIndex
    private let isLines: Bool
    /// Before the last part of an absolute path in the index: no path holds a zero.
    private static let mark = "\0"

    init(_ path: FilePath) throws(IsomerError) {
        file = try ReadableFile(path)
        isLines = path.extension == "jsonl"
        var index = PieceIndex()
        func insert(_ key: String, _ offset: UInt64, _ count: Int) {
            let key = Self.plain(key)
            index.insert(key, offset: offset, count: count)
            if Self.isAbsolute(key) { index.insert(Self.mark + Self.last(key), offset: offset, count: count) }
        }
        if isLines {
            try LineReader.forEachLine(of: file) { (line: ArraySlice<UInt8>, offset: UInt64) throws(IsomerError) in
                guard !line.allSatisfy({ $0 <= 0x20 }) else { return }
                if let key = Self.key(of: try JSONValue(parsing: Array(line))) { insert(key, offset, line.count) }
            }
        } else {
            try JSONMembers.forEach(in: file) { insert($0, $1, $2) }
        }
        index.finish()
        entries = index
    }

    /// The caption of a picture at a path from this file's folder.
    func caption(of relative: String) throws(IsomerError) -> String? {
        let stem = PictureInputs.split(relative).stem
        for key in [relative, stem] {
            for (found, value) in try values(key) where found == key {
                if let text = Self.text(value) { return text }
            }
        }
        for name in [Self.last(relative), Self.last(stem)] {
            let candidates = try values(Self.mark + name).filter { Self.last($0.key) == name }
            // Of several with the same last part, the one whose folders agree.
            let suffix = "/" + (name == Self.last(relative) ? relative : stem)
            let chosen = Set(candidates.map(\.key)).count == 1 ? candidates.first : candidates.first { $0.key.hasSuffix(suffix) }
            if let chosen, let text = Self.text(chosen.value) { return text }
        }
        return nil
    }

    private func values(_ key: String) throws(IsomerError) -> [(key: String, value: JSONValue)] {
        var result: [(key: String, value: JSONValue)] = []
        for piece in entries.pieces(key) {
            let bytes = try file.bytes(at: piece.offset, count: piece.count)
            if isLines {
                let value = try JSONValue(parsing: bytes)
                if let key = Self.key(of: value) { result.append((Self.plain(key), value)) }
            } else if case .object(let object) = try JSONValue(parsing: [UInt8(ascii: "{")] + bytes + [UInt8(ascii: "}")]) {
                for (key, value) in object { result.append((Self.plain(key), value)) }
            }
        }
        return result
    }

    /// Hugging Face's `file_name`, kohya's `image_path`.
    private static func key(of line: JSONValue) -> String? {
        guard case .string(let name)? = line["file_name"] ?? line["image_path"] ?? line["file"] else { return nil }
        return name
    }

    private static func plain(_ key: String) -> String {
        let key = key.contains("\\") ? String(key.map { $0 == "\\" ? "/" : $0 }) : key
        return key.hasPrefix("./") ? String(key.dropFirst(2)) : key
    }

    private static func isAbsolute(_ key: String) -> Bool { key.hasPrefix("/") || key.dropFirst().hasPrefix(":/") }

    private static func last(_ key: String) -> String { key.split(separator: "/").last.map(String.init) ?? key }

    /// What an entry says: its caption, and kohya's tags behind it.
    ///
    /// Reference: kohya-ss/sd-scripts, library/train_util.py `FineTuningDataset`.
    static func text(_ value: JSONValue) -> String? {
        let caption = text(value, ["text", "caption", "prompt"])
        guard let tags = text(value, ["tags"]) else { return caption }
        return caption.map { "\($0), \(tags)" } ?? tags
    }

    private static func text(_ value: JSONValue, _ keys: [String]) -> String? {
        for key in keys {
            if case .string(let text)? = value[key], !text.isEmpty { return text }
            if case .array(let list)? = value[key] {
                let texts = list.compactMap { if case .string(let text) = $0 { text } else { nil } }
                if let first = texts.first { return key == "tags" ? texts.joined(separator: ", ") : first }
            }
        }
        return nil
    }
}

/// Goes through the members of one large JSON object without holding it.
enum JSONMembers {
    /// Calls `body` with each member's name and where the member lies, its name included.
    ///
    /// Members are only told apart here; whoever reads one finds out whether it is well formed.
    static func forEach(
        in file: ReadableFile, _ body: (_ name: String, _ offset: UInt64, _ count: Int) throws(IsomerError) -> Void
    ) throws(IsomerError) {
        var (depth, isText, isEscaped, isName) = (0, false, false, false)
        var name: [UInt8] = []
        var start: UInt64?
        func end(_ offset: UInt64) throws(IsomerError) {
            guard let first = start else { return }
            start = nil
            guard case .string(let text) = try JSONValue(parsing: name) else { return }
            try body(text, first, Int(clamping: offset - first))
        }
        var offset: UInt64 = 0
        while offset < file.size {
            let piece = try file.bytes(at: offset, count: Int(min(file.size - offset, 4 << 20)))
            for byte in piece {
                if isText {
                    if isName { name.append(byte) }
                    if isEscaped {
                        isEscaped = false
                    } else if byte == UInt8(ascii: "\\") {
                        isEscaped = true
                    } else if byte == UInt8(ascii: "\"") {
                        (isText, isName) = (false, false)
                    }
                } else {
                    switch byte {
                    case UInt8(ascii: "\""):
                        isText = true
                        if depth == 1, start == nil {
                            (start, name, isName) = (offset, [byte], true)
                        }
                    case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                    case UInt8(ascii: "}"), UInt8(ascii: "]"):
                        depth -= 1
                        if depth == 0 { try end(offset) }
                    case UInt8(ascii: ","): if depth == 1 { try end(offset) }
                    default: break
                    }
                }
                offset += 1
            }
        }
        guard depth == 0, !isText else {
            throw IsomerError(
                .malformed, "the file ends inside its JSON object", byteOffset: offset, remedy: "it is cut short: get it again")
        }
    }
}
