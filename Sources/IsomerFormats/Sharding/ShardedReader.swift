public import IsomerBytes
public import IsomerTensors

/// A model whose tensors are spread over several files, with an index that says which lies where.
///
/// Index and files must agree to the letter: a tensor that is not where the index says, one that the index does not name, and one that
/// lies in two files are errors, for each means that the set was mixed from several or is not complete.
public final class ShardedReader: TensorSource {
    /// Opens one file of the set.
    public typealias Opener = (FilePath, Limits) throws(IsomerError) -> any TensorSource

    /// File by file in the order of their names, each file's tensors in its own order.
    public let tensors: [TensorDescriptor]
    /// What the files carry, joined; where they differ the first file's.
    public let metadata: FileMetadata
    /// The files, each a source of its own.
    public let shards: [(path: FilePath, source: any TensorSource)]
    /// What is odd about the set but does no harm.
    public let warnings: [String]

    /// For each tensor, the shard and its index there.
    private let places: [(shard: Int, index: Int)]

    /// Opens the set with the index at `path`, its files by their content.
    public convenience init(index path: FilePath, limits: Limits = Limits()) throws(IsomerError) {
        try self.init(index: ReadableFile(path), limits: limits)
    }

    /// Opens the set with this index; the files lie beside it.
    public convenience init(index file: ReadableFile, limits: Limits = Limits()) throws(IsomerError) {
        try self.init(index: file, limits: limits) { (path, limits) throws(IsomerError) in
            let file = try ReadableFile(path)
            return try openWeightsFile(file, FileFormat(of: file), limits: limits)
        }
    }

    /// Opens the set with this index, its files by `open`.
    public init(index file: ReadableFile, limits: Limits = Limits(), open: Opener) throws(IsomerError) {
        let text = try file.contents(limit: limits.jsonBytes)
        let index: ShardIndex
        do throws(IsomerError) {
            index = try ShardIndex(JSONCursor(JSONValue(parsing: text, limits: limits), path: file.path))
        } catch {
            throw error.inFile(file.path)
        }
        let folder = file.path.removingLastComponent()
        var set = ShardSet()
        for shard in index.shards {
            let path = folder.appending(shard.fileName)
            let source: any TensorSource
            do throws(IsomerError) {
                source = try open(path, limits)
            } catch {
                guard error.location.path == path, error.code == .cannotRead else { throw error }
                var error = error
                error.remedy = "\(file.path.lastComponent?.string ?? "the index") names it: download the rest of the set"
                throw error
            }
            try set.add(source, path, named: shard.tensors, limits: limits)
        }
        if let declared = index.totalByteCount, declared != set.byteCount {
            set.warnings.append("the index says that the tensors have \(declared) bytes, but they have \(set.byteCount)")
        }
        tensors = set.tensors
        metadata = set.metadata
        shards = set.shards
        warnings = set.warnings
        places = set.places
    }

    /// Opens a set that has no index: all tensors of all `paths`, none of which two may have.
    public init(filesWithoutIndex paths: [FilePath], limits: Limits = Limits()) throws(IsomerError) {
        var set = ShardSet()
        for path in paths {
            let file = try ReadableFile(path)
            let source = try openWeightsFile(file, FileFormat(of: file), limits: limits)
            try set.add(source, path, named: source.tensors.map(\.name), limits: limits)
        }
        tensors = set.tensors
        metadata = set.metadata
        shards = set.shards
        warnings = set.warnings + ["the set has no index: all \(paths.count) files of the name are read"]
        places = set.places
    }

    /// The set that the file at `path` is a shard of by its name, where no index lies beside it; `nil` if it is none, or has an index, which
    /// whoever wants the set names.
    ///
    /// Throws `mismatch` if not all of its files are there.
    convenience init?(shard path: FilePath, limits: Limits) throws(IsomerError) {
        guard let name = path.lastComponent?.string, let (naming, _, count) = ShardNaming.shard(named: name) else { return nil }
        let folder = path.removingLastComponent()
        let beside = Set(try FileSystem.entries(of: folder.isEmpty ? FilePath(".") : folder).map { ExactString($0.string) })
        var index = naming
        if let dot = naming.stem.lastIndex(of: ".") {
            (index.stem, index.variant) = (String(naming.stem[..<dot]), String(naming.stem[naming.stem.index(after: dot)...]))
        }
        guard ![naming, index].contains(where: { beside.contains(ExactString($0.indexFileName)) }) else { return nil }
        let names = (1...count).map { naming.fileName(shard: $0, of: count) }
        if let missing = names.first(where: { !beside.contains(ExactString($0)) }) {
            throw IsomerError(
                .mismatch, "this is one of \(count) files that hold a model together, and not all are there", path: path, expected: missing,
                remedy: "download the rest of the set")
        }
        try self.init(filesWithoutIndex: names.map { folder.appending($0) }, limits: limits)
    }

    public func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IsomerError) {
        _ = try tensors.checked(index, path: nil)
        try shards[places[index].shard].source.read(places[index].index, at: offset, into: buffer)
    }

    public func storedRange(of index: Int) -> StoredRange? {
        guard places.indices.contains(index) else { return nil }
        return shards[places[index].shard].source.storedRange(of: places[index].index)
    }
}

/// The set while its files are opened one after the other.
private struct ShardSet {
    var tensors: [TensorDescriptor] = []
    var metadata = FileMetadata()
    var shards: [(path: FilePath, source: any TensorSource)] = []
    var warnings: [String] = []
    var places: [(shard: Int, index: Int)] = []
    var byteCount: UInt64 = 0
    /// The file of each tensor met so far.
    private var shardOfName: [ExactString: Int] = [:]

    mutating func add(_ source: any TensorSource, _ path: FilePath, named names: [String], limits: Limits) throws(IsomerError) {
        var wanted = Set(names.map { ExactString($0) })
        let shard = shards.count
        shards.append((path, source))
        for (index, tensor) in source.tensors.enumerated() {
            let name = ExactString(tensor.name)
            if let other = shardOfName.updateValue(shard, forKey: name) {
                throw IsomerError(
                    .mismatch, "the tensor lies in two files of the set", path: path, item: tensor.name,
                    found: "also in \(shards[other].path.lastComponent?.string ?? "another file")", remedy: "download the set again")
            }
            guard wanted.remove(name) != nil else {
                throw IsomerError(
                    .mismatch, "the index does not place the tensor in this file", path: path, item: tensor.name,
                    remedy: "index and files come from different sets: download all of them again")
            }
            guard tensors.count < limits.tensors else {
                throw IsomerError(.limitExceeded, "the set has too many tensors", path: path, expected: "at most \(limits.tensors)")
            }
            tensors.append(tensor)
            places.append((shard, index))
            let (sum, overflow) = byteCount.addingReportingOverflow(UInt64(tensor.byteCount))
            byteCount = overflow ? .max : sum
        }
        if let missing = names.first(where: { wanted.contains(ExactString($0)) }) {
            throw IsomerError(
                .mismatch, "the tensor is not in the file that the index names", path: path, item: missing,
                remedy: "index and files come from different sets: download all of them again")
        }
        for (key, value) in source.metadata {
            switch metadata[key] {
            case nil: metadata[key] = value
            case let first? where first.utf8.elementsEqual(value.utf8): break
            case _?: warnings.append("the metadata \(key) differs between the files of the set; the first is kept")
            }
        }
    }
}
