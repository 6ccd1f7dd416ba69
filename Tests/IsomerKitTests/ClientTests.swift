import IsomerKit
import IsomerTestSupport
import Testing

/// What a program does that knows nothing but `import IsomerKit`. The page `UsingTheLibrary.md` says the same; it must compile and work.
@Suite struct ClientTests {
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    @Test func inspects() throws {
        let summary = try ModelSummary(of: Fixtures["checkpoints/sd15-ema.ckpt"])
        #expect(summary.family?.title == "Stable Diffusion 1.x")
        #expect(summary.components.map(\.slot) == ["text_encoder", "unet", "vae"])

        let weights = try openWeights(Fixtures["checkpoints/sd15-ema.ckpt"])
        #expect(weights.tensors.count == 1_671)
    }

    @Test func converts() throws {
        var request = ConversionRequest(source: Fixtures["models/sd15-tiny"])
        request.scalarType = .f16
        let plan = try ConversionPlan(request, to: .checkpoint(.safetensors))
        // As README has it.
        var executor = Executor()
        executor.overwrite = true
        let outcome = try executor.run(plan, to: folder["model.safetensors"]) { _ = ($0.done, $0.total) }
        #expect(outcome.seconds > 0 && !plan.setAside.map(\.name).contains(""))
        let written = try openWeights(folder["model.safetensors"])
        #expect(written.tensors.count == plan.tensorCount && written.tensors.contains { $0.scalarType == .f16 })
    }

    @Test func preparesAPicture() throws {
        let image = try ImageDecoder.decode(Fixtures["images/decoding/420.jpg"])
        let subject = try SubjectFinder().subject(in: image.bitmap, aspect: 1)
        let plan = CropPlan.covering(image.bitmap.size, size: PixelSize(64, 64), subject: subject.box)
        let png = try PNGEncoder.encode(image.bitmap.cropped(plan, filter: .lanczos))
        #expect(try ImageDecoder.decode(png).bitmap.size == PixelSize(64, 64))
    }

    @Test func tokenizes() throws {
        let tokenizer = try TokenizerFile.clip().tokenizer
        let encoding = try tokenizer.encode("a photo of a cat")
        #expect(encoding.ids == [49_406, 320, 1_125, 539, 320, 2_368, 49_407])
        #expect(try tokenizer.decode(encoding.ids, skipsSpecials: true) == "a photo of a cat")
    }

    @Test func generates() throws {
        var request = GenerationRequest()
        request.prompt = "a photo of a cat"
        request.sampler = "DPM++ 2M Karras"
        (request.width, request.height, request.steps) = (64, 64, 2)
        let pipeline = try GenerationPipeline(GenerationModel(Fixtures["models/sd15-tiny"]), request)
        let image = try #require(try pipeline.images([0]).first)
        #expect(image.bitmap.size == PixelSize(64, 64) && image.seed == 0)
    }
}
