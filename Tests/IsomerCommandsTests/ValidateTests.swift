import IsomerBytes
import IsomerCommands
import IsomerFormats
import IsomerTensors
import Testing

@Suite struct ValidateTests {
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private let model = Fixtures["models/sd15-tiny"].string

    @Test func aModelIsSoundAndEqualsItsCheckpoint() throws {
        let checkpoint = folder["tiny.safetensors"].string
        #expect(CommandRun("convert", model, checkpoint, "-q").status == .done)
        let run = CommandRun("validate", model, "--against", checkpoint, "--json", "--latent-size", "8")
        #expect(run.status == .done, "\(run.error)")
        let json = try run.json
        #expect(json["sound"] == true)
        guard case .array(let components)? = json["components"], case .array(let differences)? = json["against"]?["differences"] else {
            Issue.record("no components")
            return
        }
        #expect(components.count == 3)
        #expect(differences.count == 6)
        #expect(
            differences.allSatisfy { difference in
                guard case .number(let largest)? = difference["largest"] else { return false }
                return largest.double == 0
            })
        #expect(CommandRun("validate", model, "--latent-size", "8").output.contains("sound"))
        let back = CommandRun("convert", checkpoint, folder["back"].string, "-q", "--verify", "forward", "--config", model)
        #expect(back.status == .done, "\(back.error)")
    }

    @Test func anotherDtypeDiffersALittle() throws {
        let half = folder["half.safetensors"].string
        #expect(CommandRun("convert", model, half, "-q", "--dtype", "f16").status == .done)
        #expect(CommandRun("validate", model, "--against", half, "-q", "--latent-size", "8").status == .done)
        #expect(CommandRun("validate", model, "--against", half, "-q", "--latent-size", "8", "--tolerance", "0").status == .checkFailed)
        #expect(CommandRun("validate", model, "-q", "--precision", "bf16", "--latent-size", "8").status == .done)
    }

    @Test func tellsWhatIsMissingAndWhatNeedsTooMuch() throws {
        let run = CommandRun("validate", model, "--memory", "10KB")
        #expect(run.status == .failed)
        #expect(run.error.contains("more memory than allowed"))
        #expect(CommandRun("validate", model, "--component", "tokens").status == .usage)
        #expect(CommandRun("validate", folder["none"].string).status == .failed)
    }

    /// Every model that converts also runs, from a checkpoint or a folder: nothing is left out for want of a forward pass.
    @Test func everyArchitectureRuns() throws {
        guard case .array(let rows)? = try CommandRun("inspect", "--list", "--json").json["architectures"] else {
            Issue.record("no architectures")
            return
        }
        var count = 0
        for row in rows {
            guard row["unmappedBecause"] == .null, case .array(let members)? = row["members"] else { continue }
            for member in members {
                guard case .string(let name)? = member["id"] else { continue }
                let path = folder[name].string
                #expect(CommandRun("synthesize", name, path, "--tiny", "-q").status == .done, "\(name)")
                let run = CommandRun("validate", path, "--json", "--latent-size", "8")
                #expect(run.status == .done, "\(name): \(run.error)")
                guard case .array(let components)? = try run.json["components"] else { continue }
                #expect(!components.isEmpty)
                let notRun = components.filter { $0["notRun"] != nil || $0["outputs"] == .array([]) }
                #expect(notRun.isEmpty, "\(name)")
                count += 1
            }
        }
        #expect(count > 30)
    }

    /// A checkpoint with some tensors' numbers, names or shapes changed.
    private func damaged(
        _ name: String, model: String? = nil, _ change: (inout (name: String, type: ScalarType, shape: [Int], bytes: [UInt8])) -> Void
    ) throws -> String {
        let whole = folder["whole-\(name).safetensors"]
        #expect(CommandRun("convert", model ?? self.model, whole.string, "-q", "--dtype", "f32").status == .done)
        let source = try SafetensorsReader(whole)
        var tensors: [(name: String, type: ScalarType, shape: [Int], bytes: [UInt8])] = []
        for (index, tensor) in source.tensors.enumerated() {
            var changed: (name: String, type: ScalarType, shape: [Int], bytes: [UInt8]) = (
                tensor.name, tensor.scalarType, tensor.shape.dimensions, try source.bytes(of: index)
            )
            change(&changed)
            tensors.append(changed)
        }
        let path = folder["\(name).safetensors"]
        try Weights.write(tensors, metadata: source.metadata, to: path)
        return path.string
    }

    private static let unet = "model.diffusion_model."

    @Test(arguments: [Float.nan, .infinity, -.infinity]) func namesTheFirstLayerThatIsNotFinite(number: Float) throws {
        let path = try damaged("strange") { tensor in
            if tensor.name == Self.unet + "middle_block.1.proj_in.weight" {
                tensor.bytes.replaceSubrange(40..<44, with: Weights.floats([number]))
            }
        }
        let run = CommandRun("validate", path, "--component", "unet", "--latent-size", "8", "--config", model)
        #expect(run.status == .checkFailed)
        #expect(run.output.contains("first after mid_block.attentions.0.proj_in"))
    }

    @Test func denormalWeightsAreNumbers() throws {
        let path = try damaged("denormal") { tensor in
            if tensor.type == .f32, tensor.name.hasSuffix("in_layers.2.weight") {
                tensor.bytes = Weights.floats(Array(repeating: 0x1p-140, count: tensor.bytes.count / 4))
            }
        }
        #expect(CommandRun("validate", path, "-q", "--latent-size", "8", "--config", model).status == .done)
    }

    /// Stable Diffusion 2's attention and SDXL's VAE: in f32 all is well, f16 has no such numbers.
    @Test func namesTheLayerThatOverflowsInHalfPrecision() throws {
        func grown(_ tensor: inout (name: String, type: ScalarType, shape: [Int], bytes: [UInt8]), by factor: Float) {
            tensor.bytes = Weights.floats(tensor.bytes.withUnsafeBytes { $0.bindMemory(to: Float.self).map { $0 * factor } })
        }
        let attention = try damaged("attention") { tensor in
            let block = Self.unet + "middle_block.1.transformer_blocks.0.attn1."
            if [block + "to_q.weight", block + "to_k.weight"].contains(tensor.name) { grown(&tensor, by: 10_000) }
        }
        let unet = CommandRun("validate", attention, "--component", "unet", "--latent-size", "8", "--config", model)
        #expect(unet.status == .done)
        #expect(unet.output.contains("first after mid_block.attentions.0.transformer_blocks.0.attn1 (queries times keys)"))
        let decoder = try damaged("vae") { tensor in
            if tensor.name == "first_stage_model.decoder.up.0.block.0.conv1.weight" { grown(&tensor, by: 1e7) }
        }
        let vae = CommandRun("validate", decoder, "--component", "vae", "--latent-size", "8", "--config", model, "--json")
        #expect(vae.status == .done)
        guard case .array(let components)? = try vae.json["components"] else { return }
        #expect(components.first?["firstBeyondHalf"]?["layer"] == "decoder.up_blocks.3.resnets.0.conv1")
        #expect(components.first?["firstNonFinite"] == nil)
    }

    @Test func namesTensorsThatAreAbsentOrMisshapen() throws {
        let name = Self.unet + "input_blocks.1.0.in_layers.2.bias"
        let absent = try damaged("absent") { tensor in if tensor.name == name { tensor.name += "es" } }
        let first = CommandRun("validate", absent, "--latent-size", "8", "--config", model)
        #expect(first.status == .checkFailed)
        #expect(first.output.contains("down_blocks.0.resnets.0.conv1.bias: the tensor is missing"))
        #expect(first.output.contains(name + "es"))
    }

    /// A wrong shape is a part of the report too, and does not keep the other components from it.
    @Test func misshapenTensorsAreReportedByComponent() throws {
        let name = Self.unet + "middle_block.1.transformer_blocks.0.ff.net.0.proj.weight"
        let path = try damaged("misshapen") { tensor in if tensor.name == name { tensor.shape.reverse() } }
        let run = CommandRun("validate", path, "--latent-size", "8", "--config", model, "--json")
        #expect(run.status == .checkFailed, "\(run.error)")
        guard case .array(let components)? = try run.json["components"], case .array(let problems)? = components[0]["problems"] else {
            Issue.record("no components")
            return
        }
        #expect(problems.count == 1)
        #expect(problems[0]["error"]?["item"] == .string(name))
        #expect(problems[0]["error"]?["found"] == "[12, 96]")
        #expect(try run.json["unexpected"] == .array([]))
        #expect(components.dropFirst().allSatisfy { $0["sound"] == true && $0["outputs"] != .array([]) })
        #expect(components.count == 3)
    }

    /// A component runs though another is broken or not there; the whole model does not pass for sound then.
    @Test func otherComponentsDoNotMatter() throws {
        for isThere in [true, false] {
            let copy = try TemporaryFolder()
            for name in ["model_index.json", "unet", "text_encoder", "scheduler", "tokenizer"] {
                try copy.link(name, to: "\(model)/\(name)")
            }
            if isThere {
                try copy.folder("vae")
                try copy.link("vae/config.json", to: model + "/vae/config.json")
                try copy.file("vae/diffusion_pytorch_model.safetensors", [1, 2, 3])
            }
            let path = copy.path.string
            let alone = CommandRun("validate", path, "--component", "unet", "--latent-size", "8")
            #expect(alone.status == .done, "\(alone.error)")
            let whole = CommandRun("validate", path, "--latent-size", "8")
            #expect(whole.status == .failed)
            #expect(whole.error.contains("vae"))
            #expect(CommandRun("validate", path, "--component", "vae", "--latent-size", "8").status != .done)
        }
    }

    /// What cannot be compared is said, not left out, and the same weights must agree exactly though one side has more components.
    @Test func saysWhatIsNotCompared() throws {
        let alone = CommandRun("validate", model, "--against", model + "/unet", "--latent-size", "8")
        #expect(alone.status == .checkFailed)
        #expect(alone.output.contains("vae: only in \(model)"))
        #expect(alone.output.contains("no difference"))
        #expect(CommandRun("validate", model, "--against", model + "/unet", "--component", "unet", "--latent-size", "8").status == .done)
        let other = CommandRun("validate", model, "--against", Fixtures["models/sd21-tiny"].string, "--latent-size", "8")
        #expect(other.status == .checkFailed)
        #expect(other.output.contains("text_encoder last: [1, 77, 8] in the first, [1, 77, 12] in the second"))
    }

    /// What has no forward pass is refused before anything is written; words that were added do not count as a difference.
    @Test func verifyingForwardRunsWhatCanRun() throws {
        let path = folder["adapter.safetensors"]
        let adapter = CommandRun(
            "convert", Fixtures["adapters/kohya.safetensors"].string, path.string, "--layout", "peft", "--base-model", model, "--verify",
            "forward")
        #expect(adapter.status == .usage, "\(adapter.error)")
        #expect(try FileSystem.kind(of: path) == nil)
        let grown = CommandRun(
            "convert", model, folder["grown"].string, "-q", "--embedding", Fixtures["adapters/embedding.pt"].string, "--verify", "forward")
        #expect(grown.status == .done, "\(grown.error)")
    }

    /// Products that f16 cannot hold between layers whose outputs it holds.
    @Test func namesWhatOverflowsBetweenLayers() throws {
        let block = Self.unet + "middle_block.1.transformer_blocks.0.ff.net."
        let path = try damaged("gated") { tensor in
            let factor: Float = [block + "0.proj.weight": 3e3, block + "2.weight": 1e-7][tensor.name] ?? 1
            if factor != 1 {
                tensor.bytes = Weights.floats(tensor.bytes.withUnsafeBytes { $0.bindMemory(to: Float.self).map { $0 * factor } })
            }
        }
        let run = CommandRun("validate", path, "--component", "unet", "--latent-size", "8", "--config", model)
        #expect(run.status == .done)
        #expect(run.output.contains("first after mid_block.attentions.0.transformer_blocks.0.ff.net.0 (gated)"))
    }

    /// What nothing tells, the network does: a Stable Diffusion 2 UNet whose answers lie far below its inputs predicts v.
    @Test(arguments: ["epsilon", "v_prediction"]) func asksWhatStableDiffusion2Predicts(wanted: String) throws {
        let model = Fixtures["models/sd20-base-tiny"].string
        let path = try damaged("sd2-\(wanted)", model: model) { tensor in
            guard tensor.name == Self.unet + "out.2.bias" || tensor.name == "v_pred" else { return }
            tensor.bytes = Weights.floats(Array(repeating: wanted == "epsilon" ? 0.5 : -5, count: tensor.bytes.count / 4))
        }
        let run = CommandRun("validate", path, "--latent-size", "8", "--config", model, "--json")
        #expect(run.status == .done, "\(run.error)")
        guard case .array(let components)? = try run.json["components"] else { return }
        let unet = components.first { $0["name"] == "unet" }
        #expect(unet?["predicts"] == .string(wanted))
    }
}
