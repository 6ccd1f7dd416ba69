internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The name of an output while it is being made: `.isomer-<pid>-<start time>-<n>.partial`.
///
/// It tells which process made it, so that the next run can remove what a killed one left. Process numbers come round again and are counted
/// anew in every container, so a leftover is removed only if neither that process lives nor anybody holds the lock on it.
enum TemporaryName {
    private static let prefix = ".isomer-"
    private static let suffix = ".partial"
    private static let counter = Atomic<UInt64>(0)
    private static let ownStart = ProcessStatus(of: getpid())?.start ?? 0

    /// A name that no other process and no other output of this one uses.
    static func next() -> FilePath.Component {
        let number = counter.wrappingAdd(1, ordering: .relaxed).newValue
        // A name of ASCII letters, digits, dots and dashes is always one component; the alternative is never taken.
        return FilePath.Component("\(prefix)\(getpid())-\(ownStart)-\(number)\(suffix)") ?? FilePath.Component(".isomer.partial")
    }

    /// Takes the lock that says "in use". A file system without locks leaves it at the process number.
    static func lock(_ descriptor: FileDescriptor) {
        _ = flock(descriptor.rawValue, LOCK_EX | LOCK_NB)
    }

    /// Removes what dead processes left in `folder`. Looks once for each folder in the life of a process: outputs come by the thousand into
    /// folders with many thousand names.
    static func sweep(_ folder: FilePath) {
        guard let identity = try? FileSystem.identity(of: folder),
            swept.withLock({ $0.insert([identity.device, identity.inode]).inserted })
        else { return }
        // What a killed run put aside bears such a name too, until its steps are taken back.
        guard SetJournal.recover(folder) else { return }
        // Folders of many million names are not held for this.
        var abandoned: [FilePath.Component] = []
        try? FileSystem.forEachEntry(of: folder) { name, _ in
            guard name.starts(with: prefix.utf8), let name = FilePath.Component(String(decoding: name, as: UTF8.self)), isAbandoned(name)
            else { return }
            abandoned.append(name)
        }
        for name in abandoned {
            let path = folder.appending(name)
            guard let descriptor = try? FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .noFollow, .nonBlocking]) else {
                continue
            }
            defer { try? descriptor.close() }
            guard flock(descriptor.rawValue, LOCK_EX | LOCK_NB) == 0 else { continue }
            FileSystem.removeTree(path)
        }
    }

    private static let swept = Mutex<Set<[UInt64]>>([])

    /// Whether a name is one of ours.
    static func isTemporary(_ name: FilePath.Component) -> Bool {
        name.string.hasPrefix(prefix) && name.string.hasSuffix(suffix)
    }

    /// Whether a name is one of ours and its process is gone.
    static func isAbandoned(_ name: FilePath.Component) -> Bool {
        let text = name.string
        guard text.hasPrefix(prefix), text.hasSuffix(suffix) else { return false }
        let fields = text.dropFirst(prefix.count).dropLast(suffix.count).split(separator: "-", omittingEmptySubsequences: false)
        guard fields.count == 3, let process = pid_t(fields[0]), process > 0, let start = UInt64(fields[1]), UInt64(fields[2]) != nil else {
            return false
        }
        if ProcessStatus.isGone(process) { return true }
        guard let live = ProcessStatus(of: process) else { return false }
        return live.start != start
    }
}
