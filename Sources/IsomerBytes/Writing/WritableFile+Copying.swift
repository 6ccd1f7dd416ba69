internal import CBytes

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

extension WritableFile {
    /// Bytes copied between two looks at whether the user wants to stop, and two reports of progress.
    private static let copyStep: UInt64 = 32 << 20

    /// Copies a range of another file, inside the kernel where it can: no byte enters this process, and file systems that share blocks
    /// share them.
    ///
    /// - Parameters:
    ///   - source: the file to copy from. If it became shorter since it was opened, this throws.
    ///   - sourceOffset: the first byte there.
    ///   - offset: where it goes here.
    ///   - count: how many bytes. Zero is fine.
    ///   - buffer: used where bytes go through memory; if `nil`, one is made then. The allocator does not find the place of a freed one
    ///     that began at a page again: whoever copies many ranges gives a buffer, best of 2 MiB and aligned to `blockBytes`.
    ///   - progress: told of every piece as it is done, with the number of bytes in it. What it throws ends the copy.
    public func copyRange(
        from source: ReadableFile, at sourceOffset: UInt64, to offset: UInt64, count: UInt64,
        through buffer: UnsafeMutableRawBufferPointer? = nil, progress: (UInt64) throws(IsomerError) -> Void = { _ in }
    ) throws(IsomerError) {
        let end = sourceOffset.addingReportingOverflow(count)
        guard !end.overflow, end.partialValue <= source.size, offset.addingReportingOverflow(count).partialValue >= offset else {
            throw IsomerError(
                .malformed, "the file ends before the bytes that it promises", path: source.path, byteOffset: sourceOffset,
                expected: "\(count) bytes", found: "\(source.size - min(source.size, sourceOffset)) bytes",
                remedy: "the file is cut short or damaged: get it again")
        }
        if try copyDirectly(from: source, at: sourceOffset, to: offset, count: count, through: buffer, progress: progress) { return }
        if count > 0, count < UInt64(Self.leastBytes), lets(wait: Int(count)) {
            return try copyByReading(from: source, at: sourceOffset, to: offset, count: count, through: buffer, progress: progress)
        }
        var done: UInt64 = 0
        while done < count {
            try Interruption.check()
            let step = min(count - done, WritableFile.copyStep)
            let copied = isomer_copy_file_range(
                source.descriptor.rawValue, sourceOffset + done, descriptor.rawValue, offset + done, Int(step))
            if copied > 0 {
                noteWritten(UInt64(copied))
                done += UInt64(copied)
                try progress(UInt64(copied))
                continue
            }
            let failure = Errno(rawValue: errno)
            if copied < 0, failure == .interrupted { continue }
            // Zero is the end of a file that was cut short, and also what some file systems answer who cannot do this: reading tells.
            guard copied == 0 || WritableFile.needsReading(failure) else { throw IsomerError.writing(path, failure) }
            return try copyByReading(
                from: source, at: sourceOffset + done, to: offset + done, count: count - done, through: buffer, progress: progress)
        }
    }

    /// Whether `copy_file_range` says that it cannot, rather than that the disk is full or broken. The latter two, EIO included, come again
    /// from the read or the write with the right file's name.
    private static func needsReading(_ failure: Errno) -> Bool {
        switch failure {
        case .improperLink, .invalidArgument, .noFunction, .notSupported, .badFileDescriptor, .notPermitted, .textFileBusy, .ioError: true
        default: false
        }
    }

    func copyByReading(
        from source: ReadableFile, at sourceOffset: UInt64, to offset: UInt64, count: UInt64,
        through buffer: UnsafeMutableRawBufferPointer?,
        progress: (UInt64) throws(IsomerError) -> Void
    ) throws(IsomerError) {
        let own =
            buffer == nil || buffer?.isEmpty == true ? UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096) : nil
        defer { own?.deallocate() }
        guard let piece = own ?? buffer else { return }
        var done: UInt64 = 0
        while done < count {
            try Interruption.check()
            let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<Int(min(count - done, UInt64(piece.count)))])
            try source.read(into: part, at: sourceOffset + done)
            try write(UnsafeRawBufferPointer(part), at: offset + done)
            done += UInt64(part.count)
            try progress(UInt64(part.count))
        }
    }
}
