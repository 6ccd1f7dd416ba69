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

/// An output file that is either there whole or not there at all.
///
/// The bytes go to a hidden temporary in the destination's folder. `commit` syncs it, renames it over the destination and syncs the folder:
/// whatever happens, whenever the power fails, the destination is what it was or all of what it should become. Without `commit` the
/// temporary goes away with this object; one that a killed process left is removed by the next that writes into the folder.
///
/// - A destination that is a symbolic link stays one: its target is replaced.
/// - A replaced file's permissions carry over (and its owner, where this user may give files away); a new file gets what the umask allows.
/// - Devices, pipes and sockets are refused: they can be neither replaced whole nor written in any order.
/// - A destination that is one of the inputs may be replaced, because an open input keeps its old bytes until it is closed: the rename gives
///   the name to another file and touches none. What must not happen is opening the input again by its path after `commit`.
public final class AtomicFile: Sendable {
    /// The file to write to.
    public let file: WritableFile

    let destination: FilePath
    let folder: FilePath
    let overwrite: Bool
    private let byteCount: UInt64?
    private let isPending = Atomic<Bool>(true)
    private let registration: RegisteredTemporary

    /// Begins a file.
    ///
    /// - Parameters:
    ///   - path: what it will be called.
    ///   - byteCount: its exact size if that is known. Then the disk must have that much room, and `commit` refuses another size.
    ///   - overwrite: whether something may be there already. If not, and something is, this throws.
    ///   - inputs: the files the content is made from. One of them as destination is an error unless `overwrite` is true.
    public init(path: FilePath, byteCount: UInt64?, overwrite: Bool, inputs: [FileIdentity] = []) throws(IsomerError) {
        let destination = try Staging.destination(of: path)
        if let existing = destination.existing {
            guard FileSystem.kind(mode: existing.st_mode) == .file else {
                throw IsomerError(.cannotWrite, "this is a folder, not a file", path: path, remedy: "name a file in it")
            }
            guard overwrite else {
                if inputs.contains(where: FileIdentity(existing).isSameFile(as:)) {
                    throw IsomerError(
                        .cannotWrite, "the output is one of the inputs", path: path, remedy: "choose another name or add `--overwrite`")
                }
                throw Staging.alreadyExists(path)
            }
            // Renaming over a file needs no permission on it, but someone who took away the right to write meant it.
            guard destination.path.withPlatformString({ access($0, W_OK) }) == 0 else {
                throw IsomerError.writing(path, Errno(rawValue: errno))
            }
        }
        TemporaryName.sweep(destination.folder)
        if let byteCount { try Staging.checkSpace(byteCount, in: destination.folder, for: path) }

        let temporary = destination.folder.appending(TemporaryName.next())
        registration = RegisteredTemporary(file: temporary)
        let descriptor: FileDescriptor
        do {
            descriptor = try FileDescriptor.open(
                temporary, .readWrite, options: [.create, .exclusiveCreate, .closeOnExec, .noFollow],
                permissions: [.ownerReadWrite, .groupReadWrite, .otherReadWrite])
        } catch {
            throw IsomerError.writing(path, error)
        }
        TemporaryName.lock(descriptor)
        if let existing = destination.existing {
            _ = fchown(descriptor.rawValue, existing.st_uid, existing.st_gid)
            _ = fchmod(descriptor.rawValue, existing.st_mode & 0o777)
        }
        file = WritableFile(path: path, stagingPath: temporary, descriptor: descriptor)
        self.destination = destination.path
        self.folder = destination.folder
        self.byteCount = byteCount
        self.overwrite = overwrite
        // Last, because from here on an error leaves through `deinit`, which removes the file.
    }

    deinit {
        abandon()
    }

    /// Makes the file visible under its name. Once this returns it survives a power cut.
    ///
    /// If it throws, the destination is what it was, and the temporary is removed. One exception: when only the last sync, the folder's,
    /// fails, the whole new file stands there already, though a power cut may still bring the old one back.
    public func commit() throws(IsomerError) {
        do throws(IsomerError) {
            try Interruption.check()
            try prepareToCommit()
            try Staging.publish(file.stagingPath, as: destination, overwrite: overwrite)
            isPending.store(false, ordering: .relaxed)
        } catch {
            abandon()
            throw error.inFile(file.path)
        }
        try FileSystem.syncFolder(folder)
    }

    /// Brings everything to the device.
    func prepareToCommit() throws(IsomerError) {
        try file.sync()
        if let byteCount { try file.checkSize(byteCount) }
    }

    /// Leaves what bears the temporary's name to the next run.
    func leave() { isPending.store(false, ordering: .relaxed) }

    /// Removes the temporary. Does nothing after `commit`.
    public func abandon() {
        guard isPending.exchange(false, ordering: .relaxed) else { return }
        _ = file.stagingPath.withPlatformString { unlink($0) }
    }
}
