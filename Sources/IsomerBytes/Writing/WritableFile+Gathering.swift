internal import CBytes
internal import Synchronization
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Short runs of bytes that wait to go through the cache together.
struct ShortRuns: Sendable {
    var runs: [(offset: UInt64, bytes: [UInt8])] = []
    var byteCount = 0
}

extension WritableFile {
    /// Bytes that wait at most.
    private static let mostWaiting = 1 << 20
    /// Files smaller than this are written as they come.
    private static let leastGathered: UInt64 = 4 << 20

    /// Prepares for `byteCount` bytes from several threads: takes the space for them, and from now on lets short runs wait for each other, in
    /// memory, where long ones go past the cache. Whoever calls this writes every byte once, and calls `flush` when everything is written.
    ///
    /// A write that makes a file longer, fills a hole or goes through the cache has the file for itself; into space that the file has already,
    /// direct writes go side by side. Throws if there is not enough space.
    public func gather(_ byteCount: UInt64) throws(IsomerError) {
        guard byteCount >= Self.leastGathered, byteCount < 1 << 62 else { return }
        waiting.withLock { $0 = $0 ?? ShortRuns() }
        while isomer_preallocate(descriptor.rawValue, byteCount) != 0 {
            switch Errno(rawValue: errno) {
            case .interrupted: continue
            case .noSpace, .diskQuotaExceeded, .fileTooLarge: throw IsomerError.writing(path, Errno(rawValue: errno))
            // Many file systems cannot do this, and none has to.
            default: return
            }
        }
    }

    /// Writes what waits. To be called once no other thread writes any more.
    public func flush() throws(IsomerError) {
        try write(taken { _ in true })
    }

    /// Whether a run this short may wait.
    func lets(wait count: Int) -> Bool {
        guard count < Self.leastBytes, waiting.withLock({ $0 != nil }) else { return false }
        return isOpenDirectly
    }

    /// Writes a run that does not go past the cache: now, or together with others.
    func writeBeside(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(IsomerError) {
        guard lets(wait: bytes.count) else { return try writeThroughCache(bytes, at: offset) }
        waiting.withLock { waiting in
            waiting?.runs.append((offset, Array(bytes)))
            waiting?.byteCount += bytes.count
        }
        try write(taken { $0.byteCount >= Self.mostWaiting })
    }

    private func taken(_ isTime: (ShortRuns) -> Bool) -> [(offset: UInt64, bytes: [UInt8])] {
        waiting.withLock { waiting in
            guard let found = waiting, isTime(found) else { return [] }
            waiting = ShortRuns()
            return found.runs
        }
    }

    /// Writes runs, joining those that follow each other in the file.
    private func write(_ runs: [(offset: UInt64, bytes: [UInt8])]) throws(IsomerError) {
        var joined: (offset: UInt64, bytes: [UInt8]) = (0, [])
        func writeJoined() throws(IsomerError) {
            guard !joined.bytes.isEmpty else { return }
            var failure: IsomerError?
            joined.bytes.withUnsafeBytes { bytes in
                do throws(IsomerError) { try writeThroughCache(bytes, at: joined.offset) } catch { failure = error }
            }
            if let failure { throw failure }
            joined.bytes.removeAll(keepingCapacity: true)
        }
        for run in runs.sorted(by: { $0.offset < $1.offset }) {
            if joined.offset + UInt64(joined.bytes.count) != run.offset || joined.bytes.count > 1 << 20 { try writeJoined() }
            if joined.bytes.isEmpty { joined.offset = run.offset }
            joined.bytes += run.bytes
        }
        try writeJoined()
    }
}
