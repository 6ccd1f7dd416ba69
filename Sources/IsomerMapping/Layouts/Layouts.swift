public import IsomerArchitectures

/// Every naming of every kind of network, with the rules in the files beside this one.
public enum Layouts {
    /// Canonical ones first.
    public static let all: [Layout] = [
        unet, ldmUNet, sd3Transformer, mmdit, fluxTransformer, fluxWithWeights, flux, pixArtTransformer, pixArt, controlNet, ldmControlNet,
        fluxControlNet, xlabsControlNet, sd3ControlNet, stabilityControlNet, t2iAdapter, originalAdapter, originalLightAdapter, vae,
        oldAttentionVAE, ldmVAE,
        tinyVAE, taesd, clipText, flatCLIPText, openCLIPText, longCLIPText, t5, t5EmbeddedTokens, llamaT5,
    ]

    /// The layouts of one kind of network.
    static func of(_ network: any NetworkConfiguration.Type) -> [Layout] {
        all.filter { $0.network == network }
    }

    /// The layout of `network` whose signature is in `inventory`, the canonical one last: older namings also have most canonical names.
    public static func matching(_ network: any NetworkConfiguration.Type, _ inventory: TensorInventory) -> Layout? {
        of(network).reversed().first { inventory.matches($0.signature) }
    }

    /// Diffusers' own names of a UNet.
    public static let unet = Layout.canonical(UNetConfiguration.self)

    /// LDM's and SGM's names of a UNet.
    public static let ldmUNet = Layout(
        "LDM", of: UNetConfiguration.self,
        signature: NetworkSignature(
            present: ["input_blocks.0.0.weight", "time_embed.0.weight", "output_blocks.0.0.in_layers.2.weight", "out.2.weight"],
            absent: ["input_hint_block.0.weight"]),
        rules: { .ldmUNet(LDMUNetIndex($0), classEmbedding: UNetClassEmbeddingName($0)) },
        fromNames: { .ldmUNet(LDMUNetIndex(namesOf: $0), classEmbedding: UNetClassEmbeddingName(shapesOf: $0)) })

    /// Diffusers' own names of an autoencoder.
    public static let vae = Layout.canonical(AutoencoderKLConfiguration.self)

    /// Diffusers' names before 0.17.
    public static let oldAttentionVAE = Layout(
        "Diffusers before 0.17", of: AutoencoderKLConfiguration.self,
        signature: NetworkSignature(
            present: ["encoder.mid_block.attentions.0.query.weight"] + AutoencoderKLConfiguration.signature.present),
        rules: .oldAttentionVAE)

    /// LDM's names of an autoencoder.
    public static let ldmVAE = Layout(
        "LDM", of: AutoencoderKLConfiguration.self,
        signature: NetworkSignature(
            present: ["decoder.up.0.block.0.conv1.weight", "encoder.conv_in.weight", "encoder.down.0.block.0.conv1.weight"]),
        companions: [Companion("loss.{*}", "parameters of the training loss")],
        rules: { .ldmVAE(resolutions: $0.channels.count) },
        fromNames: { .ldmVAE(resolutions: $0.count(under: "decoder.up")) })

    /// transformers' names of CLIP's text model, as published folders have them.
    public static let clipText = Layout.canonical(CLIPTextConfiguration.self, "transformers", companions: positionNumbers("text_model."))

    /// The same without `text_model.`: what transformers writes since 5.6, and the oldest Stable Diffusion files.
    public static let flatCLIPText = Layout(
        "transformers without text_model.", of: CLIPTextConfiguration.self,
        signature: NetworkSignature(
            present: ["embeddings.token_embedding.weight", "embeddings.position_embedding.weight", "encoder.layers.0.mlp.fc1.weight"]),
        companions: positionNumbers(""),
        rules: .flatCLIPText)

    /// OpenCLIP's names of a text tower.
    public static let openCLIPText = Layout(
        "OpenCLIP", of: CLIPTextConfiguration.self,
        signature: NetworkSignature(
            present: ["token_embedding.weight", "positional_embedding", "transformer.resblocks.0.attn.in_proj_weight"],
            absent: ["positional_embedding_res"]),
        companions: besideTextTower, rules: .openCLIP)

    /// LongCLIP's names: those of a text tower, with a second table of positions that was trained for all but the first twenty.
    /// Reference: beichenzbc/Long-CLIP, model/model_longclip.py, `mask1` and `mask2`.
    public static let longCLIPText = Layout(
        "LongCLIP", of: CLIPTextConfiguration.self,
        signature: NetworkSignature(
            present: ["token_embedding.weight", "positional_embedding_res", "transformer.resblocks.0.attn.in_proj_weight"]),
        companions: besideTextTower,
        secondTables: [SecondTable("positional_embedding_res", beside: "positional_embedding", from: 20)], rules: .openCLIP)

    private static let besideTextTower = [
        Companion("logit_scale", "CLIP's contrast temperature, which only its training uses"),
        Companion("attn_mask", "the causal mask", .derivable),
        Companion("transformer.text_model.embeddings.position_ids", "position numbers left by another tool", .derivable),
        Companion("visual.{*}", "the tower for pictures, which a text encoder does without"),
    ]

    private static func positionNumbers(_ prefix: String) -> [Companion] {
        [Companion(prefix + "embeddings.position_ids", "position numbers, which follow from the configuration", .derivable)]
    }
}

extension UNetClassEmbeddingName {
    init(_ configuration: UNetConfiguration) {
        switch configuration.classEmbedding {
        case .table: self = .table
        case .projection, .timestep: self = .classProjection
        case .none: self = .addition
        }
    }

    /// unCLIP's UNets (of the Stable Diffusion 2 family, context 1024) take a noised picture embedding as class; SDXL's take sizes.
    init(shapesOf inventory: TensorInventory) {
        if inventory.has("label_emb.weight") {
            self = .table
        } else if inventory.has("label_emb.1.0.weight") {
            self = .classProjection
        } else if let width = inventory.extent(of: "label_emb.0.0.weight", axis: 1), [1536, 2048].contains(width) {
            self = .classProjection
        } else {
            self = .addition
        }
    }
}

extension RuleList {
    fileprivate static var oldAttentionVAE: RuleList {
        var list = RuleList()
        for side in ["encoder", "decoder"] {
            let attention = side + ".mid_block.attentions.0"
            list.module(attention + ".group_norm", attention + ".group_norm")
            for (new, old) in [("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")] {
                list.module("\(attention).\(new)", "\(attention).\(old)")
            }
            for module in ["conv_in", "conv_norm_out", "conv_out", "mid_block.resnets"] {
                list.module("\(side).\(module)", "\(side).\(module)")
            }
        }
        list.module("encoder.down_blocks", "encoder.down_blocks")
        list.module("decoder.up_blocks", "decoder.up_blocks")
        list.module("quant_conv", "quant_conv")
        list.module("post_quant_conv", "post_quant_conv")
        return list
    }

    fileprivate static var flatCLIPText: RuleList {
        var list = RuleList()
        for module in ["embeddings", "encoder", "final_layer_norm"] { list.module("text_model." + module, module) }
        list.add("text_projection.weight", "text_projection.weight")
        return list
    }
}
