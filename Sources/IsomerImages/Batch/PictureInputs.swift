public import IsomerBytes

/// The pictures of a batch, in the order of their names' bytes.
///
/// Folders of millions are ordinary, so what is held of each picture is its name's bytes and 24 more, or in an archive 24 for each member;
/// paths and strings are made when a picture is asked for.
public struct PictureInputs: RandomAccessCollection, Sendable {
    /// Folders that could not be read, and why.
    public private(set) var failures: [IsomerError] = []
    /// Folders inside those that were given in which an earlier run left what it made: that is no input, unless it is asked for.
    public private(set) var earlierOutputs: [FilePath] = []
    /// What was given and holds no picture, nor a reason why, as a mistyped path does.
    public private(set) var pathsWithoutPictures: [FilePath] = []

    private enum Source {
        /// With a slash at the end.
        case folder([CInterop.PlatformChar])
        case file(FilePath)
        case archive(FilePath)
    }

    private struct Entry {
        var start: UInt64
        var count: UInt32
        var source: UInt32
        var firstMember: UInt32
        var memberCount: UInt32
    }

    private struct Member {
        var offset: UInt64
        var size: UInt64
        var ending: UInt32
    }

    private var sources: [Source] = []
    private var names: [UInt8] = []
    private var entries: [Entry] = []
    private var members: [Member] = []
    /// Names that are no text, as few are: they are found by what is shown of them.
    private var oddEntries: [Int] = []
    /// Extensions of members, and their numbers.
    private var endings: [String] = []
    private var endingNumbers: [String: UInt32] = [:]

    /// Finds the pictures in folders (and the folders in them), in tar archives, and among files. Links to folders are not followed.
    public init(_ paths: [FilePath], excluding output: FilePath? = nil, limits: Limits = Limits()) throws(IsomerError) {
        for path in paths {
            let before = entries.count + failures.count + earlierOutputs.count
            switch try FileSystem.kind(of: path) {
            case nil: throw IsomerError(.cannotRead, "there is no such file or folder", path: path, remedy: "check the path")
            case .folder:
                if try Self.isSame(path, output) {
                    throw IsomerError(
                        .usage, "the output is the folder of the originals", path: path,
                        remedy: "name another folder: originals are never touched")
                }
                try walk(path, excluding: output)
            case .file where path.extension == "tar": try index(path, limits)
            default:
                sources.append(.file(path))
                append(Array((path.lastComponent?.string ?? path.string).utf8))
            }
            if entries.count + failures.count + earlierOutputs.count == before { pathsWithoutPictures.append(path) }
        }
        sort()
        earlierOutputs.sort { $0.string < $1.string }
        failures.sort { ($0.location.path?.string ?? "") < ($1.location.path?.string ?? "") }
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { entries.count }

    public subscript(position: Int) -> PictureInput {
        let entry = entries[position]
        let bytes = bytes(of: entry)
        let name = Self.text(bytes)
        switch sources[Int(entry.source)] {
        case .folder(let prefix): return PictureInput(name: name, path: Self.path(prefix, bytes))
        case .file(let path): return PictureInput(name: name, path: path)
        case .archive(let path):
            let key = Self.split(name).stem
            var companions: [String: TarIndex.Member] = [:]
            for member in members[Int(entry.firstMember)..<Int(entry.firstMember + entry.memberCount)] {
                let ending = endings[Int(member.ending)]
                companions[ending] = TarIndex.Member(name: "\(key).\(ending)", offset: member.offset, size: member.size)
            }
            return PictureInput(name: name, path: path, range: companions[Self.split(name).ending], companions: companions)
        }
    }

    /// The picture of that name; the first, if several inputs have one.
    public func first(named name: String) -> PictureInput? {
        let wanted = Array(name.utf8)
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if bytes(of: entries[middle]).lexicographicallyPrecedes(wanted) { low = middle + 1 } else { high = middle }
        }
        if low < entries.count, bytes(of: entries[low]).elementsEqual(wanted) { return self[low] }
        return oddEntries.lazy.map { self[$0] }.first { $0.name == name }
    }

