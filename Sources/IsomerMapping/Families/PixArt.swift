import IsomerArchitectures
import IsomerBytes

extension ModelFamily {
    /// PixArt-α and PixArt-Σ: T5 alone reads the prompt. The transformer is published alone; other tools join it with the VAE and T5.
    public static let pixArt = ModelFamily(
        identifier: "pixart",
        title: "PixArt",
        slots: [
            Slot(
                "transformer", PixArtTransformerConfiguration.self,
                Placement.joinedOrAlone(Layouts.pixArt, Layouts.pixArtTransformer),
                alone: { _, _ in Placement("", Layouts.pixArt) },
                adapt: { found, inventory, _ in
                    var transformer = found
                    // The original's table of positions has one for each token of the pictures it was trained for.
                    if let count = inventory.extent(of: "pos_embed", axis: 1), let side = (1...4_096).first(where: { $0 * $0 >= count }),
                        side * side == count
                    {
                        transformer.sampleSize = side * found.patchSize
                    }
                    return (transformer, [])
                }),
            .joinedVAE,
            .t5("text_encoder", isOptional: false),
        ],
        members: [
            member("pixart-alpha", "PixArt-α at 1024", isToldSizes: true, sampleSize: 128, vae: .stableDiffusion(sampleSize: 512)),
            member("pixart-alpha-512", "PixArt-α at 512", isToldSizes: false, sampleSize: 64, vae: .stableDiffusion(sampleSize: 512)),
            member(
                "pixart-sigma", "PixArt-Σ at 1024", pipeline: "PixArtSigmaPipeline", isToldSizes: false, sampleSize: 128,
                vae: .stableDiffusionXL),
        ],
        companions: Companion.textEncoders, asksForMember: true,
        evidence: { [Evidence("there is a PixArt transformer", $0["transformer"] is PixArtTransformerConfiguration)] })

    private static func member(
        _ identifier: String, _ title: String, pipeline: String = "PixArtAlphaPipeline", isToldSizes: Bool, sampleSize: Int,
        vae: AutoencoderKLConfiguration
    ) -> ModelMember {
        var transformer = PixArtTransformerConfiguration(
            inputChannels: 4, outputChannels: 8, patchSize: 2, width: 1152, layers: 28, contextWidth: 1152, captionWidth: 4096,
            isToldSizes: isToldSizes)
        transformer.headWidth = 72
        transformer.sampleSize = sampleSize
        return ModelMember(
            identifier, title, pipeline: pipeline,
            components: ["transformer": transformer, "vae": vae, "text_encoder": T5EncoderConfiguration.xxl],
            scheduler: [
                "_class_name": "DPMSolverMultistepScheduler", "_diffusers_version": "0.22.0.dev0", "algorithm_type": "dpmsolver++",
                "beta_end": 0.02, "beta_schedule": "linear", "beta_start": 0.0001, "dynamic_thresholding_ratio": 0.995,
                "euler_at_final": false, "lower_order_final": true, "num_train_timesteps": 1000, "prediction_type": "epsilon",
                "sample_max_value": 1.0, "solver_order": 2, "solver_type": "midpoint", "steps_offset": 0, "thresholding": false,
                "timestep_spacing": "linspace", "trained_betas": .null, "use_karras_sigmas": false, "use_lu_lambdas": false,
                "variance_type": .null,
            ],
            tokenizers: [MemberTokenizer("tokenizer", for: "text_encoder", .t5)])
    }
}

extension Layouts {
    /// Diffusers' own names of PixArt's transformer.
    public static let pixArtTransformer = Layout.canonical(PixArtTransformerConfiguration.self)

    /// The original's names of PixArt's transformer.
    public static let pixArt = Layout(
        "PixArt", of: PixArtTransformerConfiguration.self,
        signature: NetworkSignature(
            present: ["t_block.1.weight", "blocks.0.scale_shift_table", "x_embedder.proj.weight", "final_layer.scale_shift_table"]),
        companions: [
            Companion("pos_embed", "the table of positions, which follows from the configuration", .derivable),
            Companion("y_embedder.y_embedding", "the text of an empty prompt, which pipelines ask T5 for"),
        ],
        rules: .pixArt)
}

extension RuleList {
    /// Reference: PixArt-alpha/PixArt-sigma, diffusion/model/nets/PixArtMS.py and PixArt_blocks.py.
    fileprivate static var pixArt: RuleList {
        var list = RuleList()
        list.module("pos_embed.proj", "x_embedder.proj")
        for (canonical, other) in [
            ("adaln_single.emb.timestep_embedder", "t_embedder.mlp"), ("adaln_single.emb.resolution_embedder", "csize_embedder.mlp"),
            ("adaln_single.emb.aspect_ratio_embedder", "ar_embedder.mlp"),
        ] {
            list.module(canonical + ".linear_1", other + ".0")
            list.module(canonical + ".linear_2", other + ".2")
        }
        list.module("adaln_single.linear", "t_block.1")
        list.module("caption_projection.linear_1", "y_embedder.y_proj.fc1")
        list.module("caption_projection.linear_2", "y_embedder.y_proj.fc2")
        list.nest("transformer_blocks.{i}", "blocks.{i}", .pixArtBlock)
        list.add("scale_shift_table", "final_layer.scale_shift_table")
        list.module("proj_out", "final_layer.linear")
        return list
    }

    private static var pixArtBlock: RuleList {
        var list = RuleList()
        list.add("scale_shift_table", "scale_shift_table")
        list.joinModules(["attn1.to_q", "attn1.to_k", "attn1.to_v"], "attn.qkv")
        list.module("attn1.to_out.0", "attn.proj")
        list.module("attn2.to_q", "cross_attn.q_linear")
        list.joinModules(["attn2.to_k", "attn2.to_v"], "cross_attn.kv_linear")
        list.module("attn2.to_out.0", "cross_attn.proj")
        list.module("ff.net.0.proj", "mlp.fc1")
        list.module("ff.net.2", "mlp.fc2")
        return list
    }
}
