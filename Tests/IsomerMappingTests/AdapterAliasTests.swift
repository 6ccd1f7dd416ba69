import IsomerArchitectures
import IsomerTensors
import Testing

@testable import IsomerMapping

/// Names of adapters' modules, for every family that adapters are made for.
@Suite struct AdapterAliasTests {
    static let families = ["sd15", "sdxl", "sd3-medium", "flux-schnell"]

    /// Whatever a naming calls a module is found again as that module, in every spelling, and no spelling means two.
    @Test(arguments: families)
    func everyNameIsFoundAgain(_ identifier: String) throws {
        let (family, member) = try #require(ModelFamily.member(identifier))
        let aliases = try AdapterAliases(family, member.components)
        var named = 0
        for slot in family.slots where slot.network != AutoencoderKLConfiguration.self {
            guard let configuration = member.components[slot.name] else { continue }
            #expect(try ComponentAliases(slot.name, configuration).ambiguous.isEmpty)
            let entries = try configuration.manifest().entries
            // Large networks repeat themselves: some modules of theirs.
            for (number, entry) in entries.enumerated() where entry.name.hasSuffix(".weight") && number % 31 < 2 {
                let module = String(entry.name.dropLast(7))
                for naming in AdapterNaming.all {
                    guard let name = naming.name(ofModule: module, slot: slot.name, in: aliases) else { continue }
                    let target = aliases.target(of: name.stem)
                    // A component alone has no name of its own in PEFT's files.
                    if naming == .peftBase, slot.name != "unet", slot.name != "transformer" { continue }
                    #expect(target?.modules == name.target.modules, "\(naming.identifier) \(name.stem)")
                    #expect(target?.slot == slot.name && target?.transform == name.target.transform, "\(naming.identifier) \(name.stem)")
                    #expect(name.target.modules.contains(module))
                    for role in [AdapterRole.down, .up] {
                        let tensor = try #require(name.tensorName(role))
                        let key = try #require(AdapterKey(tensor))
                        #expect(key.role == role)
                        #expect(aliases.target(of: key.stem)?.modules == name.target.modules, "\(tensor)")
                    }
                    named += 1
                }
            }
        }
        #expect(named > 50)
    }

    /// Names as published files have them.
    @Test(arguments: [
        (
            "sd15", "lora_unet_down_blocks_0_attentions_1_transformer_blocks_0_attn2_to_out_0", "unet",
            "down_blocks.0.attentions.1.transformer_blocks.0.attn2.to_out.0"
        ),
        (
            "sd15", "unet.mid_block.attentions.0.transformer_blocks.0.attn1.processor.to_out", "unet",
            "mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0"
        ),
        ("sd15", "lora_te_text_model_encoder_layers_3_mlp_fc1", "text_encoder", "text_model.encoder.layers.3.mlp.fc1"),
        (
            "sdxl", "lora_unet_input_blocks_4_1_transformer_blocks_1_ff_net_0_proj", "unet",
            "down_blocks.1.attentions.0.transformer_blocks.1.ff.net.0.proj"
        ),
        ("sdxl", "lora_unet_output_blocks_5_2_conv", "unet", "up_blocks.1.upsamplers.0.conv"),
        ("sdxl", "lora_unet_down_blocks_1_resnets_0_time_emb_proj", "unet", "down_blocks.1.resnets.0.time_emb_proj"),
        (
            "sdxl", "lora_te2_text_model_encoder_layers_31_self_attn_q_proj", "text_encoder_2",
            "text_model.encoder.layers.31.self_attn.q_proj"
        ),
        ("sd3-medium", "lora_te3_encoder_block_0_layer_0_SelfAttention_q", "text_encoder_3", "encoder.block.0.layer.0.SelfAttention.q"),
        ("sd3-medium", "transformer.transformer_blocks.23.attn.to_q", "transformer", "transformer_blocks.23.attn.to_q"),
        ("flux-dev", "lora_transformer_single_transformer_blocks_37_proj_mlp", "transformer", "single_transformer_blocks.37.proj_mlp"),
        ("flux-dev", "diffusion_model.final_layer.adaLN_modulation.1", "transformer", "norm_out.linear"),
        ("flux-dev", "lycoris_transformer_blocks_7_ff_context_net_2", "transformer", "transformer_blocks.7.ff_context.net.2"),
        ("flux-dev", "lora_te1_text_model_encoder_layers_0_mlp_fc2", "text_encoder", "text_model.encoder.layers.0.mlp.fc2"),
        ("flux-dev", "base_model.model.transformer_blocks.0.attn.add_k_proj", "transformer", "transformer_blocks.0.attn.add_k_proj"),
    ])
    func publishedNames(_ member: String, _ stem: String, _ slot: String, _ module: String) throws {
        let (family, found) = try #require(ModelFamily.member(member))
        let target = try AdapterAliases(family, found.components.filter { $0.key == slot }).target(of: stem)
        #expect(target?.slot == slot)
        #expect(target?.modules == [module])
    }

    @Test func joinedModules() throws {
        let (family, found) = try #require(ModelFamily.member("flux-dev"))
        let aliases = try AdapterAliases(family, found.components.filter { $0.key == "transformer" })
        #expect(
            aliases.target(of: "lora_unet_single_blocks_5_linear1")?.modules
                == ["attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"].map { "single_transformer_blocks.5." + $0 })
        #expect(
            aliases.target(of: "double_blocks.2.processor.qkv_lora2")?.modules
                == ["add_q_proj", "add_k_proj", "add_v_proj"].map { "transformer_blocks.2.attn." + $0 })
        #expect(aliases.target(of: "single_blocks.2.processor.qkv")?.rows == [3072, 3072, 3072])
        #expect(aliases.target(of: "lora_unet_single_blocks_38_linear1") == nil)
        #expect(aliases.target(of: "lora_unet_input_blocks_1_1_proj_in") == nil)
    }

    @Test func keysAreTakenApart() {
        let keys: [(String, String, AdapterRole, AdapterDialect)] = [
            ("a.lora_A.default.weight", "a", .down, .peft(adapter: "default")), ("a.b.lora_B.weight", "a.b", .up, .peft(adapter: nil)),
            ("a.lora_B.bias", "a", .upBias, .peft(adapter: nil)), ("x.processor.to_k_lora.up.weight", "x.processor.to_k", .up, .processor),
            ("x.lora_linear_layer.down.weight", "x", .down, .diffusersText), ("lora_unet_x.dora_scale", "lora_unet_x", .magnitude, .kohya),
            ("x.lora_magnitude_vector", "x", .magnitude, .peft(adapter: nil)), ("x.hada_w2_b", "x", .hadamard2B, .kohya),
            ("x.processor.qkv_lora1.down.weight", "x.processor.qkv_lora1", .down, .xlabs), ("x.diff_b", "x", .biasDifference, .kohya),
        ]
        for (name, stem, role, dialect) in keys {
            let key = AdapterKey(name)
            #expect(key?.stem == stem && key?.role == role && key?.dialect == dialect, "\(name)")
        }
        #expect(AdapterKey("down_blocks.0.resnets.0.norm1.bias") == nil)
        #expect(AdapterKey(".alpha") == nil)
    }
}
