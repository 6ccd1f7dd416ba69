public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A file being made, open for positioned writes from any number of threads.
///
/// It has no public initialiser: files are made by `AtomicFile` and `StagedFolder`, which decide when, and whether, they become visible.
public final class WritableFile: Sendable {
    /// The path it will have once it is published.
    public let path: FilePath
    /// Where its bytes lie meanwhile.
    public let stagingPath: FilePath
    /// For the kernel's own copies. Valid as long as this object lives.
    public let descriptor: FileDescriptor

    init(path: FilePath, stagingPath: FilePath, descriptor: FileDescriptor) {
        self.path = path
        self.stagingPath = stagingPath
        self.descriptor = descriptor
    }

    deinit {
        try? descriptor.close()
    }

    /// Writes all of `bytes` at `offset`.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(IsomerError) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            do {
                done += try descriptor.write(toAbsoluteOffset: Int64(offset) + Int64(done), rest)
            } catch {
                throw IsomerError.writing(path, error)
            }
        }
    }

    /// Writes all of `bytes` at `offset`.
    public func write(_ bytes: [UInt8], at offset: UInt64) throws(IsomerError) {
        var failure: IsomerError?
        bytes.withUnsafeBytes { buffer in
            do throws(IsomerError) { try write(buffer, at: offset) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
