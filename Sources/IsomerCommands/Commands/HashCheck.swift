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
    func check(_ path: FilePath) throws -> [Result] {
        let name = path.lastComponent?.string ?? ""
        // `sha256sum`'s lists are called by the name of their kind, or by the file's.
        guard !name.hasSuffix(".sha256"), !name.hasPrefix("SHA256SUMS"), !name.hasPrefix("sha256sum") else {
            let list = try ChecksumFile(path, limits: limits)
            var results: [Result] = []
            for entry in list.entries {
                let target = try ChecksumFile.target(of: entry.name, beside: path)
                if try FileSystem.kind(of: target) == nil {
                    results.append(Result(path: target, kind: "sha256", expected: entry.sha256, found: nil))
                } else {
                    results += promises(try hash(target, true), target, listed: entry.sha256)
                }
            }
            return results
        }
        let own = ChecksumFile.path(for: path)
        var listed: String?
        if try FileSystem.kind(of: own) == .file {
            listed = try ChecksumFile(own, limits: limits).entries.first { $0.name == name }?.sha256
        }
        let results = promises(try hash(path, listed != nil), path, listed: listed)
        guard !results.isEmpty else {
            throw IsomerError(
                .undecided, "nothing says what the checksum should be", path: path, expected: own.string,
                remedy: "write the list with --write while the file is known to be whole")
        }
        return results
    }

    private func promises(_ hashes: FileHashes, _ path: FilePath, listed: String?) -> [Result] {
        var results: [Result] = []
        if let listed { results.append(Result(path: path, kind: "sha256", expected: listed, found: hashes.sha256)) }
        guard let found = hashes.tensorData, let metadata = try? SafetensorsReader(path, limits: limits).metadata else { return results }
        for (key, kind) in [("modelspec.hash_sha256", "modelspec"), ("sshs_model_hash", "sshs_model_hash")] {
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
