internal import CBytes
internal import Synchronization
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// An output folder that is either there whole or not there at all.
///
/// Files are made in a hidden temporary folder beside the destination; `commit` syncs every file and folder in it and gives it its name in
/// one rename. A folder that was there before is swapped out in the same step and removed afterwards, so at no time is the name without a
/// whole folder. Only where the file system cannot swap (no ext4, XFS, Btrfs or tmpfs) is the old folder first moved aside to
/// `<temporary>.replaced`, which is never removed by anyone but this object, once the new folder stands.
public final class StagedFolder: Sendable {
    /// What the folder will be called.
    public let path: FilePath
    /// Where it is being made.
    public let stagingPath: FilePath

    private struct State {
        var isPending = true
        /// Folders below the root, each after the one that holds it.
        var folders: [FilePath] = []
        /// Below the root.
        var files: [(relative: FilePath, byteCount: UInt64?)] = []
        var registrations: [Registration] = []
    }

    /// An array cannot hold values that cannot be copied, so each stands in a box.
    private final class Registration: Sendable {
        private let temporary: RegisteredTemporary
        init(_ temporary: consuming RegisteredTemporary) { self.temporary = temporary }
    }

    private let destination: Staging.Destination
    private let overwrite: Bool
    /// Held open for its lock, which tells other processes that this folder is in use.
    private let lock: FileDescriptor
    private let state = Mutex(State())

    /// Begins a folder.
    ///
    /// - Parameters:
    ///   - path: what it will be called. Its parent must exist.
    ///   - byteCount: the size of all files together if that is known: the disk must have that much room.
    ///   - overwrite: whether a folder may be there already. An empty one always may.
    ///   - names: a folder that is there already is replaced only if it holds one of these names (`model_index.json`, say): replacing removes
    ///     everything in it, and a folder that was not made by a run like this one is refused instead of emptied.
    ///   - inputs: the files the content is made from. A folder that holds one of them is not replaced, unless the folder itself is what is
    ///     being read and `replacesInput` says so.
    ///   - replacesInput: the old folder is the input as a whole, and all of it has been opened by now.
    public init(
        path: FilePath, byteCount: UInt64?, overwrite: Bool, recognizedBy names: [FilePath.Component], inputs: [FileIdentity] = [],
        replacesInput: Bool = false
    ) throws(IsomerError) {
        destination = try Staging.destination(of: path)
        if let existing = destination.existing {
            guard FileSystem.kind(mode: existing.st_mode) == .folder else {
                throw IsomerError(.cannotWrite, "this is a file, not a folder", path: path, remedy: "choose another name")
            }
            let content = try FileSystem.entries(of: destination.path)
            if !content.isEmpty {
                guard overwrite else { throw Staging.alreadyExists(path) }
                guard content.contains(where: names.contains) else {
                    throw IsomerError(
                        .cannotWrite, "this folder holds other things, and they would be removed", path: path,
                        expected: names.map(\.string).joined(separator: " or "), remedy: "choose another name or remove the folder yourself"
                    )
                }
                if !replacesInput, let input = StagedFolder.firstInput(in: destination.path, of: inputs) {
                    throw IsomerError(
                        .cannotWrite, "the folder to be replaced holds an input", path: path, item: input.string,
                        remedy: "choose another name")
                }
            }
        }
        TemporaryName.sweep(destination.folder)
        if let byteCount { try Staging.checkSpace(byteCount, in: destination.folder, for: path) }

        let temporary = destination.folder.appending(TemporaryName.next())
        let registration = Registration(RegisteredTemporary(folder: temporary))
        do throws(Errno) {
            try StagedFolder.makeFolder(temporary)
            lock = try StagedFolder.open(temporary)
        } catch {
            FileSystem.removeTree(temporary)
            throw IsomerError.writing(path, error)
        }
        TemporaryName.lock(lock)
        self.path = path
        self.overwrite = overwrite
        stagingPath = temporary
        state.withLock { $0.registrations.append(registration) }
    }

    deinit {
        abandon()
        try? lock.close()
    }

    /// Begins a file in the folder, with the folders on the way to it.
    ///
    /// - Parameters:
    ///   - relativePath: plain names between slashes; anything that could lead outside is refused.
    ///   - byteCount: the exact size if that is known. Then `commit` refuses another size.
    public func createFile(_ relativePath: String, byteCount: UInt64? = nil) throws(IsomerError) -> WritableFile {
        let relative = try FileSystem.safeRelativePath(relativePath)
        try createFolder(relative.removingLastComponent())
        let staging = stagingPath.pushing(relative)
        let descriptor: FileDescriptor
        let registration = Registration(RegisteredTemporary(file: staging))
        do {
            descriptor = try FileDescriptor.open(
                staging, .readWrite, options: [.create, .exclusiveCreate, .closeOnExec, .noFollow],
                permissions: [.ownerReadWrite, .groupReadWrite, .otherReadWrite])
        } catch {
            throw IsomerError.writing(path.pushing(relative), error)
        }
        state.withLock {
            $0.files.append((relative, byteCount))
            $0.registrations.append(registration)
        }
        let file = WritableFile(path: path.pushing(relative), stagingPath: staging, descriptor: descriptor)
        return file
    }

