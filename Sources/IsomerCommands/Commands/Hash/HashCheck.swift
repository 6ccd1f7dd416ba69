internal import IsomerBytes
internal import IsomerConversion
internal import IsomerFormats
internal import IsomerTensors

/// `isomer hash --check` and `--write`.
struct HashCheck {
    /// One promise about a file, and what became of it.
    struct Result {
        var path: FilePath
        /// What was promised: sha256, modelspec, sshs_model_hash.
        var kind: String
        var expected: String
        /// `nil` if the file is not there.
        var found: String?

        var isKept: Bool { expected == found }
    }

    private let hash: (FilePath, _ toleratesDamage: Bool) throws -> FileHashes
    private let limits: Limits

    init(limits: Limits, hash: @escaping (FilePath, _ toleratesDamage: Bool) throws -> FileHashes) {
        self.limits = limits
        self.hash = hash
    }

    /// Checks what lists promise, and what files promise of themselves: the list beside each, and the sums in its metadata.
    ///
    /// A file that was named must be promised something. Those of a folder are noted if they are not, unless none is.
    func check(_ files: HashedFiles, note: (String) -> Void) throws -> [Result] {
        var results: [Result] = []
        for path in files.named { results += try HashedFiles.isList(path) ? check(list: path) : check(file: path) }
        for folder in files.folders {
            var kept: [Result] = []
            for list in folder.lists { kept += try check(list: list) }
            // A list beside a file speaks of it, and so may one of many files.
            let told = Set(kept.map(\.path))
            var silent: [FilePath] = []
            for path in folder.weights where !told.contains(path) {
                if hasPromise(path) { kept += try promises(hash(path, false), path, listed: nil) } else { silent.append(path) }
            }
            guard !kept.isEmpty else { throw nothingSays(folder.path, expected: folder.path.appending("SHA256SUMS")) }
            for path in silent { note("\(path): nothing says what the checksum should be") }
            results += kept
        }
        return results
    }

    private func check(list path: FilePath) throws -> [Result] {
        var results: [Result] = []
        for entry in try ChecksumFile(path, limits: limits).entries {
            let target = try ChecksumFile.target(of: entry.name, beside: path)
            if try FileSystem.kind(of: target) == nil {
                results.append(Result(path: target, kind: "sha256", expected: entry.sha256, found: nil))
            } else {
                results += promises(try hash(target, true), target, listed: entry.sha256)
            }
        }
        return results
    }

    private func check(file path: FilePath) throws -> [Result] {
        let own = ChecksumFile.path(for: path)
        var listed: String?
        if try FileSystem.kind(of: own) == .file {
            listed = try ChecksumFile(own, limits: limits).entries.first { $0.name == path.lastComponent?.string }?.sha256
        }
        let results = promises(try hash(path, listed != nil), path, listed: listed)
        guard !results.isEmpty else { throw nothingSays(path, expected: own) }
        return results
    }

    private func nothingSays(_ path: FilePath, expected: FilePath) -> IsomerError {
        IsomerError(
            .undecided, "nothing says what the checksum should be", path: path, expected: expected.string,
            remedy: "write the list with --write while the file is known to be whole")
    }

    /// Whether the file's metadata say a sum.
    private func hasPromise(_ path: FilePath) -> Bool {
        guard let metadata = try? SafetensorsReader(path, limits: limits).metadata else { return false }
        return HashCheck.promisingKeys.contains { metadata[$0.key].map { !$0.isEmpty } ?? false }
    }

    private static let promisingKeys: [(key: String, kind: String)] = [
        ("modelspec.hash_sha256", "modelspec"), ("sshs_model_hash", "sshs_model_hash"),
    ]

    private func promises(_ hashes: FileHashes, _ path: FilePath, listed: String?) -> [Result] {
        var results: [Result] = []
        if let listed { results.append(Result(path: path, kind: "sha256", expected: listed, found: hashes.sha256)) }
        guard let found = hashes.tensorData, let metadata = try? SafetensorsReader(path, limits: limits).metadata else { return results }
        for (key, kind) in HashCheck.promisingKeys {
            guard let promised = metadata[key]?.lowercased(), !promised.isEmpty else { continue }
            let isPrefixed = promised.hasPrefix("0x")
            results.append(Result(path: path, kind: kind, expected: promised, found: isPrefixed ? "0x" + found : found))
        }
        return results
    }

    /// What a list that was just written says.
    func written(_ list: FilePath, _ path: FilePath) throws -> Result {
        let sum = try ChecksumFile(list, limits: limits).entries.first?.sha256 ?? ""
        return Result(path: path, kind: "sha256", expected: sum, found: sum)
    }

    /// Writes the list beside a file. One that says something else is left alone unless `overwrite` is true.
    func write(_ path: FilePath, overwrite: Bool) throws -> FilePath {
        let before = try ReadableFile(path)
        let hashes = try hash(path, false)
        try before.checkUnchanged()
        let list = ChecksumFile.path(for: path)
        let name = path.lastComponent?.string ?? ""
        if !overwrite, try FileSystem.kind(of: list) != nil {
            let earlier = try ChecksumFile(list, limits: limits).entries
            guard earlier.count == 1, earlier[0].name == name, earlier[0].sha256 == hashes.sha256 else {
                throw IsomerError(
                    .cannotWrite, "the list of checksums that is there says something else", path: list, expected: earlier.first?.sha256,
                    found: hashes.sha256, remedy: "find out why the file changed, or add `--overwrite`")
            }
        }
        let entry = ChecksumFile.Entry(name: name, sha256: hashes.sha256, state: ChecksumFile.State(of: before))
        try ChecksumFile([entry]).write(to: list, overwrite: true)
        return list
    }
}
