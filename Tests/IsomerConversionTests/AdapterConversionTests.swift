import IsomerArchitectures
import IsomerBytes
import IsomerFormats
import IsomerMapping
import IsomerTensors
import Testing

@testable import IsomerConversion

/// Adapters from one tool's names to another's and back.
@Suite struct AdapterConversionTests {
    static let models = Fixtures["models"]
    static let components = Fixtures["components"]

    private func model(_ path: FilePath) throws -> Model { try Model(ConversionRequest(source: path)) }

    private func convert(
        _ source: FilePath, _ target: FilePath, to naming: AdapterNaming, for model: Model,
        _ change: (inout AdapterConversion) -> Void = { _ in }
    ) throws -> ConversionPlan {
        var conversion = AdapterConversion(to: naming, .safetensors)
        change(&conversion)
        let plan = try conversion.plan(Adapter(source, for: model))
        var executor = Executor()
        executor.verification = .full
        _ = try executor.run(plan, to: target)
        return plan
    }

    private func bytes(_ path: FilePath) throws -> [UInt8] { try ReadableFile(path).contents(limit: 1 << 26) }

    /// What an adapter makes of a model, tensor by tensor.
    private func merged(_ model: FilePath, _ adapter: FilePath, _ folder: TemporaryFolder, _ name: String) throws -> [String: [Double]] {
        var merge = ModelMerge([model])
        merge.adapters = [ModelMerge.AddedAdapter(adapter, strength: 1)]
        try perform(merge, to: folder[name])
        return try modelNumbers(folder[name])
    }

    @Test(arguments: ["kohya", "peft", "dora"])
    func stableDiffusionThereAndBack(_ name: String) throws {
        let folder = try TemporaryFolder()
        let path = Self.models.appending("sd15-tiny")
        let model = try model(path)
        let source = Fixtures["adapters"].appending(name + ".safetensors")
        let first = try #require(try Adapter(source, for: model).naming)
        let original = try merged(path, source, folder, "original.safetensors")
        var ways = 0
        for naming in AdapterNaming.all where naming != first {
            let there = folder["\(naming.identifier).safetensors"]
            let back = folder["\(naming.identifier).back.safetensors"]
            do {
                _ = try convert(source, there, to: naming, for: model)
            } catch let error as IsomerError {
                // Namings of other families, or without a place for DoRA's lengths or convolutions.
                #expect(error.code == .unsupported, "\(error)")
                continue
            }
            let found = try Adapter(there, for: model)
            #expect(found.naming == naming || naming == .bfl || found.naming == .kohya || found.naming == .peft, "\(naming.identifier)")
            _ = try convert(there, back, to: first, for: model)
            #expect(try bytes(back) == bytes(source), "\(naming.identifier)")
            // The same change of the model, whatever the names.
            let again = try merged(path, there, folder, "\(naming.identifier).merged.safetensors")
            #expect(again.allSatisfy { distance($1, original[$0] ?? []) == 0 }, "\(naming.identifier)")
            ways += 1
        }
        #expect(ways >= 5)
    }

    private func factors(_ stem: String, _ inputs: Int, _ outputs: Int, rank: Int, sharedDown: String? = nil) -> [(String, [Int], [Float])]
    {
        [
            (stem + ".lora_A.weight", [rank, inputs], madeUp(sharedDown ?? stem + "A", rank * inputs)),
            (stem + ".lora_B.weight", [outputs, rank], madeUp(stem + "B", outputs * rank)),
        ]
    }

