public import IsomerBytes
internal import Synchronization

/// Finds pictures' captions in the places where people keep them.
///
/// Folder-wide files are gone through once, and remembered while their folder is being worked on.
public final class CaptionReader: Sendable {
    private let rules: CaptionRules
    /// Files that were asked for, the most recently used last: nil where there is none, an error where it cannot be used.
    private let tables = Mutex<[(path: FilePath, table: Result<CaptionTable?, IsomerError>)]>([])
    private static let mostTables = 256
    private static let largest: UInt64 = 64 << 20

    /// What comes from names takes the token and the class word of `rules`.
    public init(_ rules: CaptionRules) {
        self.rules = rules
    }

    /// The caption of a picture and where it came from, or nil. A broken side file throws.
    public func caption(of input: PictureInput) throws(IsomerError) -> (text: String, source: CaptionSource)? {
        for source in rules.sources {
            if let text = try caption(of: input, source)?.trimmingWhitespace(), !text.isEmpty { return (text, source) }
        }
        return nil
    }

    /// What a person decided about a picture in a file beside it: `photo.focus.json`.
    func override(for input: PictureInput) throws(IsomerError) -> PictureOverride? {
        try side(input, "focus.json") { (bytes: [UInt8]) throws(IsomerError) in try PictureOverride(JSONCursor(JSONValue(parsing: bytes))) }
    }

    private func caption(of input: PictureInput, _ source: CaptionSource) throws(IsomerError) -> String? {
        let stem = PictureInputs.split(input.name).stem
        let last = stem.split(separator: "/").last.map(String.init) ?? stem
        switch source {
        case .txt, .caption:
            return try side(input, source.rawValue) { (bytes: [UInt8]) throws(IsomerError) in try PlainText.decode(bytes) }
        case .json:
            return try side(input, "json") { (bytes: [UInt8]) throws(IsomerError) in CaptionTable.text(try JSONValue(parsing: bytes)) }
                ?? nil
        case .metadata: return try entry(of: input, in: ["metadata.jsonl"])
        case .meta: return try entry(of: input, in: ["meta.json", "meta_cap.json", "meta_lat.json"])
        case .fileName: return NameCaption.ofFile(stem: last)
        case .at: return NameCaption.behindAt(name: input.name, token: rules.token, classWord: rules.classWord)
        case .folder:
            let folder =
                stem.split(separator: "/").dropLast().last.map(String.init) ?? input.path.removingLastComponent().lastComponent?.string
            return folder.map { NameCaption.ofFolder($0).text }
        }
    }

    /// What a file beside the picture says, if it is there. What is wrong with it is told of the picture, with that file's name.
    private func side<Value>(
        _ input: PictureInput, _ ending: String, _ read: ([UInt8]) throws(IsomerError) -> Value
    ) throws(IsomerError) -> Value? {
        guard let bytes = try sideBytes(input, ending) else { return nil }
        do throws(IsomerError) {
            return try read(bytes)
        } catch {
            let stem = PictureInputs.split(input.name).stem
            let name = "\(stem.split(separator: "/").last ?? "").\(ending)"
            var error = error
            error.location.item = error.location.item.map { "\(name): \($0)" } ?? name
            throw error
        }
    }

    private func sideBytes(_ input: PictureInput, _ ending: String) throws(IsomerError) -> [UInt8]? {
        if input.range != nil {
            guard let member = input.companions[ending] else { return nil }
            let file = try ReadableFile(input.path)
            guard member.size <= Self.largest else { return nil }
            return try file.bytes(at: member.offset, count: Int(member.size))
        }
        guard let path = input.sibling(ending), try FileSystem.kind(of: path) == .file else { return nil }
        return try ReadableFile(path).contents(limit: Self.largest)
    }

    /// What the nearest folder-wide file says, in the picture's own folder or in one around it, up to the input.
    private func entry(of input: PictureInput, in names: [String]) throws(IsomerError) -> String? {
        guard input.range == nil else { return nil }
        let parts = input.name.split(separator: "/")
        var folder = input.path.removingLastComponent()
        for depth in parts.indices.reversed() {
            for name in names {
                if let text = try table(folder.appending(name))?.caption(of: parts[depth...].joined(separator: "/")) { return text }
            }
            folder = folder.removingLastComponent()
        }
        return nil
    }

    private func table(_ path: FilePath) throws(IsomerError) -> CaptionTable? {
        // Under the lock: whoever else needs the file would only go through it too.
        try tables.withLock { tables in
            if let index = tables.lastIndex(where: { $0.path == path }) {
                let found = tables.remove(at: index)
                tables.append(found)
                return found.table
            }
            let table = Result { () throws(IsomerError) -> CaptionTable? in
                do throws(IsomerError) {
                    return try FileSystem.kind(of: path) == .file ? CaptionTable(path) : nil
                } catch {
                    throw error.inFile(path)
                }
            }
            tables.append((path, table))
            if tables.count > Self.mostTables { tables.removeFirst() }
            return table
        }.get()
    }
}
