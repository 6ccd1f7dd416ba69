import IsomerBytes
import IsomerCommands
import Testing

@Suite struct PrepareTests {
    static let photos = Fixtures["images/subjects"].string

    @Test func preparesAFolder() throws {
        let folder = try TemporaryFolder()
        let output = folder.path.appending("out")
        let arguments = [
            "prepare", Self.photos, "--output", output.string, "--size", "96", "--format", "jpeg", "--layout", "kohya", "--token", "sks",
            "--class",
            "thing", "--json", "--html", folder.path.appending("sheet.html").string, "--preview",
            folder.path.appending("preview.png").string,
        ]
        let run = CommandRun(arguments)
        #expect(run.status == .done)
        let json = try run.json
        #expect(json["schema"] == "isomer.prepare/1")
        #expect(json["prepared"] == 24)
        #expect(json["sizes"]?["96x96"] == 24)
        let names = try FileSystem.entries(of: output.appending("10_sks thing")).map(\.string)
        #expect(names.count { $0.hasSuffix(".jpg") } == 24)
        #expect(names.count { $0.hasSuffix(".txt") } == 24)
        let page = String(decoding: try ReadableFile(folder.path.appending("sheet.html")).contents(limit: 1 << 26), as: UTF8.self)
        #expect(page.hasPrefix("<!doctype html>"))
        #expect(page.ranges(of: "data:image/jpeg;base64,").count == 24)
        let again = try CommandRun(arguments).json
        #expect(again["unchanged"] == 24)
        #expect(again["prepared"] == 0)
    }

    @Test func aDryRunWritesNothing() throws {
        let folder = try TemporaryFolder()
        _ = try folder.folder("in")
        _ = try folder.file("in/broken.jpg", [0xFF, 0xD8, 0xFF])
        let run = CommandRun("prepare", folder.path.appending("in").string, "-o", folder.path.appending("out").string, "--dry-run")
        #expect(run.status == .checkFailed)
        #expect(run.output.contains("broken.jpg: failed: "))
        #expect(try FileSystem.kind(of: folder.path.appending("out")) == nil)
    }

    /// A mistyped path is told of, leaves nothing behind and takes nothing away.
    @Test func foldersWithoutPicturesAreRefused() throws {
        let folder = try TemporaryFolder()
        _ = try folder.folder("in")
        _ = try folder.file("in/notes.txt", [0x61])
        let (input, out) = (folder["in"].string, folder["out"])
        let run = CommandRun("prepare", input, "-o", out.string)
        #expect(run.status == .failed && run.output.isEmpty && run.error.contains("in: there are no pictures here"), "\(run.error)")
        #expect(CommandRun("prepare", input, "-o", out.string, "--dry-run", "--json").status == .failed)
        #expect(try FileSystem.kind(of: out) == nil)
        // Beside a folder of pictures it is only named.
        let both = CommandRun("prepare", input, Self.photos, "-o", out.string, "--size", "64", "--layout", "webdataset")
        #expect(both.status == .done && both.error.contains("in: there are no pictures here"), "\(both.error)")
        let before = try FileSystem.entries(of: out)
        #expect(CommandRun("prepare", input, "-o", out.string, "--size", "64", "--layout", "webdataset").status == .failed)
        #expect(try FileSystem.entries(of: out) == before)
        // A folder of nothing but an earlier run's pictures.
        #expect(CommandRun("prepare", Self.photos, "-o", folder["in/set"].string, "--size", "64").status == .done)
        let again = CommandRun("prepare", input, "-o", out.string)
        #expect(again.status == .failed && again.error.contains("in/set: an earlier run made"), "\(again.error)")
    }

    /// A page that cannot be written is refused before any work.
    @Test(arguments: ["--html", "--preview"]) func theSheetsPlaceIsCheckedFirst(_ option: String) throws {
        let folder = try TemporaryFolder()
        let out = folder.path.appending("out")
        let run = CommandRun("prepare", Self.photos, "-o", out.string, "--size", "64", option, folder["none/sheet"].string)
        #expect(run.status == .failed && run.error.contains("there is no such folder"))
        #expect(try FileSystem.entries(of: out).isEmpty)
        let within = CommandRun("prepare", Self.photos, "-o", out.string, "--size", "64", option, out.appending("sheet").string)
        #expect(within.error.isEmpty || within.error.contains("broken.jpg"))
        #expect(try FileSystem.kind(of: out.appending("sheet")) == .file)
    }

    @Test func decisionsAreObeyed() throws {
        let folder = try TemporaryFolder()
        let decisions = try folder.file(
            "overrides.json",
            Array(#"{"00-face-gradient.jpg": {"exclude": true}, "01-cup-gradient.jpg": {"box": [0, 0, 10, 10], "caption": "mine"}}"#.utf8))
        let run = CommandRun(
            "prepare", Self.photos, "-o", folder.path.appending("out").string, "--size", "64", "--overrides", decisions.string, "--json")
        #expect(try run.json["leftOut"] == 1)
        let text = try ReadableFile(folder.path.appending("out/01-cup-gradient.txt")).contents(limit: 100)
        #expect(text == Array("mine".utf8))
        let wrong = try folder.file("wrong.json", Array(#"{"a.jpg": {"box": [5, 5, 1, 9]}}"#.utf8))
        let refused = CommandRun("prepare", Self.photos, "-o", folder.path.appending("out").string, "--overrides", wrong.string)
        #expect(refused.status == .failed)
        let slip = try folder.file("slip.json", Array(#"{"00-face-gradient.jpg": {"excluded": true}}"#.utf8))
        let told = CommandRun("prepare", Self.photos, "-o", folder.path.appending("out").string, "--overrides", slip.string)
        #expect(told.status == .failed && told.error.contains("00-face-gradient.jpg.excluded: decisions have no such field"))
        let absent = try folder.file("absent.json", Array(#"{"b.jpg": {"exclude": true}, "a.jpg": {}}"#.utf8))
        let idle = CommandRun(
            "prepare", Self.photos, "-o", folder.path.appending("out").string, "--size", "64", "--overrides", absent.string)
        #expect(idle.error.contains("absent.json: there is no picture a.jpg, nor 1 other of which it decides"))
    }

    @Test(
        arguments: [
            ["--size", "0"], ["--size", "5x"], ["--alpha", "pink"], ["--focus", "2,0"], ["--shard", "3/2"], ["--layout", "kohya"],
            ["--quality", "101"],
            ["--short-side", "512", "--size", "512"], ["--short-side", "512", "--buckets", "kohya"],
            ["--buckets", "autosized", "--size", "512"],
            ["--buckets", "onetrainer", "--size", "512x768"], ["--overlap", "1"], ["--pillow-compat", "11"],
            ["--shard", "1/2", "--dedupe"], ["--alpha", "keep", "--format", "jpeg"],
        ]) func wrongOptionsAreRefused(_ options: [String]) throws
    {
        let folder = try TemporaryFolder()
        let run = CommandRun(["prepare", Self.photos, "-o", folder.path.appending("out").string, "--dry-run"] + options)
        #expect(run.status == .usage, "\(run.error)")
    }
}
