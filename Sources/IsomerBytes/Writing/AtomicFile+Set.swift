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
    /// process is killed between two, the next run does that. While names change, an empty file stands for an old index, so that nobody
    /// takes what is there for a model.
    ///
    /// - Parameter obsolete: files of the old set that the new one has no use for, in the same folder. They lose their names in the same
    ///   step, and are gone once the new set counts.
    public static func commitTogether(_ files: [AtomicFile], removing obsolete: [FilePath] = []) throws(IsomerError) {
        guard files.count > 1 || !obsolete.isEmpty, let index = files.last else {
            for file in files { try file.commit() }
            return
        }
        do throws(IsomerError) {
            try checkTogether(files, removing: obsolete)
            try Interruption.check()
            for file in files { try file.prepareToCommit() }
            var steps: [SetJournal.Step] = []
            var gap: AtomicFile?
            if index.isReplacing {
                let empty = try AtomicFile(path: index.destination, byteCount: 0, overwrite: true)
                steps.append(try empty.step(replaces: true))
                gap = empty
            }
            // Registered, and so removed with the others if a second signal ends the process.
            defer { gap?.abandon() }
            for path in obsolete where FileSystem.exists(path) { steps += path.lastComponent.map { [SetJournal.Step(removing: $0)] } ?? [] }
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
    public static func checkTogether(_ files: [AtomicFile], removing obsolete: [FilePath] = []) throws(IsomerError) {
        guard let folder = files.first?.folder else { return }
        for path in obsolete {
            guard Staging.folder(of: path) == folder else {
                throw IsomerError(.usage, "what is removed with a set lies in its folder", path: path, expected: "a place in \(folder)")
            }
            // As for a file that is replaced: who took away the right to write meant it.
            guard path.withPlatformString({ access($0, W_OK) }) == 0 || errno == ENOENT else {
                throw IsomerError.writing(path, Errno(rawValue: errno))
            }
        }
        for file in files where file.folder != folder {
            throw IsomerError(
                .cannotWrite, "this name is a link to another folder, and the files of a set are replaced together", path: file.file.path,
                expected: "a place in \(folder)", found: "\(file.folder)", remedy: "remove the link or choose another name")
        }
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
