import IsomerBytes
import IsomerConversion
import IsomerFormats
import IsomerTensors
import IsomerTokenizers
import Testing

@Suite struct TextualInversionTests {
    static let folder = Fixtures["textual-inversion"]
    static let models = Fixtures["models"]

    /// Vectors as floats, one after another.
    static func floats(_ bytes: [UInt8]) -> [Float] {
        stride(from: 0, to: bytes.count - 3, by: 4).map { start in
            Float(bitPattern: bytes[start..<start + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) })
        }
    }

    static func numbers(_ cursor: JSONCursor) throws -> [Float] {
        try cursor.elements().flatMap { row in try row.elements().map { Float(try $0.double()) } }
    }

    @Test func everyArrangementIsRead() throws {
        let expected = JSONCursor(try JSONValue(contentsOf: Self.folder.appending("expected.json")))
        var count = 0
        for (name, entry) in try expected.members() {
            count += 1
            let inversion = try TextualInversion(Self.folder.appending(name))
            #expect(inversion.arrangement.rawValue == (try entry.required("arrangement").string()), "\(name)")
            let words = try entry.required("words").members()
            #expect(inversion.words.map { $0.token(in: inversion.path) } == words.map(\.key), "\(name)")
            for (word, (_, encoders)) in zip(inversion.words, words) {
                for (encoder, rows) in try encoders.members() {
                    let vectors = try #require(word.vectors.first { ($0.encoder ?? "") == encoder }, "\(name)")
                    #expect(vectors.width == 8)
                    #expect(try vectors.count == rows.elements().count)
                    #expect(try Self.floats(vectors.bytes(as: .f32).bytes) == Self.numbers(rows), "\(name) \(encoder)")
                }
            }
        }
        #expect(count == 7)
        #expect(try TextualInversion(Self.folder.appending("webui.pt")).metadata["step"] == "4999")
    }

    @Test func otherFilesAreRefused() throws {
        let path = Self.folder.appending("not-one.safetensors")
        #expect(
            throws: IsomerError(
                .mismatch, "this is no textual inversion", path: path, item: "weight",
                expected: "a few vectors of floating-point numbers, [n, width]", found: "F32 [3, 4, 5]")
        ) { try TextualInversion(path) }
        #expect(throws: IsomerError.self) {
            try TextualInversion(Self.models.appending("sd15-tiny/unet/diffusion_pytorch_model.safetensors"))
        }
    }

    @Test func addedWordsAreInTheEncoderAndTheTokenizer() throws {
        let folder = try TemporaryFolder()
        var plan = try ConversionPlan(ConversionRequest(source: Self.models.appending("sd15-tiny")), to: .diffusers)
        let style = try TextualInversion(Self.folder.appending("webui.pt"))
        try plan.add([AddedWord(style, token: "<style>"), AddedWord(try TextualInversion(Self.folder.appending("learned_embeds.bin")))])
        #expect(plan.notes.contains("<style> is tokens 768 to 770 of text_encoder"))
        #expect(plan.notes.contains("<cat-toy> is token 771 of text_encoder"))
        _ = try Executor().run(plan, to: folder["out"])

        let weights = try openWeights(folder["out"].appending("text_encoder/model.safetensors"))
        let index = try #require(weights.tensors.firstIndex { $0.name == "text_model.embeddings.token_embedding.weight" })
        #expect(weights.tensors[index].shape.dimensions == [772, 8])
        let table = Self.floats(try weights.bytes(of: index))
        let before = try openWeights(Self.models.appending("sd15-tiny/text_encoder/model.safetensors"))
        let old = try #require(before.tensors.firstIndex { $0.name.hasSuffix("token_embedding.weight") })
        #expect(Array(table.prefix(768 * 8)) == Self.floats(try before.bytes(of: old)))
        #expect(Array(table[768 * 8..<771 * 8]) == Self.floats(try style.words[0].vectors[0].bytes(as: .f32).bytes))

        let config = JSONCursor(try JSONValue(contentsOf: folder["out"].appending("text_encoder/config.json")))
        #expect(try config.required("vocab_size").integer() == 772)
        let tokenizer = try TokenizerFile(folder["out"]).tokenizer
        #expect(try tokenizer.encode("<style> <style>_1 <cat-toy>", addsSpecials: false).ids == [768, 769, 771])

        // Taken out again it is what went in, in each arrangement.
        for (name, arrangement) in [("a.pt", "A1111"), ("a.bin", "diffusers"), ("a.safetensors", "emb_params")] {
            let container: Container = name == "a.safetensors" ? .safetensors : .torch()
            let back = try ConversionPlan(ConversionRequest(source: folder["out"]), to: .diffusers)
                .taking("<style>", to: folder[name], container: container)
            _ = try Executor().run(back, to: folder[name])
            let again = try TextualInversion(folder[name])
            #expect(again.arrangement.rawValue == arrangement)
            #expect(again.words.map { $0.token(in: again.path) } == ["<style>"])
            #expect(try again.words[0].vectors[0].bytes(as: .f32).bytes == style.words[0].vectors[0].bytes(as: .f32).bytes)
        }
    }

    @Test func aTokenizerJSONGetsTheWordToo() throws {
        var plan = try ConversionPlan(ConversionRequest(source: Self.models.appending("sd15-tiny")), to: .diffusers)
        let tokenizer = try TokenizerFile(Self.models.appending("sd15-tiny/tokenizer")).tokenizer
        plan.plainFiles.append(PlainFile(path: "tokenizer/tokenizer.json", bytes: tokenizer.json()))
        try plan.add([AddedWord(try TextualInversion(Self.folder.appending("negative.safetensors")))])
        let file = try #require(plan.plainFiles.first { $0.path == "tokenizer/tokenizer.json" })
        #expect(try Tokenizer(json: file.bytes).encode("a negative", addsSpecials: false).ids.last == 768)
    }

    /// Two text encoders, the first with rows to spare, the second in another type.
    static func twoEncoders() throws -> ConversionPlan {
        var plan = ConversionPlan(sources: [], shape: .folder, files: [])
        let tiny = models.appending("sd15-tiny")
        for (number, (suffix, rows, type)) in [("", 770, ScalarType.f32), ("_2", 768, .f16)].enumerated() {
            let source = try MemorySource([
                ("text_model.embeddings.token_embedding.weight", type, [rows, 8], [UInt8](repeating: 1, count: rows * type.bitCount))
            ])
            plan.sources.append(ConversionPlan.Source("text_encoder\(suffix)", source, files: []))
            plan.files.append(
                PlannedFile(
                    path: FilePath("text_encoder\(suffix)").appending("model.safetensors"), container: .safetensors,
                    tensors: [PlannedTensor(source.tensors[0], from: TensorReference(source: number, index: 0), of: type)]))
            plan.plainFiles.append(
                PlainFile(path: FilePath("text_encoder\(suffix)").appending("config.json"), bytes: Array(#"{"eos_token_id": 2}"#.utf8)))
            for name in ["vocab.json", "merges.txt"] {
                plan.plainFiles.append(
                    PlainFile(
                        path: FilePath("tokenizer\(suffix)").appending(name),
                        bytes: try ReadableFile(tiny.appending("tokenizer").appending(name)).contents(limit: 1 << 20)))
            }
        }
        return plan
    }

    @Test func bothEncodersOfSDXLGetTheirVectors() throws {
        let folder = try TemporaryFolder()
        var plan = try Self.twoEncoders()
        let inversion = try TextualInversion(Self.folder.appending("sdxl.safetensors"))
        try plan.add([AddedWord(inversion)])
        try plan.check()
        // 768 tokens: the first takes both spare rows and one more, the second grows by three.
        #expect(plan.files.map { $0.tensors[0].descriptor.shape.dimensions } == [[771, 8], [771, 8]])
        #expect(plan.setAside.map(\.name) == ["text_model.embeddings.token_embedding.weight"])
        #expect(plan.notes.contains { $0.contains("eos_token_id 2") })
        _ = try Executor().run(plan, to: folder["out"])
        let second = try openWeights(folder["out"].appending("text_encoder_2/model.safetensors"))
        #expect(second.tensors[0].scalarType == .f16)
        let expected = try #require(inversion.words[0].vectors.first { $0.encoder == "clip_g" }).bytes(as: .f16).bytes
        #expect(try Array(second.bytes(of: 0).suffix(expected.count)) == expected)
    }

    @Test func vectorsWithoutAPlaceAreRefused() throws {
        var two = try Self.twoEncoders()
        // Nothing tells which of two equally wide encoders it is for.
        #expect(throws: IsomerError.self) { try two.add([AddedWord(TextualInversion(Self.folder.appending("webui.pt")))]) }
        var one = try ConversionPlan(ConversionRequest(source: Self.models.appending("sd15-tiny")), to: .diffusers)
        #expect {
            try one.add([AddedWord(TextualInversion(Self.folder.appending("sdxl.safetensors")))])
        } throws: { ($0 as? IsomerError)?.what == "the vectors fit no text encoder of this model" }
        var file = try ConversionPlan(ConversionRequest(source: Self.models.appending("sd15-tiny")), to: .checkpoint(.safetensors))
        #expect {
            try file.add([AddedWord(TextualInversion(Self.folder.appending("webui.pt")))])
        } throws: { ($0 as? IsomerError)?.code == .unsupported }
        #expect {
            try one.add([AddedWord(TextualInversion(Self.folder.appending("webui.pt")), token: "a</w>")])
        } throws: { ($0 as? IsomerError)?.what == "tokenizer has this token already" }
        #expect { _ = try one.taking("<nothing>", to: "a.pt", container: .torch()) } throws: {
            ($0 as? IsomerError)?.what == "no tokenizer of this model has such a word added"
        }
    }
}
