import IsomerBytes
import IsomerMapping

/// What a Diffusers folder holds beside weights and configurations and that goes along into another folder: licences, model cards, settings for
/// generating text, notes and pictures.
///
/// Left out are weights, which would be there twice, in whatever format; programs; what is too large to be a note; and what a symbolic link fetches
/// from elsewhere, unless it is Hugging Face's cache: a folder that somebody else made must not have private files copied into one that is
/// published.
struct Companions {
    /// The files, by path below the folder.
    private(set) var files: [PlainFile] = []
    /// What is left out, by reason, in the order of finding.
    private var left: [(reason: String, names: [String])] = []

    private let root: FilePath
    private var room = Self.allBytes

    /// Bytes of one file.
    static let fileBytes: UInt64 = 16 << 20
    /// Bytes of all files together; the plan holds them.
    static let allBytes: UInt64 = 64 << 20
    /// Folders within each other.
    private static let depth = 8
    /// Files in all.
    private static let count = 1_000

    /// What cards, licences, settings, vocabularies and examples end in.
    private static let endings: Set = [
        "md", "txt", "rst", "json", "jsonl", "yaml", "yml", "toml", "csv", "jinja", "model", "vocab", "pdf", "png", "jpg", "jpeg", "webp",
        "gif", "svg",
    ]

    /// Looks through the folder at `root`.
    ///
    /// - Parameter skipped: paths below it that are not looked at.
    init(of root: FilePath, skipping skipped: Set<FilePath>) {
        self.root = FileSystem.resolved(root) ?? root
        add(FilePath(), depth: 0, skipping: skipped)
    }

    /// A sentence for each reason.
    var notes: [String] {
        left.map { reason, names in
            let more = names.count > 3 ? " and \(names.count - 3) more" : ""
            return "not copied, as \(reason): \(names.prefix(3).joined(separator: ", "))\(more)"
        }
    }

    private mutating func leave(_ path: FilePath, _ reason: String) {
        if let place = left.firstIndex(where: { $0.reason == reason }) {
            left[place].names.append(path.string)
        } else {
            left.append((reason, [path.string]))
        }
    }

    private mutating func add(_ folder: FilePath, depth: Int, skipping skipped: Set<FilePath>) {
        guard depth <= Self.depth else { return leave(folder, "it lies too deep") }
        // What nobody needs is no reason to stop.
        guard let names = try? FileSystem.entries(of: root.pushing(folder)) else { return leave(folder, "it cannot be read") }
        for name in names where !name.string.hasPrefix(".") {
            let relative = folder.appending(name)
            let path = root.pushing(relative)
            guard !skipped.contains(relative), !Self.isWeights(name.string) else { continue }
            guard (try? FileSystem.safeRelativePath(relative.string)) == relative else {
                leave(relative, "it has such a name")
                continue
            }
            guard let real = FileSystem.resolved(path), let kind = try? FileSystem.kind(of: real) else {
                leave(relative, "the link leads nowhere")
                continue
            }
            switch kind {
            case .file where real.starts(with: root) || Self.isCached(real): add(relative, real)
            case .folder where real == path:
                if Self.holdsWeights(path, depth: depth) {
                    leave(relative, "it holds weights of another kind")
                } else {
                    add(relative, depth: depth + 1, skipping: skipped)
                }
            case .other: leave(relative, "it is neither a file nor a folder")
            case .file, .folder: leave(relative, "it is a link to elsewhere")
            }
        }
    }

    private mutating func add(_ relative: FilePath, _ real: FilePath) {
        guard !Self.isProgram(relative.extension ?? "") else { return leave(relative, "it is a program") }
        guard relative.extension.map({ Self.endings.contains($0.lowercased()) }) ?? true else {
            return leave(relative, "it is neither text nor picture")
        }
        guard let file = try? ReadableFile(real) else { return leave(relative, "it cannot be read") }
        guard file.size <= Self.fileBytes else { return leave(relative, "it has more than \(Self.fileBytes >> 20) MiB") }
        guard file.size <= room, files.count < Self.count else { return leave(relative, "there is too much of it") }
        guard let bytes = try? file.contents(limit: Self.fileBytes) else { return leave(relative, "it cannot be read") }
        files.append(PlainFile(path: relative, bytes: bytes))
        room -= file.size
    }
}

extension Companions {
    /// Whether a file of this name is left out, wherever it lies.
    static func isLeft(_ name: FilePath.Component) -> Bool { isWeights(name.string) || isProgram(name.extension ?? "") }

    private static func isWeights(_ name: String) -> Bool {
        let others = [".pth", ".pkl", ".npz", ".npy", ".zip", ".tar", ".gz", ".7z", ".pb", ".tflite", ".engine", ".mlmodel", ".pdparams"]
        return WeightFileName.isWeights(name) || others.contains { name.hasSuffix($0) }
    }

    private static func isProgram(_ ending: String) -> Bool {
        ["py", "pyc", "so", "dll", "dylib", "exe", "sh", "bat", "cmd", "ps1", "js", "jar", "ipynb"].contains(ending.lowercased())
    }

    /// Whether a folder within has weights: then it is a model in another format, and its small files alone would be half of it.
    private static func holdsWeights(_ folder: FilePath, depth: Int) -> Bool {
        guard depth <= Self.depth, let names = try? FileSystem.entries(of: folder) else { return false }
        return names.contains { name in
            let path = folder.appending(name)
            let isOwnFolder = FileSystem.resolved(path) == path && (try? FileSystem.kind(of: path)) == .folder
            return isWeights(name.string) || isOwnFolder && holdsWeights(path, depth: depth + 1)
        }
    }

    /// Whether this is a file of Hugging Face's cache, `models--*/blobs/*`, to which its snapshots are links.
    private static func isCached(_ path: FilePath) -> Bool {
        let parents = path.removingLastComponent()
        return parents.lastComponent?.string == "blobs"
            && parents.removingLastComponent().lastComponent?.string.hasPrefix("models--") == true
    }
}

extension Model {
    /// Plans what lies beside the weights of the folder that the model was read from.
    ///
    /// - Parameter alone: whether the folder to write is that of the only component, rather than one that holds it.
    func addCompanions(to plan: inout ConversionPlan, alone: Bool, _ request: ConversionRequest) {
        guard let folder else { return }
        let planned = plan.plainFiles.map(\.path)
        if !alone {
            let parts = (folder.components + folder.missing).map { FilePath($0.name) }
            let around = Companions(of: folder.path, skipping: Set(planned + parts + ["model_index.json", "scheduler"]))
            plan.plainFiles += around.files
            plan.notes += around.notes
        }
        let left = Set(unread.map(\.component)).union(request.replacements.keys).union(["scheduler"])
        for part in folder.components where !left.contains(part.name) {
            guard request.only.isEmpty || request.only.contains(part.name) || !alone && family.slot(part.name) == nil else { continue }
            let place = alone ? FilePath() : FilePath(part.name)
            var skipped: Set<FilePath> = [Extras.configurationName]
            for path in planned where path.starts(with: place) {
                skipped.insert(FilePath(root: nil, path.components.dropFirst(place.components.count)))
            }
            let found = Companions(of: part.path, skipping: skipped)
            plan.plainFiles += found.files.map { PlainFile(path: place.pushing($0.path), bytes: $0.bytes) }
            plan.notes += found.notes.map { "\(part.name): \($0)" }
        }
    }
}
