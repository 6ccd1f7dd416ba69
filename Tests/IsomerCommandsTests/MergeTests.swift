import IsomerBytes
import IsomerCommands
import IsomerFormats
import IsomerTensors
import Testing

@Suite struct MergeTests {
    static let model = Fixtures["models/sd15-tiny"].string
    static let adapters = Fixtures["adapters"]

    private func lora(_ name: String, _ strength: String = "0.8") -> String {
        Self.adapters.pushing(FilePath(name + ".safetensors")).string + "=" + strength
    }

    @Test func loraIntoAModel() throws {
        let folder = try TemporaryFolder()
        let out = folder["merged.safetensors"].string
        let dry = CommandRun("merge", Self.model, "-o", out, "--lora", lora("kinds"), "--dry-run")
        #expect(dry.status == .done && dry.output.contains("← unet/"))
        #expect(try FileSystem.kind(of: folder["merged.safetensors"]) == nil)
        let run = CommandRun(
            "merge", Self.model, "-o", out, "--lora", lora("kinds"), "--lora", lora("kohya", "-1"), "--dtype", "f16", "--json")
        #expect(run.status == .done, "\(run.error)")
        #expect(try run.json["schema"] == "isomer.merge/1")
        #expect(try run.json["recipe"]?["adapters"] != nil)
        let written = try openWeights(folder["merged.safetensors"])
        #expect(written.metadata["isomer.merge"]?.contains("kohya.safetensors") == true)
        #expect(CommandRun("inspect", out).output.contains("Stable Diffusion 1"))
        // What is there stays as it was.
        #expect(CommandRun("merge", Self.model, "-o", out, "--lora", lora("kinds")).status != .done)
    }

    @Test func modelsIntoOne() throws {
        let folder = try TemporaryFolder()
        let tuned = folder["tuned.safetensors"].string
        #expect(CommandRun("merge", Self.model, "-o", tuned, "--lora", lora("kohya")).status == .done)
        let runs = [
            ["--alpha", "0.3"], ["--weights", "0.2,0.8"], ["--method", "slerp", "--alpha", "0.5"], ["--block-weights", "IN=0.5,BASE=0"],
            ["--method", "ties", "--base-model", Self.model, "--density", "0.2"],
            ["--method", "dare", "--base-model", Self.model, "--seed", "3"],
        ]
        for (number, arguments) in runs.enumerated() {
            let run = CommandRun(["merge", Self.model, tuned, "-o", folder["\(number).ckpt"].string] + arguments)
            #expect(run.status == .done, "\(arguments) \(run.error)")
        }
        let folderRun = CommandRun(
            "merge", tuned, Self.model, tuned, "--method", "add-difference", "-o", folder["folder"].string, "--config", Self.model)
        #expect(folderRun.status == .done, "\(folderRun.error)")
    }

    /// One sentence each, and nothing written.
    @Test func badInput() throws {
        let folder = try TemporaryFolder()
        let other = Fixtures["models/sd21-tiny"].string
        let out = folder["out.safetensors"].string
        for (arguments, part) in [
            ([Self.model, Self.model, "--alpha", "half"], "not a number"), ([Self.model, Self.model, "--weights", "1,x"], "not a number"),
            ([Self.model, "--lora", lora("kinds", "strong")], "not a number"),
            ([Self.model, Self.model, "--alpha", "nan"], "not a number"),
            ([Self.model, other], "tensors differ"), ([Self.model], "nothing to be merged"), ([other, "--lora", lora("kinds")], "fit"),
            ([Self.model, Self.model, "--block-weights", "0.1,0.2"], "one weight for each block"),
            ([Self.model, "--lora", Self.model + "/unet/diffusion_pytorch_model.safetensors"], "no adapter"),
            ([Self.model, Self.model, "--method", "ties"], "base"), ([Self.model, Self.model, "--verify", "forward"], "no single source"),
        ] {
            let run = CommandRun(["merge", "-o", out] + arguments)
            #expect(run.status != .done, "\(arguments)")
            #expect(run.error.contains(part), "\(arguments): \(run.error)")
            #expect(run.error.split(separator: "\n").count == 1, "\(run.error)")
            #expect(try FileSystem.kind(of: folder["out.safetensors"]) == nil)
        }
    }

    @Test func adaptersAreConverted() throws {
        let folder = try TemporaryFolder()
        let source = Self.adapters.pushing("kohya.safetensors").string
        let there = folder["peft.safetensors"].string
        let run = CommandRun("convert", source, there, "--layout", "peft", "--base-model", Self.model)
        #expect(run.status == .done, "\(run.error)")
        let back = CommandRun("convert", there, folder["back.safetensors"].string, "--layout", "kohya", "--base-model", Self.model)
        #expect(back.status == .done, "\(back.error)")
        #expect(
            try ReadableFile(folder["back.safetensors"]).contents(limit: 1 << 24) == ReadableFile(FilePath(source)).contents(limit: 1 << 24)
        )
        let small = CommandRun("convert", source, folder["small.safetensors"].string, "--rank", "2", "--base-model", Self.model)
        #expect(small.status == .done, "\(small.error)")
        let inspected = CommandRun("inspect", source)
        #expect(
            inspected.output.contains("LoRA") && inspected.output.contains("rank") && inspected.output.contains("learning rate: 0.0001"))
        let wrong = CommandRun(
            "convert", Self.model + "/unet/diffusion_pytorch_model.safetensors", there, "--layout", "kohya", "--overwrite")
        #expect(wrong.status != .done && wrong.error.contains("no adapter"))
        let none = CommandRun("convert", source, there, "--layout", "xlabs", "--base-model", Self.model, "--overwrite")
        #expect(none.status != .done && none.error.contains("has no name"))
    }

    @Test func embeddingsAreConverted() throws {
        let folder = try TemporaryFolder()
        let source = Self.adapters.pushing("embedding.png").string
        #expect(CommandRun("convert", source, folder["a.pt"].string).status == .done)
        #expect(CommandRun("convert", folder["a.pt"].string, folder["b.bin"].string, "--layout", "diffusers").status == .done)
        #expect(CommandRun("convert", folder["b.bin"].string, folder["c.safetensors"].string, "--layout", "emb-params").status == .done)
        let picture = CommandRun("convert", folder["c.safetensors"].string, folder["d.png"].string)
        #expect(picture.status == .done, "\(picture.error)")
        let last = CommandRun("convert", folder["d.png"].string, folder["e.safetensors"].string)
        #expect(last.status == .done, "\(last.error)")
        #expect(
            try ReadableFile(folder["c.safetensors"]).contents(limit: 1 << 20)
                == ReadableFile(folder["e.safetensors"]).contents(limit: 1 << 20))
    }

    @Test func differencesAreTakenOut() throws {
        let folder = try TemporaryFolder()
        let tuned = folder["tuned.safetensors"].string
        #expect(CommandRun("merge", Self.model, "-o", tuned, "--lora", lora("kohya", "1")).status == .done)
        let out = folder["lora.safetensors"].string
        let run = CommandRun("extract", tuned, out, "--lora", Self.model, "--rank", "8", "--conv-rank", "8", "--dtype", "f32")
        #expect(run.status == .done, "\(run.error)")
        #expect(run.output.contains("modules differ"))
        #expect(CommandRun("inspect", out).output.contains("LoRA"))
        for arguments in [["--lora", tuned], ["--lora", Self.model, "--rank", "0"], ["--lora", Self.model, "--energy", "much"], []] {
            #expect(CommandRun(["extract", tuned, folder["none.safetensors"].string] + arguments).status != .done, "\(arguments)")
        }
    }
}
