internal import IsomerBytes

/// The files that `isomer hash` is given, by name or in folders.
struct HashedFiles {
    /// What a folder holds, at any depth.
    struct Folder {
        var path: FilePath
        var weights: [FilePath] = []
        var lists: [FilePath] = []
    }

    /// Those that were named, whatever they are called.
    private(set) var named: [FilePath] = []
    private(set) var folders: [Folder] = []

    /// Throws for a folder without weight files.
    init(_ paths: [FilePath]) throws(IsomerError) {
        for path in paths {
            guard try FileSystem.kind(of: path) == .folder else {
                named.append(path)
                continue
            }
            var folder = Folder(path: path)
            try FileSystem.forEachFile(below: [path]) { _, error throws(IsomerError) in
                throw error
            } _: { file in
                if Self.isList(file) { folder.lists.append(file) } else if Self.isWeights(file) { folder.weights.append(file) }
            }
            guard !folder.weights.isEmpty || !folder.lists.isEmpty else {
                throw IsomerError(.usage, "there are no weight files in this folder", path: path, remedy: "name the files that are meant")
            }
            folders.append(folder)
        }
    }

    /// All that have checksums, lists in folders aside.
    var weights: [FilePath] { named + folders.flatMap(\.weights) }

    /// `sha256sum`'s lists are called by the name of their kind, or by the file's.
    static func isList(_ path: FilePath) -> Bool {
        let name = path.lastComponent?.string ?? ""
        return name.hasSuffix(".sha256") || name.hasPrefix("SHA256SUMS") || name.hasPrefix("sha256sum")
    }

    /// How the names of weight files end.
    static let endings = ["safetensors", "sft", "ckpt", "pt", "pth", "bin", "gguf", "onnx", "h5", "msgpack"]

    /// By its name: what is damaged does not show what it was.
    private static func isWeights(_ path: FilePath) -> Bool { path.extension.map { endings.contains($0.lowercased()) } ?? false }
}
