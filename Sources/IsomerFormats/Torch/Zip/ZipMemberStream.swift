internal import IsomerBytes
internal import Synchronization

/// Reads ranges of a deflated member. Deflate only runs forward, so a range before the last one starts over; copiers go forward.
final class ZipMemberStream: Sendable {
    private let file: ReadableFile
    private let start: UInt64
    private let member: ZipMember
    private let state = Mutex<Cursor?>(nil)

    /// Where decompression stands.
    // SAFETY: the inflater is reached only through `state`, by whoever holds its lock.
    private struct Cursor: @unchecked Sendable {
        let inflater: Inflater
        var position: UInt64 = 0
    }

    init(_ archive: ZipArchive, _ index: Int) throws(IsomerError) {
        file = archive.file
        start = try archive.dataOffset(of: index)
        member = archive.members[index]
        try archive.checkRatio(of: member, at: start)
    }

    /// Fills `buffer` with plain bytes from `offset`.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(IsomerError) {
        // SAFETY: the buffer is the caller's for the length of this call, which waits for the lock and runs the closure itself.
        nonisolated(unsafe) let target = buffer
        let failure: IsomerError? = state.withLock { cursor in
            do throws(IsomerError) {
                var current: Cursor
                if let existing = cursor, existing.position <= offset {
                    current = existing
                } else {
                    current = Cursor(inflater: try restart())
                }
                // A cursor that failed halfway is not used again.
                cursor = nil
                try skip(&current, to: offset)
                try fill(target, &current)
                if current.position < member.size { cursor = current }
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    private func restart() throws(IsomerError) -> Inflater {
        var position: UInt64 = 0
        let (file, start, total) = (file, start, member.storedSize)
        return try Inflater(.raw, size: .exactly(member.size)) { (buffer) throws(IsomerError) -> Int in
            let count = Int(min(UInt64(buffer.count), total - position))
            try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: start + position)
            position += UInt64(count)
            return count
        }
    }

    private func skip(_ cursor: inout Cursor, to offset: UInt64) throws(IsomerError) {
        guard cursor.position < offset else { return }
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { scratch.deallocate() }
        while cursor.position < offset {
            let count = Int(min(UInt64(scratch.count), offset - cursor.position))
            try fill(UnsafeMutableRawBufferPointer(rebasing: scratch[..<count]), &cursor)
        }
    }

    private func fill(_ buffer: UnsafeMutableRawBufferPointer, _ cursor: inout Cursor) throws(IsomerError) {
        guard !buffer.isEmpty else { return }
        let count = try cursor.inflater.read(into: buffer)
        guard count == buffer.count else {
            throw IsomerError(.malformed, "the compressed data is smaller than its file declares", byteOffset: start)
        }
        cursor.position += UInt64(count)
    }
}
