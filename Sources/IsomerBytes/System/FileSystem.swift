internal import CBytes
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// What lies where. Nothing here follows a name that came out of a file; see `safeComponent` for those.
public enum FileSystem {
    /// What a path leads to.
    public enum Kind: Hashable, Sendable {
        case file
        case folder
        /// A device, pipe or socket.
        case other
    }

    /// What `path` leads to, through symbolic links, or `nil` if there is nothing there, not even once what a killed run left half done around
    /// it is taken back. A link that leads nowhere or in a circle throws.
    public static func kind(of path: FilePath) throws(IsomerError) -> Kind? {
        do throws(Errno) {
            return kind(mode: try status(of: path, followsLinks: true).st_mode)
        } catch .noSuchFileOrDirectory {
            if let link = try? status(of: path, followsLinks: false), link.st_mode & S_IFMT == S_IFLNK {
                throw IsomerError(.cannotRead, "this symbolic link leads nowhere", path: path, remedy: "mend or remove the link")
            }
            guard SetJournal.recover(around: path) else { return nil }
            return (try? status(of: path, followsLinks: true)).map { kind(mode: $0.st_mode) }
        } catch .notDirectory {
            return nil
        } catch {
            throw IsomerError.reading(path, error)
        }
    }

    /// Which file or folder `path` leads to, through symbolic links.
    public static func identity(of path: FilePath) throws(IsomerError) -> FileIdentity {
        do throws(Errno) {
            return FileIdentity(try status(of: path, followsLinks: true))
        } catch {
            throw IsomerError.reading(path, error)
        }
    }

    /// Where `path` leads in the end, without links on the way; `nil` if that is nowhere.
    public static func resolved(_ path: FilePath) -> FilePath? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX) + 1) { buffer in
            guard let base = buffer.baseAddress, path.withPlatformString({ realpath($0, base) }) != nil else { return nil }
            return FilePath(platformString: base)
        }
    }

    /// The names in a folder, without `.` and `..`, in the order of their bytes.
    public static func entries(of folder: FilePath) throws(IsomerError) -> [FilePath.Component] {
        do throws(Errno) {
            let names = try names(in: folder)
            guard names.contains(SetJournal.name), SetJournal.recover(folder) else { return names }
            return try self.names(in: folder)
        } catch {
            throw listing(folder, error)
        }
    }

    /// Takes back what a killed run left half done among the names in `folder`, as listing it does.
    public static func takeBackHalfDone(in folder: FilePath) {
        if exists(folder.appending(SetJournal.name)) { SetJournal.recover(folder) }
    }

    /// The bytes of each name in a folder, without `.` and `..`, in no order and without holding them: folders of millions are ordinary.
    /// `isFile` is true where the folder itself says that this is a regular file; some file systems say nothing.
    public static func forEachEntry(
        of folder: FilePath, _ body: (_ name: UnsafeBufferPointer<UInt8>, _ isFile: Bool) -> Void
    ) throws(IsomerError) {
        do throws(Errno) {
            try forEachName(in: folder, body)
        } catch {
            throw listing(folder, error)
        }
    }

    private static func listing(_ folder: FilePath, _ error: Errno) -> IsomerError {
        error == .notDirectory
            ? IsomerError(.cannotRead, "this is a file, not a folder", path: folder) : IsomerError.reading(folder, error)
    }

    /// Gives a file another name, in place of what has it, and goes on after a signal. Throws `cannotWrite` about `target`.
    public static func rename(_ source: FilePath, to target: FilePath) throws(IsomerError) {
        do { try Staging.rename(source, to: target, ISOMER_RENAME_REPLACE) } catch { throw IsomerError.writing(target, error) }
    }

    /// Makes a folder and those above it, as far as they are not there.
    public static func makeFolder(_ path: FilePath) throws(IsomerError) {
        var missing: [FilePath] = []
        var folder = path
        while try kind(of: folder.isEmpty ? "." : folder) == nil {
            missing.append(folder)
            folder = folder.removingLastComponent()
        }
        for folder in missing.reversed() where folder.withPlatformString({ mkdir($0, 0o777) }) != 0 {
            let failure = Errno(rawValue: errno)
            // Another process may have been first.
            guard failure == .fileExists else { throw IsomerError.writing(folder, failure) }
        }
        guard try kind(of: path.isEmpty ? "." : path) == .folder else {
            throw IsomerError(.cannotWrite, "this is a file, not a folder", path: path, remedy: "name a folder")
        }
    }

    /// A file name that came out of a configuration, an index or an archive, once it is known to name something directly inside its
    /// folder: not empty, not `.` or `..`, no slash or backslash, no NUL, no control characters, at most 255 bytes.
    public static func safeComponent(_ name: String) throws(IsomerError) -> FilePath.Component {
        let isPlain =
            !name.isEmpty && name != "." && name != ".." && name.utf8.count <= 255
            && name.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "\\") }
        guard isPlain, let component = FilePath.Component(name) else {
            throw IsomerError(
                .unsafe, "a name in the file does not name something in its own folder", expected: "one plain file name",
                found: "\"\(name)\"",
                remedy: "do not use this file: it is damaged or made to deceive")
        }
        return component
    }

    /// A relative path that came out of a configuration, an index or an archive: `safeComponent`s between slashes.
    public static func safeRelativePath(_ text: String) throws(IsomerError) -> FilePath {
        var path = FilePath()
        for name in text.split(separator: "/", omittingEmptySubsequences: false) {
            path.append(try safeComponent(String(name)))
        }
        return path
    }
}

