import IsomerBytes
import Testing

@testable import IsomerImages

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A folder of its own that goes away with it.
final class Scratch {
    let path: FilePath

    init() throws {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/isomer-images-XXXXXX".utf8CString)
        guard template.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap { mkdtemp($0) } }) != nil else {
            throw IsomerError(.cannotWrite, "no scratch")
        }
        let made = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        path = FilePath(made)
    }

    deinit { Self.remove(path) }

    private static func remove(_ path: FilePath) {
        for name in (try? FileSystem.entries(of: path)) ?? [] {
            let child = path.appending(name)
            if unlink(child.string) != 0 { remove(child) }
        }
        rmdir(path.string)
    }

    @discardableResult func write(_ name: String, _ bytes: [UInt8]) throws -> FilePath {
        let folder = try OutputFolder(path)
        try folder.write(name, bytes)
        return path.appending(name)
    }

    /// Every file below a folder with its content, by relative path.
    static func tree(_ root: FilePath, _ prefix: String = "") throws -> [String: [UInt8]] {
        var result: [String: [UInt8]] = [:]
        for name in try FileSystem.entries(of: root) {
            let path = root.appending(name)
            if try FileSystem.kind(of: path) == .folder {
                try result.merge(tree(path, prefix + name.string + "/")) { a, _ in a }
            } else {
                result[prefix + name.string] = try ReadableFile(path).contents(limit: 1 << 30)
            }
        }
        return result
    }
}

@Suite("Batches")
struct BatchTests {
    /// Fourteen pictures, two of them broken, some with captions, in two folders.
    static func photos() throws -> Scratch {
        let scratch = try Scratch()
        for index in 0..<12 {
            let picture = try scene(120 + 7 * index, 200 - 9 * index, seed: UInt64(index + 3))
            let name = index % 3 == 0 ? "b/photo \(index).JPG" : "photo\(index).png"
            try scratch.write("in/\(name)", index % 3 == 0 ? JPEGEncoder.encode(picture) : PNGEncoder.encode(picture))
            if index % 2 == 0 { try scratch.write("in/\(PictureInputs.split(name).stem).txt", Array("a thing \(index)\nmore".utf8)) }
        }
        try scratch.write("in/broken.jpg", [0xFF, 0xD8, 0xFF, 0xE0, 0, 1, 2])
        try scratch.write("in/empty.png", [])
        try scratch.write("in/notes", Array("no picture".utf8))
        return scratch
    }

    static func job(_ scratch: Scratch, _ output: String = "out", workers: Int = 2) -> PreparationJob {
        var job = PreparationJob(inputs: [scratch.path.appending("in")], output: scratch.path.appending(output))
        job.options.shapes = [.fixed(PixelSize(64, 64))]
        job.workers = Workers(count: workers)
        return job
    }

