import IsomerBytes
import IsomerConversion
import IsomerFormats
import IsomerTensors
import Testing

/// Whole models between arrangements, against what diffusers makes of the same files.
@Suite struct ModelConversionTests {
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    /// What a checkpoint has beyond the peers' golden: numbers that follow from the configuration.
    private static func withoutGenerated(_ sums: Set<TensorSum>) -> Set<TensorSum> {
        sums.filter { !$0.name.hasSuffix("embeddings.position_ids") }
    }

    static let folders: [(folder: String, golden: String, type: ScalarType?)] = [
        ("sd15-tiny", "sd15-tiny", nil), ("sd15-tiny", "sd15-tiny-f16", .f16), ("sd15-tiny", "sd15-tiny-bf16", .bf16),
        ("sd15-tiny-fp16-variant", "sd15-tiny-f16", nil), ("sd15-tiny-sharded", "sd15-tiny-f16", nil),
        ("sd15-tiny-old-vae", "sd15-tiny-f16", nil),
        ("sd15-tiny-flat-clip", "sd15-tiny-f16", nil), ("sd15-inpaint-tiny", "sd15-inpaint-tiny", nil), ("ip2p-tiny", "ip2p-tiny", nil),
        ("sd20-base-tiny", "sd20-base-tiny", nil), ("sd21-tiny", "sd21-tiny", nil), ("sd2-inpaint-tiny", "sd2-inpaint-tiny", nil),
        ("sd2-depth-tiny", "sd2-depth-tiny", nil), ("sd15-tiny-bin", "sd15-tiny-f16", nil),
    ]

    @Test(arguments: folders) func foldersBecomeThePeersCheckpoint(folder model: String, golden list: String, type: ScalarType?) throws {
        var request = ConversionRequest(source: Fixtures["models/\(model)"])
        request.scalarType = type
        let output = try folder.convert(request, to: .checkpoint(.safetensors), "out.safetensors")
        let expected = try golden(Fixtures["models/\(list).checkpoint.txt"])
        #expect(Self.withoutGenerated(try sums(output)).symmetricDifference(expected) == [])
    }

    static let checkpoints: [(file: String, folder: String)] = [
        ("sd15-nai.safetensors", "sd15-tiny"), ("sd15-inpaint.safetensors", "sd15-inpaint-tiny"), ("ip2p.safetensors", "ip2p-tiny"),
        ("sd21.safetensors", "sd21-tiny"), ("sd2-inpaint.safetensors", "sd2-inpaint-tiny"), ("sd2-depth.safetensors", "sd2-depth-tiny"),
        ("sd15-ema.ckpt", "sd15-tiny"), ("sd15-legacy.ckpt", "sd15-tiny"), ("sd20-base-pruned.ckpt", "sd20-base-tiny"),
    ]

