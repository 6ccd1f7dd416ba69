public import IsomerBytes
internal import Synchronization

/// Finds pictures' captions in the places where people keep them.
///
/// Folder-wide files are read once and kept for as long as their folder is being worked on.
public final class CaptionReader: Sendable {
    private let sources: [CaptionSource]
    private let folders = Mutex<[String: [String: String]]>([:])
    private static let largest: UInt64 = 64 << 20

    public init(_ sources: [CaptionSource]) {
        self.sources = sources
    }

    /// The caption of a picture and where it came from, or nil. A broken side file throws.
    public func caption(of input: PictureInput) throws(IsomerError) -> (text: String, source: CaptionSource)? {
        for source in sources {
            if let text = try caption(of: input, source)?.trimmingWhitespace(), !text.isEmpty { return (text, source) }
        }
        return nil
    }

    /// What a person decided about a picture in a file beside it: `photo.focus.json`.
    func override(for input: PictureInput) throws(IsomerError) -> PictureOverride? {
        guard let bytes = try side(input, "focus.json") else { return nil }
        do throws(IsomerError) {
            return try PictureOverride(JSONCursor(JSONValue(parsing: bytes)))
        } catch {
            throw IsomerError(.malformed, "the file of decisions beside the picture is not usable", found: "\(error)")
        }
    }

    private func caption(of input: PictureInput, _ source: CaptionSource) throws(IsomerError) -> String? {
        let stem = PictureInputs.split(input.name).stem
        let last = stem.split(separator: "/").last.map(String.init) ?? stem
        switch source {
        case .txt, .caption:
            return try side(input, source.rawValue).map { String(decoding: $0, as: UTF8.self) }
        case .json:
            guard let bytes = try side(input, "json") else { return nil }
            let value = try JSONValue(parsing: bytes)
            return Self.text(value, ["caption", "text", "prompt"])
        case .metadata:
            guard input.range == nil else { return nil }
            return try table(input, "metadata.jsonl")[input.path.lastComponent?.string ?? ""]
        case .meta:
            guard input.range == nil else { return nil }
            for name in ["meta.json", "meta_cap.json", "meta_lat.json"] {
                let table = try table(input, name)
                if let text = table[input.path.lastComponent?.string ?? ""] ?? table[last] { return text }
            }
            return nil
        case .fileName: return NameCaption.ofFile(stem: last)
        case .at: return NameCaption.beforeAt(stem: last)
        case .folder:
            let folder =
                stem.split(separator: "/").dropLast().last.map(String.init) ?? input.path.removingLastComponent().lastComponent?.string
            return folder.map { NameCaption.ofFolder($0).text }
        }
    }

    private func side(_ input: PictureInput, _ ending: String) throws(IsomerError) -> [UInt8]? {
        if input.range != nil {
            guard let member = input.companions[ending] else { return nil }
            let file = try ReadableFile(input.path)
            guard member.size <= Self.largest else { return nil }
            return try file.bytes(at: member.offset, count: Int(member.size))
        }
        let (stem, _) = PictureInputs.split(input.path.lastComponent?.string ?? "")
        let path = input.path.removingLastComponent().appending("\(stem).\(ending)")
        guard try FileSystem.kind(of: path) == .file else { return nil }
        return try ReadableFile(path).contents(limit: Self.largest)
    }

    /// A folder-wide file as a table from file names (and stems) to captions.
    private func table(_ input: PictureInput, _ name: String) throws(IsomerError) -> [String: String] {
        let path = input.path.removingLastComponent().appending(name)
        if let known = folders.withLock({ $0[path.string] }) { return known }
        var table: [String: String] = [:]
        if try FileSystem.kind(of: path) == .file {
            do throws(IsomerError) {
                let bytes = try ReadableFile(path).contents(limit: 1 << 30)
                table = name == "metadata.jsonl" ? try Self.lines(bytes) : try Self.members(bytes)
            } catch {
                throw error.inFile(path)
            }
        }
        folders.withLock { folders in
            // Folders come one after the other; old ones need not be kept.
            if folders.count > 64 { folders = [:] }
            folders[path.string] = table
        }
        return table
    }

    private static func lines(_ bytes: [UInt8]) throws(IsomerError) -> [String: String] {
        var table: [String: String] = [:]
        for line in bytes.split(separator: UInt8(ascii: "\n")) where !line.allSatisfy({ $0 <= 0x20 }) {
            let value = try JSONValue(parsing: Array(line))
            guard case .string(let name)? = value["file_name"] ?? value["image_path"] ?? value["file"] else { continue }
            let last = name.split(separator: "/").last.map(String.init) ?? name
            if let text = text(value, ["text", "caption", "prompt"]) { table[last] = text }
        }
        return table
    }

    private static func members(_ bytes: [UInt8]) throws(IsomerError) -> [String: String] {
        var table: [String: String] = [:]
        guard case .object(let object) = try JSONValue(parsing: bytes) else { return [:] }
        for (key, value) in object {
            let last = key.split(separator: "/").last.map(String.init) ?? key
            guard let text = text(value, ["caption", "tags"]) else { continue }
            table[last] = text
        }
        return table
    }

    private static func text(_ value: JSONValue, _ keys: [String]) -> String? {
        for key in keys {
            if case .string(let text)? = value[key], !text.isEmpty { return text }
            if case .array(let list)? = value[key] {
                let texts = list.compactMap { if case .string(let text) = $0 { text } else { nil } }
                if let first = texts.first { return first }
            }
        }
        return nil
    }
}
