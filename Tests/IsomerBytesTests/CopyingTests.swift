import IsomerBytes
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

@Suite struct CopyingTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private static let bytes = (0..<3_000_001).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }

    @Test(arguments: [(0, 0, 3_000_001), (1, 0, 3_000_000), (0, 4097, 100), (4096, 8192, 1 << 20), (3_000_001, 5, 0)])
    func rangesArriveWhereTheyShould(from: Int, to: Int, count: Int) throws {
        let source = try ReadableFile(folder.file("in", Self.bytes))
        let output = try AtomicFile(path: folder["out"], byteCount: UInt64(to + count), overwrite: false)
        try output.file.write([UInt8](repeating: 9, count: to), at: 0)
        var reported: UInt64 = 0
        try output.file.copyRange(from: source, at: UInt64(from), to: UInt64(to), count: UInt64(count)) { reported += $0 }
        try output.commit()
        #expect(reported == UInt64(count))
        #expect(try folder.bytes("out") == [UInt8](repeating: 9, count: to) + Self.bytes[from..<from + count])
    }

    /// Long writes go past the cache where memory lies like the file's blocks, and through it elsewhere: the bytes are the same, and so are
    /// those of neighbours in one block.
    @Test(arguments: [0, 1, 4095, 4096, 10_000], [0, 1, 64])
    func longWritesArriveWhereTheyShould(offset: Int, misplaced: Int) throws {
        let blockBytes = WritableFile.blockBytes
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bytes.count + 2 * blockBytes, alignment: blockBytes)
        defer { memory.deallocate() }
        let output = try AtomicFile(path: folder["out"], byteCount: UInt64(offset + Self.bytes.count), overwrite: false)
        try output.file.write([UInt8](repeating: 9, count: offset), at: 0)
        for (start, end) in [(1_000_003, Self.bytes.count), (0, 1_000_003)] {
            let place = (offset + start) % blockBytes + misplaced
            let piece = UnsafeMutableRawBufferPointer(rebasing: memory[place..<place + end - start])
            piece.copyBytes(from: Self.bytes[start..<end])
            try output.file.write(UnsafeRawBufferPointer(piece), at: UInt64(offset + start))
        }
        try output.commit()
        #expect(try folder.bytes("out") == [UInt8](repeating: 9, count: offset) + Self.bytes)
    }

    /// Files in /proc and /dev/shm lie on other file systems than the temporary folder, where the kernel may refuse to copy by itself.
    @Test(.enabled(if: (try? FileSystem.kind(of: "/dev/shm")) == .folder))
    func acrossFileSystems() throws {
        let elsewhere = try TemporaryFolder(in: "/dev/shm")
        let source = try ReadableFile(elsewhere.file("in", Self.bytes))
        let output = try AtomicFile(path: folder["out"], byteCount: nil, overwrite: false)
        try output.file.copyRange(from: source, at: 1, to: 3, count: 3_000_000)
        try output.commit()
        #expect(try folder.bytes("out") == [0, 0, 0] + Self.bytes[1...])
    }

    @Test func aRangeBeyondTheEndIsRefused() throws {
        let source = try ReadableFile(folder.file("in", [1, 2, 3]))
        let output = try AtomicFile(path: folder["out"], byteCount: nil, overwrite: false)
        for (offset, count) in [(0, 4), (3, 1), (4, 0), (UInt64.max, 1), (1, UInt64.max)] as [(UInt64, UInt64)] {
            #expect(error { try output.file.copyRange(from: source, at: offset, to: 0, count: count) }?.code == .malformed)
        }
    }

    @Test func aSourceThatBecameShorterIsAnError() throws {
        let source = try ReadableFile(folder.file("in", Self.bytes))
        let output = try AtomicFile(path: folder["out"], byteCount: nil, overwrite: false)
        #expect(truncate(folder["in"].string, 1000) == 0)
        let failure = error { try output.file.copyRange(from: source, at: 0, to: 0, count: source.size) }
        #expect(failure?.what == "the file became shorter while it was being read")
        #expect(failure?.location == IsomerError.Location(path: folder["in"], byteOffset: 1000))
    }

    @Test func progressMayStopTheCopy() throws {
        let source = try ReadableFile(folder.file("in", Self.bytes))
        let output = try AtomicFile(path: folder["out"], byteCount: nil, overwrite: false)
        let stop = IsomerError(.interrupted, "enough")
        #expect(throws: stop) {
            try output.file.copyRange(from: source, at: 0, to: 0, count: source.size) { (_) throws(IsomerError) in throw stop }
        }
    }
}
