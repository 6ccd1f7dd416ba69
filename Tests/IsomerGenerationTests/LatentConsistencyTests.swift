import IsomerBytes
import IsomerConversion
import IsomerGeneration
import IsomerMapping
import IsomerTensors
import IsomerTestSupport
import Testing

/// Models into which guidance was distilled, against diffusers' `LatentConsistencyModelPipeline`.
@Suite struct LatentConsistencyTests {
    private static let prompt = "a photo of an astronaut"

    private func model(in folder: TemporaryFolder) throws -> GenerationModel {
        let (family, member) = try #require(ModelFamily.member("lcm-dreamshaper-v7"))
        let model = try Model(synthesizing: member, of: family, seed: 7, scalarType: .f32, isTiny: true)
        var request = ConversionRequest(source: FilePath())
        request.destination = folder["lcm"]
        _ = try Executor().run(model.diffusersPlan(request), to: folder["lcm"])
        return try GenerationModel(folder["lcm"])
    }

    private var request: GenerationRequest {
        var request = GenerationRequest()
        request.prompt = Self.prompt
        request.syntax = .plain
        request.seed = 3
        return request
    }

    /// Golden: `pipeline(prompt, num_inference_steps=steps, guidance_scale=scale, generator=torch.Generator().manual_seed(3),
    /// output_type="latent").images[0, :, 0, :2]` of diffusers 0.42.1 with torch 2.13, from what
    /// `isomer synthesize lcm-dreamshaper-v7 lcm --tiny --seed 7 --dtype f32` makes.
    @Test(
        arguments: [
            (4, 8.5, [-4.591861, 33.1174, -10.90606, -6.863528, -15.0219, -0.503345, 7.697393, 8.968106]),
            (2, 1, [0.5473095, 24.86094, -5.031687, -6.956211, -8.358609, 3.139758, 6.653038, 10.92897]),
            (3, 3, [-1.691707, 28.31939, -8.525148, -6.331589, -11.41357, 1.614884, 7.671913, 9.949395]),
        ] as [(Int, Double, [Float])])
    func endsWhereDiffusersEnds(_ steps: Int, _ scale: Double, _ wanted: [Float]) throws {
        var request = request
        (request.steps, request.guidanceScale) = (steps, scale)
        try expect(wanted, of: model(in: TemporaryFolder()), request)
    }

    private func expect(_ wanted: [Float], of model: GenerationModel, _ request: GenerationRequest) throws {
        let latent = try #require(try GenerationPipeline(model, request).images([0]).first).latent
        // Channels lie innermost here.
        let channels = latent.shape[2]
        let found = (0..<channels).flatMap { channel in (0..<2).map { latent.numbers[$0 * channels + channel] } }
        for (mine, golden) in zip(found, wanted) { #expect(abs(mine - golden) <= 1e-4 * max(1, abs(golden)), "\(found)") }
    }

    /// A part of the way: these models' own pipeline goes it in as many steps as the whole.
    ///
    /// Golden: `LatentConsistencyModelImg2ImgPipeline`, as above, with `Fixtures/pipelines/picture-40x24.png`.
    @Test(
        arguments: [
            (4, 0.6, [8.352799, 1.737104, -1.21002, -3.172439, -3.485965, 3.415862, 0.1437469, 0.1604495]),
            (3, 0.8, [13.43544, 8.03655, -2.081944, -2.826929, -2.967975, 6.20707, -4.257641, -0.1855403]),
        ] as [(Int, Double, [Float])])
    func aPictureIsChangedInAllSteps(_ steps: Int, _ strength: Double, _ wanted: [Float]) throws {
        var request = request
        (request.steps, request.strength, request.picture) = (steps, strength, PipelineTests.file("picture-40x24.png"))
        try expect(wanted, of: model(in: TemporaryFolder()), request)
    }

    /// The samplers with another model, as adapters make it one of few steps, leave the first ones out as others do.
    ///
    /// Golden: `StableDiffusionImg2ImgPipeline` with `LCMScheduler` and `TCDScheduler` made of the configuration of `sd15-tiny`.
    @Test(
        arguments: [
            ("lcm", 4, 0.6, [1.754769, 1.66038, -2.198021, -3.58918, 2.133549, 0.009336731, -0.4216371, -0.129507]),
            ("lcm", 5, 0.5, [1.101019, 0.8144097, -1.589879, -2.897443, 1.954092, -0.1260831, -0.1595047, -0.0006702087]),
            ("tcd", 4, 0.6, [1.252035, 3.805734, -2.270333, -2.513201, 2.396743, 0.6106374, -1.877422, 0.1382924]),
            ("tcd", 5, 0.5, [0.6413507, 2.592747, -1.579967, -2.011565, 1.684756, 0.4351814, -1.287078, 0.4896865]),
        ] as [(String, Int, Double, [Float])])
    func otherModelsLeaveStepsOut(_ sampler: String, _ steps: Int, _ strength: Double, _ wanted: [Float]) throws {
        var request = request
        (request.sampler, request.steps, request.strength, request.guidanceScale) = (sampler, steps, strength, 1.5)
        request.picture = PipelineTests.file("picture-40x24.png")
        try expect(wanted, of: PipelineTests.opened(PipelineTests.model("sd15-tiny")), request)
    }

    @Test func whatIsUsualAndWhatIsNot() throws {
        let folder = try TemporaryFolder()
        let model = try model(in: folder)
        let pipeline = try GenerationPipeline(model, request)
        #expect(pipeline.summary.steps == 4 && pipeline.summary.guidanceScale == 8.5)
        #expect(pipeline.summary.sampler == "LCMScheduler" && pipeline.summary.calls == 4)
        var negative = request
        negative.negativePrompt = "blur"
        let refused = error { _ = try GenerationPipeline(model, negative) }
        #expect(refused?.code == .usage && refused?.what.contains("guidance was distilled into it") == true)
    }
}
