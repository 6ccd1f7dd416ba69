import IsomerBytes
import IsomerCommands
import IsomerTokenizers
import Testing

@Suite struct ConvertTokenizerTests {
    private let folder: TemporaryFolder
    private let clip = Fixtures["models/sd15-tiny/tokenizer"]

    init() throws { folder = try TemporaryFolder() }

    @Test func aFolderBecomesOneFileAndBack() throws {
        let run = CommandRun("convert", clip.string, folder["tokenizer.json"].string)
        #expect(run.status == .done)
        #expect(run.error == "")
        #expect(run.output.contains("vocab.json and merges.txt → tokenizer.json"))
        let back = CommandRun("convert", folder["tokenizer.json"].string, folder["out"].string)
        #expect(back.status == .done)
        #expect(!back.output.contains("not carried"))
        for name in ["merges.txt", "vocab.json"] {
            #expect(
                try ReadableFile(folder["out"].appending(name)).contents(limit: 1 << 20)
                    == ReadableFile(clip.appending(name)).contents(limit: 1 << 20))
        }
        let (first, second) = (try TokenizerFile(clip), try TokenizerFile(folder["out"]))
        #expect(first.tokenizer.json() == second.tokenizer.json())
        #expect(first.window == second.window && first.padding == second.padding)
    }

    /// What is written is read again under its name, or not written under it.
    @Test func namesThatMeanAPartOfATokenizer() throws {
        for name in ["vocab.json", "merges.txt", "tokenizer_config.json"] {
            let run = CommandRun("convert", clip.string, folder[name].string)
            #expect(run.status == .usage && run.error.contains("only a part of a tokenizer"), "\(run.error)")
        }
        #expect(CommandRun("convert", clip.string, folder["vocab-clip.json"].string).status == .done)
        #expect(
            try TokenizerFile(folder["vocab-clip.json"]).tokenizer.encode("a cat").ids == TokenizerFile(clip).tokenizer.encode("a cat").ids)
        let pieces = folder["vocab.txt"]
        try folder.file("vocab.txt", Array("[UNK]\n[CLS]\n[SEP]\n[PAD]\n[MASK]\na\ncat\n".utf8))
        let table = CommandRun("convert", pieces.string, folder["bpe_simple_vocab_16e6.txt"].string)
        #expect(table.status == .failed && table.error.contains("byte pairs"), "\(table.error)")
    }

    @Test func openCLIPsTableAndBack() throws {
        let table = folder["bpe_simple_vocab_16e6.txt.gz"]
        #expect(CommandRun("convert", clip.string, table.string).status == .done)
        let run = CommandRun("convert", table.string, folder["t.json"].string, "--json")
        #expect(run.status == .done)
        #expect(try run.json["notCarried"] == [])
        #expect(try TokenizerFile(folder["t.json"]).tokenizer.encode("a cat").ids == TokenizerFile(clip).tokenizer.encode("a cat").ids)
    }

    /// Every kind that llama.cpp knows, with a GGUF file's keys in between.
    @Test(arguments: ["t5", "llama", "byte-level", "bert"]) func keysOfAGGUFFileAndBack(_ name: String) throws {
        let whole = try Inflater.inflate(
            ReadableFile(Fixtures.root.pushing(FilePath("tokenizers/\(name).tokenizer.json.gz"))).contents(limit: 1 << 26), .gzip,
            size: .atMost(1 << 28))
        try folder.file("tokenizer.json", whole)
        let there = CommandRun("convert", folder["tokenizer.json"].string, folder["vocabulary.gguf"].string, "--json")
        #expect(there.status == .done, "\(there.error)")
        #expect(try there.json["target"] == "gguf")
        let back = CommandRun("convert", folder["vocabulary.gguf"].string, folder["again.json"].string)
        #expect(back.status == .done, "\(back.error)")
        #expect(try TokenizerFile(folder["again.json"]).tokenizer.json() == TokenizerFile(folder["tokenizer.json"]).tokenizer.json())
        let text = "A photo of naïve cats, 日本"
        let (from, expected) = (
            CommandRun("tokenize", "--model", folder["vocabulary.gguf"].string, text, "--json"),
            CommandRun("tokenize", "--model", folder["tokenizer.json"].string, text, "--json")
        )
        #expect(try from.json["prompts"] == expected.json["prompts"])
        #expect(try from.json["origin"] == "keys of a GGUF file")
    }

    @Test func whatIsLostIsSaid() throws {
        var tokenizer = try TokenizerFile(clip).tokenizer
        _ = try tokenizer.add([AddedToken("<toy>")])
        try folder.file("tokenizer.json", tokenizer.json())
        let run = CommandRun("convert", folder["tokenizer.json"].string, folder["table.txt"].string)
        #expect(run.status == .done)
        #expect(run.output.contains("the added token <toy>"))
        // A dry run says the same and writes nothing.
        let dry = CommandRun("convert", folder["tokenizer.json"].string, folder["dry.txt"].string, "--dry-run")
        #expect(dry.status == .done && dry.output.contains("the added token <toy>"))
        #expect(try FileSystem.kind(of: folder["dry.txt"]) == nil)
    }

    @Test func whatCannotBeIsRefused() throws {
        let tiktoken = CommandRun("convert", clip.string, folder["x.tiktoken"].string)
        #expect(tiktoken.status == .failed)
        #expect(tiktoken.error.contains("tiktoken holds byte pairs over bytes"))
        #expect(try FileSystem.kind(of: folder["x.tiktoken"]) == nil)
        #expect(CommandRun("convert", clip.string, folder["x.json"].string, "--dtype", "f16").status == .usage)
        #expect(CommandRun("convert", clip.string, folder["x.bin"].string).status == .usage)
        try folder.file("there.json", Array("{}".utf8))
        let there = CommandRun("convert", clip.string, folder["there.json"].string)
        #expect(there.status == .failed)
        #expect(try folder.bytes("there.json") == Array("{}".utf8))
        #expect(CommandRun("convert", clip.string, folder["there.json"].string, "--overwrite").status == .done)
        try folder.file("vocab.json", Array(#"{"a": 0, "a": 1}"#.utf8))
        try folder.file("merges.txt", Array("#version: 0.2\nx y\n".utf8))
        let bad = CommandRun("convert", folder["merges.txt"].string, folder["never.json"].string)
        #expect(bad.status == .failed)
        #expect(bad.error.contains("vocab.json"))
    }

    @Test func embeddingsGoInAndOut() throws {
        let model = Fixtures["models/sd15-tiny"].string
        let file = Fixtures["textual-inversion/webui.pt"].string
        let run = CommandRun("convert", model, folder["taught"].string, "--embedding", file + "=<style>")
        #expect(run.status == .done)
        #expect(run.output.contains("<style> is tokens 768 to 770 of text_encoder"))
        let prompt = CommandRun("tokenize", "--model", folder["taught"].string, "--json", "a <style>")
        #expect(
            try JSONCursor(prompt.json).required("prompts").elements()[0].required("tokens").elements()[2].required("id").integer() == 768)
        let out = CommandRun("convert", folder["taught"].string, folder["style.safetensors"].string, "--extract-embedding", "<style>")
        #expect(out.status == .done)
        let checkpoint = CommandRun("convert", model, folder["x.safetensors"].string, "--embedding", file)
        #expect(checkpoint.status == .failed)
        #expect(checkpoint.error.contains("a weight file has no place for tokens"))
        #expect(CommandRun("convert", model, folder["y.safetensors"].string, "--extract-embedding", "<none>").status == .failed)
    }
}
