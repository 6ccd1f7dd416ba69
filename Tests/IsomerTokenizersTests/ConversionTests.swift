import IsomerBytes
import Testing

@testable import IsomerTokenizers

/// One form of a tokenizer into another and back.
@Suite struct ConversionTests {
    private static let samples = ["", "A cat's hat!", "naïve café — 日本語 👩‍🚀", "<|endoftext|> it's  42\n"]

    private func expectSameIDs(_ left: Tokenizer, _ right: Tokenizer, _ what: String) throws {
        var differences = Differences()
        for text in try Self.samples + Fixture.strings.get().prefix(600) {
            let (found, expected) = (try left.encode(text).ids, try right.encode(text).ids)
            if found != expected { differences.add("\(text.debugDescription): \(found) for \(expected)") }
        }
        differences.expectNone(what)
    }

    @Test(arguments: [CLIPPadding.endOfText, .exclamation]) func clipThroughEveryForm(_ padding: CLIPPadding) throws {
        let clip = try TokenizerFile.clip(padding)
        for target in [TokenizerTarget.tokenizerJSON, .vocabularyFiles] {
            let (files, notCarried) = try clip.files(as: target)
            #expect(notCarried == [])
            try expectSameIDs(TokenizerFile(files, path: "out").tokenizer, clip.tokenizer, "\(target)")
        }
        let (table, lost) = try clip.files(as: .openCLIP)
        #expect(table.map(\.name) == ["bpe_simple_vocab_16e6.txt.gz"])
        // Which token pads, and so is found in prompts, the table cannot say.
        #expect(lost.isEmpty == (padding == .endOfText))
        let text = try Inflater.inflate(table[0].bytes, .gzip, size: .atMost(1 << 20))
        #expect(text.starts(with: "\"bpe_simple_vocab_16e6.txt#version: 0.2\ni n\n".utf8))
        #expect(try CLIPVocabulary(merges: text).model.mergesText() == CLIPVocabulary.mergesText())
        if padding == .endOfText {
            try expectSameIDs(TokenizerFile(table, path: "out").tokenizer, clip.tokenizer, "open_clip's table")
        }
    }

    @Test func whatAFormDoesNotSayIsNamed() throws {
        var clip = try TokenizerFile.clip().tokenizer
        _ = try clip.add([AddedToken("<toy>", isSingleWord: true)])
        let (_, lost) = try TokenizerFile([.init(name: "tokenizer.json", bytes: clip.json())], path: "in").files(as: .openCLIP)
        #expect(lost == ["the added token <toy>"])
        let (_, partly) = try TokenizerFile([.init(name: "tokenizer.json", bytes: clip.json())], path: "in").files(as: .vocabularyFiles)
        #expect(partly == ["that <toy> is found in prompts as it is here"])
        let roberta = try TokenizerFile([.init(name: "tokenizer.json", bytes: Fixture.bytes("roberta.tokenizer.json"))], path: "in")
        let (_, much) = try roberta.files(as: .vocabularyFiles)
        #expect(much.contains("the normalizer") && much.contains("the pre-tokenizer") && much.contains("the post-processor"))
    }

    @Test func bytePairsThroughTiktoken() throws {
        let file = try TokenizerFile([.init(name: "tokenizer.json", bytes: Fixture.bytes("byte-level.tokenizer.json"))], path: "in")
        let (files, lost) = try file.files(as: .tiktoken)
        #expect(lost.contains("the added token [NEW]"))
        let again = try VocabularyFiles.tiktoken(files[0].bytes)
        // Words, as both cut them.
        for word in ["photo", "masterpiece", "Ångström", "日本", "it"] {
            #expect(try again.encode(word).ids == file.tokenizer.encode(word, addsSpecials: false).ids)
        }
        #expect(throws: IsomerError.self) { try TokenizerFile.clip().files(as: .tiktoken) }
    }

    @Test func bertThroughItsLines() throws {
        let bert = try TokenizerFile([.init(name: "tokenizer.json", bytes: Fixture.bytes("bert.tokenizer.json"))], path: "in")
        for target in [TokenizerTarget.vocabularyFiles, .lines] {
            let (files, _) = try bert.files(as: target)
            try expectSameIDs(TokenizerFile(files, path: "out").tokenizer, bert.tokenizer, "vocab.txt")
        }
        #expect(throws: IsomerError.self) { try bert.files(as: .openCLIP) }
    }

    @Test(arguments: ["t5", "byte-level", "llama", "bert"]) func throughTheKeysOfGGUF(_ name: String) throws {
        let tokenizer = try Tokenizer(json: Fixture.bytes("\(name).tokenizer.json"))
        let (keys, _) = try tokenizer.keys()
        #expect(keys.first?.key == "tokenizer.ggml.model")
        #expect(keys.last?.key == "tokenizer.huggingface.json")
        let whole = Dictionary(keys.map { ($0.key, $0.value) }) { first, _ in first }
        #expect(try Tokenizer(keys: { key throws(IsomerError) in whole[key] }).json() == tokenizer.json())
        // Without the whole file, by llama.cpp's keys alone.
        let plain = try Tokenizer(keys: { key throws(IsomerError) in key.hasPrefix("tokenizer.ggml.") ? whole[key] : nil })
        for text in Self.samples.dropLast() + ["masterpiece, best quality", "x²y³ ½", "カタカナ"] {
            #expect(
                try plain.encode(text, addsSpecials: false).ids == tokenizer.encode(text, addsSpecials: false).ids, "\(name): \(text)")
        }
    }

    @Test func keysThatMeanNothingAreRefused() throws {
        func read(_ keys: [String: TokenizerKeyValue]) throws -> Tokenizer {
            try Tokenizer(keys: { key throws(IsomerError) in keys[key] }, path: "model.gguf")
        }
        #expect {
            _ = try read([:])
        } throws: { ($0 as? IsomerError)?.code == .cannotRead }
        #expect(
            throws: IsomerError(
                .unsupported, "this kind of tokenizer is not known", path: "model.gguf", item: "tokenizer.ggml.model",
                expected: "t5, llama, gpt2 or bert", found: "rwkv")
        ) { try read(["tokenizer.ggml.model": .string("rwkv"), "tokenizer.ggml.tokens": .strings(["a"])]) }
        #expect(
            throws: IsomerError(
                .malformed, "there are not as many scores as tokens", path: "model.gguf", item: "tokenizer.ggml.scores", expected: "1",
                found: "0")
        ) { try read(["tokenizer.ggml.model": .string("t5"), "tokenizer.ggml.tokens": .strings(["a"])]) }
        #expect(
            throws: IsomerError(
                .malformed, "the key's value has the wrong type", path: "model.gguf", item: "tokenizer.ggml.tokens", expected: "texts")
        ) { try read(["tokenizer.ggml.model": .string("t5"), "tokenizer.ggml.tokens": .integer(3)]) }
        #expect {
            _ = try read([
                "tokenizer.ggml.model": .string("gpt2"), "tokenizer.ggml.tokens": .strings(["a"]), "tokenizer.ggml.pre": .string("odd"),
            ])
        } throws: { ($0 as? IsomerError)?.location.item == "tokenizer.ggml.pre" }
    }
}
