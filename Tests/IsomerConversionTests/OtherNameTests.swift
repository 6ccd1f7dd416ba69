import IsomerArchitectures
import IsomerBytes
import IsomerFormats
import IsomerTensors
import Testing

@testable import IsomerConversion
@testable import IsomerMapping

/// Tensors under names that only some tools give them, and networks of which only some members of a family are.
@Suite struct OtherNameTests {
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func weights(_ name: String, _ component: String) throws -> Set<TensorSum> {
        let path = folder[name].appending(component)
        let file = try FileSystem.entries(of: path).first { $0.extension == "safetensors" }
        return try sums(path.appending(#require(file)))
    }

    /// The same of a folder that is first made of `model`.
    private func weights(_ name: String, _ component: String, convert model: FilePath) throws -> Set<TensorSum> {
        try folder.convert(model, to: .diffusers, name)
        return try weights(name, component)
    }

    /// A linear map's weight instead of OpenCLIP's parameter, which is its transpose: read as it is, and written as OpenCLIP has it.
    @Test func aTextProjectionIsALinearMapsWeight() throws {
        let model = Fixtures["models/sdxl-tiny"]
        try folder.convert(model, to: .checkpoint(.safetensors), "own.safetensors")
        let name = "conditioner.embedders.1.model.text_projection"
        try rewrite(folder["own.safetensors"], to: folder["linear.safetensors"]) { tensor, _ in
            tensor.name == name ? .turned(name + ".weight") : .kept
        }
        let plan = try folder.convert(folder["linear.safetensors"], to: .diffusers, "linear") { $0.configuration = model }
        #expect(plan.notes.contains { $0.contains(name + ".weight is read") && $0.contains("transpose") }, "\(plan.notes)")
        try folder.convert(model, to: .diffusers, "own")
        for component in ["unet", "vae", "text_encoder", "text_encoder_2"] {
            #expect(try weights("linear", component) == weights("own", component))
        }
        try folder.convert(folder["linear"], to: .checkpoint(.safetensors), "back.safetensors")
        #expect(try sums(folder["back.safetensors"]) == sums(folder["own.safetensors"]))
        // With both there it is not for us to choose.
        try rewrite(
            folder["own.safetensors"], to: folder["both.safetensors"],
            adding: [(name + ".weight", .f32, [2], [UInt8](repeating: 0, count: 8))]
        ) { _, _ in .kept }
        let refused = try #require(throws: IsomerError.self) { try folder.convert(folder["both.safetensors"], to: .diffusers, "both") }
        #expect(refused.location.item == name + ".weight" && refused.what.contains("nothing explains"))
    }

    /// A latent consistency model, under both names that tools give its one tensor more.
    @Test func guidanceThatWasDistilledIn() throws {
        let (family, member) = try #require(ModelFamily.member("lcm-dreamshaper-v7"))
        let model = try Model(synthesizing: member, of: family, seed: 5, scalarType: .f16, isTiny: true)
        var request = ConversionRequest(source: FilePath())
        request.destination = folder["lcm"]
        _ = try Executor().run(model.diffusersPlan(request), to: folder["lcm"])
        try folder.convert(folder["lcm"], to: .checkpoint(.safetensors), "lcm.safetensors")
        let name = "model.diffusion_model.time_embedding.cond_proj.weight"
        #expect(try openWeights(folder["lcm.safetensors"]).tensors.contains { $0.name == name })
        try rewrite(folder["lcm.safetensors"], to: folder["other.safetensors"]) { tensor, _ in
            tensor.name == name ? .renamed("model.diffusion_model.time_embed.cond_proj.weight") : .kept
        }
        for source in ["lcm", "other"] {
            let plan = try folder.convert(folder[source + ".safetensors"], to: .diffusers, source + "-back") {
                $0.configuration = folder["lcm"]
            }
            #expect(plan.notes.contains { $0.contains("time_embed.cond_proj.weight is read") } == (source == "other"))
            #expect(try weights(source + "-back", "unet") == weights("lcm", "unet"))
            let json = try JSONValue(contentsOf: folder[source + "-back"].appending("unet").appending("config.json"))
            #expect(json["time_cond_proj_dim"] == 16)
        }
    }

    /// What wraps a network when it is saved: a trainer's, a compiler's, another tool's path before every name.
    @Test(arguments: ["module.", "_orig_mod.", "state_dict.", "diffusion_model.", "unet.", "a.b.c."])
    func namesBelowAPath(_ prefix: String) throws {
        let model = Fixtures["models/sd15-tiny"]
        let whole = prefix == "state_dict."
        if whole {
            try folder.convert(model, to: .checkpoint(.safetensors), "own.safetensors")
        } else {
            try folder.convert(model.appending("unet"), to: .checkpoint(.safetensors), "own.safetensors") { $0.architecture = "sd1" }
        }
        try rewrite(folder["own.safetensors"], to: folder["wrapped.safetensors"]) { tensor, _ in .renamed(prefix + tensor.name) }
        let plan = try folder.convert(folder["wrapped.safetensors"], to: .checkpoint(.safetensors), "back.safetensors") {
            $0.architecture = "sd1"
        }
        #expect(plan.decisions.contains { $0.subject == "names" && $0.value == "without \(prefix)" }, "\(plan.decisions)")
        #expect(try sums(folder["back.safetensors"]) == sums(folder["own.safetensors"]))
        #expect(try ModelSummary(of: folder["wrapped.safetensors"]).components.map(\.slot).contains("unet"))
        // A name more that does not begin so, and nothing is known.
        try rewrite(folder["own.safetensors"], to: folder["other.safetensors"], adding: [("x", .f32, [1], [0, 0, 0, 0])]) { tensor, _ in
            .renamed(prefix + tensor.name)
        }
        let refused = try #require(throws: IsomerError.self) { try folder.convert(folder["other.safetensors"], to: .diffusers, "x") }
        #expect(refused.code == .unsupported)
    }

    /// A pipeline's components, each below its own name, in one file: as any arrangement, and told without being told.
    @Test(arguments: ["sd15-tiny", "sd21-tiny", "sdxl-tiny", "sd3-medium-tiny", "flux-dev-tiny"])
    func componentsInOneFile(_ name: String) throws {
        let model = Fixtures["models/\(name)"]
        var all: [(String, ScalarType, [Int], [UInt8])] = []
        var components: [String] = []
        for entry in try FileSystem.entries(of: model) {
            let component = model.appending(entry)
            guard try FileSystem.kind(of: component) == .folder,
                let file = try FileSystem.entries(of: component).first(where: { $0.extension == "safetensors" })
            else { continue }
            components.append(entry.string)
            let source = try openWeights(component.appending(file))
            for (index, tensor) in source.tensors.enumerated() {
                all.append(
                    ("\(entry.string).\(tensor.name)", tensor.scalarType, tensor.shape.dimensions, try source.bytes(of: index)))
            }
        }
        try folder.convert(model, to: .checkpoint(.safetensors), "own.safetensors")
        try rewrite(folder["own.safetensors"], to: folder["one.safetensors"], metadata: [:], adding: all) { _, _ in .dropped }
        #expect(try ModelSummary(of: folder["one.safetensors"]).components.map(\.slot) == components.sorted())

        try folder.convert(folder["one.safetensors"], to: .diffusers, "folder") { $0.configuration = model }
        try folder.convert(model, to: .diffusers, "own")
        for component in components { #expect(try weights("folder", component) == weights("own", component), "\(component)") }
        try folder.convert(folder["one.safetensors"], to: .checkpoint(.safetensors), "checkpoint.safetensors") { $0.configuration = model }
        #expect(try sums(folder["checkpoint.safetensors"]) == sums(folder["own.safetensors"]))
    }

    /// Shards of a component without an index, in a folder.
    @Test func shardsWithoutIndex() throws {
        let model = Fixtures["models/sd15-tiny-sharded"]
        for place in ["whole", "part"] {
            try folder.folder(place)
            for file in try FileSystem.entries(of: model.appending("unet"))
            where file.extension == "safetensors" && (place == "whole" || file.string.contains("-00001-")) || file.string == "config.json" {
                try folder.file("\(place)/\(file.string)", ReadableFile(model.appending("unet").appending(file)).contents(limit: 1 << 26))
            }
        }
        try folder.convert(folder["whole"], to: .diffusers, "made")
        #expect(
            try sums(folder["made"].appending("diffusion_pytorch_model.safetensors"))
                == sums(model.appending("unet").appending("diffusion_pytorch_model.safetensors.index.json")))
        let refused = try #require(throws: IsomerError.self) { try folder.convert(folder["part"], to: .diffusers, "x") }
        #expect(refused.code == .mismatch && refused.expected == "diffusion_pytorch_model-00002-of-00002.safetensors", "\(refused)")
    }

    /// What ComfyUI and training code leave beside a model is named and left out, or carried along.
    @Test func whatToolsLeaveBeside() throws {
        let model = Fixtures["models/sd15-tiny"]
        try folder.convert(model, to: .checkpoint(.safetensors), "own.safetensors")
        let prefix = "cond_stage_model."
        let projection = [UInt8](repeating: 7, count: 8 * 8 * 4)
        try rewrite(
            folder["own.safetensors"], to: folder["junk.safetensors"],
            adding: [
                (prefix + "logit_scale", .f32, [], [0, 0, 0x80, 0x40]),
                (prefix + "transformer.text_projection.weight", .f32, [8, 8], projection),
                ("embedding_manager.embedder.transformer.text_model.embeddings.position_ids", .i64, [1], [UInt8](repeating: 0, count: 8)),
            ]
        ) { _, _ in .kept }
        try folder.convert(folder["junk.safetensors"], to: .diffusers, "junk") { $0.configuration = model }
        #expect(try weights("junk", "text_encoder") == weights("own", "text_encoder", convert: model))
        let config = try JSONValue(contentsOf: folder["junk"].appending("text_encoder").appending("config.json"))
        #expect(config["architectures"] == ["CLIPTextModel"])
        try folder.convert(folder["junk.safetensors"], to: .diffusers, "kept") {
            ($0.configuration, $0.keepsExtras) = (model, true)
        }
        try folder.convert(folder["kept"], to: .checkpoint(.safetensors), "back.safetensors")
        #expect(try sums(folder["back.safetensors"]) == sums(folder["junk.safetensors"]))
    }

    @Test(arguments: [
        ("transformer_blocks.0.attn.to_q.qzeros", "GPTQ", "x"), ("single_blocks.0.linear1.wscales", "Nunchaku", "x"),
        ("model.diffusion_model.double_blocks.0.img_mod.lin.comfy_quant", "convrot_w4a4", #"{"format": "convrot_w4a4"}"#),
        (
            "model.diffusion_model.double_blocks.0.img_mod.lin.comfy_quant", "turned",
            #"{"format": "int8_tensorwise", "params": {"convrot": true}}"#
        ),
        ("model.diffusion_model.double_blocks.0.img_mod.lin.weight_scale_2", "NVFP4", "x"),
    ]) func packedWeightsAreNamed(_ name: String, _ packer: String, _ text: String) throws {
        try folder.convert(Fixtures["models/flux-dev-tiny"], to: .checkpoint(.safetensors), "own.safetensors")
        try rewrite(folder["own.safetensors"], to: folder["packed.safetensors"], adding: [(name, .u8, [text.utf8.count], Array(text.utf8))])
        { _, _ in .kept }
        let refused = try #require(throws: IsomerError.self) { try folder.convert(folder["packed.safetensors"], to: .diffusers, "x") }
        #expect(refused.code == .unsupported && refused.what.contains(packer), "\(refused)")
        #expect(try ModelSummary(of: folder["packed.safetensors"]).recognised?.title.contains(packer) == true)
    }

    /// Classes as a table, as a vector and as a time step; levels that look at the text alone.
    @Test(arguments: ["table", "projection", "timestep"]) func classesOfStableDiffusion(_ kind: String) throws {
        let (family, member) = try #require(ModelFamily.member("sd20-base"))
        var unet = try #require(member.components["unet"] as? UNetConfiguration).tiny
        switch kind {
        case "table": unet.classEmbedding = .table(count: 10)
        case "projection": unet.classEmbedding = .projection(width: 2048)
        default: unet.classEmbedding = .timestep
        }
        unet.textOnlyLevels = [1]
        let model = try Model(synthesizing: member.with(unet), of: family, seed: 6, scalarType: .f32, isTiny: false)
        var request = ConversionRequest(source: FilePath())
        request.destination = folder[kind]
        _ = try Executor().run(model.diffusersPlan(request), to: folder[kind])
        let json = try JSONValue(contentsOf: folder[kind].appending("unet").appending("config.json"))
        #expect(json["only_cross_attention"] == [false, true, false, false])
        try folder.convert(folder[kind], to: .checkpoint(.safetensors), kind + ".safetensors")
        let names = try Set(openWeights(folder[kind + ".safetensors"]).tensors.map(\.name))
        #expect(names.contains("model.diffusion_model.label_emb.\(kind == "table" ? "" : "0.0.")weight"))
        try folder.convert(folder[kind + ".safetensors"], to: .diffusers, kind + "-back") { $0.configuration = folder[kind] }
        #expect(try weights(kind + "-back", "unet") == weights(kind, "unet"))
        let back = try JSONValue(contentsOf: folder[kind + "-back"].appending("unet").appending("config.json"))
        #expect(back == json)
    }
}

extension ModelMember {
    /// The same at the size of tiny models, with another UNet.
    func with(_ unet: UNetConfiguration) -> ModelMember {
        var components = components.mapValues { $0.tiny as any NetworkConfiguration }
        components["unet"] = unet
        return ModelMember(
            identifier, title, pipeline: pipeline, components: components, scheduler: scheduler, prediction: prediction,
            tokenizers: tokenizers, indexEntries: indexEntries)
    }
}
