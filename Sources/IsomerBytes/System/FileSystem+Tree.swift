extension FileSystem {
    /// Calls `body` for every regular file at and below `paths`: in the order of the paths, in folders in the order of names.
    ///
    /// Links are followed; a folder that is reached twice, by a link perhaps, is looked at once. Devices in folders are passed over.
    /// - Parameter problem: gets what cannot be looked at, which does not end the walk unless it throws.
    public static func forEachFile(
        below paths: [FilePath], problem: (FilePath, IsomerError) throws(IsomerError) -> Void,
        _ body: (FilePath) throws(IsomerError) -> Void
    ) throws(IsomerError) {
        var seen: Set<FolderKey> = []
        for path in paths {
            var pending: [(path: FilePath, isGiven: Bool)] = [(path, true)]
            while let (path, isGiven) = pending.popLast() {
                try Interruption.check()
                var file = false
                do throws(IsomerError) {
                    switch try kind(of: path) {
                    case .file: file = true
                    case .folder:
                        let identity = try identity(of: path)
                        guard seen.insert(FolderKey(device: identity.device, inode: identity.inode)).inserted else { continue }
                        for name in try entries(of: path).reversed() { pending.append((path.appending(name), false)) }
                    case .other: if isGiven { throw IsomerError(.cannotRead, "this is not a regular file", path: path) }
                    case nil: throw IsomerError(.cannotRead, "there is no such file or folder", path: path)
                    }
                } catch {
                    if error.code == .interrupted { throw error }
                    try problem(path, error)
                }
                if file { try body(path) }
            }
        }
    }

    private struct FolderKey: Hashable {
        let device: UInt64
        let inode: UInt64
    }
}
