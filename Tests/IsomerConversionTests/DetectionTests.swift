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

    /// Full-size files without a byte of weights: every tensor is planned from one that is all zeros, and only the plan is made.
    private func file(
        _ lists: [String], adding names: [String] = [], without missing: [String] = [], metadata: FileMetadata = [:]
    ) throws -> FilePath {
        var header = JSONObject()
        var offset = 0
        var lines: [Substring] = []
        for list in lists {
            let text = String(decoding: try Fixtures.bytes("manifests/\(list).txt"), as: UTF8.self)
            lines += text.split(separator: "\n")
        }
        for line in lines + names.map({ "\($0) F32 [0]"[...] }) {
            let words = line.split(separator: " ", maxSplits: 2)
            if missing.contains(String(words[0])) { continue }
            let dimensions = words[2].split(separator: ",").compactMap { Int($0.filter(\.isNumber)) }
            let size = dimensions.reduce(2, *)
            header[String(words[0])] = [
                "dtype": "F16", "shape": .array(dimensions.map { .number(JSONNumber($0)) }),
                "data_offsets": [.number(JSONNumber(offset)), .number(JSONNumber(offset + size))],
            ]
            offset += size
        }
        if !metadata.isEmpty {
            var object = JSONObject()
            for (key, value) in metadata { object[key] = .string(value) }
            header["__metadata__"] = .object(object)
        }
        let text = JSONWriter().bytes(.object(header))
        let length = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) }
        let path = try folder.file("model.safetensors", length + text)
        let descriptor = try FileDescriptor.open(path, .writeOnly)
        try descriptor.closeAfter { try descriptor.resize(to: Int64(8 + text.count + offset)) }
        return path
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
