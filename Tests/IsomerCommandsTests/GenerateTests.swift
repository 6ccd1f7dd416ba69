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

@Suite struct GenerateTests {
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private let model = Fixtures.root.pushing("models/sd15-tiny").string
    private let small = ["--width", "40", "--height", "24", "--steps", "2", "--dtype", "f32"]

    private func generate(_ arguments: String..., from model: String? = nil) -> CommandRun {
        CommandRun(["generate", model ?? self.model] + small + arguments)
    }

    /// A JPEG file without what it says about itself.
    private func pixels(_ name: String) throws -> [UInt8] {
        let bytes = try folder.bytes(name)
        var (kept, place): ([UInt8], Int) = (Array(bytes.prefix(2)), 2)
        while place + 4 <= bytes.count, bytes[place] == 0xFF, bytes[place + 1] != 0xDA {
            let end = place + 2 + Int(bytes[place + 2]) << 8 + Int(bytes[place + 3])
            if bytes[place + 1] != 0xE1 { kept += bytes[place..<min(end, bytes.count)] }
            place = end
        }
        return kept + bytes.dropFirst(place)
    }

    @Test func anImageTellsHowToRepeatIt() throws {
        let (first, second) = (folder["a.png"].string, folder["b.png"].string)
        let run = generate("-p", "a (red:1.3) cat", "-n", "blur", "--seed", "5", "--sampler", "euler-a", "-o", first, "--json")
        #expect(run.status == .done, "\(run.error)")
        let json = try run.json
        #expect(json["width"] == 40 && json["height"] == 24 && json["steps"] == 2)
        #expect(json["sampler"] == "EulerAncestralDiscreteScheduler")
        let repeated = CommandRun("generate", "--from", first, "-o", second)
        #expect(repeated.status == .done && repeated.error == "")
        #expect(try folder.bytes("a.png") == folder.bytes("b.png"))
        for flags in [["-p", "a dog"], ["--steps", "3"], ["--image", "x.png"], ["--variant", "fp16"]] {
            let idle = CommandRun(["generate", "--from", first, "--overwrite", "-o", second] + flags)
            #expect(idle.error.contains("flags of prompt, sampling, pictures and model change nothing"), "\(flags)")
            #expect(try folder.bytes("a.png") == folder.bytes("b.png"))
        }
        let other = generate("-p", "a red cat", "-n", "blur", "--seed", "5", "--sampler", "euler-a", "-o", folder["c.png"].string, "-q")
        #expect(other.status == .done, "\(other.error)")
        #expect(try folder.bytes("a.png") != folder.bytes("c.png"))
    }

    /// What does nothing, or something else than in other programs.
    @Test func whatDoesNothingIsToldOf() throws {
        let first = folder["a.png"].string
        let run = generate("-p", "a cat <lora:style:0.8>", "-o", first)
        #expect(run.status == .done && run.error.contains("<lora:…> is read as words"), "\(run.error)")
        let idle = generate("-p", "a cat", "--image", first, "--strength", "0.01", "--sampler", "euler", "-o", folder["b.png"].string)
        #expect(idle.status == .done && idle.error.contains("--strength leaves none of 2 steps"), "\(idle.error)")
        let usual = generate("-p", "a cat", "--image", first, "--strength", "0.5", "-o", folder["c.png"].string)
        #expect(usual.status == .done && usual.error == "")
    }

    /// A picture that is black because the model is broken does not pass for one.
    @Test func aModelThatGivesNoNumbersIsToldOf() throws {
        #expect(CommandRun("convert", model, folder["broken"].string, "-q").status == .done)
        let weights = "broken/unet/diffusion_pytorch_model.safetensors"
        let bytes = try folder.bytes(weights)
        try folder.file(weights, bytes.dropLast(4) + [0, 0, 0xC0, 0x7F])
        let run = generate("-p", "a cat", "--seed", "1", "-o", folder["a.png"].string, from: folder["broken"].string)
        #expect(run.status == .done)
        #expect(run.error.contains("a.png: the model gave something else than numbers"), "\(run.error)")
        #expect(!generate("-p", "a cat", "--seed", "1", "-o", folder["b.png"].string).error.contains("numbers"))
    }

    @Test func everyArrangementOfAModelMakesTheSameImage() throws {
        let checkpoint = folder["tiny.safetensors"].string
        #expect(CommandRun("convert", model, checkpoint, "-q").status == .done)
        var images: [[UInt8]] = []
        for (index, source) in [model, checkpoint].enumerated() {
            let run = generate(
                "-p", "a cat", "--seed", "1", "--config", model, "-o", folder["\(index).jpg"].string, "-q", from: source)
            #expect(run.status == .done, "\(run.error)")
            images.append(try pixels("\(index).jpg"))
        }
        #expect(images[0] == images[1])
    }

