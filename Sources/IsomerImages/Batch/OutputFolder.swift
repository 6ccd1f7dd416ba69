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
    /// Where what killed runs left has been removed.
    private let swept = Mutex<Set<String>>([])
    private let counter = Atomic<Int>(0)
    private let hindrance = Mutex<IsomerError?>(nil)

    /// Why nothing at all can be written any more, if that turned out: the disk is full, or takes nothing.
    var failure: IsomerError? { hindrance.withLock { $0 } }

    init(_ path: FilePath) throws(IsomerError) {
        self.path = path
        try FileSystem.makeFolder(path)
        sweep(path)
    }

    /// Names of unfinished files: `.isomer-prepare.<machine>.<process>.<n>`. Several machines may work on one folder.
    private static let prefix = ".isomer-prepare."
    static let machine: String = {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "unknown" }
        let plain = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }.prefix(64).map { byte in
            byte == UInt8(ascii: ".") || byte == UInt8(ascii: "/") ? UInt8(ascii: "-") : byte
        }
        return plain.isEmpty ? "unknown" : String(decoding: plain, as: UTF8.self)
    }()
    /// After so many seconds another machine's unfinished file is one that nobody finishes: each takes a moment.
    private static let patience = 3600

    /// What no other file would escape. Others follow from a name.
    private static let hindrances: Set<Errno> = [.noSpace, .quotaExceeded, .readOnlyFileSystem, .ioError]

    /// Writes a file at a relative path; its folders are made as needed.
    func write(_ relative: String, _ bytes: [UInt8]) throws(IsomerError) {
        let target = path.appending(relative)
        let folder = target.removingLastComponent()
        try prepare(folder)
        let temporary = folder.appending(
            "\(Self.prefix)\(Self.machine).\(getpid()).\(counter.wrappingAdd(1, ordering: .relaxed).newValue)")
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
            try FileSystem.rename(temporary, to: target)
        } catch {
            _ = temporary.withPlatformString { unlink($0) }
            let told = error as? IsomerError ?? IsomerError.writing(target, error)
            if let number = error as? Errno, Self.hindrances.contains(number) { hindrance.withLock { $0 = $0 ?? told } }
            throw told
        }
    }

    /// The size of a file at a relative path, if there is one.
    func size(_ relative: String) -> UInt64? {
        var status = stat()
        let target = path.appending(relative)
        // A folder in which nothing is written any more may still hold what a killed run left.
        sweep(target.removingLastComponent())
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
            try FileSystem.makeFolder(folder)
            sweep(folder)
            made.insert(folder.string)
        }
    }

    /// Removes what killed runs left: their process is gone. Looks once into each folder.
    private func sweep(_ folder: FilePath) {
        guard swept.withLock({ $0.insert(folder.string).inserted }) else { return }
        var left: [String] = []
        try? FileSystem.forEachEntry(of: folder) { name, _ in
            if name.starts(with: Self.prefix.utf8) { left.append(String(decoding: name, as: UTF8.self)) }
        }
        for name in left where Self.isAbandoned(name, in: folder) { OutputFolder.removeFile(folder.appending(name)) }
    }

    private static func isAbandoned(_ name: String, in folder: FilePath) -> Bool {
        let parts = name.split(separator: ".")
        if parts.count == 4, parts[1] == machine, let process = pid_t(parts[2]) {
            return process != getpid() && ProcessStatus.isGone(process)
        }
        var status = stat()
        guard folder.appending(name).withPlatformString({ lstat($0, &status) }) == 0 else { return false }
        #if canImport(Darwin)
            let written = status.st_mtimespec.tv_sec
        #else
            let written = status.st_mtim.tv_sec
        #endif
        return time(nil) - written > patience
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
