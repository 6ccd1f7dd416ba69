import IsomerArchitectures
import IsomerBytes
import IsomerConversion
import IsomerFormats
import IsomerMapping
import IsomerTensors
import Testing

/// Tensors that mark what a model predicts, most of them without elements, and the statistics of Playground's latents.
@Suite struct MarkerTests {
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private typealias Tensor = (name: String, type: ScalarType, shape: [Int], bytes: [UInt8])

    /// The checkpoint of a fixture with more tensors beside its own, written as the reference writes.
    private func checkpoint(_ model: String, adding tensors: [Tensor], metadata: FileMetadata = ["format": "pt"]) throws -> FilePath {
        let plain = try folder.convert(
            ConversionRequest(source: Fixtures["models/\(model)"]), to: .checkpoint(.safetensors), "plain.safetensors")
        let weights = try openWeights(plain)
        let more = try MemorySource(tensors)
        var planned: [PlannedTensor] = []
        for (number, source) in [weights as any TensorSource, more].enumerated() {
            for (index, tensor) in source.tensors.enumerated() {
                planned.append(PlannedTensor(tensor, from: TensorReference(source: number, index: index), of: tensor.scalarType))
            }
        }
        let file = PlannedFile(container: .safetensors, tensors: planned, metadata: metadata)
        let plan = ConversionPlan(
            sources: [.init("weights", weights, files: weights.files), .init("more", more, files: [])], shape: .file, files: [file])
        let destination = folder.path.appending("marked.safetensors")
        _ = try Executor().run(plan, to: destination)
        return destination
    }

    private func scheduler(_ folder: FilePath) throws -> JSONObject {
        try JSONCursor(JSONValue(contentsOf: folder.appending("scheduler").appending("scheduler_config.json"))).object()
    }

    static let markers: [(model: String, names: [String], metadata: FileMetadata)] = [
        ("sdxl-tiny", ["v_pred"], ["format": "pt"]), ("sdxl-tiny", ["v_pred", "ztsnr"], [:]),
        ("sdxl-inpaint-tiny", ["ztsnr", "v_pred"], ["modelspec.architecture": "stable-diffusion-xl-v1-base"]),
        ("sdxl-refiner-tiny", ["v_pred"], [:]), ("sd21-tiny", ["v_pred", "ztsnr"], ["format": "pt"]), ("sd15-tiny", ["v_pred"], [:]),
    ]

    @Test(arguments: markers) func markersSurviveBothWays(model: String, names: [String], metadata: FileMetadata) throws {
        // A16 and F32 both occur; nothing is stored either way.
        let file = try checkpoint(model, adding: names.map { ($0, .f16, [0], []) }, metadata: metadata)
        var request = ConversionRequest(source: file)
        request.keepsExtras = true
        request.configuration = Fixtures["models/\(model)"]
        request.prediction = .velocity
        let there = try folder.convert(request, to: .diffusers, "there")
        #expect(try scheduler(there)["prediction_type"] == "v_prediction")
        #expect(try (scheduler(there)["rescale_betas_zero_snr"] == .bool(true)) == names.contains("ztsnr"))
        let back = try folder.convert(ConversionRequest(source: there), to: .checkpoint(.safetensors), "back.safetensors")
        #expect(try ReadableFile(back).contents(limit: 1 << 26) == ReadableFile(file).contents(limit: 1 << 26))
    }