    /// Bytes as text. Those that are none are shown as `%FF`, so that names that differ still do.
    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        var (text, rest) = ("", bytes)
        while let first = rest.first {
            let character = (1...4).lazy.compactMap { String(validating: rest.prefix($0), as: UTF8.self) }.first
            text += character ?? "%" + String(first, radix: 16, uppercase: true)
            rest = rest.dropFirst(character?.utf8.count ?? 1)
        }
        return text
    }

    private func bytes(of entry: Entry) -> ArraySlice<UInt8> { names[Int(entry.start)..<Int(entry.start) + Int(entry.count)] }

    /// Adds a picture of the last source.
    private mutating func append(_ name: some Collection<UInt8>, prefix: [UInt8] = [], members range: Range<Int> = 0..<0) {
        let start = names.count
        names += prefix
        names += name
        entries.append(
            Entry(
                start: UInt64(start), count: UInt32(names.count - start), source: UInt32(sources.count - 1),
                firstMember: UInt32(range.lowerBound), memberCount: UInt32(range.count)))
    }

    private mutating func sort() {
        var sorted = entries
        entries = []
        names.withUnsafeBufferPointer { names in
            func bytes(_ entry: Entry) -> Slice<UnsafeBufferPointer<UInt8>> {
                names[Int(entry.start)..<Int(entry.start) + Int(entry.count)]
            }
            sorted.sort { a, b in
                let (left, right) = (bytes(a), bytes(b))
                if left.lexicographicallyPrecedes(right) { return true }
                // One name in two inputs: in the order in which these were given.
                return !right.lexicographicallyPrecedes(left) && (a.source, a.start) < (b.source, b.start)
            }
        }
        // Arrays that grew keep room for as much again.
        entries = sorted.withUnsafeBufferPointer { [Entry]($0) }
        oddEntries = entries.indices.filter { String(validating: bytes(of: entries[$0]), as: UTF8.self) == nil }
        names = names.withUnsafeBufferPointer { [UInt8]($0) }
        members = members.withUnsafeBufferPointer { [Member]($0) }
    }
}

// MARK: - Finding

extension PictureInputs {
    /// Files that lie beside pictures and are none, by extension.
    private static let others: Set<String> = [
        "txt", "caption", "json", "jsonl", "csv", "npz", "npy", "pt", "safetensors", "ckpt", "md", "html", "toml", "yaml", "yml", "xml",
        "db", "ini", "tags", "parquet", "zip", "log", "sh", "py", "cls", "lock",
    ]

    /// A name's extension in small letters, if it is a short one.
    private static func ending(_ name: some BidirectionalCollection<UInt8>) -> String {
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot != name.startIndex else { return "" }
        let ending = name[name.index(after: dot)...]
        return ending.count <= 15 ? String(decoding: ending, as: UTF8.self).lowercased() : ""
    }

    private mutating func walk(_ root: FilePath, excluding output: FilePath?) throws(IsomerError) {
        let prefix = root.withPlatformString { Array(UnsafeBufferPointer(start: $0, count: root.length)) }
        let slash = CInterop.PlatformChar(UInt8(ascii: "/"))
        let base = prefix.last == slash ? prefix : prefix + [slash]
        sources.append(.folder(base))
        var folders: [[UInt8]] = [[]]
        while let folder = folders.popLast() {
            // Names that have to be looked at, a zero behind each.
            var unsure: [UInt8] = []
            var manifests: [FilePath] = []
            let before = (names: names.count, entries: entries.count)
            do throws(IsomerError) {
                try FileSystem.forEachEntry(of: Self.path(base, folder)) { name, isFile in
                    if !folder.isEmpty, Manifest.isName(name) { manifests.append(Self.path(base, folder + name)) }
                    if name.first == UInt8(ascii: ".") || Self.others.contains(Self.ending(name)) { return }
                    if isFile {
                        append(name, prefix: folder)
                    } else {
                        unsure += name
                        unsure.append(0)
                    }
                }
            } catch {
                // The folder that was asked for must be there; one inside may be closed.
                if folder.isEmpty { throw error }
                failures.append(error)
                continue
            }
            if manifests.contains(where: Manifest.isManifest) {
                names.removeLast(names.count - before.names)
                entries.removeLast(entries.count - before.entries)
                earlierOutputs.append(Self.path(base, folder.dropLast()))
                continue
            }
            for name in unsure.split(separator: 0) {
                let path = Self.path(base, folder + name)
                do throws(IsomerError) {
                    switch try FileSystem.kind(of: path) {
                    case .folder:
                        // What is made is no input, wherever it lies.
                        let isOutput = try Self.isSame(path, output)
                        if !isOutput, !OutputFolder.isLink(path) { folders.append(folder + name + [UInt8(ascii: "/")]) }
                    case .file: append(name, prefix: folder)
                    default: continue
                    }
                } catch {
                    failures.append(error)
                }
            }
        }
    }

