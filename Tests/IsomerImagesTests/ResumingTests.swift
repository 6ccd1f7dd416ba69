import IsomerBytes
import Testing

@testable import IsomerImages

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

@Suite("Taking batches up again")
struct ResumingTests {
    private static func archiveJob(_ scratch: Scratch, _ output: String) -> PreparationJob {
        var job = BatchTests.job(scratch, output)
        job.layout = .webDataset(samples: 5)
        return job
    }

    private static func identities(_ job: PreparationJob) throws -> [String: FileIdentity] {
        var result: [String: FileIdentity] = [:]
        for name in try FileSystem.entries(of: job.output) where name.extension == "tar" {
            result[name.string] = try FileSystem.identity(of: job.output.appending(name))
        }
        return result
    }

    /// A file of all captions, and the manifest, that would say the same again are not touched: nothing that watches them wakes up.
    @Test(arguments: [CaptionFormat.metadata, .meta]) func tablesThatStayTheSameAreNotWrittenAgain(format: CaptionFormat) throws {
        let scratch = try BatchTests.photos()
        var job = BatchTests.job(scratch, "set")
        job.captionFormat = format
        let table = job.output.appending(format == .meta ? "meta.json" : "metadata.jsonl")
        func files() throws -> [FileIdentity] {
            try [table, job.output.appending("manifest.jsonl")].map { path throws in try FileSystem.identity(of: path) }
        }
        _ = try PreparationRunner(job).run()
        // The manifest of the first run says of each picture that it was made.
        _ = try PreparationRunner(job).run()
        let (before, tree) = (try files(), try Scratch.tree(job.output))
        #expect(try PreparationRunner(job).run().prepared == 0)
        #expect(try files() == before && Scratch.tree(job.output) == tree)

        // A caption of the same length is another one.
        let text = try #require(tree[format == .meta ? "meta.json" : "metadata.jsonl"])
        var other = text
        let place = try #require(other.firstIndex(of: UInt8(ascii: "g")))
        other[place] = UInt8(ascii: "G")
        try scratch.write("set/\(table.lastComponent?.string ?? "")", other)
        _ = try PreparationRunner(job).run()
        #expect(try Scratch.tree(job.output) == tree)
    }

