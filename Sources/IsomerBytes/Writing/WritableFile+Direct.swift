internal import CBytes
internal import Synchronization
internal import SystemPackage

/// Whether a file can be written past the system's cache.
enum DirectState: Sendable {
    case unopened
    case open(FileDescriptor)
    /// It was tried, and refused. Open all the same: another thread may be trying at this moment, and must not find another file behind its
    /// number.
    case refused(FileDescriptor)
    case unavailable
}

extension WritableFile {
    /// Offsets, lengths and memory of direct writes are multiples of this, which is at least every device's block.
    public static let blockBytes = 4096
    /// One direct write. Large enough for the device to run at its speed.
    private static let pieceBytes = 2 << 20
    /// Below this the cache is faster for a copy, which the kernel can then do alone.
    private static let leastCopyBytes: UInt64 = 4 << 20
    /// Below this it is faster for bytes that are in memory already.
    static let leastBytes = 128 << 10

    /// Copies a long range by reading it from the cache and writing it straight to the device; `false` if that cannot be done here and nothing
    /// was written.
    ///
    /// Every output is synced before it appears, so what went through the cache would have to be copied there only to be written out at once:
    /// past it, a copy of gigabytes takes half the time and leaves the cache to others. The ends of the range that do not fill a block go
    /// through the cache; a block is written in one of the two ways only.
    func copyDirectly(
        from source: ReadableFile, at sourceOffset: UInt64, to offset: UInt64, count: UInt64,
        through given: UnsafeMutableRawBufferPointer?, progress: (UInt64) throws(IsomerError) -> Void
    ) throws(IsomerError) -> Bool {
        // Where others go past the cache, going through it would make them wait.
        let least = isOpenDirectly ? UInt64(Self.leastBytes) : Self.leastCopyBytes
        guard count >= least, offset < 1 << 62, let target = directDescriptor() else { return false }
        let first = Self.blockStart(after: offset)
        let last = Self.blockStart(before: offset + count)
        let own =
            Self.holdsBlocks(given)
            ? nil : UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceBytes, alignment: Self.blockBytes)
        defer { own?.deallocate() }
        guard let memory = own ?? given else { return false }
        let buffer = UnsafeMutableRawBufferPointer(rebasing: memory[..<(memory.count / Self.blockBytes * Self.blockBytes)])
        var position = first
        while position < last {
            try Interruption.check()
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(min(UInt64(buffer.count), last - position))])
            try source.read(into: piece, at: sourceOffset + (position - offset))
            guard try writeDirectly(UnsafeRawBufferPointer(piece), at: position, to: target) else {
                giveUpDirectWrites()
                guard position > first else { return false }
                try copyByReading(
                    from: source, at: sourceOffset + (position - offset), to: position, count: last - position, through: buffer,
                    progress: progress)
                position = last
                continue
            }
            position += UInt64(piece.count)
            try progress(UInt64(piece.count))
        }
        for (start, end) in [(offset, first), (last, offset + count)] where start < end {
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(end - start)])
            try source.read(into: piece, at: sourceOffset + (start - offset))
            try writeBeside(UnsafeRawBufferPointer(piece), at: start)
            try progress(end - start)
        }
        return true
    }

    /// Writes those of `bytes` that fill blocks at `offset` straight to the device, and tells which they are; none if that cannot be done
    /// here, or if the memory is not placed like the blocks.
    func writeBlocksDirectly(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(IsomerError) -> Range<Int> {
        guard bytes.count >= Self.leastBytes, offset < 1 << 62, let address = bytes.baseAddress,
            UInt64(UInt(bitPattern: address)) % UInt64(Self.blockBytes) == offset % UInt64(Self.blockBytes), let target = directDescriptor()
        else { return 0..<0 }
        let first = Int(Self.blockStart(after: offset) - offset)
        let last = Int(Self.blockStart(before: offset + UInt64(bytes.count)) - offset)
        guard try writeDirectly(UnsafeRawBufferPointer(rebasing: bytes[first..<last]), at: offset + UInt64(first), to: target) else {
            giveUpDirectWrites()
            return 0..<0
        }
        return first..<last
    }

    /// Whether memory lies as direct writes need it.
    private static func holdsBlocks(_ memory: UnsafeMutableRawBufferPointer?) -> Bool {
        guard let memory, memory.count >= blockBytes else { return false }
        return UInt(bitPattern: memory.baseAddress) % UInt(blockBytes) == 0
    }

    private static func blockStart(after offset: UInt64) -> UInt64 { blockStart(before: offset + UInt64(blockBytes) - 1) }

    private static func blockStart(before offset: UInt64) -> UInt64 { offset / UInt64(blockBytes) * UInt64(blockBytes) }

    /// The file system takes no direct writes after all.
    private func giveUpDirectWrites() {
        direct.withLock { state in
            if case .open(let descriptor) = state { state = .refused(descriptor) }
        }
    }

    /// Writes whole blocks; `false` if the file system refuses the very first for its alignment.
    private func writeDirectly(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, to target: FileDescriptor) throws(IsomerError) -> Bool {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count: Int
            do {
                count = try target.write(toAbsoluteOffset: Int64(offset) + Int64(done), rest)
            } catch {
                if error as? Errno == .invalidArgument, done == 0 { return false }
                throw IsomerError.writing(path, error)
            }
            // A short write that ends inside a block cannot be continued past the cache.
            guard count > 0, count % Self.blockBytes == 0 else {
                if count > 0 {
                    try writeThroughCache(UnsafeRawBufferPointer(rebasing: rest[count...]), at: offset + UInt64(done + count))
                    return true
                }
                throw IsomerError.writing(path, Errno.ioError)
            }
            done += count
        }
        return true
    }

    /// Whether bytes have gone past the cache, and may go on doing so.
    var isOpenDirectly: Bool {
        direct.withLock { if case .open = $0 { true } else { false } }
    }

    private func directDescriptor() -> FileDescriptor? {
        let flag = isomer_direct_flag()
        guard flag != 0 else { return nil }
        return direct.withLock { state in
            if case .unopened = state {
                let options = FileDescriptor.OpenOptions(rawValue: flag).union(.closeOnExec)
                state = (try? FileDescriptor.open(stagingPath, .writeOnly, options: options)).map(DirectState.open) ?? .unavailable
            }
            if case .open(let descriptor) = state { return descriptor }
            return nil
        }
    }
}