    /// A path of bytes that need not be text.
    private static func path(_ prefix: [CInterop.PlatformChar], _ name: some Sequence<UInt8>) -> FilePath {
        let text = prefix + name.map { CInterop.PlatformChar(truncatingIfNeeded: $0) } + [0]
        return FilePath(platformString: text)
    }

    private static func isSame(_ folder: FilePath, _ output: FilePath?) throws(IsomerError) -> Bool {
        guard let output, try FileSystem.kind(of: output) == .folder else { return false }
        return try FileSystem.identity(of: folder).isSameFile(as: FileSystem.identity(of: output))
    }

    private mutating func index(_ path: FilePath, _ limits: Limits) throws(IsomerError) {
        sources.append(.archive(path))
        let archive = try TarIndex(ReadableFile(path), limits: limits)
        var parts: [(key: Substring, ending: String, member: Int)] = []
        for (number, member) in archive.members.enumerated() {
            // WebDataset's key ends at the first dot of the last component.
            let slash = member.name.lastIndex(of: "/").map { member.name.index(after: $0) } ?? member.name.startIndex
            guard let dot = member.name[slash...].firstIndex(of: "."), dot != slash else { continue }
            parts.append((member.name[..<dot], member.name[member.name.index(after: dot)...].lowercased(), number))
        }
        parts.sort { ($0.key, $0.member) < ($1.key, $1.member) }
        var start = 0
        while start < parts.count {
            let end = parts[start...].firstIndex { $0.key != parts[start].key } ?? parts.count
            let group = parts[start..<end]
            start = end
            guard let ending = ["jpg", "jpeg", "png", "webp"].first(where: { ending in group.contains { $0.ending == ending } }),
                let key = group.first?.key
            else { continue }
            let first = members.count
            for part in group {
                let member = archive.members[part.member]
                members.append(Member(offset: member.offset, size: member.size, ending: number(of: part.ending)))
            }
            let safe = key.split(separator: "/").filter { $0 != "." && $0 != ".." }.joined(separator: "/")
            append(Array("\(safe).\(ending)".utf8), members: first..<members.count)
        }
    }

    private mutating func number(of ending: String) -> UInt32 {
        if let number = endingNumbers[ending] { return number }
        let number = UInt32(endings.count)
        endings.append(ending)
        endingNumbers[ending] = number
        return number
    }
}

// MARK: - Names

extension PictureInputs {
    /// Whether a name says that it is a picture's.
    static func isPictureName(_ name: String) -> Bool {
        ["jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "tif", "tiff", "heic", "heif", "avif", "jxl"]
            .contains(split(name).ending.lowercased())
    }

    /// A name's stem and last extension, both as they are.
    static func split(_ name: String) -> (stem: String, ending: String) {
        let start = name.lastIndex(of: "/").map { name.index(after: $0) } ?? name.startIndex
        guard let dot = name[start...].lastIndex(of: "."), dot != start else { return (name, "") }
        return (String(name[..<dot]), String(name[name.index(after: dot)...]))
    }

    /// A name without collisions for each picture, without its extension. Flat names have no folders.
    public func outputNames(isFlat: Bool = false) -> OutputNames { OutputNames(self, isFlat: isFlat) }
}
