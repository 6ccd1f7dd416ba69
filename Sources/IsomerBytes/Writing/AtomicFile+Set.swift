internal import CBytes
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
    /// File systems rename one file at a time, so three things stand in for a single step. Everything is on the device before the first
    /// file gets its name. An old index is taken away first: while the others change, and if the process is killed between two of them,
    /// nobody takes what is there for a model. And if a step fails, those before it are taken back: the old set stands again, whole.
    public static func commitTogether(_ files: [AtomicFile]) throws(IsomerError) {
        guard files.count > 1, let index = files.last else {
            for file in files { try file.commit() }
            return
        }
        var undo: [Undo] = []
        var oldIndex: FilePath?
        do throws(IsomerError) {
            try Interruption.check()
            for file in files { try file.prepareToCommit() }
            if let aside = try index.moveAside() {
                oldIndex = aside
                undo.append(.move(aside, to: index.destination))
            }
            for file in files { undo.append(try file.exchange()) }
            for folder in Set(files.map(\.folder)) { try FileSystem.syncFolder(folder) }
        } catch {
            for step in undo.reversed() { step.perform() }
            for file in files { file.abandon() }
            throw error
        }
        // What bears the temporaries' names by now are the old files.
        for file in files { file.abandon() }
        if let oldIndex { _ = oldIndex.withPlatformString { unlink($0) } }
    }

    /// How to take back one step. If that fails too there is nothing left to try: both files are still there, under one name or the other.
    private enum Undo {
        case exchange(FilePath, FilePath)
        case move(FilePath, to: FilePath)

        func perform() {
            switch self {
            case .exchange(let first, let second): try? Staging.rename(first, to: second, ISOMER_RENAME_EXCHANGE)
            case .move(let from, let to): try? Staging.rename(from, to: to, ISOMER_RENAME_REPLACE)
            }
        }
    }

    /// Takes the file's name away from an old one, which gets one of the kind that the next run removes.
    private func moveAside() throws(IsomerError) -> FilePath? {
        guard overwrite, FileSystem.exists(destination) else { return nil }
        let aside = folder.appending(TemporaryName.next())
        do throws(Errno) {
            try Staging.rename(destination, to: aside, ISOMER_RENAME_REPLACE)
        } catch {
            throw IsomerError.writing(file.path, error)
        }
        return aside
    }

    /// Gives the file its name; an old one gets the temporary's.
    private func exchange() throws(IsomerError) -> Undo {
        if overwrite, FileSystem.exists(destination) {
            do throws(Errno) {
                try Staging.rename(file.stagingPath, to: destination, ISOMER_RENAME_EXCHANGE)
                return .exchange(file.stagingPath, destination)
            } catch  where Staging.isMissingMode(error) {
                // Without such a rename the old file cannot be kept: from here on there is no way back, only forward.
            } catch {
                throw IsomerError.writing(file.path, error)
            }
        }
        do throws(IsomerError) {
            try Staging.publish(file.stagingPath, as: destination, overwrite: overwrite)
        } catch {
            throw error.inFile(file.path)
        }
        return .move(destination, to: file.stagingPath)
    }
}
