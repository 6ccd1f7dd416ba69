import IsomerBytes
import Testing

/// Long and short runs from several threads at once, into space that was taken before.
@Suite struct GatheringTests {
    private static func byte(_ place: Int) -> UInt8 { UInt8(truncatingIfNeeded: (place &* 0x9E37_79B1) >> 13) }

    /// Every byte arrives, whichever way it goes: long runs in memory placed as in the file's blocks, long runs that are not, short ones, and
    /// copies of every length.
    @Test(arguments: [5 << 20, 9 << 20 + 1_234_567])
    func everyByteArrives(_ size: Int) throws {
        let folder = try TemporaryFolder()
        let contents = (0..<size).map(Self.byte)
        let original = try AtomicFile(path: folder["original"], byteCount: UInt64(size), overwrite: false)
        try original.file.write(contents, at: 0)
        try original.commit()
        let source = try ReadableFile(folder["original"])

        let lengths = [300_000, 17, 131_072, 4096, 1, 140_001, 90_000, 1_048_576, 5]
        var runs: [Range<Int>] = []
        var start = 0
        while start < size {
            let end = min(size, start + lengths[runs.count % lengths.count])
            runs.append(start..<end)
            start = end
        }
        let output = try AtomicFile(path: folder["output"], byteCount: UInt64(size), overwrite: false)
        try output.file.gather(UInt64(size))
        try Workers(count: 4).run(runs.count) { [runs] (item, _) throws(IsomerError) in
            let run = runs[item]
            guard item % 3 != 2 else {
                let start = UInt64(run.lowerBound)
                return try output.file.copyRange(from: source, at: start, to: start, count: UInt64(run.count))
            }
            let block = WritableFile.blockBytes
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: run.count + 2 * block, alignment: block)
            defer { memory.deallocate() }
            let place = run.lowerBound % block + (item % 3 == 1 ? 8 : 0)
            let part = UnsafeMutableRawBufferPointer(rebasing: memory[place..<place + run.count])
            for (index, value) in run.enumerated() { part[index] = Self.byte(value) }
            try output.file.write(UnsafeRawBufferPointer(part), at: UInt64(run.lowerBound))
        }
        try output.file.flush()
        #expect(try ReadableFile(output.file.stagingPath).contents(limit: 1 << 26) == contents)
        try output.commit()
        #expect(try ReadableFile(folder["output"]).contents(limit: 1 << 26) == contents)
    }
}
