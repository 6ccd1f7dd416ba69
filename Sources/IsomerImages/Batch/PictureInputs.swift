public import IsomerBytes

/// One picture of a batch: a file, or a member of an archive.
public struct PictureInput: Hashable, Sendable {
    /// Its path inside the folder or archive it was found in, with slashes; what comes out is named after it.
    public var name: String
    /// The file that holds it.
    public var path: FilePath
    /// Where in that file it lies; nil for all of it.
    public var range: TarIndex.Member?
    /// Texts that lie beside it in the archive, by extension.
    public var companions: [String: TarIndex.Member] = [:]

    /// The name without its last extension.
    public var stem: String { PictureInputs.split(name).stem }
}

/// The pictures of a batch, in the order of their names' bytes.
public struct PictureInputs: Sendable {
    public private(set) var items: [PictureInput] = []
    /// Folders that could not be read, and why.
    public private(set) var failures: [IsomerError] = []

    /// Files that lie beside pictures and are none, by extension.
    private static let others: Set<String> = [
        "txt", "caption", "json", "jsonl", "csv", "npz", "npy", "pt", "safetensors", "ckpt", "md", "html", "toml", "yaml", "yml", "xml",
        "db",
        "ini", "tags", "parquet", "zip", "log", "sh", "py", "cls", "lock",
    ]

    /// Finds the pictures in folders (and the folders in them), in tar archives, and among files. Links to folders are not followed.
    public init(_ paths: [FilePath], excluding output: FilePath? = nil, limits: Limits = Limits()) throws(IsomerError) {
        for path in paths {
            switch try FileSystem.kind(of: path) {
            case nil: throw IsomerError(.cannotRead, "there is no such file or folder", path: path, remedy: "check the path")
            case .folder:
                if try isSame(path, output) {
                    throw IsomerError(
                        .usage, "the output is the folder of the originals", path: path,
                        remedy: "name another folder: originals are never touched")
                }
                try walk(path, excluding: output)
            case .file where path.extension == "tar": try index(path, limits)
            default:
                items.append(PictureInput(name: path.lastComponent?.string ?? path.string, path: path))
            }
        }
        items.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    private mutating func walk(_ root: FilePath, excluding output: FilePath?) throws(IsomerError) {
        var folders: [(path: FilePath, prefix: String)] = [(root, "")]
        while let (folder, prefix) = folders.popLast() {
            let names: [FilePath.Component]
            do throws(IsomerError) {
                names = try FileSystem.entries(of: folder)
            } catch {
                // The folder that was asked for must be there; one inside may be closed.
                if prefix.isEmpty { throw error }
                failures.append(error)
                continue
            }
            for name in names where !name.string.hasPrefix(".") {
                let path = folder.appending(name)
                if let ending = path.extension?.lowercased() {
                    if Self.others.contains(ending) { continue }
                    // A picture's usual ending spares a look at what the name leads to.
                    if ["jpg", "jpeg", "png"].contains(ending) {
                        items.append(PictureInput(name: prefix + name.string, path: path))
                        continue
                    }
                }
                do throws(IsomerError) {
                    switch try FileSystem.kind(of: path) {
                    case .folder:
                        // What an earlier run made is no input, wherever it lies.
                        let isOutput = try isSame(path, output)
                        if !isOutput, !OutputFolder.isLink(path) { folders.append((path, prefix + name.string + "/")) }
                    case .file: items.append(PictureInput(name: prefix + name.string, path: path))
                    default: continue
                    }
                } catch {
                    failures.append(error)
                }
            }
        }
    }

    private func isSame(_ folder: FilePath, _ output: FilePath?) throws(IsomerError) -> Bool {
        guard let output, try FileSystem.kind(of: output) == .folder else { return false }
        return try FileSystem.identity(of: folder).isSameFile(as: FileSystem.identity(of: output))
    }

    private mutating func index(_ path: FilePath, _ limits: Limits) throws(IsomerError) {
        let archive = try TarIndex(ReadableFile(path), limits: limits)
        var groups: [String: [String: TarIndex.Member]] = [:]
        var order: [String] = []
        for member in archive.members {
            // WebDataset's key ends at the first dot of the last component.
            let slash = member.name.lastIndex(of: "/").map { member.name.index(after: $0) } ?? member.name.startIndex
            guard let dot = member.name[slash...].firstIndex(of: "."), dot != slash else { continue }
            let key = String(member.name[..<dot])
            if groups[key] == nil { order.append(key) }
            groups[key, default: [:]][member.name[member.name.index(after: dot)...].lowercased()] = member
        }
        for key in order {
            let members = groups[key] ?? [:]
            guard let ending = ["jpg", "jpeg", "png", "webp"].first(where: { members[$0] != nil }), let member = members[ending] else {
                continue
            }
            let safe = key.split(separator: "/").filter { $0 != "." && $0 != ".." }.joined(separator: "/")
            items.append(PictureInput(name: "\(safe).\(ending)", path: path, range: member, companions: members))
        }
    }

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

    /// A name without collisions for each picture, without its extension: the stem, and where stems meet (in whatever case, for disks that do
    /// not tell), the later ones with their extension and, if need be, a number. Flat names have no folders.
    public func outputNames(isFlat: Bool = false) -> [String] {
        var taken: Set<String> = []
        return items.map { item in
            var (stem, ending) = Self.split(item.name)
            if isFlat { stem = String(stem.map { $0 == "/" ? "_" : $0 }) }
            if taken.insert(stem.lowercased()).inserted { return stem }
            if !ending.isEmpty, taken.insert("\(stem)_\(ending)".lowercased()).inserted { return "\(stem)_\(ending)" }
            var number = 2
            while !taken.insert("\(stem)_\(number)".lowercased()).inserted { number += 1 }
            return "\(stem)_\(number)"
        }
    }
}
