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
        let pipeline = try GenerationPipeline(model(in: TemporaryFolder()), request)
        let latent = try #require(try pipeline.images([0]).first).latent
        // Channels lie innermost here.
        let channels = latent.shape[2]
        let found = (0..<channels).flatMap { channel in (0..<2).map { latent.numbers[$0 * channels + channel] } }
        for (mine, golden) in zip(found, wanted) { #expect(abs(mine - golden) <= 1e-4 * max(1, abs(golden)), "\(found)") }
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