    /// Flux and Stable Diffusion 3, where the original joins queries, keys and values, and changes halves.
    @Test(arguments: ["flux-dev-transformer", "sd3-transformer", "sd35-medium-transformer"], [false, true])
    func joinedAndParted(_ component: String, _ sharesDown: Bool) throws {
        let folder = try TemporaryFolder()
        let path = Self.components.appending(component)
        let model = try model(path)
        var tensors: [(String, [Int], [Float])] = []
        let manifest = try #require(try model.components["transformer"]?.configuration.manifest())
        for entry in manifest.entries where entry.name.hasSuffix(".weight") && entry.shape.rank == 2 {
            let module = String(entry.name.dropLast(7))
            guard module.contains("block") || module == "norm_out.linear" else { continue }
            let shape = entry.shape.dimensions
            let joined = module.split(separator: ".").dropLast().joined(separator: ".")
            let isJoined = module.hasSuffix("to_q") || module.hasSuffix("to_k") || module.hasSuffix("to_v")
            tensors += factors(
                "transformer." + module, shape[1], shape[0], rank: 3,
                sharedDown: sharesDown && isJoined && !joined.contains("single") ? joined : nil)
        }
        let source = folder["peft.safetensors"]
        try writeFloats(source, tensors, metadata: ["format": "pt"], as: .bf16)
        let original = try merged(path, source, folder, "original.safetensors")
        for naming in [AdapterNaming.kohya, .bfl, .kohyaDiffusers, .oneTrainer] {
            let there = folder["\(naming.identifier).safetensors"]
            let plan = try convert(source, there, to: naming, for: model)
            #expect(plan.setAside.allSatisfy { $0.fate == .merged })
            let again = try merged(path, there, folder, "\(naming.identifier).merged.safetensors")
            let worst = again.map { distance($1, original[$0] ?? []) }.max() ?? 1
            #expect(worst <= 3e-7, "\(naming.identifier) \(worst)")
            let back = folder["\(naming.identifier).back.safetensors"]
            _ = try convert(there, back, to: .peft, for: model)
            #expect(try bytes(back) == bytes(source), "\(naming.identifier)")
        }
        // A joined module of parts with one first factor is no larger than they; of parts with their own it has all their ranks.
        let kohya = try Adapter(folder["kohya.safetensors"], for: model)
        for (module, scale) in zip(kohya.modules, kohya.scales)
        where module.target?.modules.count == 3 && module.target?.modules[0].hasSuffix(".to_q") == true {
            #expect(scale.rank == (sharesDown ? 3 : 9), "\(module.stem)")
        }
    }

    /// A second factor without blocks: every part gets its rows and the whole first factor, and none gets a larger rank.
    @Test func denseFactorsKeepTheirRank() throws {
        let folder = try TemporaryFolder()
        let path = Self.components.appending("flux-dev-transformer")
        let model = try model(path)
        let manifest = try #require(try model.components["transformer"]?.configuration.manifest())
        let width = try #require(manifest["transformer_blocks.0.attn.to_q.weight"]).dimensions
        let single = try #require(manifest["single_transformer_blocks.1.proj_mlp.weight"]).dimensions[0]
        func pair(_ stem: String, _ outputs: Int) -> [(String, [Int], [Float])] {
            [
                (stem + ".alpha", [], [2]), (stem + ".lora_down.weight", [4, width[1]], madeUp(stem + "d", 4 * width[1])),
                (stem + ".lora_up.weight", [outputs, 4], madeUp(stem + "u", outputs * 4)),
            ]
        }
        let source = folder["kohya.safetensors"]
        try writeFloats(
            source,
            pair("lora_unet_double_blocks_0_img_attn_qkv", 3 * width[0]) + pair("lora_unet_single_blocks_1_linear1", 3 * width[0] + single),
            metadata: ["ss_network_dim": "4", "sshs_model_hash": "abc", "format": "pt"], as: .f16)
        let there = folder["peft.safetensors"]
        _ = try convert(source, there, to: .peft, for: model)
        let parted = try Adapter(there, for: model)
        #expect(parted.modules.count == 7)
        #expect(parted.scales.allSatisfy { $0.rank == 4 && $0.alpha == 2 && $0.origin == "lora_adapter_metadata" })
        #expect(parted.source.tensors.metadata["sshs_model_hash"] == nil)
        let back = folder["back.safetensors"]
        _ = try convert(there, back, to: .kohya, for: model)
        #expect(try bytes(back) == bytes(source))
        let original = try merged(path, source, folder, "a.safetensors")
        let again = try merged(path, there, folder, "b.safetensors")
        #expect(again.allSatisfy { distance($1, original[$0] ?? []) <= 3e-7 })
    }

