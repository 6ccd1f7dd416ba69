import IsomerBytes
import IsomerFormats
import IsomerTensors

extension ConversionPlan {
    /// The same plan with every file that exceeds its `shardBytes` cut into shards, the index among the plain files, and, where the
    /// destination is a file, every path spelled out: companions lie beside it.
    func cutIntoShards(at destination: FilePath) throws(IsomerError) -> ConversionPlan {
        var result = self
        result.files = []
        var indexes: [PlainFile] = []
        for file in files {
            var file = file
            if shape == .file { file.path = file.path.isEmpty ? destination : destination.removingLastComponent().pushing(file.path) }
            guard let limit = file.shardBytes, let name = file.path.lastComponent else {
                result.files.append(file)
                continue
            }
            if case .gguf = file.container {
                throw IsomerError(
                    .usage, "GGUF files are not cut into shards", path: file.path, remedy: "leave `--max-shard-size` away")
            }
            let naming =
                file.shardNaming ?? ShardNaming(stem: name.stem, fileExtension: name.extension ?? file.container.fileExtension)
            let folder = file.path.removingLastComponent()
            let shards: ShardPlan
            do throws(IsomerError) {
                shards = try ShardPlan(file.tensors.map(\.descriptor), naming: naming, maximumShardByteCount: limit)
            } catch {
                throw error.inFile(file.path)
            }
            guard shards.isSharded else {
                result.files.append(file)
                continue
            }
            for shard in shards.shards {
                result.files.append(
                    PlannedFile(
                        path: folder.appending(try FileSystem.safeComponent(shard.fileName)), container: file.container,
                        tensors: shard.tensors.map { file.tensors[$0] }, metadata: file.metadata))
            }
            let index = folder.appending(try FileSystem.safeComponent(naming.indexFileName))
            indexes.append(PlainFile(path: index, bytes: shards.indexBytes()))
        }
        result.plainFiles = indexes + plainFiles
        return result
    }
}

extension ConversionPlan {
    /// The files of the sets that this plan's indexes replace which no new file takes the place of: named by the old index, and like shards of
    /// the same set. An index may name anything; what does not bear such a name is left where it is. The plan's paths are spelled out.
    func obsoleteShards(limits: Limits) throws(IsomerError) -> [FilePath] {
        guard shape == .file else { return [] }
        let written = Set(files.map(\.path))
        var result: [FilePath] = []
        for index in plainFiles.map(\.path) {
            guard try FileSystem.kind(of: index) == .file else { continue }
            // Listing the folder takes back what a killed run left half done there: only then is the index the one that will be replaced.
            let folder = index.removingLastComponent()
            _ = try FileSystem.entries(of: folder.isEmpty ? "." : folder)
            guard let file = try? ReadableFile(index), let text = try? file.contents(limit: limits.jsonBytes),
                let json = try? JSONValue(parsing: text, limits: limits),
                let shards = try? ShardIndex(JSONCursor(json, path: index)).shards
            else { continue }
            for shard in shards {
                guard let (naming, _, _) = ShardNaming.shard(named: shard.fileName),
                    index.lastComponent?.string == naming.indexFileName
                else { continue }
                let path = folder.appending(try FileSystem.safeComponent(shard.fileName))
                if !written.contains(path), try FileSystem.kind(of: path) == .file { result.append(path) }
            }
        }
        return result
    }
}

extension Container {
    /// What its files' names end in, without the dot.
    public var fileExtension: String {
        switch self {
        case .safetensors: "safetensors"
        case .torch: "bin"
        case .gguf: "gguf"
        }
    }
}