    @Test(arguments: checkpoints) func checkpointsBecomeThePeersFolder(file: String, folder model: String) throws {
        var request = ConversionRequest(source: Fixtures["checkpoints/\(file)"])
        request.configuration = Fixtures["models/\(model)"]
        let output = try folder.convert(request, to: .diffusers, "out")
        for (component, name) in [
            ("unet", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model"), ("text_encoder", "model"),
        ] {
            let expected = try golden(Fixtures["checkpoints/\(file).diffusers/\(component).txt"])
            #expect(try sums(output.appending("\(component)/\(name).safetensors")).symmetricDifference(expected) == [])
        }
    }

    @Test(arguments: checkpoints) func extrasMakeTheWayBackExact(file: String, folder model: String) throws {
        var request = ConversionRequest(source: Fixtures["checkpoints/\(file)"])
        request.configuration = Fixtures["models/\(model)"]
        request.keepsExtras = true
        let there = try folder.convert(request, to: .diffusers, "there")
        let back = try folder.convert(ConversionRequest(source: there), to: .checkpoint(.safetensors), "back.safetensors")
        #expect(try sums(back).symmetricDifference(try sums(request.source)) == [])
        #expect(try openWeights(back).metadata == openWeights(request.source).metadata)
    }

    @Test func averagedWeightsAreTakenWhenAskedFor() throws {
        var request = ConversionRequest(source: Fixtures["checkpoints/sd15-ema.ckpt"])
        request.configuration = Fixtures["models/sd15-tiny"]
        request.usesAverage = true
        let output = try folder.convert(request, to: .diffusers, "out")
        let expected = try golden(Fixtures["checkpoints/sd15-ema.ckpt.diffusers/unet.ema.txt"])
        #expect(try sums(output.appending("unet/diffusion_pytorch_model.safetensors")).symmetricDifference(expected) == [])
    }

    /// With the averaged weights in the folder, the last ones are what is carried along.
    @Test func averagedWeightsGoBackWhereTheyWere() throws {
        let source = Fixtures["checkpoints/sd15-ema.ckpt"]
        var request = ConversionRequest(source: source)
        request.configuration = Fixtures["models/sd15-tiny"]
        request.usesAverage = true
        request.keepsExtras = true
        let there = try folder.convert(request, to: .diffusers, "there")
        let back = try folder.convert(ConversionRequest(source: there), to: .checkpoint(.safetensors), "back.safetensors")
        #expect(try sums(back).symmetricDifference(try sums(source)) == [])
    }

    /// A denoiser alone goes back below the prefix that it had, or back to none.
    @Test(arguments: ["", "model.diffusion_model."]) func aDenoiserAloneKeepsItsPrefix(prefix: String) throws {
        let component = Fixtures["components/flux-dev-transformer"]
        let bare = try openWeights(folder.convert(ConversionRequest(source: component), to: .checkpoint(.safetensors), "bare.safetensors"))
        let planned = try bare.tensors.enumerated().map { index, tensor in
            let name = prefix + tensor.name.split(separator: ".").drop { ["model", "diffusion_model"].contains($0) }.joined(separator: ".")
            let renamed = try TensorDescriptor(name: name, scalarType: tensor.scalarType, shape: tensor.shape)
            return PlannedTensor(renamed, from: TensorReference(source: 0, index: index), of: tensor.scalarType)
        }
        let plan = ConversionPlan(
            sources: [.init("bare", bare, files: bare.files)], shape: .file,
            files: [PlannedFile(container: .safetensors, tensors: planned, metadata: ["format": "pt"])])
        let file = folder.path.appending("file.safetensors")
        _ = try Executor().run(plan, to: file)
        var request = ConversionRequest(source: file)
        request.configuration = component
        request.keepsExtras = true
        let there = try folder.convert(request, to: .diffusers, "there")
        let back = try folder.convert(ConversionRequest(source: there), to: .checkpoint(.safetensors), "back.safetensors")
        #expect(try sums(back).symmetricDifference(try sums(file)) == [])
    }

    /// As diffusers' loader has it: what has no weights of the variant is read as it is, if anything has some.
    @Test func aVariantOfSomeComponents() throws {
        let made = try folder.convert(ConversionRequest(source: Fixtures["models/sd15-tiny"]), to: .diffusers, "made")
        let weights = try ReadableFile(
            Fixtures["models/sd15-tiny-fp16-variant/unet/diffusion_pytorch_model.fp16.safetensors"]
        ).contents(limit: 1 << 24)
        try folder.file("made/unet/diffusion_pytorch_model.fp16.safetensors", weights)
        var request = ConversionRequest(source: made)
        request.variant = "fp16"
        let model = try Model(request)
        #expect(model.sources.map { $0.tensors.tensors[0].scalarType } == [.f32, .f16, .f32])
        #expect(model.notes.contains("vae has no weights of the variant fp16; its only ones are read"))
        request.variant = "fp8"
        #expect(throws: IsomerError.self) { _ = try Model(request) }
    }

    @Test func aVAEAloneBecomesItsFolder() throws {
        var request = ConversionRequest(source: Fixtures["checkpoints/sd15.vae.pt"])
        request.configuration = Fixtures["models/sd15-tiny"]
        let output = try folder.convert(request, to: .diffusers, "out")
        let expected = try golden(Fixtures["checkpoints/sd15.vae.pt.diffusers/vae.txt"])
        #expect(try sums(output.appending("diffusion_pytorch_model.safetensors")).symmetricDifference(expected) == [])
    }

    @Test(arguments: [
        (TorchRoot.nested(key: "state_dict", entries: []), false), (.stateDict, false), (.nested(key: "state_dict", entries: []), true),
    ])
    func torchArchivesHoldTheSame(root: TorchRoot, isLegacy: Bool) throws {
        let request = ConversionRequest(source: Fixtures["models/sd21-tiny"])
        let archive = try folder.convert(request, to: .checkpoint(.torch(root, legacy: isLegacy)), "out.ckpt")
        let expected = try golden(Fixtures["models/sd21-tiny.checkpoint.txt"])
        #expect(try sums(archive).symmetricDifference(expected) == [])
        // A nested archive has a place for what the tensors do not tell.
        #expect(try Model(ConversionRequest(source: archive)).prediction?.value == (root == .stateDict ? nil : "v_prediction"))
    }

    @Test(arguments: ["sd15-tiny", "sd21-tiny", "sd2-depth-tiny", "ip2p-tiny"]) func foldersComeBackWithTheirFiles(model: String) throws {
        var request = ConversionRequest(source: Fixtures["models/\(model)"])
        request.keepsExtras = true
        let there = try folder.convert(request, to: .checkpoint(.safetensors), "there.safetensors")
        let back = try folder.convert(ConversionRequest(source: there), to: .diffusers, "back")
        for entry in try FileSystem.entries(of: request.source) where try FileSystem.kind(of: request.source.appending(entry)) == .folder {
            for name in try FileSystem.entries(of: request.source.appending(entry)) {
                let original = request.source.appending(entry).appending(name)
                let restored = back.appending(entry).appending(name)
                if name.string.hasSuffix(".safetensors") {
                    #expect(try sums(restored).symmetricDifference(try sums(original)) == [])
                } else if name.string.hasSuffix("config.json") {
                    #expect(try JSONValue(contentsOf: restored) == JSONValue(contentsOf: original))
                } else {
                    #expect(try ReadableFile(restored).contents(limit: 1 << 24) == ReadableFile(original).contents(limit: 1 << 24))
                }
            }
        }
    }

    @Test func withoutAConfigurationARelativeIsRefusedByName() throws {
        let request = ConversionRequest(source: Fixtures["checkpoints/sd15-inpaint.safetensors"])
        #expect {
            try ConversionPlan(request, to: .diffusers)
        } throws: { error in
            guard let error = error as? IsomerError else { return false }
            return error.code == .undecided && error.remedy?.contains("--config") == true
        }
    }
}