    /// Makes the folder visible under its name. Once this returns it survives a power cut. All files must have been written by then.
    ///
    /// If it throws, the destination is what it was, and everything temporary is removed. One exception: when nothing was replaced and only
    /// the last sync, that of the folder around it, fails, the whole new folder stands there already.
    public func commit() throws(IsomerError) {
        do throws(IsomerError) {
            try Interruption.check()
            let (files, folders) = state.withLock { ($0.files, $0.folders) }
            for file in files { try sync(file.relative, byteCount: file.byteCount) }
            for folder in folders.reversed() { try FileSystem.syncFolder(folder) }
            try FileSystem.syncFolder(stagingPath)
            try publish()
        } catch {
            abandon()
            throw error.inFile(path)
        }
        do throws(IsomerError) {
            try FileSystem.syncFolder(destination.folder)
        } catch {
            try undoExchange()
            throw error
        }
        state.withLock { state in
            state.isPending = false
            state.registrations = []
        }
        // What bears the temporary's name by now is the old folder. Removing it comes last: until here it could have been wanted back.
        FileSystem.removeTree(stagingPath)
    }

    /// Removes everything made so far. Does nothing after `commit`.
    public func abandon() {
        let wasPending = state.withLock { state in
            defer { state.isPending = false }
            return state.isPending
        }
        guard wasPending else { return }
        FileSystem.removeTree(stagingPath)
        // Only now: until the last name is gone, a second signal's handler must know what to remove.
        state.withLock { $0.registrations = [] }
    }
}

// MARK: - Steps

extension StagedFolder {
    private func createFolder(_ relative: FilePath) throws(IsomerError) {
        var folder = stagingPath
        for component in relative.components {
            folder.append(component)
            do throws(Errno) {
                try StagedFolder.makeFolder(folder)
                let registration = Registration(RegisteredTemporary(folder: folder))
                state.withLock { [folder] in
                    $0.folders.append(folder)
                    $0.registrations.append(registration)
                }
            } catch .fileExists {
                continue
            } catch {
                throw IsomerError.writing(path.pushing(relative), error)
            }
        }
    }

    private static func makeFolder(_ folder: FilePath) throws(Errno) {
        guard folder.withPlatformString({ mkdir($0, 0o777) }) == 0 else { throw Errno(rawValue: errno) }
    }

    private static func open(_ folder: FilePath) throws(Errno) -> FileDescriptor {
        do {
            return try FileDescriptor.open(folder, .readOnly, options: [.closeOnExec, .directory, .noFollow])
        } catch {
            throw error as? Errno ?? .ioError
        }
    }

    /// The writer's own descriptor may be closed by now, and thousands of them cannot be kept: the kernel flushes a file through any.
    private func sync(_ relative: FilePath, byteCount: UInt64?) throws(IsomerError) {
        let path = path.pushing(relative)
        let staging = stagingPath.pushing(relative)
        let descriptor: FileDescriptor
        do {
            descriptor = try FileDescriptor.open(staging, .readOnly, options: [.closeOnExec, .noFollow])
        } catch {
            throw IsomerError.writing(path, error)
        }
        let file = WritableFile(path: path, stagingPath: staging, descriptor: descriptor)
        if let byteCount { try file.checkSize(byteCount) }
        try file.sync()
    }

    private func publish() throws(IsomerError) {
        guard let existing = destination.existing else {
            guard !overwrite || !FileSystem.exists(destination.path) else {
                // Nobody has looked whether that may be removed.
                throw IsomerError(
                    .cannotWrite, "somebody else made something with this name meanwhile", path: path, remedy: "run the command again")
            }
            return try Staging.publish(stagingPath, as: destination.path, overwrite: false)
        }
        _ = fchmod(lock.rawValue, existing.st_mode & 0o777)
        do throws(Errno) {
            // Renaming over an empty folder needs no swap, and fails if somebody filled it meanwhile.
            try Staging.rename(stagingPath, to: destination.path, overwrite ? ISOMER_RENAME_EXCHANGE : ISOMER_RENAME_REPLACE)
        } catch  where overwrite && Staging.isMissingMode(error) {
            try publishWithoutExchange()
        } catch {
            throw IsomerError.writing(path, error)
        }
    }

    /// After a rename that may not have reached the device: the old folder must neither be removed nor stay beside the new one.
    private func undoExchange() throws(IsomerError) {
        let isExchanged = FileSystem.exists(stagingPath)
        if isExchanged {
            do throws(Errno) {
                try Staging.rename(stagingPath, to: destination.path, ISOMER_RENAME_EXCHANGE)
            } catch {
                // Both are kept: which of them has the name after a power cut cannot be told.
                state.withLock { state in
                    state.isPending = false
                    state.registrations = []
                }
                throw IsomerError.writing(path, error)
            }
        }
        abandon()
    }

    private func publishWithoutExchange() throws(IsomerError) {
        let aside = FilePath(stagingPath.string + ".replaced")
        do throws(Errno) {
            try Staging.rename(destination.path, to: aside, ISOMER_RENAME_REPLACE)
            do throws(Errno) {
                try Staging.rename(stagingPath, to: destination.path, ISOMER_RENAME_REPLACE)
            } catch {
                try Staging.rename(aside, to: destination.path, ISOMER_RENAME_REPLACE)
                throw error
            }
        } catch {
            throw IsomerError.writing(path, error)
        }
        // Puts the old folder where `commit` removes it. If that fails it merely stays.
        try? Staging.rename(aside, to: stagingPath, ISOMER_RENAME_REPLACE)
    }

    /// The first of `inputs` found anywhere below `folder`.
    private static func firstInput(in folder: FilePath, of inputs: [FileIdentity]) -> FilePath? {
        guard !inputs.isEmpty else { return nil }
        var pending = [folder]
        while let folder = pending.popLast() {
            for name in (try? FileSystem.names(in: folder)) ?? [] {
                let path = folder.appending(name)
                guard let status = try? FileSystem.status(of: path, followsLinks: false) else { continue }
                if inputs.contains(where: FileIdentity(status).isSameFile(as:)) { return path }
                if status.st_mode & S_IFMT == S_IFDIR { pending.append(path) }
            }
        }
        return nil
    }
}