    /// Nothing in a checkpoint tells that the denoiser predicts the picture: that is said on the way there, and wanted on the way back, where
    /// a schedule is written that can do with it.
    @Test func modelsOfThePictureGoBothWays() throws {
        let own = try folder.convert(ConversionRequest(source: Fixtures["models/sd15-tiny"]), to: .diffusers, "own")
        var written = try scheduler(own)
        written["_class_name"] = "DDIMScheduler"
        written["prediction_type"] = "sample"
        try folder.file("own/scheduler/scheduler_config.json", JSONWriter().bytes(.object(written)))
        let request = ConversionRequest(source: own)
        #expect(try scheduler(folder.convert(request, to: .diffusers, "copy")) == written)

        let model = try Model(request)
        #expect(model.prediction?.value == "sample")
        #expect(try model.checkpointPlan(.safetensors, request).notes.contains { $0.contains("--prediction-type sample") })
        let file = try folder.convert(request, to: .checkpoint(.safetensors), "file.safetensors")
        #expect(try openWeights(file).metadata["modelspec.prediction_type"] == nil)
        var back = ConversionRequest(source: file)
        back.prediction = .sample
        back.configuration = Fixtures["models/sd15-tiny"]
        let made = try scheduler(folder.convert(back, to: .diffusers, "back"))
        #expect(made["_class_name"] == "DDIMScheduler" && made["prediction_type"] == "sample" && made["skip_prk_steps"] == nil)

        var kept = request
        kept.keepsExtras = true
        #expect(try model.checkpointPlan(.safetensors, kept).notes.allSatisfy { !$0.contains("--prediction-type") })
    }

    /// A schedule that ends in pure noise already is left as it was written.
    @Test func aMarkerChangesNothingThatIsSaidAlready() throws {
        let made = try folder.convert(ConversionRequest(source: Fixtures["models/sdxl-vpred-tiny"]), to: .diffusers, "made")
        var written = try scheduler(made)
        #expect(written["rescale_betas_zero_snr"] == .bool(true))
        written["timestep_spacing"] = "leading"
        try folder.file("made/scheduler/scheduler_config.json", JSONWriter().bytes(.object(written)))
        var request = ConversionRequest(
            source: try folder.convert(ConversionRequest(source: made), to: .checkpoint(.safetensors), "file.safetensors"))
        request.configuration = made
        #expect(try scheduler(folder.convert(request, to: .diffusers, "back"))["timestep_spacing"] == "leading")
    }

    @Test func markersDecideWithoutBeingAsked() throws {
        let file = try checkpoint("sdxl-tiny", adding: [("v_pred", .f32, [0], []), ("ztsnr", .f32, [0], [])])
        let model = try Model(ConversionRequest(source: file))
        #expect(model.prediction?.value == "v_prediction")
        #expect(model.prediction?.reason == "the file holds the marker tensor v_pred")
    }

    @Test func markersAreMadeFromTheSchedule() throws {
        let request = ConversionRequest(source: Fixtures["models/sdxl-vpred-tiny"])
        let file = try folder.convert(request, to: .checkpoint(.safetensors), "made.safetensors")
        let markers = try openWeights(file).tensors.filter { ["v_pred", "ztsnr"].contains($0.name) }
        #expect(markers.map(\.name).sorted() == ["v_pred", "ztsnr"])
        #expect(markers.allSatisfy { $0.shape.dimensions == [0] })
    }

    @Test func theRangeOfNoiseOfAnEDMModelSurvives() throws {
        let sigmas: [Tensor] = [
            ("edm_vpred.sigma_max", .f32, [], [0, 0, 0xF0, 0x42]), ("edm_vpred.sigma_min", .f32, [], [0x6F, 0x12, 3, 0x3B]),
            ("denoiser.sigmas", .f32, [2], [1, 2, 3, 4, 5, 6, 7, 8]),
        ]
        let file = try checkpoint("sdxl-tiny", adding: sigmas)
        var request = ConversionRequest(source: file)
        request.keepsExtras = true
        request.configuration = Fixtures["models/sdxl-tiny"]
        let there = try folder.convert(request, to: .diffusers, "there")
        let back = try folder.convert(ConversionRequest(source: there), to: .checkpoint(.safetensors), "back.safetensors")
        #expect(try sums(back) == sums(file))
    }

