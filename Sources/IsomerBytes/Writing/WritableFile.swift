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

/// A file being made, open for positioned writes from any number of threads.
///
/// It has no public initialiser: files are made by `AtomicFile` and `StagedFolder`, which decide when, and whether, they become visible.
public final class WritableFile: Sendable {
    /// The path it will have once it is published.
    public let path: FilePath
    /// Where its bytes lie meanwhile.
    public let stagingPath: FilePath
    /// For the kernel's own copies; tell `noteWritten` about those. Valid as long as this object lives.
    public let descriptor: FileDescriptor

    /// After this many bytes the kernel is asked to start writing them to the device, so that the sync at the end has little left to do.
    private static let writebackStep: UInt64 = 64 << 20
    private let written = Atomic<UInt64>(0)
    /// The same file past the system's cache: opened when first wanted, `.unavailable` where that cannot be.
    let direct = Mutex(DirectState.unopened)
    /// Runs that wait; `nil` if none may.
    let waiting = Mutex<ShortRuns?>(nil)

    init(path: FilePath, stagingPath: FilePath, descriptor: FileDescriptor) {
        self.path = path
        self.stagingPath = stagingPath
        self.descriptor = descriptor
    }

    deinit {
        direct.withLock { state in
            switch state {
            case .open(let descriptor), .refused(let descriptor): try? descriptor.close()
            case .unopened, .unavailable: break
            }
        }
        try? descriptor.close()
    }

    /// Writes all of `bytes` at `offset`.
    ///
    /// Long runs go past the system's cache if they lie in memory as they will in the file's blocks: at an address that has the same
    /// remainder by `blockBytes` as `offset`.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(IsomerError) {
        let direct = try writeBlocksDirectly(bytes, at: offset)
        for rest in [0..<direct.lowerBound, direct.upperBound..<bytes.count] where !rest.isEmpty {
            try writeBeside(UnsafeRawBufferPointer(rebasing: bytes[rest]), at: offset + UInt64(rest.lowerBound))
        }
    }

    func writeThroughCache(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(IsomerError) {
        guard let start = Int64(exactly: offset), !start.addingReportingOverflow(Int64(bytes.count)).overflow else {
            throw IsomerError.writing(path, Errno.fileTooLarge)
        }
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count: Int
            do {
                count = try descriptor.write(toAbsoluteOffset: start + Int64(done), rest)
            } catch {
                throw IsomerError.writing(path, error)
            }
            // A device that takes nothing without saying why would keep us here for ever.
            guard count > 0 else { throw IsomerError.writing(path, Errno.ioError) }
            done += count
        }
        noteWritten(UInt64(bytes.count))
    }

    /// Writes all of `bytes` at `offset`.
    public func write(_ bytes: [UInt8], at offset: UInt64) throws(IsomerError) {
        var failure: IsomerError?
        bytes.withUnsafeBytes { buffer in
            do throws(IsomerError) { try write(buffer, at: offset) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Bytes in the file at this moment, holes included.
    public func currentSize() throws(IsomerError) -> UInt64 {
        var status = stat()
        guard fstat(descriptor.rawValue, &status) == 0 else { throw IsomerError.writing(path, Errno(rawValue: errno)) }
        return UInt64(max(0, status.st_size))
    }

    /// Throws unless the file has the size it was planned with.
    func checkSize(_ planned: UInt64) throws(IsomerError) {
        let found = try currentSize()
        guard found == planned else {
            throw IsomerError(
                .mismatch, "the output did not get the size it was planned with", path: path, expected: "\(planned) bytes",
                found: "\(found) bytes")
        }
    }

    /// Counts bytes that reached the file in another way than `write`.
    public func noteWritten(_ count: UInt64) {
        let (before, after) = written.wrappingAdd(count, ordering: .relaxed)
        // Errors of the early start are not lost: they come back from the sync.
        if before / Self.writebackStep != after / Self.writebackStep { _ = isomer_start_writeback(descriptor.rawValue) }
    }

    /// Waits until everything is on the device.
    func sync() throws(IsomerError) {
        try flush()
        do { try descriptor.synchronize() } catch { throw IsomerError.writing(path, error) }
    }
}
