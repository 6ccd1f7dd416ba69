import IsomerArchitectures
import IsomerBytes
import IsomerConversion
import IsomerMapping
import Testing

/// Models of another width and depth than every published one, and what the user says about them.
@Suite struct RelativeTests {
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func plan(_ source: FilePath, _ change: (inout ConversionRequest) -> Void = { _ in }) throws -> ConversionPlan {
        var request = ConversionRequest(source: source)
        change(&request)
        return try ConversionPlan(request, to: .diffusers)
    }

    private func json(_ plan: ConversionPlan, _ name: String) throws -> JSONObject {
        let file = try #require(plan.plainFiles.first { $0.path.string == name })
        return try JSONCursor(JSONValue(parsing: file.bytes)).object()
    }

    private static func unet(_ widths: [Int], channels: Int = 4, text: Int = 768, linear: Bool = false) -> UNetConfiguration {
        typealias Block = UNetConfiguration.Block
        return UNetConfiguration(
            inputChannels: channels, outputChannels: 4, down: widths.map { Block(channels: $0, layers: 1, depth: 1) },
            middle: .attention(depth: 1), up: widths.reversed().map { Block(channels: $0, layers: 2, depth: 1) },
            crossAttentionWidth: text, usesLinearProjection: linear)
    }

    private func stableDiffusion(_ unet: UNetConfiguration) throws -> FilePath {
        try folder.hollowModel(
            tensors(of: unet, Layouts.ldmUNet, below: "model.diffusion_model.")
                + listed(["sd15/checkpoint/vae", "sd15/checkpoint/text_encoder"]))
    }

    @Test(arguments: [
        (4, "StableDiffusionPipeline"), (9, "StableDiffusionInpaintPipeline"), (8, "StableDiffusionInstructPix2PixPipeline"),
        (7, "StableDiffusionPipeline"),
    ])
    func aShallowerModelRunsInThePipelineOfItsChannels(channels: Int, pipeline: String) throws {
        let made = try plan(stableDiffusion(Self.unet([320, 640], channels: channels)))
        let index = try json(made, "model_index.json")
        #expect(index["_class_name"] == .string(pipeline))
        #expect(made.decisions.contains { $0.subject == "pipeline" && $0.value == pipeline })
        #expect(try json(made, "unet/config.json")["attention_head_dim"] == 8)
    }

