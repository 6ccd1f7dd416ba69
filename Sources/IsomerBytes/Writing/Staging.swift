internal import CBytes
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// What `AtomicFile` and `StagedFolder` share: names for temporaries, looking before writing, and the rename.
enum Staging {
    /// Where an output really goes: its path with the links at its end followed, and what is there now.
    struct Destination {
        /// The folder that gets a new name.
        let folder: FilePath
        /// The path that is replaced or made.
        let path: FilePath
        /// What is there now.
        let existing: stat?
    }

    /// Follows symbolic links at the end of `path`, so that a link keeps being a link and its target gets the new content. A link that
    /// leads nowhere yet is allowed: its target is made. Throws for devices, pipes and sockets.
    static func destination(of path: FilePath) throws(IsomerError) -> Destination {
        guard path.lastComponent?.kind == .regular else {
            throw IsomerError(
                .usage, "an output needs a name of its own", path: path, remedy: "name a file or folder, not `.`, `..` or `/`")
        }
        // A link to this process's own pipe, as /dev/stdout is one, leads to no name; but what it leads to can be asked.
        if let status = try? FileSystem.status(of: path, followsLinks: true), FileSystem.kind(mode: status.st_mode) == .other {
            throw IsomerError(
                .cannotWrite, "this is a device or a pipe, which cannot be replaced whole", path: path, remedy: "name a file or a folder")
        }
        var target = path
        // As many links as the kernel follows.
        for _ in 0..<40 {
            let status: stat
            do throws(Errno) {
                status = try FileSystem.status(of: target, followsLinks: false)
            } catch .noSuchFileOrDirectory {
                return Destination(folder: try existingFolder(of: target), path: target, existing: nil)
            } catch {
                throw IsomerError.writing(path, error)
            }
            guard status.st_mode & S_IFMT == S_IFLNK else {
                return Destination(folder: folder(of: target), path: target, existing: status)
            }
            guard let link = readLink(target) else { throw IsomerError.writing(path, Errno(rawValue: errno)) }
            target = folder(of: target).pushing(link)
            guard target.lastComponent?.kind == .regular else {
                throw IsomerError(.cannotWrite, "this symbolic link leads to a folder above it", path: path, remedy: "choose another name")
            }
        }
        throw IsomerError.writing(path, Errno.tooManySymbolicLinkLevels)
    }

    static func folder(of path: FilePath) -> FilePath {
        let folder = path.removingLastComponent()
        return folder.isEmpty ? "." : folder
    }

    private static func existingFolder(of path: FilePath) throws(IsomerError) -> FilePath {
        let folder = folder(of: path)
        do throws(Errno) {
            let status = try FileSystem.status(of: folder, followsLinks: true)
            guard status.st_mode & S_IFMT == S_IFDIR else { throw Errno.notDirectory }
        } catch .noSuchFileOrDirectory {
            throw IsomerError(.cannotWrite, "there is no such folder", path: folder, remedy: "make it first or check the path")
        } catch {
            throw IsomerError.writing(path, error)
        }
        return folder
    }

    private static func readLink(_ path: FilePath) -> FilePath? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX) + 1) { buffer in
            guard let base = buffer.baseAddress else { return nil }
            let count = path.withPlatformString { readlink($0, base, buffer.count - 1) }
            guard count > 0 else { return nil }
            buffer[count] = 0
            return FilePath(platformString: base)
        }
    }

    /// Throws if the file system that holds `folder` says that `byteCount` bytes do not fit. One that does not know lets everything pass.
    static func checkSpace(_ byteCount: UInt64, in folder: FilePath, for path: FilePath) throws(IsomerError) {
        var status = statvfs()
        guard folder.withPlatformString({ statvfs($0, &status) }) == 0, status.f_blocks > 0 else { return }
        let free = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        guard free.overflow || byteCount <= free.partialValue else {
            throw IsomerError(
                .cannotWrite, "the disk has not enough free space for the output", path: path,
                expected: "\(byteCount) bytes", found: "\(free.partialValue) bytes free", remedy: "free some space or choose another place")
        }
    }

    /// Gives a finished temporary its name, in one step.
    ///
    /// Without `overwrite`, something that took the name since the start is not replaced.
    static func publish(_ temporary: FilePath, as destination: FilePath, overwrite: Bool) throws(IsomerError) {
        do throws(Errno) {
            try rename(temporary, to: destination, overwrite ? ISOMER_RENAME_REPLACE : ISOMER_RENAME_NO_REPLACE)
        } catch .fileExists where !overwrite {
            throw alreadyExists(destination)
        } catch  where !overwrite && isMissingMode(error) {
            // This file system has no such rename: look, then rename. Who wins that race replaces the other's whole file with a whole file.
            guard !FileSystem.exists(destination) else { throw alreadyExists(destination) }
            do throws(Errno) {
                try rename(temporary, to: destination, ISOMER_RENAME_REPLACE)
            } catch {
                throw IsomerError.writing(destination, error)
            }
        } catch {
            throw IsomerError.writing(destination, error)
        }
    }

    static func rename(_ source: FilePath, to target: FilePath, _ mode: isomer_rename_mode) throws(Errno) {
        while source.withPlatformString({ from in target.withPlatformString { to in isomer_rename(from, to, Int32(mode.rawValue)) } }) != 0
        {
            let failure = Errno(rawValue: errno)
            guard failure == .interrupted else { throw failure }
        }
    }

    static func isMissingMode(_ error: Errno) -> Bool {
        error == .invalidArgument || error == .noFunction || error == .notSupported
    }

    static func alreadyExists(_ path: FilePath) -> IsomerError {
        IsomerError(
            .cannotWrite, "there is something with this name already", path: path, remedy: "choose another name or add `--overwrite`")
    }
}