    @Test func xlabs() throws {
        let folder = try TemporaryFolder()
        let path = Self.components.appending("flux-dev-transformer")
        let model = try model(path)
        let width = try #require(try model.components["transformer"]?.configuration.manifest()["transformer_blocks.0.attn.to_q.weight"])
            .dimensions
        var tensors: [(String, [Int], [Float])] = []
        for (name, outputs) in [
            ("qkv_lora1", 3 * width[0]), ("qkv_lora2", 3 * width[0]), ("proj_lora1", width[0]), ("proj_lora2", width[0]),
        ] {
            let stem = "double_blocks.0.processor." + name
            tensors.append((stem + ".down.weight", [2, width[1]], madeUp(stem, 2 * width[1])))
            tensors.append((stem + ".up.weight", [outputs, 2], madeUp(stem + "u", outputs * 2)))
        }
        let source = folder["xlabs.safetensors"]
        try writeFloats(source, tensors, as: .bf16)
        #expect(try Adapter(source, for: model).naming == .xlabs)
        let original = try merged(path, source, folder, "original.safetensors")
        for naming in [AdapterNaming.peft, .kohya, .bfl] {
            let there = folder[naming.identifier + ".safetensors"]
            _ = try convert(source, there, to: naming, for: model)
            let again = try merged(path, there, folder, naming.identifier + ".merged.safetensors")
            #expect(again.allSatisfy { distance($1, original[$0] ?? []) <= 3e-7 }, "\(naming.identifier)")
            _ = try convert(there, folder[naming.identifier + ".back.safetensors"], to: .xlabs, for: model)
            #expect(try bytes(folder[naming.identifier + ".back.safetensors"]) == bytes(source), "\(naming.identifier)")
        }
    }

    @Test func alphaIsFoldedOrStated() throws {
        let folder = try TemporaryFolder()
        let path = Self.models.appending("sd15-tiny")
        let model = try model(path)
        let source = Fixtures["adapters/kohya.safetensors"]
        let original = try merged(path, source, folder, "original.safetensors")
        let folded = folder["folded.safetensors"]
        let plan = try convert(source, folded, to: .peft, for: model) { $0.foldsAlpha = true }
        #expect(plan.decisions.contains { $0.subject == "alpha" && $0.value.contains("multiplied") })
        let adapter = try Adapter(folded, for: model)
        #expect(adapter.scales.allSatisfy { $0.alpha == nil && $0.factor == 1 })
        let again = try merged(path, folded, folder, "folded.merged.safetensors")
        // Alpha is half of the rank, so that halves are exact.
        #expect(again.allSatisfy { distance($1, original[$0] ?? []) <= 3e-7 })
        // PEFT's metadata carry it otherwise.
        let stated = folder["stated.safetensors"]
        _ = try convert(source, stated, to: .peft, for: model)
        #expect(try Adapter(stated, for: model).scales.allSatisfy { $0.alpha == 4 && $0.rank == 8 })
    }

    @Test func otherKindsKeepToKohyasNamings() throws {
        let folder = try TemporaryFolder()
        let model = try model(Self.models.appending("sd15-tiny"))
        let source = Fixtures["adapters/kinds.safetensors"]
        _ = try convert(source, folder["one.safetensors"], to: .oneTrainer, for: model)
        #expect(throws: IsomerError.self) { _ = try convert(source, folder["peft.safetensors"], to: .peft, for: model) }
    }

    @Test func summaries() throws {
        let folder = try TemporaryFolder()
        let width = 3072
        var tensors: [(String, [Int], [Float])] = []
        for i in 0..<2 { tensors += factors("transformer.transformer_blocks.\(i).attn.to_q", width, width, rank: 1) }
        let path = folder["flux.safetensors"]
        try writeFloats(path, tensors, metadata: ["ss_learning_rate": "1e-4", "ss_steps": "100"], as: .f16)
        let summary = try #require(try AdapterSummary(of: path, openWeights(path)))
        #expect(summary.base?.family == "flux")
        #expect(summary.naming?.identifier == "diffusers")
        #expect(summary.kinds.map(\.kind) == ["LoRA"])
        #expect(summary.ranks.map(\.rank) == [1])
        #expect(summary.components == [AdapterSummary.Component(slot: "transformer", modules: 2, targets: ["attn.to_q 2"])])
        #expect(summary.training.map(\.name) == ["learning rate", "steps"])
        #expect(summary.misfits == [])
        let other = Self.models.appending("sd15-tiny").appending("unet").appending("diffusion_pytorch_model.safetensors")
        #expect(try AdapterSummary(of: other, openWeights(other)) == nil)
    }
}