// MARK: - Below the error type

extension FileSystem {
    static func status(of path: FilePath, followsLinks: Bool) throws(Errno) -> stat {
        var result = stat()
        let code = path.withPlatformString { followsLinks ? stat($0, &result) : lstat($0, &result) }
        guard code == 0 else { throw Errno(rawValue: errno) }
        return result
    }

    /// Whether anything bears this name, a link that leads nowhere included.
    static func exists(_ path: FilePath) -> Bool {
        (try? status(of: path, followsLinks: false)) != nil
    }

    static func kind(mode: mode_t) -> Kind {
        switch mode & S_IFMT {
        case S_IFREG: .file
        case S_IFDIR: .folder
        default: .other
        }
    }

    static func names(in folder: FilePath) throws(Errno) -> [FilePath.Component] {
        // Sorted as bytes before they become components, because folders of a million pictures are ordinary.
        var result: [[UInt8]] = []
        try forEachName(in: folder) { name, _ in result.append([UInt8](name) + [0]) }
        result.sort { $0.lexicographicallyPrecedes($1) }
        return result.compactMap { name in
            name.withUnsafeBytes { bytes in
                bytes.baseAddress.flatMap { FilePath.Component(platformString: $0.assumingMemoryBound(to: CInterop.PlatformChar.self)) }
            }
        }
    }

    /// All names in a folder but `.` and `..`, as the file system gives them.
    private static func forEachName(in folder: FilePath, _ body: (UnsafeBufferPointer<UInt8>, _ isFile: Bool) -> Void) throws(Errno) {
        guard let directory = folder.withPlatformString({ opendir($0) }) else { throw Errno(rawValue: errno) }
        defer { closedir(directory) }
        while true {
            errno = 0
            guard let entry = readdir(directory) else {
                let failure = errno
                if failure != 0 { throw Errno(rawValue: failure) }
                return
            }
            // SAFETY: `d_name` is NUL-terminated and lives until the next `readdir` on this directory. Its address is taken from the entry
            // itself, because a copy of the entry could be longer than what the kernel filled.
            let name = UnsafeRawPointer(entry).advanced(by: MemoryLayout<dirent>.offset(of: \dirent.d_name) ?? 0)
                .assumingMemoryBound(to: UInt8.self)
            let count = strlen(UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self))
            let bytes = UnsafeBufferPointer(start: name, count: count)
            let type = UnsafeRawPointer(entry).load(fromByteOffset: MemoryLayout<dirent>.offset(of: \dirent.d_type) ?? 0, as: UInt8.self)
            if !bytes.elementsEqual(".".utf8), !bytes.elementsEqual("..".utf8) { body(bytes, type == UInt8(DT_REG)) }
        }
    }

    /// Removes a file or a link that nobody needs any longer. What cannot be removed stays.
    public static func removeFile(_ path: FilePath) {
        _ = path.withPlatformString { unlink($0) }
    }

    /// Removes a file, or a folder with everything in it, without following links. What cannot be removed stays.
    static func removeTree(_ root: FilePath) {
        // Folders wait here with their content in front of them, so that depth costs memory and not stack.
        var pending: [(path: FilePath, isEmptied: Bool)] = [(root, false)]
        while let (path, isEmptied) = pending.popLast() {
            if isEmptied {
                _ = path.withPlatformString { rmdir($0) }
            } else if path.withPlatformString({ unlink($0) }) != 0, let status = try? status(of: path, followsLinks: false),
                status.st_mode & S_IFMT == S_IFDIR
            {
                pending.append((path, true))
                // Tried twice, because what a moment's failure leaves here is litter.
                for name in (try? names(in: path)) ?? (try? names(in: path)) ?? [] { pending.append((path.appending(name), false)) }
            }
        }
    }

    /// Flushes a folder's names to the device. File systems that cannot do that for folders are believed to do it by themselves.
    static func syncFolder(_ folder: FilePath) throws(IsomerError) {
        do {
            let descriptor = try FileDescriptor.open(folder, .readOnly, options: [.closeOnExec, .directory])
            defer { try? descriptor.close() }
            do { try descriptor.synchronize() } catch Errno.invalidArgument, Errno.notSupported { return }
        } catch {
            throw IsomerError.writing(folder, error)
        }
    }
}
