extension RuleList {
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
