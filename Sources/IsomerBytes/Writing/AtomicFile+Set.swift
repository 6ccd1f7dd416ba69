internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

extension AtomicFile {
    /// Makes several files visible that belong together, such as shards and the index that names them, which comes last.
    ///
    /// File systems rename one file at a time; `SetJournal` makes the renames one step. If one fails, those before it are taken back; if the
    /// process is killed between two, the next run does that. While names change, an empty file stands for an old index, and for the heads of
    /// what is removed, so that nobody takes what is there for a model.
    ///
    /// - Parameter obsolete: what of the old files the new ones have no use for. It loses its names in the same step, and is gone once the
    ///   new files count.
    public static func commitTogether(_ files: [AtomicFile], removing obsolete: ObsoleteFiles = ObsoleteFiles()) throws(IsomerError) {
        guard files.count > 1 || !obsolete.all.isEmpty, let index = files.last else {
            for file in files { try file.commit() }
            return
        }
        do throws(IsomerError) {
            try checkTogether(files, removing: obsolete)
            try Interruption.check()
            for file in files { try file.prepareToCommit() }
            var steps: [SetJournal.Step] = []
            var gaps: [AtomicFile] = []
            // Registered, and so removed with the others if a second signal ends the process.
            defer { for gap in gaps { gap.abandon() } }
            for path in (index.isReplacing ? [index.destination] : []) + obsolete.heads.filter(FileSystem.exists) {
                let empty = try AtomicFile(path: path, byteCount: 0, overwrite: true)
                gaps.append(empty)
                steps.append(try empty.step(replaces: true))
            }
            for path in obsolete.all where FileSystem.exists(path) {
                steps += path.lastComponent.map { [SetJournal.Step(removing: $0)] } ?? []
            }
            for file in files { steps.append(try file.step(replaces: file.isReplacing)) }
            try SetJournal(folder: index.folder, steps: steps).commit()
        } catch {
            for file in files { file.abandon() }
            throw error
        }
        for file in files { file.abandon() }
    }

    /// Throws unless the files lie in one folder, as `commitTogether` wants them, and `obsolete` may be removed from it: to be asked before
    /// they are written.
    public static func checkTogether(_ files: [AtomicFile], removing obsolete: ObsoleteFiles = ObsoleteFiles()) throws(IsomerError) {
        guard let folder = files.first?.folder else { return }
        for path in obsolete.all {
            guard Staging.folder(of: path) == folder else {
                throw IsomerError(.usage, "what is removed with a set lies in its folder", path: path, expected: "a place in \(folder)")
            }
            // As for a file that is replaced: who took away the right to write meant it.
            guard path.withPlatformString({ access($0, W_OK) }) == 0 || errno == ENOENT else {
                throw IsomerError.writing(path, Errno(rawValue: errno))
            }
        }
        for head in obsolete.heads {
            guard let status = try? FileSystem.status(of: head, followsLinks: false), status.st_mode & S_IFMT == S_IFLNK else { continue }
            throw link(head, in: folder)
        }
        for file in files where file.folder != folder { throw link(file.file.path, in: folder, found: file.folder) }
    }

    private static func link(_ path: FilePath, in folder: FilePath, found: FilePath? = nil) -> IsomerError {
        IsomerError(
            .cannotWrite, "this name is a link, and files that belong together are replaced together in one folder", path: path,
            expected: "a file in \(folder)", found: found.map { "a place in \($0)" }, remedy: "remove the link or choose another name")
    }

    private var isReplacing: Bool { overwrite && FileSystem.exists(destination) }

    private func step(replaces: Bool) throws(IsomerError) -> SetJournal.Step {
        guard let name = destination.lastComponent, let staged = file.stagingPath.lastComponent else {
            throw IsomerError(.usage, "an output needs a name of its own", path: file.path)
        }
        let identity = try FileSystem.identity(of: file.stagingPath)
        return SetJournal.Step(
            name: name, staged: staged, aside: TemporaryName.next(), replaces: replaces, inode: identity.inode, modified: identity.modified)
    }
}

extension SetJournal.Step {
    /// Nothing is staged for it: the name of the new file is one that nobody uses.
    fileprivate init(removing name: FilePath.Component) {
        self.init(name: name, staged: TemporaryName.next(), aside: TemporaryName.next(), replaces: true, inode: 0, modified: 0)
    }
}

extension SetJournal {
    /// Takes all steps, or none.
    fileprivate func commit() throws(IsomerError) {
        let held = try begin()
        defer { try? held.close() }
        do throws(IsomerError) {
            try perform()
            try finish()
        } catch {
            // If that fails too the journal stays, and the next run goes on from there.
            try undo()
            try finish()
            throw error
        }
        // From here on the new files count, though until this sync a power cut may bring the journal back, and with it the old files.
        defer { removeHidden() }
        try FileSystem.syncFolder(folder)
    }
}
