import IsomerBytes
import IsomerCommands
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

@Suite struct TokenizeTests {
    @Test func aPromptAsTheTextEncoderSeesIt() throws {
        let run = CommandRun("tokenize", "A photo of a café, naïve 👩‍🚀")
        #expect(run.status == .done)
        #expect(run.error == "")
        try expectSnapshot(run.output, "tokenize")
    }

    @Test func aPromptThatIsTooLongSaysWhereItIsCut() throws {
        let prompt = Array(repeating: "cat", count: 76).joined(separator: " ")
        let run = CommandRun("tokenize", "--json", prompt)
        #expect(run.status == .done)
        let result = try JSONCursor(run.json)
        #expect(try result.required("window").integer() == 77)
        let entry = try result.required("prompts").elements()[0]
        #expect(try entry.required("count").integer() == 78)
        #expect(try entry.required("fits").bool() == false)
        // 75 words fit between the marks; each takes four bytes with its space.
        #expect(try entry.required("cut").integer() == 300)
        #expect(try entry.required("tokens").elements()[1].required("id").integer() == 2368)
    }

    @Test func exclamationMarksPadInStableDiffusion2() throws {
        let first = try JSONCursor(CommandRun("tokenize", "--json", "wow!").json).required("prompts").elements()[0]
        let second = try JSONCursor(CommandRun("tokenize", "--json", "--model", "clip2", "wow!").json).required("prompts").elements()[0]
        #expect(try first.required("tokens").elements()[2].required("id").integer() == 256)
        #expect(try second.required("tokens").elements()[2].required("id").integer() == 0)
    }

    @Test func everyFlavorOfCLIP() throws {
        func ids(_ flavor: String) throws -> [Int] {
            let run = CommandRun("tokenize", "--json", "--flavor", flavor, "&amp; “cafÃ©”")
            return try JSONCursor(run.json).required("prompts").elements()[0].required("tokens").elements().map {
                try $0.required("id").integer()
            }
        }
        let all = try ["transformers", "transformers-slow", "transformers-slow-without-ftfy", "open_clip"].map(ids)
        // ftfy replaces references as well, so that here two agree.
        #expect(all[1] == all[3])
        #expect(all[0] == all[2] && all[0] != all[1])
        let text = CommandRun("tokenize", "--flavor", "open_clip", Array(repeating: "cat", count: 80).joined(separator: " "))
        #expect(text.output.contains("too long: the text encoder would not see the last 5 tokens"))
        #expect(CommandRun("tokenize", "--flavor", "open_clip", "--model", "x.json", "a").status == .usage)
    }

    @Test func captionsThatAreTooLongAreNamed() throws {
        let folder = try TemporaryFolder()
        try folder.file("short.txt", Array("a photo of a cat\n".utf8))
        try folder.file("long.txt", Array(Array(repeating: "cat", count: 90).joined(separator: " ").utf8))
        try folder.file("notes.md", Array("not a caption".utf8))
        // Links that lead nowhere are not looked at unless they are called captions.
        #expect(symlink("nowhere", folder["photo.png"].string) == 0)
        let run = CommandRun("tokenize", "--count", folder.path.string)
        #expect(run.status == .done)
        #expect(run.output.contains("long.txt: 92 tokens, 15 too many\n"))
        #expect(!run.output.contains("short.txt"))
        #expect(run.output.contains("captions  2"))
        let result = try JSONCursor(CommandRun("tokenize", "--count", "--json", folder.path.string).json)
        #expect(try result.required("files").integer() == 2)
        #expect(try result.required("shortest").integer() == 7)
        #expect(try result.required("tooLong").elements().count == 1)
        #expect(symlink("nowhere", folder["photo.txt"].string) == 0)
        #expect(CommandRun("tokenize", "--count", folder.path.string).error.contains("photo.txt: this symbolic link leads nowhere"))
    }

    /// The captions that are text are counted though others are none.
    @Test func captionsThatAreNoTextAreToldAndPassedOver() throws {
        let folder = try TemporaryFolder()
        try folder.file("a.txt", [0x61, 0xFF])
        try folder.file("b.txt", Array("a cat".utf8))
        #expect(symlink("nowhere", folder["c.txt"].string) == 0)
        let run = CommandRun("tokenize", "--count", folder.path.string, folder["none.txt"].string)
        #expect(run.status == .failed)
        for name in ["a.txt", "c.txt", "none.txt"] { #expect(run.error.contains(folder[name].string)) }
        #expect(run.output.contains("captions  1"))
        #expect(run.output.contains("not read  3"))
        let result = try JSONCursor(CommandRun("tokenize", "--count", "--json", folder.path.string).json)
        #expect(try result.required("files").integer() == 1 && result.required("tokens").integer() == 4)
        let failed = try result.required("failed").elements().map { try $0.required("path").string() }
        #expect(failed.sorted() == [folder["a.txt"].string, folder["c.txt"].string])
        let none = CommandRun("tokenize", "--count", folder["a.txt"].string)
        #expect(none.output.contains("captions  0") && !none.output.contains("shortest"))
    }

    @Test func badInputEndsWithStatus2AndThePlace() throws {
        let folder = try TemporaryFolder()
        try folder.file("tokenizer.json", Array(#"{"version": "1.0", "model": {"type": "Neural"}}"#.utf8))
        let run = CommandRun("tokenize", "--model", folder["tokenizer.json"].string, "a")
        #expect(run.status == .failed)
        #expect(run.error.contains("tokenizer.json: model.type: this kind of model is not known"))
        #expect(CommandRun("tokenize", "--model", folder["none"].string, "a").status == .failed)
        #expect(CommandRun("tokenize").status == .usage)
        try folder.file("bad.txt", [0x61, 0xFF])
        #expect(CommandRun("tokenize", "--count", folder["bad.txt"].string).status == .failed)
    }
}
