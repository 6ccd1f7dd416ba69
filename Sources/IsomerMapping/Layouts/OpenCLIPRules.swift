import IsomerArchitectures

extension Layouts {
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

extension RuleList {
    fileprivate static var flatCLIPText: RuleList {
        var list = RuleList()
        for module in ["embeddings", "encoder", "final_layer_norm"] { list.module("text_model." + module, module) }
        list.add("text_projection.weight", "text_projection.weight")
        return list
    }

    /// OpenCLIP's names of a text tower.
    /// Reference: mlfoundations/open_clip, src/open_clip/transformer.py.
    static var openCLIP: RuleList {
        var list = RuleList()
        list.add("text_model.embeddings.token_embedding.weight", "token_embedding.weight")
        list.add("text_model.embeddings.position_embedding.weight", "positional_embedding")
        list.nest("text_model.encoder.layers.{i}", "transformer.resblocks.{i}", .openCLIPLayer)
        list.module("text_model.final_layer_norm", "ln_final")
        // A parameter used as x · P there, a linear map used as x · Wᵀ here.
        list.add("text_projection.weight", "text_projection", .transpose)
        list.alsoRead(
            "text_projection.weight", "text_projection.weight",
            because: "a linear map's weight, not OpenCLIP's own parameter, which is its transpose")
        return list
    }

    private static var openCLIPLayer: RuleList {
        var list = RuleList()
        for leaf in ["weight", "bias"] {
            list.join(["q_proj", "k_proj", "v_proj"].map { "self_attn.\($0).\(leaf)" }, "attn.in_proj_\(leaf)")
        }
        list.module("self_attn.out_proj", "attn.out_proj")
        list.module("layer_norm1", "ln_1")
        list.module("layer_norm2", "ln_2")
        list.module("mlp.fc1", "mlp.c_fc")
        list.module("mlp.fc2", "mlp.c_proj")
        return list
    }
}
