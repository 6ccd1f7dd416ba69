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
    /// process is killed between two, the next run does that. While names change, empty files stand for an old index and for what is removed,
    /// so that nobody takes what is there for a model.
    ///
    /// - Parameter obsolete: files that the new ones have no use for, in the same folder: what is left of an old set, or the one file that a
    ///   set takes the place of. They lose their names in the same step, and are gone once the new files count.
    public static func commitTogether(_ files: [AtomicFile], removing obsolete: [FilePath] = []) throws(IsomerError) {
        guard files.count > 1 || !obsolete.isEmpty, let index = files.last else {
            for file in files { try file.commit() }
            return
        }
        var isHolding = false
        defer { if isHolding { Interruption.letTemporariesGo() } }
        // Registered, and so removed with the others if a second signal ends the process.
        var gaps: [AtomicFile] = []
        var isLeft = false
        defer { for file in files + gaps { isLeft ? file.leave() : file.abandon() } }
        try checkTogether(files, removing: obsolete)
        try Interruption.check()
        for file in files { try file.prepareToCommit() }
        var steps: [SetJournal.Step] = []
        if index.isReplacing {
            let gap = try AtomicFile(path: index.destination, byteCount: 0, overwrite: true)
            gaps.append(gap)
            steps.append(try gap.step(replaces: true))
        }
        for path in obsolete where FileSystem.exists(path) {
            guard let name = path.lastComponent else { continue }
            let gap = try AtomicFile(path: index.folder.appending(TemporaryName.next()), byteCount: 0, overwrite: false)
            gaps.append(gap)
            steps.append(try gap.step(removing: name))
        }
        for file in files { steps.append(try file.step(replaces: file.isReplacing)) }
        // From the first exchange on the old files have the temporaries' names.
        Interruption.holdTemporaries()
        isHolding = true
        try SetJournal(folder: index.folder, steps: steps).commit(isLeft: &isLeft)
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
        guard let name = destination.lastComponent else {
            throw IsomerError(.usage, "an output needs a name of its own", path: file.path)
        }
        return try step(name, replaces: replaces)
    }

    /// What has the name `name` gives it up; this empty file has it in between.
    private func step(removing name: FilePath.Component) throws(IsomerError) -> SetJournal.Step {
        try step(name, replaces: true, removes: true)
    }

    private func step(_ name: FilePath.Component, replaces: Bool, removes: Bool = false) throws(IsomerError) -> SetJournal.Step {
        guard let staged = file.stagingPath.lastComponent else {
            throw IsomerError(.usage, "an output needs a name of its own", path: file.path)
        }
        let identity = try FileSystem.identity(of: file.stagingPath)
        return SetJournal.Step(
            name: name, staged: staged, aside: TemporaryName.next(), replaces: replaces, removes: removes, inode: identity.inode,
            modified: identity.modified)
    }
}

extension SetJournal {
    /// Takes all steps, or none.
    ///
    /// - Parameter isLeft: becomes true if the steps could neither be taken nor taken back: then the old files bear hidden names, and the
    ///   next run goes on from there.
    fileprivate func commit(isLeft: inout Bool) throws(IsomerError) {
        let held = try begin()
        defer { try? held.close() }
        do throws(IsomerError) {
            try perform()
            try finish()
        } catch {
            do throws(IsomerError) {
                try undo()
                try finish()
            } catch {
                isLeft = true
                throw error
            }
            throw error
        }
        // From here on the new files count, though until this sync a power cut may bring the journal back, and with it the old files.
        defer { removeHidden() }
        try FileSystem.syncFolder(folder)
    }
}
