internal import CBytes
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// What makes several renames one step: a hidden file, in the folder where they happen, that says how to take them back.
///
/// It is on the device before the first name changes, and its removal is the moment at which the new files count. A journal that no living
/// run holds belongs to one that was killed: the next that writes into the folder, lists it or finds an empty file in it, or none where it was
/// told of one, takes the steps back, so that the old set stands again as it was. How far each step got can be told from the names and the identity of the new file
/// alone, so taking back may be cut short itself and begins again.
///
/// The file: `isomer set 1`, then for each step six fields (the name, the hidden names of the new file and of the old one, `1` if there is
/// an old one, `2` if the name is given up and the new file, which is empty, has it only in between, else `0`, the new file's inode and time
/// of modification), then `end`. A NUL stands behind each.
struct SetJournal {
    static let name: FilePath.Component = ".isomer-set.journal"

    let folder: FilePath
    /// In the order in which they are taken.
    let steps: [Step]

    /// One name that gets a new file, or is given up.
    struct Step {
        let name: FilePath.Component
        /// The hidden name of the new file, and afterwards of the old one.
        let staged: FilePath.Component
        /// The hidden name that the old file has for a moment where files cannot be exchanged.
        let aside: FilePath.Component
        let replaces: Bool
        /// Whether the name is given up in the end.
        var removes = false
        let inode: UInt64
        let modified: Int64
    }

    var path: FilePath { folder.appending(SetJournal.name) }

    private func remove(_ name: FilePath.Component) {
        _ = folder.appending(name).withPlatformString { unlink($0) }
    }
}

// MARK: - Forward

extension SetJournal {
    /// Brings the journal to the device under its name. Waits while another run renames files in this folder, but not for long.
    ///
    /// - Returns: the journal, which is held until this is closed.
    func begin() throws(IsomerError) -> FileDescriptor {
        let temporary = folder.appending(TemporaryName.next())
        let descriptor: FileDescriptor
        do {
            descriptor = try FileDescriptor.open(
                temporary, .readWrite, options: [.create, .exclusiveCreate, .closeOnExec, .noFollow], permissions: [.ownerReadWrite])
        } catch {
            throw IsomerError.writing(path, error)
        }
        TemporaryName.lock(descriptor)
        do throws(IsomerError) {
            try write(to: descriptor)
            try publish(temporary)
            try FileSystem.syncFolder(folder)
        } catch {
            _ = temporary.withPlatformString { unlink($0) }
            if SetJournal.isSame(descriptor, path) { _ = path.withPlatformString { unlink($0) } }
            try? descriptor.close()
            throw error
        }
        return descriptor
    }

    private func write(to descriptor: FileDescriptor) throws(IsomerError) {
        do {
            try descriptor.writeAll(encoded)
            try descriptor.synchronize()
        } catch {
            throw IsomerError.writing(path, error)
        }
    }

    private func publish(_ temporary: FilePath) throws(IsomerError) {
        // Ten seconds: no run holds a journal for longer than its renames take.
        for attempt in 0... {
            SetJournal.recover(folder)
            do throws(IsomerError) {
                return try Staging.publish(temporary, as: path, overwrite: false)
            } catch {
                guard FileSystem.exists(path), attempt < 1000 else { throw error }
                try Interruption.check()
                usleep(10_000)
            }
        }
    }

    /// Gives the new files their names, and then takes away those that are given up: what may need room, and so fail, comes first, because
    /// a file that has lost its name needs room to get it back.
    func perform() throws(IsomerError) {
        for step in steps {
            let (name, staged) = (folder.appending(step.name), folder.appending(step.staged))
            guard step.replaces else {
                try Staging.publish(staged, as: name, overwrite: false)
                continue
            }
            do throws(Errno) {
                do throws(Errno) {
                    try Staging.rename(staged, to: name, ISOMER_RENAME_EXCHANGE)
                } catch  where Staging.isMissingMode(error) {
                    try Staging.rename(name, to: folder.appending(step.aside), ISOMER_RENAME_REPLACE)
                    try Staging.rename(staged, to: name, ISOMER_RENAME_REPLACE)
                }
            } catch {
                throw IsomerError.writing(name, error)
            }
        }
        let givenUp = steps.filter(\.removes).map { folder.appending($0.name) }
        guard !givenUp.isEmpty else { return try FileSystem.syncFolder(folder) }
        for name in givenUp {
            guard name.withPlatformString({ unlink($0) }) == 0 || errno == ENOENT else {
                throw IsomerError.writing(name, Errno(rawValue: errno))
            }
        }
        // From here on it is the sync behind the journal's removal that decides: to go back might need room that is not there.
        try? FileSystem.syncFolder(folder)
    }

