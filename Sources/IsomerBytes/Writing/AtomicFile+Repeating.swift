internal import SystemPackage

extension AtomicFile {
    /// Makes the file visible under its name, unless one with the very same bytes stands there already: that one stays as it is, with its
    /// times and whatever else hangs on it. Once this returns it survives a power cut, whoever wrote it.
    public func commitIfChanged() throws(IsomerError) {
        try file.flush()
        guard overwrite, let standing = try? ReadableFile(destination), try repeats(standing) else { return try commit() }
        abandon()
        // Who wrote it may have been stopped before it was on the device.
        do { try standing.descriptor.synchronize() } catch { throw IsomerError.writing(file.path, error) }
        try FileSystem.syncFolder(folder)
    }

    private func repeats(_ standing: ReadableFile) throws(IsomerError) -> Bool {
        guard try file.currentSize() == standing.size else { return false }
        let mine = try ReadableFile(file.stagingPath)
        let step: UInt64 = 1 << 20
        for offset in stride(from: 0, to: standing.size, by: Int(step)) {
            let count = Int(min(step, standing.size - offset))
            // One that is cut short at this moment is another one than this.
            guard let theirs = try? standing.bytes(at: offset, count: count), try mine.bytes(at: offset, count: count) == theirs else {
                return false
            }
        }
        return true
    }
}
