import IsomerArchitectures
import IsomerBytes
import IsomerConversion
import IsomerFormats
import IsomerMapping
import IsomerTensors
import Testing

/// What tensors do not tell is asked for, unless something beside them says it; nothing falls back to a default.
@Suite struct DetectionTests {
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func file(
        _ lists: [String], adding names: [String] = [], without missing: [String] = [], metadata: FileMetadata = [:]
    ) throws -> FilePath {
        let all = try listed(lists) + names.map { (name: $0, dimensions: [0]) }
        return try folder.hollowModel(all.filter { !missing.contains($0.name) }, metadata: metadata)
    }

    private func plan(_ path: FilePath, _ change: (inout ConversionRequest) -> Void = { _ in }) throws -> ConversionPlan {
        var request = ConversionRequest(source: path)
        change(&request)
        return try ConversionPlan(request, to: .diffusers)
    }

    private func json(_ plan: ConversionPlan, _ name: String) throws -> JSONObject {
        let file = try #require(plan.plainFiles.first { $0.path.string.hasSuffix(name) })
        return try JSONCursor(JSONValue(parsing: file.bytes)).object()
    }

    private func refusal(_ body: () throws -> Void) -> IsomerError? {
        do {
            try body()
            return nil
        } catch {
            return error as? IsomerError
        }
    }

    @Test func aVAEAloneIsAskedFor() throws {
        let path = try file(["vae-sd/checkpoint/vae"])
        let error = refusal { _ = try plan(path) }
        #expect(error?.code == .undecided)
        #expect(error?.remedy?.contains("--architecture") == true)
        let scales: [(member: String, factor: JSONValue)] = [("vae-sd", 0.18215), ("vae-sdxl", 0.13025)]
        for (member, factor) in scales {
            let made = try plan(path) { $0.architecture = member }
            #expect(try json(made, "config.json")["scaling_factor"] == factor)
        }
    }

    @Test func aVAEsMetadataDecide() throws {
        let path = try file(["vae-sd/checkpoint/vae"], metadata: ["modelspec.architecture": "stable-diffusion-xl-v1-base/vae"])
        #expect(try json(plan(path), "config.json")["scaling_factor"] == 0.13025)
    }

    @Test func aVAEInAModelIsItsModels() throws {
        let path = try file(["unet", "vae", "text_encoder", "text_encoder_2"].map { "sdxl/checkpoint/\($0)" })
        #expect(try json(plan(path), "vae/config.json")["scaling_factor"] == 0.13025)
    }

    private static let sd2 = ["unet", "vae", "text_encoder"].map { "sd21/checkpoint/\($0)" }

    @Test func whatStableDiffusion2PredictsIsAskedFor() throws {
        let path = try file(Self.sd2)
        let error = refusal { _ = try plan(path) }
        #expect(error?.code == .undecided)
        #expect(error?.remedy?.contains("--prediction-type") == true)
        for prediction in [Prediction.epsilon, .velocity] {
            let made = try plan(path) { $0.prediction = prediction }
            #expect(try json(made, "scheduler_config.json")["prediction_type"] == .string(prediction.rawValue))
        }
    }

    @Test func markersAndMetadataDecideWhatItPredicts() throws {
        let marked = try plan(file(Self.sd2, adding: ["v_pred"]))
        #expect(try json(marked, "scheduler_config.json")["prediction_type"] == "v_prediction")
        let said = try plan(file(Self.sd2, metadata: ["modelspec.prediction_type": "epsilon"]))
        #expect(try json(said, "scheduler_config.json")["prediction_type"] == "epsilon")
    }

    @Test func aYAMLBesideItDecidesWhatItPredicts() throws {
        let path = try file(Self.sd2)
        try folder.file("model.yaml", Array("model:\n  params:\n    parameterization: v\n".utf8))
        #expect(try json(plan(path), "scheduler_config.json")["prediction_type"] == "v_prediction")
    }

    @Test func pixArtsOfEqualTensorsAreToldByTheirPositions() throws {
        let sigma = try plan(file(["pixart-sigma/checkpoint/transformer"]))
        #expect(try json(sigma, "config.json")["sample_size"] == 128)
        let small = try plan(file(["pixart-alpha-512/checkpoint/transformer"]))
        #expect(try json(small, "config.json")["sample_size"] == 64)
        // Without the table of positions nothing tells.
        let path = try file(["pixart-sigma/diffusers/transformer"])
        #expect(refusal { _ = try plan(path) }?.code == .undecided)
        #expect(try json(plan(path) { $0.architecture = "pixart-sigma" }, "config.json")["sample_size"] == 128)
    }

    /// Also without a tensor by which its kind is told, a damaged file is called that, and not a file of unknown tensors.
    @Test(arguments: [
        ("unet", "UNet", "model.diffusion_model.out.2.weight"), ("unet", "UNet", "model.diffusion_model.input_blocks.0.0.weight"),
        ("unet", "UNet", "model.diffusion_model.out.2.bias"), ("vae", "VAE", "first_stage_model.encoder.conv_in.weight"),
    ])
    func whatIsNotWholeIsNamed(slot: String, title: String, name: String) throws {
        let lists = ["unet", "vae", "text_encoder"].map { "sd15/checkpoint/\($0)" }
        for lists in [lists, ["sd15/checkpoint/\(slot)"]] {
            let error = refusal { _ = try plan(file(lists, without: [name])) }
            #expect(error?.what == "the \(title) is not whole: \(name) is missing" && error?.location.item == slot, "\(lists)")
        }
    }

    @Test(arguments: ["foo.bar", "model.diffusion_model.foo", "cond_stage_model.bar"])
    func unknownNamesAreNoStableDiffusion1(name: String) throws {
        let error = refusal { _ = try plan(file([], adding: [name])) }
        #expect(error?.code == .unsupported)
        #expect(error?.what.contains("no known architecture") == true)
    }
}
