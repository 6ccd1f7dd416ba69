import IsomerBytes
import Testing

@testable import IsomerImages

@Suite("Files of captions")
struct CaptionTableTests {
    private static func captions(_ scratch: Scratch, _ source: CaptionSource) throws -> [String: String] {
        var rules = CaptionRules()
        rules.sources = [source]
        let reader = CaptionReader(rules)
        var result: [String: String] = [:]
        for input in try PictureInputs([scratch.path.appending("in")]) { result[input.name] = try reader.caption(of: input)?.text }
        return result
    }

    private static func pictures(_ names: [String]) throws -> Scratch {
        let scratch = try Scratch()
        for name in names { try scratch.write("in/\(name)", [0]) }
        return scratch
    }

    /// A byte order mark is no part of a caption, UTF-16 is read where one tells it, and what is neither is not guessed at.
    @Test func textsAsEditorsSaveThem() throws {
        let scratch = try Self.pictures(["a.png", "b.png", "c.png"])
        try scratch.write("in/a.txt", [0xEF, 0xBB, 0xBF] + Array("an ä\r\n".utf8))
        try scratch.write("in/b.txt", [0xFF, 0xFE] + "an ä\r\n".utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] })
        #expect(try Self.captions(scratch, .txt) == ["a.png": "an ä", "b.png": "an ä"])
        try scratch.write("in/c.txt", [0x61, 0xE4])
        #expect(error { _ = try Self.captions(scratch, .txt) }?.location.item == "c.txt")
        try scratch.write("in/a.json", Array("{a".utf8))
        #expect(error { _ = try Self.captions(scratch, .json) }?.location.item == "a.json")
    }

    /// Names need not be text, and may be as long as the file system allows.
    @Test func captionsOfOddNames() throws {
        let scratch = try Self.pictures([])
        let long = String(repeating: "x", count: 251)
        let odd: [[UInt8]] = [[0x61, 0xFF, 0xC3, 0xA4], [0x61, 0xFE, 0xC3]]
        func path(_ name: [UInt8], _ ending: String) -> FilePath {
            FilePath(platformString: (Array("\(scratch.path.string)/in/".utf8) + name + ending.utf8 + [0]).map { CChar(bitPattern: $0) })
        }
        try FileSystem.makeFolder(scratch.path.appending("in"))
        for (number, name) in (odd + [Array(long.utf8)]).enumerated() {
            for ending in [".png", ".txt"] {
                let file = try FileDescriptor.open(path(name, ending), .writeOnly, options: .create, permissions: .ownerReadWrite)
                try file.closeAfter { _ = try file.writeAll(Array("caption \(number)".utf8)) }
            }
        }
        let inputs = try PictureInputs([scratch.path.appending("in")])
        #expect(inputs.map(\.name) == ["a%FE%C3.png", "a%FFä.png", "\(long).png"])
        for input in inputs { #expect(inputs.first(named: input.name) == input) }
        let found = try Self.captions(scratch, .txt)
        #expect(found == ["a%FFä.png": "caption 0", "a%FE%C3.png": "caption 1", "\(long).png": "caption 2"])
        // There can be no such file beside it.
        #expect(try CaptionReader(CaptionRules()).override(for: inputs[2]) == nil)
    }

    /// Hugging Face's rule: a path from the folder of `metadata.jsonl`; the nearest file comes first.
    @Test func linesNamePicturesByTheirPath() throws {
        let scratch = try Self.pictures(["a.png", "sub/a.png", "sub/deep/b.jpg", "sub/c.jpg", "sub/d.jpg"])
        try scratch.write(
            "in/metadata.jsonl",
            Array(
                """
                {"file_name": "a.png", "text": "outer"}

                {"file_name": "sub/a.png", "text": "inner"}
                {"caption": "by kohya", "image_path": "/data/set/sub/deep/b.jpg", "tags": "x, y"}
                {"file_name": "./sub/d.jpg", "text": "one of two"}
                {"file_name": "sub/d.jpg", "text": "the last counts"}
                """.utf8))
        try scratch.write("in/sub/metadata.jsonl", Array("{\"text\": \"near\", \"file_name\": \"c.jpg\"}\n".utf8))
        #expect(
            try Self.captions(scratch, .metadata) == [
                "a.png": "outer", "sub/a.png": "inner", "sub/c.jpg": "near", "sub/d.jpg": "the last counts",
                "sub/deep/b.jpg": "by kohya, x, y",
            ])
    }

    /// kohya's: stems, paths or other machines' absolute paths; tags stand behind captions.
    @Test func membersNamePicturesInKohyasWays() throws {
        let scratch = try Self.pictures(["one.png", "two.jpg", "three.jpg", "x/four.png", "y/four.png", "q\"{uote.png", "none.png"])
        try scratch.write(
            "in/meta_cap.json",
            Array(
                #"""
                {"one": {"caption": "a, b", "tags": "c}, \"d", "train_resolution": [512, [1, {"caption": "no"}]]},
                 "two.jpg" : {"tags": "only"}, "C:\\sets\\three.jpg": {"caption": "windows"},
                 "/a/x/four.png": {"caption": "x"}, "/a/y/four.png": {"caption": "y"}, "q\"{uote": {"caption": "\u0041"}}
                """#.utf8))
        #expect(
            try Self.captions(scratch, .meta) == [
                "one.png": "a, b, c}, \"d", "two.jpg": "only", "three.jpg": "windows", "x/four.png": "x", "y/four.png": "y",
                "q\"{uote.png": "A",
            ])
        for broken in ["{\"one\": {\"caption\": \"a\"}", "{\"one\": \"a", "{\"one\": {\"caption\": a}}"] {
            try scratch.write("in/meta_cap.json", Array(broken.utf8))
            #expect(throws: IsomerError.self, "\(broken)") { try Self.captions(scratch, .meta) }
        }
    }

    /// Thousands of entries, longer than what is read at a time.
    @Test func largeFiles() throws {
        let scratch = try Self.pictures(["p0.png", "p20000.png", "p49999.png"])
        let filling = String(repeating: "long caption ", count: 9)
        func text(_ number: Int) -> String { "\(filling)\(number)" }
        let lines = (0..<50_000).map { "{\"file_name\": \"p\($0).png\", \"text\": \"\(text($0))\"}" }
        try scratch.write("in/metadata.jsonl", Array(lines.joined(separator: "\n").utf8))
        let members = (0..<50_000).map { "\"p\($0)\": {\"caption\": \"\(text($0))\"}" }
        try scratch.write("in/meta.json", Array("{\(members.joined(separator: ",\n"))}\n".utf8))
        let expected = ["p0.png": text(0), "p20000.png": text(20_000), "p49999.png": text(49_999)]
        #expect(try Self.captions(scratch, .metadata) == expected)
        #expect(try Self.captions(scratch, .meta) == expected)
    }
}