    /// Playground 2.5's, of which half precision has none and single precision not one exactly.
    private static let (mean, deviation): ([Float], [Float]) = ([-1.6574, 1.886, -1.383, 2.5155], [8.4927, 5.9022, 6.5498, 5.2299])
    private static let writtenMean: JSONValue = [-1.6574, 1.886, -1.383, 2.5155]
    private static let writtenDeviation: JSONValue = [8.4927, 5.9022, 6.5498, 5.2299]

    private static var statistics: [Tensor] {
        func bytes(_ values: [Float]) -> [UInt8] {
            values.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }
        }
        return [("edm_mean", .f32, [1, 4, 1, 1], bytes(mean)), ("edm_std", .f32, [1, 4, 1, 1], bytes(deviation))]
    }

    /// Playground 2.5's statistics go into the VAE's configuration.
    @Test func latentStatisticsBecomeTheConfigurations() throws {
        var request = ConversionRequest(source: try checkpoint("sdxl-tiny", adding: Self.statistics))
        request.configuration = Fixtures["models/sdxl-tiny/vae"]
        request.only = ["vae"]
        let model = try Model(request)
        #expect(model.prediction?.value == "edm")
        #expect(model.prediction?.reason == "the file holds the latents' statistics edm_mean")
        let vae = try folder.convert(request, to: .diffusers, "vae")
        let configuration = try JSONCursor(JSONValue(contentsOf: vae.appending("config.json"))).object()
        #expect(configuration["latents_mean"] == Self.writtenMean)
        #expect(configuration["latents_std"] == Self.writtenDeviation)
        #expect(configuration["scaling_factor"] == 0.5)
    }

    /// They come back as tensors of 32-bit floats, whatever the others are, and from these as the same numbers; carried along, as they were.
    @Test func latentStatisticsComeBack() throws {
        // A folder whose VAE and scheduler are Playground's.
        let source = Fixtures["models/sdxl-tiny"]
        let file = try folder.convert(ConversionRequest(source: source), to: .checkpoint(.safetensors), "file.safetensors")
        var request = ConversionRequest(source: file)
        request.configuration = source
        let made = try folder.convert(request, to: .diffusers, "made")
        let vae = made.appending("vae").appending("config.json")
        var configuration = try JSONCursor(JSONValue(contentsOf: vae)).object()
        configuration["latents_mean"] = Self.writtenMean
        configuration["latents_std"] = Self.writtenDeviation
        try folder.file("made/vae/config.json", JSONWriter().bytes(.object(configuration)))
        try folder.file(
            "made/scheduler/scheduler_config.json",
            Array(#"{"_class_name": "EDMDPMSolverMultistepScheduler", "sigma_data": 0.5, "prediction_type": "epsilon"}"#.utf8))

        let there = try folder.convert(ConversionRequest(source: made), to: .checkpoint(.safetensors), "there.safetensors")
        let found = try openWeights(there)
        for (name, values) in [("edm_mean", Self.mean), ("edm_std", Self.deviation)] {
            let index = try #require(found.tensors.firstIndex { $0.name == name })
            #expect(found.tensors[index].scalarType == .f32)
            #expect(try found.bytes(of: index) == values.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian) { Array($0) } })
        }
        request = ConversionRequest(source: there)
        request.configuration = made
        _ = try folder.convert(request, to: .diffusers, "again")
        let again = try JSONCursor(JSONValue(contentsOf: folder["again/vae/config.json"])).object()
        #expect(again["latents_mean"] == Self.writtenMean && again["latents_std"] == Self.writtenDeviation)

        let marked = try checkpoint("sdxl-tiny", adding: Self.statistics)
        request = ConversionRequest(source: marked)
        request.configuration = made
        request.keepsExtras = true
        let kept = try folder.convert(request, to: .diffusers, "kept")
        let back = try folder.convert(ConversionRequest(source: kept), to: .checkpoint(.safetensors), "back.safetensors")
        #expect(try ReadableFile(back).contents(limit: 1 << 26) == ReadableFile(marked).contents(limit: 1 << 26))
    }
}