    @Test func componentsAndQuantisedWeightsMakeImages() throws {
        let unet = folder["unet.gguf"].string
        #expect(CommandRun("extract", model, unet, "--component", "unet", "--dtype", "q8_0", "-q").status == .done)
        let whole = generate("-p", "a cat", "--seed", "1", "-o", folder["whole.jpg"].string, "-q")
        #expect(whole.status == .done, "\(whole.error)")
        let run = generate(
            "-p", "a cat", "--seed", "1", "--vae", model + "/vae", "--text-encoder", model + "/text_encoder", "--config", model, "-o",
            folder["parts.jpg"].string, "-q", from: unet)
        #expect(run.status == .done, "\(run.error)")
        #expect(try folder.names.contains("parts.jpg"))
        let alone = generate("-p", "a cat", "--architecture", "sd1", "-o", folder["alone.jpg"].string, from: unet)
        #expect(alone.status == .failed && alone.error.contains("images need a whole model"), "\(alone.error)")
    }

    @Test func previewsAndASecondPass() throws {
        let run = generate(
            "-p", "a cat", "--seed", "1", "--hires", "1.5", "--hires-strength", "0.6", "--preview-every", "1", "--vae-tiling", "on", "-o",
            folder["large.png"].string, "--json")
        #expect(run.status == .done, "\(run.error)")
        #expect(try run.json["width"] == 64 && run.json["height"] == 40)
        #expect(try folder.names == ["large.png", "large.preview.png"])
        // What is outside the interval is not guided at all.
        for (name, arguments) in [("none", ["--cfg", "1"]), ("never", ["--cfg", "9", "--guidance-interval", "1-1"])] {
            #expect(
                CommandRun(
                    ["generate", model] + small + ["-p", "a cat", "--seed", "1", "-q", "-o", folder[name + ".jpg"].string] + arguments
                )
                .status == .done)
        }
        #expect(try pixels("none.jpg") == pixels("never.jpg"))
    }

    /// What diffusers' pipelines do when they are called with the same.
    @Test func usualValuesAreThoseOfDiffusersPipelines() throws {
        func made(_ arguments: String...) throws -> [UInt8] {
            let run = CommandRun(
                ["generate", model] + small + ["-p", "a cat", "--seed", "1", "-q", "--overwrite", "-o", folder["x.jpg"].string] + arguments)
            #expect(run.status == .done, "\(run.error)")
            return try pixels("x.jpg")
        }
        // No guidance up to 1: models that were distilled are asked for with 0.
        #expect(try made("--cfg", "0") == made("--cfg", "1"))
        #expect(try made("--cfg", "0.5") == made("--cfg", "1"))
        #expect(try made("--cfg", "1.5") != made("--cfg", "1"))
        // Schedulers that take eta are handed 0.
        #expect(try made("--sampler", "tcd") == made("--sampler", "tcd", "--eta", "0"))
        #expect(try made("--sampler", "tcd") != made("--sampler", "tcd", "--eta", "0.3"))
        // The encoder has two layers.
        #expect(try made("--clip-skip", "2") != made("--clip-skip", "1"))
    }

    @Test func aFolderIsFilledAndAStoppedRunGoesOn() throws {
        let images = folder["class"].string
        let arguments = ["--class-prompt", "photo of a dog", "--cfg", "1", "-o", images, "--skip-existing", "--json"]
        let first = CommandRun(["generate", model] + small + arguments + ["--count", "2"])
        #expect(first.status == .done, "\(first.error)")
        #expect(try FileSystem.entries(of: folder["class"]).map(\.string) == ["00000-0.png", "00001-1.png"])
        let before = try folder.bytes("class/00001-1.png")
        let second = CommandRun(["generate", model] + small + arguments + ["--count", "3", "--batch-size", "2"])
        #expect(try second.json["skipped"] == 2)
        #expect(try FileSystem.entries(of: folder["class"]).count == 3)
        #expect(try folder.bytes("class/00001-1.png") == before)
        // A batch of several makes what single ones make.
        let whole = CommandRun(
            ["generate", model] + small + arguments.map { $0 == images ? folder["again"].string : $0 } + [
                "--count", "3", "--batch-size", "3",
            ])
        #expect(whole.status == .done)
        #expect(try folder.bytes("again/00001-1.png") == before)
    }

    @Test func linesOfAFileAndCellsOfAGrid() throws {
        let prompts = try folder.file("prompts.csv", Array("prompt,seed\na cat,3\na dog,4\n".utf8)).string
        let lines = CommandRun(["generate", model] + small + ["--prompts", prompts, "-o", folder["lines"].string, "--json"])
        #expect(lines.status == .done, "\(lines.error)")
        #expect(try FileSystem.entries(of: folder["lines"]).map(\.string) == ["00000-3.png", "00001-4.png"])
        let text = try PNGText.text("parameters", in: ReadableFile(folder["lines/00001-4.png"]))
        #expect(text?.hasPrefix("a dog\nSteps: 2, ") == true, "\(text ?? "")")

        let grid = CommandRun(
            ["generate", model] + small + [
                "-p", "a cat", "--seed", "1", "--grid-x", "steps=1,2", "--grid-y", "prompt-sr=cat,dog,fish", "-o", folder["g.png"].string,
                "--json",
            ])
        #expect(grid.status == .done, "\(grid.error)")
        #expect(try grid.json["grid"] == .string(folder["g.png"].string))
        let header = try folder.bytes("g.png")
        #expect(header[16..<24].elementsEqual([0, 0, 0, 84, 0, 0, 0, 80]))

        let broken = try folder.file("broken.csv", Array("prompt,steps\na cat,3\na dog,many\n".utf8)).string
        let run = CommandRun(["generate", model, "--prompts", broken, "-o", folder["none"].string])
        #expect(run.status != .done && run.error.contains("line 3"), "\(run.error)")
        #expect(try FileSystem.kind(of: folder["none"]) == nil)
    }

    @Test func whatDoesNotFitIsSaidBeforeAnyWork() throws {
        let out = folder["x.png"].string
        func refused(
            _ arguments: [String], _ sentence: String, _ status: IsomerCommands.ExitStatus, source: SourceLocation = #_sourceLocation
        ) {
            let run = CommandRun(["generate"] + arguments + ["-o", out])
            #expect(run.status == status, "\(run.error)", sourceLocation: source)
            #expect(run.error.contains(sentence), "\(run.error)", sourceLocation: source)
            #expect(run.error.split(separator: "\n").count == 1, "\(run.error)", sourceLocation: source)
        }
        let models = Fixtures.root.pushing("models")
        refused(
            [model, "--width", "41", "-p", "x"], "the width does not suit the model (expected a multiple of 8 pixels, found 41)", .usage)
        refused([models.pushing("flux-dev-tiny").string, "--width", "40"], "expected a multiple of 16 pixels", .usage)
        refused([model, "--sampler", "eulr"], "there is no such sampler", .usage)
        refused([model, "--steps", "0"], "the number of steps is out of range", .usage)
        refused([model, "--clip-skip", "3"], "expected a clip skip of at most 2", .usage)
        refused([models.pushing("sdxl-tiny").string, "--clip-skip", "2"], "expected a clip skip of at most 1", .usage)
        refused([models.pushing("flux-dev-tiny").string, "--clip-skip", "2"], "only the last layer", .usage)
        refused([model, "--steps", "-1"], "found -1", .usage)
        try folder.file("prompts.json", Array("[{\"prompt\": \"x\"}]".utf8))
        refused([model, "--prompts", folder["prompts.json"].string], "call the file .jsonl", .usage)
        refused([model, "--memory", "20KB"], "more memory than allowed", .failed)
        refused([model, "--mask", "m.png"], "there is no picture", .usage)
        refused([model, "--strength", "0.5"], "how much of a picture may change, and there is no picture", .usage)
        refused([model, "--text-tokens", "64"], "no T5 encoder", .usage)
        refused([models.pushing("sdxl-tiny").string, "--text-tokens", "64"], "no T5 encoder", .usage)
        refused([models.pushing("sd15-inpaint-tiny").string], "this is an inpainting model", .usage)
        refused([models.pushing("flux-schnell-tiny").string, "--cfg", "5"], "not made for guidance", .usage)
        let pipelines = Fixtures.root.pushing("pipelines")
        let hint = pipelines.pushing("hint-40x24.png").string
        refused(
            [models.pushing("sdxl-tiny").string, "--control", pipelines.pushing("controlnet-tiny").string, "--control-image", hint],
            "made for another base model", .failed)
        refused(
            [models.pushing("sdxl-tiny").string, "--lora", Fixtures.root.pushing("adapters/peft.safetensors").string + ":0.5"], "adapter",
            .failed)
        refused([folder["nowhere"].string], "no such file", .failed)
        refused(
            [model, "--refiner", models.pushing("sdxl-refiner-tiny").string], "the refiner's latents are not the model's", .failed)
        #expect(try FileSystem.kind(of: folder["x.png"]) == nil)
        try folder.file("y.png", [1])
        let run = CommandRun("generate", model, "-o", folder["y.png"].string)
        #expect(run.status == .failed && run.error.contains("there is something already"))
    }

    @Test(.timeLimit(.minutes(5))) func aStoppedRunKeepsWhatIsFinishedAndGoesOn() throws {
        let images = folder["stopped"]
        let arguments = ["generate", model] + small + ["--class-prompt", "a cat", "-o", images.string, "--skip-existing"]
        let run = try RunningProgram("isomer", arguments + ["--count", "1000"])
        // Until the second image is begun.
        while try FileSystem.kind(of: images.appending("00000-0.png")) == nil { usleep(10_000) }
        run.send(SIGINT)
        let said = try run.readAll()
        #expect(run.wait() == .exit(130), "\(said)")
        let names = try FileSystem.entries(of: images).map(\.string)
        #expect(names == names.indices.map { "0000\($0)-\($0).png" })
        let count = names.count == 1 ? "1 finished image is" : "\(names.count) finished images are"
        #expect(said.contains("stopped by request; \(count) kept"), "\(said)")
        let before = try names.map { try folder.bytes("stopped/" + $0) }
        let again = CommandRun(arguments + ["--count", "\(names.count + 1)", "--json"])
        #expect(try again.json["skipped"] == .number(JSONNumber(names.count)))
        #expect(try FileSystem.entries(of: images).count == names.count + 1)
        #expect(try names.map { try folder.bytes("stopped/" + $0) } == before)
    }
}
