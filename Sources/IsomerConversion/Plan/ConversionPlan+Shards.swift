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