    @Test func preparesAndReports() throws {
        let scratch = try Self.photos()
        let before = try Scratch.tree(scratch.path.appending("in"))
        var job = Self.job(scratch)
        job.quarantine = scratch.path.appending("bad")
        let summary = try PreparationRunner(job).run()
        #expect(summary.inputs == 15 && summary.prepared == 12 && summary.failed == 2 && summary.leftOut == 1)
        #expect(summary.sizes == [PixelSize(64, 64): 12])
        let tree = try Scratch.tree(job.output)
        #expect(tree.keys.count { $0.hasSuffix(".png") } == 12)
        #expect(tree["b/photo 6.txt"] == Array("a thing 6".utf8))
        #expect(tree["photo1.txt"] == nil)
        let bytes = try #require(tree["b/photo 0.png"])
        #expect(try ImageDecoder.decode(bytes).bitmap.size == PixelSize(64, 64))
        #expect(try Scratch.tree(scratch.path.appending("bad")).keys.sorted() == ["broken.jpg"])
        #expect(try Scratch.tree(scratch.path.appending("in")) == before)
        // What comes out is Pillow's Lanczos of the crop that the record tells.
        let manifest = String(decoding: try #require(tree["manifest.jsonl"]), as: UTF8.self).split(separator: "\n")
        #expect(manifest.count == 16)
    }

    @Test func equalWhateverTheWorkersAndShards() throws {
        let scratch = try Self.photos()
        _ = try PreparationRunner(Self.job(scratch, "one", workers: 1)).run()
        _ = try PreparationRunner(Self.job(scratch, "five", workers: 5)).run()
        let one = try Scratch.tree(scratch.path.appending("one"))
        #expect(try Scratch.tree(scratch.path.appending("five")) == one)
        var inputs = 0
        for index in 1...3 {
            var job = Self.job(scratch, "shards")
            job.shard = (index, 3)
            let summary = try PreparationRunner(job).run()
            inputs += summary.prepared + summary.failed + summary.leftOut
        }
        #expect(inputs == 15)
        let shards = try Scratch.tree(scratch.path.appending("shards"))
        #expect(shards.filter { !$0.key.hasPrefix("manifest") } == one.filter { !$0.key.hasPrefix("manifest") })
        let lines = shards.filter { $0.key.hasPrefix("manifest") }.flatMap {
            String(decoding: $0.value, as: UTF8.self).split(separator: "\n")
        }
        let whole = String(decoding: try #require(one["manifest.jsonl"]), as: UTF8.self).split(separator: "\n")
        #expect(Set(lines) == Set(whole))
    }

    @Test func aSecondRunDoesOnlyWhatChanged() throws {
        let scratch = try Self.photos()
        let job = Self.job(scratch)
        _ = try PreparationRunner(job).run()
        let first = try Scratch.tree(job.output)
        let again = try PreparationRunner(job).run()
        #expect(again.unchanged == 12 && again.prepared == 0)
        #expect(try Scratch.tree(job.output) == first)

        try scratch.write("in/photo1.png", PNGEncoder.encode(scene(90, 90, seed: 50)))
        try scratch.write("in/photo2.txt", Array("another caption".utf8))
        unlink(job.output.appending("photo4.png").string)
        let third = try PreparationRunner(job).run()
        #expect(third.prepared == 3 && third.unchanged == 9)
        var changed = job
        changed.options.filter = .bicubic
        #expect(try PreparationRunner(changed).run().prepared == 12)
        changed.overrides = ["photo1.png": PictureOverride(isExcluded: true), "photo2.png": PictureOverride(focus: .point(x: 0, y: 0))]
        let fourth = try PreparationRunner(changed).run()
        #expect(fourth.prepared == 1 && fourth.leftOut == 2 && fourth.unchanged == 10)
    }

    @Test func takesUpAKilledRun() throws {
        let scratch = try Self.photos()
        let job = Self.job(scratch)
        _ = try PreparationRunner(job).run()
        let whole = try Scratch.tree(job.output)
        // A killed run leaves the part, with its last line cut, and no manifest.
        let manifest = try #require(whole["manifest.jsonl"])
        unlink(job.output.appending("manifest.jsonl").string)
        try scratch.write("out/manifest.jsonl.part", Array(manifest.prefix(manifest.count * 2 / 3)))
        try scratch.write("out/.isomer-prepare.\(OutputFolder.machine).999999999.1", [1])
        try scratch.write("out/b/.isomer-prepare.\(OutputFolder.machine).999999999.2", [1])
        let summary = try PreparationRunner(job).run()
        #expect(summary.unchanged >= 5 && summary.prepared >= 1 && summary.unchanged + summary.prepared == 12)
        #expect(try Scratch.tree(job.output) == whole)
        // Another machine may be about to finish what it has just begun.
        try scratch.write("out/.isomer-prepare.elsewhere.999999999.1", [1])
        _ = try PreparationRunner(job).run()
        #expect(try Scratch.tree(job.output).count == whole.count + 1)
    }

    @Test func archivesInAndOut() throws {
        let scratch = try Self.photos()
        var job = Self.job(scratch, "tars")
        job.layout = .webDataset(samples: 5)
        let summary = try PreparationRunner(job).run()
        #expect(summary.prepared == 12)
        let archives = try FileSystem.entries(of: job.output).filter { $0.extension == "tar" }
        #expect(archives.map(\.string) == ["000000.tar", "000001.tar", "000002.tar"])
        var back = PreparationJob(inputs: archives.map { job.output.appending($0) }, output: scratch.path.appending("back"))
        back.options.shapes = [.fixed(PixelSize(32, 32))]
        #expect(try PreparationRunner(back).run().prepared == 12)
        let tree = try Scratch.tree(back.output)
        #expect(tree["b_photo 6.txt"] == Array("a thing 6".utf8))
    }

    @Test func layoutsAndNames() throws {
        let scratch = try Scratch()
        for (index, name) in ["a.png", "a.jpg", "A.jpeg", "x/a.png", "b.c.png"].enumerated() {
            let picture = try scene(80, 80, seed: UInt64(index + 1))
            try scratch.write("in/\(name)", name.hasSuffix("png") ? PNGEncoder.encode(picture) : JPEGEncoder.encode(picture))
        }
        try scratch.write("in/metadata.jsonl", Array("{\"file_name\": \"a.png\", \"text\": \"the first\"}\n".utf8))
        var job = Self.job(scratch, "plain")
        job.layout = .imageFolder
        _ = try PreparationRunner(job).run()
        let tree = try Scratch.tree(job.output)
        #expect(tree.keys.filter { $0.hasSuffix("png") }.sorted() == ["A.png", "a_jpg.png", "a_png.png", "b.c.png", "x/a.png"])
        let text = String(decoding: try #require(tree["metadata.jsonl"]), as: UTF8.self)
        #expect(text.contains("{\"file_name\": \"a_png.png\", \"text\": \"the first\"}\n"))
        job.layout = .kohya(repeats: 10, name: "sks dog")
        job.output = scratch.path.appending("kohya")
        job.options.mirrors = true
        job.options.shapes = [.fixed(PixelSize(32, 32)), .fixed(PixelSize(64, 48))]
        #expect(try PreparationRunner(job).run().pictures == 20)
        #expect(try Scratch.tree(job.output)["64x48/10_sks dog/x_a_mirror.png"] != nil)
    }

    /// Inputs come in the order of their names' bytes, wherever they lie, and each is found by its name.
    @Test func inputsInOrder() throws {
        let scratch = try Scratch()
        let names = [
            "Z.jpg", "a/b/c.png", "a/b.png", "a b.png", "ü.jpg", "a.JPEG", "no ending", "z/.hidden/x.png", "z/notes.txt",
            "folder.jpg/x.png",
        ]
        for name in names { try scratch.write("in/\(name)", [1]) }
        try scratch.write("a.png", [1])
        let inputs = try PictureInputs([scratch.path.appending("a.png"), scratch.path.appending("in")])
        let found = inputs.map(\.name)
        #expect(found == ["Z.jpg", "a b.png", "a.JPEG", "a.png", "a/b.png", "a/b/c.png", "folder.jpg/x.png", "no ending", "ü.jpg"])
        for (input, name) in zip(inputs, found) {
            #expect(inputs.first(named: name) == input)
            #expect(try FileSystem.kind(of: input.path) == .file)
        }
        #expect(inputs.first(named: "b") == nil && inputs.first(named: "") == nil && inputs.first(named: "\u{FF}") == nil)
    }

    @Test func duplicatesAreFound() throws {
        let scratch = try Scratch()
        let picture = try ImageDecoder.decode(Fixtures["images/resampling/photo.png"]).bitmap
        try scratch.write("in/1.png", PNGEncoder.encode(picture))
        try scratch.write("in/2.jpg", JPEGEncoder.encode(picture.resampled(to: PixelSize(150, 111)), settings: JPEGSettings(quality: 70)))
        try scratch.write("in/3.png", PNGEncoder.encode(scene(100, 100)))
        // In which the hash finds nothing to compare: only the same file is a copy.
        for (number, side) in [40, 50, 40].enumerated() {
            let blank = try scene(80, 80, seed: 9).resampled(to: PixelSize(1, 1)).resampled(to: PixelSize(side, side))
            try scratch.write("in/blank \(number).png", PNGEncoder.encode(blank))
        }
        var job = Self.job(scratch)
        job.removesDuplicates = true
        let summary = try PreparationRunner(job).run()
        #expect(summary.duplicates == 2 && summary.pictures == 4)
        #expect(summary.resemblances.map(\.name) == ["2.jpg", "blank 2.png"])
        #expect(try Scratch.tree(job.output)["2.png"] == nil)
    }

    /// A picture that says it has no pixels is refused before anything is reckoned from its size, as the fast way does.
    @Test(arguments: [false, true]) func aPictureWithoutPixelsIsRefused(isFast: Bool) throws {
        var bytes = try PNGEncoder.encode(scene(40, 30, seed: 1))
        for place in 16..<20 { bytes[place] = 0 }
        var options = PreparationOptions()
        options.isFast = isFast
        let error = #expect(throws: IsomerError.self) { _ = try PictureProcessor(options).process(bytes) }
        #expect(error?.code == .malformed && error?.what == "the picture has no pixels" && error?.found == "0x30")
    }

    /// Sets of several sizes may lie in the folder of the photos: none becomes part of another.
    @Test func whatAnEarlierRunMadeIsNoInput() throws {
        let scratch = try Self.photos()
        for (number, name) in ["in/small", "in/b/large"].enumerated() {
            var job = Self.job(scratch, name)
            if number == 1 { job.options.shapes = [.fixed(PixelSize(96, 96)), .fixed(PixelSize(32, 32))] }
            let summary = try PreparationRunner(job).run()
            #expect(summary.inputs == 15 && summary.prepared == 12, "\(name): \(summary.inputs)")
            #expect(summary.earlierOutputs.map(\.string) == (number == 0 ? [] : [scratch.path.pushing("in/small").string]))
        }
        // Named, a set is an input as any other.
        let again = try PictureInputs([scratch.path.pushing("in/small")])
        #expect(again.count == 12 && again.earlierOutputs.isEmpty)
        // A file that is only called so hides nothing.
        try scratch.write("in/other/manifest.jsonl", Array("{}\n".utf8))
        try scratch.write("in/other/a.png", PNGEncoder.encode(scene(30, 30, seed: 1)))
        #expect(try PictureInputs([scratch.path.appending("in")]).contains { $0.name == "other/a.png" })
    }

    @Test func refusesToTouchTheOriginals() throws {
        let scratch = try Self.photos()
        let job = Self.job(scratch, "in")
        #expect(throws: IsomerError.self) { try PreparationRunner(job).run() }
    }

    @Test func tarNamesOfAnyLength() throws {
        let scratch = try Scratch()
        let names = ["short.png", String(repeating: "långt/", count: 40) + "name.png", String(repeating: "x", count: 97) + ".png"]
        let bytes = names.flatMap { TarWriter.member($0, Array($0.utf8)) } + TarWriter.end
        let index = try TarIndex(ReadableFile(scratch.write("a.tar", bytes)))
        #expect(index.members.map(\.name) == names)
        for cut in stride(from: 1, to: bytes.count, by: 97) {
            _ = try? TarIndex(ReadableFile(scratch.write("b.tar", Array(bytes[..<cut]))))
        }
        var dice = Dice(3)
        for _ in 0..<300 {
            var broken = bytes
            broken[dice.below(broken.count)] = UInt8(truncatingIfNeeded: dice.next())
            _ = try? TarIndex(ReadableFile(scratch.write("c.tar", broken)))
        }
    }
}