    #if os(Linux)
        /// A disk that fills up ends the batch at once, and what tells of the whole set stays what it was.
        @Test(.enabled(if: getuid() == 0, "mounting a small disk needs root")) func aFullDiskEndsTheBatch() throws {
            let scratch = try BatchTests.photos()
            var job = BatchTests.job(scratch, "disk/set")
            job.captionFormat = .metadata
            let disk = scratch.path.appending("disk")
            try FileSystem.makeFolder(disk)
            guard mount("none", disk.string, "tmpfs", 0, "size=200k") == 0 else {
                withKnownIssue { Issue.record("a small disk cannot be mounted here: \(Errno(rawValue: errno))") }
                return
            }
            defer { umount(disk.string) }
            _ = try PreparationRunner(job).run()
            let before = try Scratch.tree(job.output)
            job.options.shapes = [.fixed(PixelSize(512, 512))]
            let error = try #require(throws: IsomerError.self) { _ = try PreparationRunner(job).run() }
            #expect(error.code == .cannotWrite && error.what == "the disk is full" && error.location.path?.extension == "png")
            let after = try Scratch.tree(job.output)
            for name in ["manifest.jsonl", "metadata.jsonl"] { #expect(after[name] == before[name]) }
            // All is as large as before, where there is room for it.
            job.options.shapes = [.fixed(PixelSize(64, 64))]
            _ = try PreparationRunner(job).run()
            #expect(try Scratch.tree(job.output).keys.sorted() == before.keys.sorted())
        }
    #endif

    /// What a run from nothing would make of the inputs as they are now.
    private static func expectFresh(_ scratch: Scratch, _ job: PreparationJob, _ name: String) throws {
        var fresh = job
        fresh.output = scratch.path.appending(name)
        _ = try PreparationRunner(fresh).run()
        #expect(try Scratch.tree(job.output) == Scratch.tree(fresh.output))
    }

    @Test func archivesThatStayTheSameAreNotWrittenAgain() throws {
        let scratch = try BatchTests.photos()
        let job = Self.archiveJob(scratch, "tars")
        _ = try PreparationRunner(job).run()
        let (before, files) = (try Scratch.tree(job.output), try Self.identities(job))
        let again = try PreparationRunner(job).run()
        #expect(again.unchanged == 12 && again.prepared == 0 && again.bytesWritten == 0)
        #expect(try Scratch.tree(job.output) == before)
        #expect(try Self.identities(job) == files)

        // The last picture changes: only the last archive is written, and only that picture is made.
        try scratch.write("in/photo8.png", PNGEncoder.encode(scene(90, 120, seed: 50)))
        let changed = try PreparationRunner(job).run()
        #expect(changed.unchanged == 11 && changed.prepared == 1)
        let now = try Self.identities(job)
        #expect(now["000000.tar"] == files["000000.tar"] && now["000001.tar"] == files["000001.tar"])
        #expect(now["000002.tar"] != files["000002.tar"])
        try Self.expectFresh(scratch, job, "fresh1")

        // A first picture comes in: all samples move by one, none is made again.
        try scratch.write("in/a.png", PNGEncoder.encode(scene(70, 70, seed: 51)))
        let moved = try PreparationRunner(job).run()
        #expect(moved.unchanged == 12 && moved.prepared == 1)
        try Self.expectFresh(scratch, job, "fresh2")

        // Most pictures go: so do the archives that nothing fills.
        for name in ["a.png", "photo1.png", "photo2.png", "photo4.png", "photo5.png", "photo7.png", "photo8.png", "photo10.png"] {
            unlink(scratch.path.appending("in/\(name)").string)
        }
        let fewer = try PreparationRunner(job).run()
        #expect(fewer.unchanged == 5 && fewer.prepared == 0)
        #expect(try Self.identities(job).keys.sorted() == ["000000.tar"])
        try Self.expectFresh(scratch, job, "fresh3")
    }

    @Test func killedArchivesAreTakenUp() throws {
        let scratch = try BatchTests.photos()
        let job = Self.archiveJob(scratch, "tars")
        _ = try PreparationRunner(job).run()
        let whole = try Scratch.tree(job.output)
        // Two archives were complete, and noted; the third was being written.
        let manifest = String(decoding: try #require(whole["manifest.jsonl"]), as: UTF8.self).split(separator: "\n")
        let noted = manifest.filter { $0.contains("000000.tar") || $0.contains("000001.tar") }
        for name in ["manifest.jsonl", "000002.tar"] { unlink(job.output.appending(name).string) }
        try scratch.write("tars/manifest.jsonl.part", Array(noted.joined(separator: "\n").utf8))
        let resumed = try PreparationRunner(job).run()
        #expect(resumed.unchanged == 10 && resumed.prepared == 2)
        #expect(try Scratch.tree(job.output) == whole)
        // An archive that is gone is made again, and so is one that is damaged.
        unlink(job.output.appending("000001.tar").string)
        try scratch.write("tars/000000.tar", [UInt8](repeating: 7, count: 4096))
        #expect(try PreparationRunner(job).run().prepared == 10)
        #expect(try Scratch.tree(job.output) == whole)
    }

    /// What an earlier run made and this one does not goes away; what is not the batch's own stays.
    @Test func nothingStaleIsLeft() throws {
        let scratch = try BatchTests.photos()
        var job = BatchTests.job(scratch)
        _ = try PreparationRunner(job).run()
        try scratch.write("out/mine.png", [1, 2, 3])
        job.options.format = .jpeg(JPEGSettings())
        job.overrides = ["photo2.png": PictureOverride(isExcluded: true)]
        _ = try PreparationRunner(job).run()
        let names = try Scratch.tree(job.output).keys
        #expect(names.filter { $0.hasSuffix(".png") } == ["mine.png"])
        #expect(names.count { $0.hasSuffix(".jpg") } == 11)
        #expect(!names.contains("photo2.txt") && names.contains("photo4.txt"))
        // A change of layout leaves nothing of the old one.
        job.layout = .webDataset(samples: 100)
        _ = try PreparationRunner(job).run()
        #expect(try Scratch.tree(job.output).keys.sorted() == ["000000.tar", "manifest.jsonl", "mine.png"])
        job.layout = .plain
        _ = try PreparationRunner(job).run()
        #expect(try Self.identities(job).isEmpty)
    }

    /// A name that gave way to another's does not come back as that one's.
    @Test func collidingNamesStayApart() throws {
        let scratch = try Scratch()
        try scratch.write("in/b/x.png", PNGEncoder.encode(scene(80, 80, seed: 1)))
        var job = BatchTests.job(scratch)
        job.layout = .dreamBooth(isClass: false)
        _ = try PreparationRunner(job).run()
        let first = try Scratch.tree(job.output)["instance/b_x.png"]
        for (seed, name) in ["b/X.jpg", "b_x.jpg", "B_x.PNG"].enumerated() {
            let picture = try scene(80, 80, seed: UInt64(seed + 2))
            try scratch.write("in/\(name)", name.hasSuffix("jpg") ? JPEGEncoder.encode(picture) : PNGEncoder.encode(picture))
        }
        #expect(try PreparationRunner(job).run().failed == 0)
        let tree = try Scratch.tree(job.output)
        let pictures = tree.filter { $0.key.hasSuffix(".png") }
        #expect(pictures.count == 4)
        #expect(Set(pictures.keys.map { $0.lowercased() }).count == 4)
        #expect(pictures.values.contains { $0 == first })
        #expect(Set(pictures.values).count == 4)
        var fresh = job
        fresh.output = scratch.path.appending("fresh")
        _ = try PreparationRunner(fresh).run()
        #expect(try Scratch.tree(fresh.output) == tree)
    }

    /// What was made of an input that is gone stays, outside of archives, and is told of once.
    @Test func inputsThatAreGone() throws {
        let scratch = try BatchTests.photos()
        let job = BatchTests.job(scratch)
        #expect(try PreparationRunner(job).run().gone == 0)
        for name in ["photo1.png", "photo2.png"] { unlink(scratch.path.appending("in/\(name)").string) }
        #expect(try PreparationRunner(job).run().gone == 2)
        #expect(try Scratch.tree(job.output)["photo1.png"] != nil)
        #expect(try PreparationRunner(job).run().gone == 0)
    }

    /// All samples of archives have the same members, unless captions are not wanted at all.
    @Test func archivedSamplesAreAlike() throws {
        let scratch = try BatchTests.photos()
        var job = Self.archiveJob(scratch, "tars")
        for (format, endings) in [(CaptionFormat.txt, ["png", "txt"]), (.none, ["png"])] {
            job.captionFormat = format
            _ = try PreparationRunner(job).run()
            for name in ["000000.tar", "000001.tar", "000002.tar"] {
                let members = try TarIndex(ReadableFile(job.output.appending(name))).members.map { PictureInputs.split($0.name) }
                for sample in Dictionary(grouping: members, by: \.stem).values { #expect(sample.map(\.ending).sorted() == endings) }
            }
            #expect(try PreparationRunner(job).run().unchanged == 12)
        }
    }

    /// Names of any bytes that a file system takes; the manifest holds each on one line.
    @Test func strangeNames() throws {
        let scratch = try Scratch()
        let names = [
            "new\nline.png", "tab\tand \u{1B}[31mred.png", "quote\"and\\.png", "…ü漢.png", "dots.in.name.png", "<b>&amp;.png", "-o.png",
        ]
        for (index, name) in names.enumerated() { try scratch.write("in/\(name)", PNGEncoder.encode(scene(70, 70, seed: UInt64(index)))) }
        let job = BatchTests.job(scratch)
        #expect(try PreparationRunner(job).run().prepared == names.count)
        let tree = try Scratch.tree(job.output)
        #expect(Set(tree.keys) == Set(names + ["manifest.jsonl"]))
        #expect(try #require(tree["manifest.jsonl"]).count { $0 == 0x0A } == names.count + 1)
        #expect(try PreparationRunner(job).run().unchanged == names.count)
    }

    /// `photo.focus.json` decides about `photo.png`, and the file for the whole batch wins over it.
    @Test func decisionsBesideAPicture() throws {
        let scratch = try Scratch()
        try scratch.write("in/a.png", PNGEncoder.encode(scene(200, 100, seed: 1)))
        try scratch.write("in/b.png", PNGEncoder.encode(scene(200, 100, seed: 2)))
        try scratch.write("in/c.png", PNGEncoder.encode(scene(200, 100, seed: 3)))
        try scratch.write("in/a.focus.json", Array(#"{"point": [0, 0.5], "caption": "left"}"#.utf8))
        try scratch.write("in/b.focus.json", Array(#"{"boxes": [[150, 10, 190, 90], [190, 10, 200, 90]]}"#.utf8))
        try scratch.write("in/c.focus.json", Array(#"{"exclude": true}"#.utf8))
        var job = BatchTests.job(scratch)
        var crops: [String: JSONValue] = [:]
        func run() throws -> PreparationSummary {
            try PreparationRunner(job).run(report: { (record: JSONValue) throws(IsomerError) in
                if case .string(let name)? = record["input"], case .array(let outputs)? = record["outputs"] {
                    crops[name] = outputs.first?["crop"]
                }
            })
        }
        #expect(try run().leftOut == 1)
        #expect(crops["a.png"] == [0, 0, 100, 100])
        #expect(crops["b.png"] == [100, 0, 200, 100])
        #expect(try Scratch.tree(job.output)["a.txt"] == Array("left".utf8))
        job.overrides = ["a.png": PictureOverride(focus: .point(x: 1, y: 0))]
        _ = try run()
        #expect(crops["a.png"] == [100, 0, 200, 100])
        try scratch.write("in/a.focus.json", Array(#"{"point": "left"}"#.utf8))
        job.overrides = [:]
        #expect(try run().failed == 1)
    }
}
