internal import SystemPackage

extension AtomicFile {
    /// Makes several files visible that belong together, such as shards and the index that names them, which comes last.
    ///
    /// File systems rename one file at a time; `SetJournal` makes the renames one step. If one fails, those before it are taken back; if the
    /// process is killed between two, the next run does that. While names change, an empty file stands for an old index, so that nobody
    /// takes what is there for a model.
    public static func commitTogether(_ files: [AtomicFile]) throws(IsomerError) {
        guard files.count > 1, let index = files.last else {
            for file in files { try file.commit() }
            return
        }
        do throws(IsomerError) {
            try checkTogether(files)
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
            for file in files { steps.append(try file.step(replaces: file.isReplacing)) }
            try SetJournal(folder: index.folder, steps: steps).commit()
        } catch {
            for file in files { file.abandon() }
            throw error
        }
        for file in files { file.abandon() }
    }

    /// Throws unless the files lie in one folder, as `commitTogether` wants them: to be asked before they are written.
    public static func checkTogether(_ files: [AtomicFile]) throws(IsomerError) {
        guard let folder = files.first?.folder else { return }
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
