internal import CBytes
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A whole file as memory, read-only.
///
/// For what jumps about in small steps; whole tensors are read with `pread`, which is as fast. If the file is cut short while it is mapped, or
/// the disk fails, the missing pages read as zeros instead of ending the process, and `withBytes` throws afterwards.
///
/// The first mapping sets a SIGBUS handler for the process. It touches only mappings made here and hands every other SIGBUS to the handler
/// that was there before.
public final class MappedFile: @unchecked Sendable {
    /// The file that is mapped.
    public let file: ReadableFile

    // SAFETY (@unchecked): both are set once, and the memory behind them is only read.
    private let bytes: UnsafeRawBufferPointer
    private let guardian: OpaquePointer?

    /// Maps all of `file`, as long as it was when it was opened.
    public init(_ file: ReadableFile) throws(IsomerError) {
        self.file = file
        guard file.size > 0 else {
            // Nothing can be mapped, and nothing needs to be.
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            guardian = nil
            return
        }
        guard let count = Int(exactly: file.size), let memory = mmap(nil, count, PROT_READ, MAP_PRIVATE, file.descriptor.rawValue, 0),
            memory != MAP_FAILED
        else { throw IsomerError.reading(file.path, Errno(rawValue: errno)) }
        guard let guardian = isomer_guard_add(memory, count) else {
            let failure = Errno(rawValue: errno)
            munmap(memory, count)
            throw IsomerError.reading(file.path, failure)
        }
        bytes = UnsafeRawBufferPointer(start: memory, count: count)
        self.guardian = guardian
    }

    deinit {
        guard let guardian, let memory = bytes.baseAddress else { return }
        isomer_guard_remove(guardian)
        munmap(UnsafeMutableRawPointer(mutating: memory), bytes.count)
    }

    /// Lends the bytes to `body`. They must not be used after it returns.
    ///
    /// Throws if the file became shorter meanwhile; then what `body` saw may have been zeros, and its result is thrown away.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws(IsomerError) -> Result) throws(IsomerError) -> Result {
        let outcome: Swift.Result<Result, IsomerError>
        do throws(IsomerError) {
            outcome = .success(try body(bytes))
        } catch {
            outcome = .failure(error)
        }
        // A file that lost its end explains any error that `body` threw about its content.
        try checkWhole()
        return try outcome.get()
    }

    private func checkWhole() throws(IsomerError) {
        var status = stat()
        guard fstat(file.descriptor.rawValue, &status) == 0 else { throw IsomerError.reading(file.path, Errno(rawValue: errno)) }
        let size = UInt64(max(0, status.st_size))
        guard size >= file.size else {
            throw IsomerError(
                .cannotRead, "the file became shorter while it was being read", path: file.path, byteOffset: size,
                expected: "\(file.size) bytes in all", remedy: "wait until it is written, then run again")
        }
        if let guardian, isomer_guard_is_damaged(guardian) {
            throw IsomerError(
                .cannotRead, "a part of the file could not be read", path: file.path, remedy: "check the disk and try again")
        }
    }
}
