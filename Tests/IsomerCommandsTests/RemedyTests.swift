import IsomerBytes
import IsomerCommands
import IsomerFormats
import IsomerTensors
import Testing

/// What errors say to do is done, and helps.
@Suite struct RemedyTests {
    private let folder: TemporaryFolder
    private let model = Fixtures["models/sd15-tiny"].string

    init() throws { folder = try TemporaryFolder() }

    private func path(_ name: String) -> String { folder[name].string }

    @Test func typesThatGGUFLacks() throws {
        try Weights.write([("mask", .u8, [4], [1, 2, 3, 4]), ("w", .f32, [2], Weights.floats([1, 2]))], to: folder["m.safetensors"])
        let refused = CommandRun("convert", path("m.safetensors"), path("m.gguf"), "--dtype", "f16")
        #expect(refused.error.contains("mask") && refused.error.contains("isomer prune --drop NAME"), "\(refused.error)")
        #expect(CommandRun("prune", path("m.safetensors"), path("m.gguf"), "--drop", "mask").status == .done)
    }

    @Test func metadataOfWhatIsNoSafetensorsFile() throws {
        try Weights.write([("a", .f32, [2], Weights.floats([1, 2])), ("b", .f32, [1], Weights.floats([3]))], to: folder["m.safetensors"])
        #expect(CommandRun("convert", path("m.safetensors"), path("s.safetensors"), "--max-shard-size", "4").status == .done)
        let index = CommandRun("metadata", "set", path("s.safetensors.index.json"), "title=x")
        #expect(index.error.contains("give one of the weight files themselves"), "\(index.error)")
        #expect(CommandRun("metadata", "set", path("s-00001-of-00002.safetensors"), "title=x", "--quiet").status == .done)
        #expect(CommandRun("convert", path("m.safetensors"), path("m.pt")).status == .done)
        let archive = CommandRun("metadata", "set", path("m.pt"), "title=x")
        #expect(archive.error.contains("with `isomer convert`"), "\(archive.error)")
    }

    /// An adapter is no folder; the file that is named instead can be written.
    @Test(arguments: [[], ["--to", "diffusers"], ["--layout", "kohya"]]) func aFolderForAnAdapter(words: [String]) throws {
        let source = Fixtures["adapters/peft.safetensors"].string
        let refused = CommandRun(["convert", source, path("lora")] + words)
        #expect(refused.status == .usage)
        let file = path("lora") + "/pytorch_lora_weights.safetensors"
        #expect(refused.error.contains("an adapter") && refused.error.contains("write \(file)"), "\(refused.error)")
        try FileSystem.makeFolder(folder["lora"])
        #expect(CommandRun("convert", source, file).status == .done)
    }

    /// The rank that an adapter's metadata state is corrected in whatever kind of file.
    @Test func aRankThatIsNotTheOneStated() throws {
        let module = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
        let factor = Weights.floats([Float](repeating: 1, count: 4 * 320))
        try Weights.write(
            [("\(module).lora_down.weight", .f32, [4, 320], factor), ("\(module).lora_up.weight", .f32, [320, 4], factor)],
            metadata: ["ss_network_dim": "16"], to: folder["l.safetensors"])
        let shards = CommandRun("convert", path("l.safetensors"), path("s.safetensors"), "--layout", "keep", "--max-shard-size", "6KB")
        #expect(shards.status == .done)
        let single = CommandRun("convert", path("l.safetensors"), path("x.safetensors"), "--layout", "diffusers")
        #expect(single.error.contains("`isomer metadata set FILE ss_network_dim=4`"), "\(single.error)")
        let set = CommandRun("convert", path("s.safetensors.index.json"), path("x.safetensors"), "--layout", "diffusers")
        #expect(set.error.contains("`isomer convert FILE NEW.safetensors --layout keep --metadata ss_network_dim=4`"), "\(set.error)")
        let words = ["--layout", "keep", "--metadata", "ss_network_dim=4"]
        #expect(CommandRun(["convert", path("s.safetensors.index.json"), path("new.safetensors")] + words).status == .done)
        #expect(CommandRun("convert", path("new.safetensors"), path("x.safetensors"), "--layout", "diffusers").status == .done)
    }

    /// A component that there is none of made an empty folder.
    @Test func componentsThatAreNotThere() throws {
        for name in ["nope", "tokenizer"] {
            let run = CommandRun("convert", model, path("part"), "--to", "diffusers", "--component", name)
            #expect(run.status != .done && run.error.contains("found text_encoder, unet, vae"), "\(run.error)")
        }
        let other = CommandRun("convert", model + "/vae", path("part"), "--to", "diffusers", "--component", "unet")
        #expect(other.status != .done && other.error.contains("choose one of those that it has"), "\(other.error)")
        #expect(try folder.names.isEmpty)
    }

    @Test func filesThatAreMeantOtherwise() throws {
        let weights = model + "/vae/diffusion_pytorch_model.safetensors"
        let configuration = CommandRun("convert", weights, path("x"), "--to", "diffusers", "--config", weights)
        #expect(configuration.error.contains("this is a safetensors file"), "\(configuration.error)")
        #expect(configuration.error.contains("give the config.json of a component"), "\(configuration.error)")
        for name in ["model_index.json", "unet/config.json"] {
            let run = CommandRun("convert", model + "/" + name, path("x.safetensors"))
            #expect(run.error.contains("give the folder that it lies in"), "\(run.error)")
        }
        let variant = CommandRun("convert", model, path("x.safetensors"), "--variant", "fp16")
        #expect(variant.error.contains("leave --variant away"), "\(variant.error)")
    }
}
