public import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A regular file open for positioned reads from any number of threads.
///
/// Reads go through `pread`, so a file that is cut short meanwhile gives an error and never a signal. The size is taken once, at opening:
/// everything a reader checks is checked against that number.
public final class ReadableFile: Sendable {
    /// The path as it was given.
    public let path: FilePath
    /// Bytes in the file when it was opened.
    public let size: UInt64
    /// Which file this is, whatever its name.
    public let identity: FileIdentity
    /// For the kernel's own copies. Valid as long as this object lives.
    public let descriptor: FileDescriptor

    /// Opens `path`, which must be a regular file or lead to one.
    public init(_ path: FilePath) throws(IsomerError) {
        let (descriptor, status) = try ReadableFile.openSettled(path)
        guard status.st_mode & S_IFMT == S_IFREG else {
            try? descriptor.close()
            let isFolder = status.st_mode & S_IFMT == S_IFDIR
            throw IsomerError(
                .cannotRead, isFolder ? "this is a folder, not a file" : "this is not a regular file", path: path,
                remedy: isFolder ? nil : "copy its content to a regular file first")
        }
        self.path = path
        self.size = UInt64(max(0, status.st_size))
        self.identity = FileIdentity(status)
        self.descriptor = descriptor
    }

    deinit {
        try? descriptor.close()
    }

    /// Opens `path` as it stands once what a killed run left half done around it is taken back: an empty file, or none, is also what stands
    /// for a part of a set while it is replaced.
    private static func openSettled(_ path: FilePath) throws(IsomerError) -> (descriptor: FileDescriptor, status: stat) {
        do {
            let opened = try open(path)
            guard opened.status.st_size == 0, SetJournal.recover(around: path) else { return opened }
            try? opened.descriptor.close()
        } catch {
            guard error as? Errno == .noSuchFileOrDirectory, SetJournal.recover(around: path) else {
                throw IsomerError.reading(path, error)
            }
        }
        do { return try open(path) } catch { throw IsomerError.reading(path, error) }
    }

    /// Throws an `Errno`.
    private static func open(_ path: FilePath) throws -> (descriptor: FileDescriptor, status: stat) {
        // Without `nonBlocking`, opening a named pipe would wait for somebody to write to it.
        let descriptor = try FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .nonBlocking])
        var status = stat()
        guard fstat(descriptor.rawValue, &status) == 0 else {
            let failure = Errno(rawValue: errno)
            try? descriptor.close()
            throw failure
        }
        return (descriptor, status)
    }

    /// Fills `buffer` from `offset`, or throws: there are no short reads.
    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(IsomerError) {
        guard offset <= size, UInt64(buffer.count) <= size - offset else {
            throw IsomerError(
                .malformed, "the file ends before the bytes that it promises", path: path, byteOffset: offset,
                expected: "\(buffer.count) bytes", found: "\(offset > size ? 0 : size - offset) bytes",
                remedy: "the file is cut short or damaged: get it again")
        }
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count: Int
            do {
                count = try descriptor.read(fromAbsoluteOffset: Int64(offset) + Int64(done), into: rest)
            } catch {
                throw IsomerError.reading(path, error)
            }
            guard count > 0 else { throw shrunk(at: offset + UInt64(done)) }
            done += count
        }
    }

    /// Reads `count` bytes from `offset`. The range is checked against the file's size before memory is taken.
    public func bytes(at offset: UInt64, count: Int) throws(IsomerError) -> [UInt8] {
        guard count >= 0, offset <= size, UInt64(count) <= size - offset else {
            throw IsomerError(
                .malformed, "the file ends before the bytes that it promises", path: path, byteOffset: offset,
                expected: "\(count) bytes", found: "\(offset > size ? 0 : size - offset) bytes",
                remedy: "the file is cut short or damaged: get it again")
        }
        var failure: IsomerError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(IsomerError) {
                try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
                filled = count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// The whole file, which must not be larger than `limit`.
    public func contents(limit: UInt64) throws(IsomerError) -> [UInt8] {
        guard size <= limit, let count = Int(exactly: size) else {
            throw IsomerError(
                .limitExceeded, "the file is larger than a file of its kind may be", path: path,
                expected: "at most \(limit) bytes", found: "\(size) bytes")
        }
        return try bytes(at: 0, count: count)
    }

    /// Throws if the file's size or modification time is no longer what it was at opening.
    public func checkUnchanged() throws(IsomerError) {
        var status = stat()
        guard fstat(descriptor.rawValue, &status) == 0 else { throw IsomerError.reading(path, Errno(rawValue: errno)) }
        guard FileIdentity(status) == identity, UInt64(max(0, status.st_size)) == size else {
            throw IsomerError(
                .cannotRead, "the file was changed while it was being read", path: path, remedy: "wait until it is written, then run again")
        }
    }

    private func shrunk(at offset: UInt64) -> IsomerError {
        IsomerError(
            .cannotRead, "the file became shorter while it was being read", path: path, byteOffset: offset,
            expected: "\(size) bytes in all", remedy: "wait until it is written, then run again")
    }
}