    @Test(arguments: [(64, "FluxPipeline"), (384, "FluxFillPipeline"), (128, "FluxControlPipeline")])
    func aPrunedFluxRunsInThePipelineOfItsChannels(inputs: Int, pipeline: String) throws {
        let transformer = FluxTransformerConfiguration(
            inputWidth: inputs, outputWidth: 64, width: 256, headWidth: 128, doubleBlocks: 2, singleBlocks: 3, contextWidth: 4096,
            pooledWidth: 768, hasGuidance: true)
        let member = try #require(ModelFamily.member("flux-dev")?.member)
        var all = try tensors(of: transformer, Layouts.flux, below: "model.diffusion_model.")
        for (slot, layout, prefix) in [
            ("vae", Layouts.ldmVAE, "vae."), ("text_encoder", Layouts.clipText, "text_encoders.clip_l.transformer."),
            ("text_encoder_2", Layouts.t5, "text_encoders.t5xxl.transformer."),
        ] {
            all += try tensors(of: #require(member.components[slot]), layout, below: prefix)
        }
        #expect(try json(plan(folder.hollowModel(all)), "model_index.json")["_class_name"] == .string(pipeline))
    }

    @Test func aNamedModelSaysWhatShapesDoNot() throws {
        let path = try stableDiffusion(Self.unet([160, 320, 640], text: 768))
        let refusal = error { _ = try plan(path) }
        #expect(refusal?.code == .undecided)
        #expect(refusal?.remedy?.contains("--architecture") == true)
        let made = try plan(path) { $0.architecture = "sd15" }
        let unet = try json(made, "unet/config.json")
        #expect(unet["attention_head_dim"] == 8)
        #expect(unet["norm_num_groups"] == 32)
        #expect(made.decisions.contains { $0.value == "as in Stable Diffusion 1.5" && $0.reason == "--architecture names it" })
    }

    /// Stable Diffusion 2's heads are equally wide instead.
    @Test func headsFollowTheRuleOfTheNamedModel() throws {
        let known = try #require(ModelFamily.member("sd20-base")?.member.components["unet"] as? UNetConfiguration)
        #expect(Self.unet([64, 128, 192], text: 1024, linear: true).completed(inTheMannerOf: known).headCounts == [1, 2, 3])
        // Half a head is none, and groups that do not divide the channels are none either.
        let odd = Self.unet([64, 96], text: 1024, linear: true).completed(inTheMannerOf: known)
        #expect(odd.headCounts == nil && odd.normGroups == 32)
        #expect(Self.unet([40, 80]).completed(inTheMannerOf: known).normGroups == nil)
        let text = try #require(ModelFamily.member("sd15")?.member.components["text_encoder"] as? CLIPTextConfiguration)
        var narrow = CLIPTextConfiguration(vocabularySize: 100, positions: 77, width: 256, feedForwardWidth: 512, layers: 2)
        #expect(narrow.completed(inTheMannerOf: text).headCount == 4)
        narrow.width = 40
        #expect(narrow.completed(inTheMannerOf: text).undecided == ["num_attention_heads"])
    }

    // MARK: What the user names

    @Test func aFolderIsOfNoUnknownArchitecture() throws {
        #expect(error { _ = try plan(Fixtures["models/sd15-tiny"]) { $0.architecture = "nope" } }?.code == .usage)
    }

    @Test func aNamedFamilyHasAPlaceForEveryComponent() throws {
        let refusal = error { _ = try plan(Fixtures["models/sd15-tiny"]) { $0.architecture = "sd3-medium" } }
        #expect(refusal?.code == .mismatch)
        #expect(refusal?.location.item == "unet")
    }

    @Test func whatSpeaksAgainstANamedFamilyIsSaid() throws {
        let model = try Model(request(Fixtures["models/sd15-tiny"]) { $0.architecture = "sdxl" })
        #expect(model.notes.contains("taken for Stable Diffusion XL, though it is not true that the UNet has a size input"))
        #expect(try Model(request(Fixtures["models/sd15-tiny"]) { $0.architecture = "sd1" }).notes == [])
    }

    @Test func aFolderHasNoAveragedWeights() throws {
        let refusal = error { _ = try plan(Fixtures["models/sd15-tiny"]) { $0.usesAverage = true } }
        #expect(refusal?.code == .mismatch)
        #expect(refusal?.remedy?.contains("--ema") == true)
    }

    private func request(_ source: FilePath, _ change: (inout ConversionRequest) -> Void) -> ConversionRequest {
        var request = ConversionRequest(source: source)
        change(&request)
        return request
    }

    // MARK: Configurations

    /// The configuration of one component is written as it was given, keys that nothing here knows included.
    @Test func aComponentsOwnConfigurationIsWritten() throws {
        let source = Fixtures["models/sd15-tiny/text_encoder"]
        var given = try JSONCursor(JSONValue(contentsOf: source.appending("config.json"))).object()
        given["someone's key"] = "kept"
        try folder.file("config.json", JSONWriter().bytes(.object(given)))
        let made = try plan(source.appending("model.safetensors")) { $0.configuration = folder["config.json"] }
        #expect(try json(made, "config.json") == given)
    }

    /// A component whose weights the source does not have is not there, whatever the folder has that tells the rest.
    @Test func noComponentIsNamedWithoutItsWeights() throws {
        let made = try plan(Fixtures["checkpoints/sd2-depth.safetensors"]) { $0.configuration = Fixtures["models/sd2-depth-tiny"] }
        #expect(!made.plainFiles.contains { $0.path.string.hasPrefix("depth_estimator") })
        #expect(try json(made, "model_index.json")["depth_estimator"] == [.null, .null])
        #expect(made.plainFiles.contains { $0.path.string.hasPrefix("tokenizer/") })
    }
}
