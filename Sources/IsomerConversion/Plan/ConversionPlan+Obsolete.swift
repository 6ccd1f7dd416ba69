import IsomerBytes
import IsomerFormats
import IsomerTensors

/// Files that go when a plan's take their place.
struct ObsoleteFiles {
    /// What a reader begins with: the index of a set that one file takes the place of, the one file that a set does.
    var heads: [FilePath] = []
    /// All others.
    var parts: [FilePath] = []

    var all: [FilePath] { parts + heads }
}

extension ConversionPlan {
    /// What else stands under the names of the models that this plan writes, as one file or in shards, and would be read in their place or
    /// beside them: shards that a new index no longer names, a set where one file is written, one file where a set is. The plan's paths are
    /// spelled out.
    ///
    /// An index may name anything: what is not called like a shard of that very set is left where it is. So is what this plan reads in
    /// another form than it writes: joining shards takes nothing away.
    func obsoleteFiles(limits: Limits) throws(IsomerError) -> ObsoleteFiles {
        var result = ObsoleteFiles()
        guard shape == .file, let folder = files.first?.path.removingLastComponent() else { return result }
        // Only then is what stands there what will be replaced.
        FileSystem.takeBackHalfDone(in: folder.isEmpty ? "." : folder)
        let written = Set(files.map(\.path) + plainFiles.map(\.path))
        for index in plainFiles.map(\.path) {
            guard let name = index.lastComponent?.string, name.hasSuffix(Self.indexSuffix) else { continue }
            let file = index.removingLastComponent().appending(try FileSystem.safeComponent(String(name.dropLast(Self.indexSuffix.count))))
            result.parts += try shards(of: file, namedBy: index, limits).filter { !written.contains($0) }
            if !written.contains(file), try FileSystem.kind(of: file) == .file, try !reads(oneOf: [file]) { result.heads.append(file) }
        }
        for file in files.map(\.path) where !isLink(file) {
            for index in try indexes(of: file) where !written.contains(index) {
                let shards = try shards(of: file, namedBy: index, limits)
                guard !shards.isEmpty, try !reads(oneOf: [index] + shards) else { continue }
                result.heads.append(index)
                result.parts += shards
            }
        }
        return result
    }

    private static let indexSuffix = ".index.json"

    /// How the index is called of a set that is one model with `file`, with a variant or without.
    private func indexes(of file: FilePath) throws(IsomerError) -> [FilePath] {
        guard let name = file.lastComponent, let fileExtension = name.extension else { return [] }
        var namings = [ShardNaming(stem: name.stem, fileExtension: fileExtension)]
        if let dot = name.stem.lastIndex(of: "."), dot > name.stem.startIndex {
            let variant = String(name.stem[name.stem.index(after: dot)...])
            namings.append(ShardNaming(stem: String(name.stem[..<dot]), variant: variant, fileExtension: fileExtension))
        }
        return try namings.map { naming throws(IsomerError) in
            file.removingLastComponent().appending(try FileSystem.safeComponent(naming.indexFileName))
        }
    }

    /// The files that `index` names and that are called like shards of `file`.
    private func shards(of file: FilePath, namedBy index: FilePath, _ limits: Limits) throws(IsomerError) -> [FilePath] {
        guard try FileSystem.kind(of: index) == .file else { return [] }
        let opened = try ReadableFile(index)
        guard opened.size <= limits.jsonBytes else { return [] }
        let text = try opened.contents(limit: limits.jsonBytes)
        guard let json = try? JSONValue(parsing: text, limits: limits), let named = try? ShardIndex(JSONCursor(json, path: index)).shards
        else { return [] }
        var result: [FilePath] = []
        for name in named.map(\.fileName) {
            guard let (naming, _, _) = ShardNaming.shard(named: name), naming.fileName(shard: 1, of: 1) == file.lastComponent?.string else {
                continue
            }
            let path = index.removingLastComponent().appending(try FileSystem.safeComponent(name))
            if try FileSystem.kind(of: path) == .file { result.append(path) }
        }
        return result
    }

    /// Whether the plan's tensors come from one of the files `paths`.
    private func reads(oneOf paths: [FilePath]) throws(IsomerError) -> Bool {
        for path in paths {
            let identity = try FileSystem.identity(of: path)
            if sources.contains(where: { $0.files.contains { $0.identity.isSameFile(as: identity) } }) { return true }
        }
        return false
    }

    /// Whether the name leads to another one: what stands beside it there is not this model's.
    private func isLink(_ path: FilePath) -> Bool {
        guard let name = path.lastComponent, let target = FileSystem.resolved(path) else { return false }
        let folder = path.removingLastComponent()
        return target != FileSystem.resolved(folder.isEmpty ? "." : folder)?.appending(name)
    }
}
