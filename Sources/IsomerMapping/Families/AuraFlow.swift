import IsomerArchitectures
import IsomerBytes

extension ModelFamily {
    /// AuraFlow: its transformer is published alone, and joined with the VAE and the text encoder, a UMT5, which is not mapped.
    public static let auraFlow = ModelFamily(
        identifier: "auraflow",
        title: "AuraFlow",
        slots: [
            Slot(
                "transformer", AuraFlowTransformerConfiguration.self,
                // In the first release it stands below the bare `model.`.
                Placement.joinedOrAlone(Layouts.auraFlow, Layouts.auraFlowTransformer) + [Placement("model.", Layouts.auraFlow)],
                alone: { _, _ in Placement("", Layouts.auraFlow) }),
            .joinedVAE,
        ],
        members: [
            member("auraflow-0.3", "AuraFlow 0.3", positions: 9_216),
            member("auraflow-0.2", "AuraFlow 0.2", positions: 4_096),
        ],
        companions: [
            Companion("text_encoders.{*}", "the text encoder, a UMT5, which is not mapped"),
            Companion("model_sampling.{*}", "the noise schedule, which the scheduler's configuration says"),
        ],
        ggufName: "aura",
        evidence: { [Evidence("there is an AuraFlow transformer", $0["transformer"] is AuraFlowTransformerConfiguration)] })

    private static func member(_ identifier: String, _ title: String, positions: Int) -> ModelMember {
        var transformer = AuraFlowTransformerConfiguration(
            inputWidth: 16, outputWidth: 16, width: 3072, jointBlocks: 4, singleBlocks: 32, contextWidth: 2048, positions: positions)
        transformer.patchSize = 2
        transformer.headWidth = 256
        transformer.sampleSize = 64
        return ModelMember(
            identifier, title, pipeline: "AuraFlowPipeline",
            components: ["transformer": transformer, "vae": AutoencoderKLConfiguration.stableDiffusionXL],
            scheduler: [
                "_class_name": "FlowMatchEulerDiscreteScheduler", "_diffusers_version": "0.30.0.dev0", "num_train_timesteps": 1000,
                "shift": 1.73,
            ],
            prediction: .flow)
    }
}

extension Layouts {
    /// Diffusers' own names of AuraFlow's transformer.
    public static let auraFlowTransformer = Layout.canonical(AuraFlowTransformerConfiguration.self)

    /// The original's names of AuraFlow's transformer.
    public static let auraFlow = Layout(
        "AuraFlow", of: AuraFlowTransformerConfiguration.self,
        signature: NetworkSignature(
            present: ["double_layers.0.attn.w1q.weight", "double_layers.0.attn.w2q.weight", "cond_seq_linear.weight"]),
        rules: .auraFlow)
}

extension RuleList {
    /// In the original the text's stream is called C and 1, the picture's X and 2; where there is only one, it is 1.
    /// Reference: cloneofsimo/minRF, advanced/mmdit.py; diffusers 0.42.1, single_file_utils.py
    /// `convert_auraflow_transformer_checkpoint_to_diffusers`.
    fileprivate static var auraFlow: RuleList {
        var list = RuleList()
        list.add("register_tokens", "register_tokens")
        list.add("pos_embed.pos_embed", "positional_encoding")
        list.module("pos_embed.proj", "init_x_linear")
        list.module("context_embedder", "cond_seq_linear")
        list.module("time_step_proj.linear_1", "t_embedder.mlp.0")
        list.module("time_step_proj.linear_2", "t_embedder.mlp.2")
        var joint = RuleList()
        joint.module("norm1.linear", "modX.1")
        joint.module("norm1_context.linear", "modC.1")
        for (canonical, other) in [
            ("to_q", "w2q"), ("to_k", "w2k"), ("to_v", "w2v"), ("to_out.0", "w2o"), ("add_q_proj", "w1q"), ("add_k_proj", "w1k"),
            ("add_v_proj", "w1v"), ("to_add_out", "w1o"),
        ] { joint.module("attn." + canonical, "attn." + other) }
        joint.nest("ff", "mlpX", .auraFeedForward)
        joint.nest("ff_context", "mlpC", .auraFeedForward)
        list.nest("joint_transformer_blocks.{i}", "double_layers.{i}", joint)
        var single = RuleList()
        single.module("norm1.linear", "modCX.1")
        for (canonical, other) in [("to_q", "w1q"), ("to_k", "w1k"), ("to_v", "w1v"), ("to_out.0", "w1o")] {
            single.module("attn." + canonical, "attn." + other)
        }
        single.nest("ff", "mlp", .auraFeedForward)
        list.nest("single_transformer_blocks.{i}", "single_layers.{i}", single)
        list.add("norm_out.linear.weight", "modF.1.weight", .swapHalves)
        list.module("proj_out", "final_linear")
        return list
    }

    private static var auraFeedForward: RuleList {
        var list = RuleList()
        list.module("linear_1", "c_fc1")
        list.module("linear_2", "c_fc2")
        list.module("out_projection", "c_proj")
        return list
    }
}
