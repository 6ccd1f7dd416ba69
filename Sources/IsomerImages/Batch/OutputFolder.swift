internal import IsomerBytes
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A folder that receives many small files.
///
/// Each file is written under a hidden name and renamed, so it is there whole or not at all. Unlike `AtomicFile`, nothing is synced one by
/// one: a power cut may lose files that were just written, and the next run, which compares sizes with the manifest, makes them again.
final class OutputFolder: Sendable {
    let path: FilePath
    private let made = Mutex<Set<String>>([])
    private let counter = Atomic<Int>(0)

    init(_ path: FilePath) throws(IsomerError) {
        self.path = path
        try Self.make(path)
        sweep(path)
    }

    /// Writes a file at a relative path; its folders are made as needed.
    func write(_ relative: String, _ bytes: [UInt8]) throws(IsomerError) {
        let target = path.appending(relative)
        let folder = target.removingLastComponent()
        try prepare(folder)
        let temporary = folder.appending(".isomer-prepare.\(getpid()).\(counter.wrappingAdd(1, ordering: .relaxed).newValue)")
        do {
            let descriptor = try FileDescriptor.open(
                temporary, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec, .noFollow],
                permissions: [.ownerReadWrite, .groupReadWrite, .otherReadWrite])
            do {
                try descriptor.writeAll(bytes)
            } catch {
                try? descriptor.close()
                throw error
            }
            try descriptor.close()
            let status = temporary.withPlatformString { from in target.withPlatformString { rename(from, $0) } }
            if status != 0 { throw Errno(rawValue: errno) }
        } catch {
            _ = temporary.withPlatformString { unlink($0) }
            throw IsomerError.writing(target, error)
        }
    }

    /// The size of a file at a relative path, if there is one.
    func size(_ relative: String) -> UInt64? {
        var status = stat()
        let target = path.appending(relative)
        guard target.withPlatformString({ lstat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return UInt64(max(0, status.st_size))
    }

    func remove(_ relative: String) {
        _ = path.appending(relative).withPlatformString { unlink($0) }
    }

    private func prepare(_ folder: FilePath) throws(IsomerError) {
        // Under the lock: whoever finds a folder in the set may count on it.
        try made.withLock { made throws(IsomerError) in
            guard !made.contains(folder.string) else { return }
            try Self.make(folder)
            sweep(folder)
            made.insert(folder.string)
        }
    }

    private static func make(_ path: FilePath) throws(IsomerError) {
        var missing: [FilePath] = []
        var folder = path
        while try FileSystem.kind(of: folder.isEmpty ? "." : folder) == nil {
            missing.append(folder)
            folder = folder.removingLastComponent()
        }
        for folder in missing.reversed() where folder.withPlatformString({ mkdir($0, 0o777) }) != 0 {
            let failure = Errno(rawValue: errno)
            // Another process of the same batch may have been first.
            guard failure == .fileExists else { throw IsomerError.writing(folder, failure) }
        }
        guard try FileSystem.kind(of: path) == .folder else {
            throw IsomerError(.cannotWrite, "this is a file, not a folder", path: path, remedy: "name a folder")
        }
    }

    /// Removes what killed runs left: their process is gone.
    private func sweep(_ folder: FilePath) {
        for name in (try? FileSystem.entries(of: folder)) ?? [] where name.string.hasPrefix(".isomer-prepare.") {
            let parts = name.string.split(separator: ".")
            guard parts.count == 3, let process = pid_t(parts[1]), process != getpid(), kill(process, 0) != 0, errno == ESRCH else {
                continue
            }
            _ = folder.appending(name).withPlatformString { unlink($0) }
        }
    }

    static func isLink(_ path: FilePath) -> Bool {
        var status = stat()
        return path.withPlatformString { lstat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFLNK
    }
}

extension OutputFolder {
    static func removeFile(_ path: FilePath) {
        _ = path.withPlatformString { unlink($0) }
    }
}