    /// Makes the new files count, by removing the journal. Throws if it is still there.
    func finish() throws(IsomerError) {
        guard path.withPlatformString({ unlink($0) }) == 0 || errno == ENOENT else {
            throw IsomerError.writing(path, Errno(rawValue: errno))
        }
    }

    /// Removes what bears hidden names: the old files once the new ones count, the new ones once they do not.
    func removeHidden() {
        for step in steps {
            remove(step.staged)
            remove(step.aside)
        }
    }
}

// MARK: - Back

extension SetJournal {
    /// Takes every step back, however many were taken, and removes what was new.
    func undo() throws(IsomerError) {
        // A power cut after the journal's removal may bring it back, but not the old files that were removed after it.
        let isComplete = steps.last.map(isNew) ?? true
        if isComplete, steps.contains(where: isOldFileGone) { return removeHidden() }
        for step in steps.reversed() {
            do throws(Errno) { try undo(step) } catch { throw IsomerError.writing(folder.appending(step.name), error) }
        }
        // What a disk that fails has of this is found out by the next run: the journal goes after the names, there too.
        try? FileSystem.syncFolder(folder)
        removeHidden()
    }

    private func undo(_ step: Step) throws(Errno) {
        let name = folder.appending(step.name)
        guard isNew(step) else {
            // Between two names, given up, or not moved at all. What somebody else put there meanwhile is not ours to replace.
            guard step.replaces, !exists(step.name),
                let old = ([step.aside] + (step.removes ? [step.staged] : [])).first(where: exists)
            else { return }
            return try Staging.rename(folder.appending(old), to: name, ISOMER_RENAME_REPLACE)
        }
        guard step.replaces else { return remove(step.name) }
        guard !exists(step.aside) else { return try Staging.rename(folder.appending(step.aside), to: name, ISOMER_RENAME_REPLACE) }
        do throws(Errno) {
            // Needs no room on a full disk, as a plain rename might.
            try Staging.rename(folder.appending(step.staged), to: name, ISOMER_RENAME_EXCHANGE)
        } catch  where Staging.isMissingMode(error) {
            try Staging.rename(folder.appending(step.staged), to: name, ISOMER_RENAME_REPLACE)
        }
    }

    private func isOldFileGone(_ step: Step) -> Bool {
        step.replaces && !exists(step.staged) && !exists(step.aside)
    }

    private func exists(_ name: FilePath.Component) -> Bool { FileSystem.exists(folder.appending(name)) }

    private func isNew(_ step: Step) -> Bool {
        guard let status = try? FileSystem.status(of: folder.appending(step.name), followsLinks: false) else { return false }
        let identity = FileIdentity(status)
        return identity.inode == step.inode && identity.modified == step.modified
    }

    /// Takes back what a killed run left half done in `folder`.
    ///
    /// - Returns: whether nothing of that kind is left there.
    @discardableResult
    static func recover(_ folder: FilePath) -> Bool {
        let path = folder.appending(name)
        let descriptor: FileDescriptor
        do {
            descriptor = try FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .noFollow, .nonBlocking])
        } catch {
            return error as? Errno == .noSuchFileOrDirectory
        }
        defer { try? descriptor.close() }
        // Not held by the run that wrote it, and not replaced by another one's since it was opened.
        guard flock(descriptor.rawValue, LOCK_EX | LOCK_NB) == 0, isSame(descriptor, path),
            let journal = SetJournal(descriptor, in: folder), journal.steps.allSatisfy({ TemporaryName.isAbandoned($0.staged) })
        else { return false }
        do throws(IsomerError) {
            try journal.undo()
            try journal.finish()
            return true
        } catch {
            return false
        }
    }

    /// Takes back what a killed run left half done around `path`, if it did. Between a set's steps its index is an empty file; where it is
    /// given up, or files cannot be exchanged, there is none for a moment.
    ///
    /// - Returns: whether there was anything to take back.
    static func recover(around path: FilePath) -> Bool {
        let parent = path.removingLastComponent()
        let folder = parent.isEmpty ? "." : parent
        return FileSystem.exists(folder.appending(name)) && recover(folder)
    }

    private static func isSame(_ descriptor: FileDescriptor, _ path: FilePath) -> Bool {
        var status = stat()
        guard fstat(descriptor.rawValue, &status) == 0, let named = try? FileSystem.status(of: path, followsLinks: false) else {
            return false
        }
        return FileIdentity(status).isSameFile(as: FileIdentity(named))
    }
}
