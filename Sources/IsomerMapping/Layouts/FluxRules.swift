import IsomerArchitectures
import IsomerBytes

extension Layouts {
    /// Diffusers' own names of Flux's transformer.
    public static let fluxTransformer = Layout.canonical(FluxTransformerConfiguration.self)

    /// Black Forest Labs' names of Flux's transformer.
    public static let flux = Layout(
        "BFL", of: FluxTransformerConfiguration.self, signature: fluxSignature(norm: "scale"), rules: .flux(norm: "scale"))

    /// The same where the norms' factors are called as everywhere else, as some trainers write them.
    public static let fluxWithWeights = Layout(
        "BFL with norms' weights", of: FluxTransformerConfiguration.self, signature: fluxSignature(norm: "weight"),
        rules: .flux(norm: "weight"))

    private static func fluxSignature(norm: String) -> NetworkSignature {
        NetworkSignature(
            present: [
                "double_blocks.0.img_attn.qkv.weight", "single_blocks.0.linear1.weight", "txt_in.weight", "vector_in.in_layer.weight",
                "final_layer.linear.weight", "double_blocks.0.img_attn.norm.query_norm.\(norm)",
            ],
            absent: ["controlnet_blocks.0.weight", "distilled_guidance_layer.in_proj.weight"])
    }
}

extension RuleList {
    /// Black Forest Labs' names of Flux's transformer.
    /// Reference: black-forest-labs/flux, src/flux/model.py and modules/layers.py.
    static func flux(norm: String) -> RuleList {
        var list = fluxTrunk(norm: norm)
        // They shift before they scale, Diffusers the other way round.
        list.swapped("norm_out.linear", "final_layer.adaLN_modulation.1")
        list.module("proj_out", "final_layer.linear")
        return list
    }

    /// What a ControlNet shares. `norm` is what the factors of the queries' and keys' norms are called.
    static func fluxTrunk(norm: String = "scale") -> RuleList {
        var list = RuleList()
        for (canonical, other) in [("timestep_embedder", "time_in"), ("text_embedder", "vector_in"), ("guidance_embedder", "guidance_in")] {
            list.module("time_text_embed.\(canonical).linear_1", "\(other).in_layer")
            list.module("time_text_embed.\(canonical).linear_2", "\(other).out_layer")
        }
        list.module("context_embedder", "txt_in")
        list.module("x_embedder", "img_in")
        list.nest("transformer_blocks.{i}", "double_blocks.{i}", .fluxDouble(norm))
        list.nest("single_transformer_blocks.{i}", "single_blocks.{i}", .fluxSingle(norm))
        return list
    }

    private static func fluxDouble(_ factor: String) -> RuleList {
        var list = RuleList()
        list.fluxStream(
            factor, norm: "norm1", maps: ["to_q", "to_k", "to_v"], norms: "norm_", output: "to_out.0", feedForward: "ff", "img")
        list.fluxStream(
            factor, norm: "norm1_context", maps: ["add_q_proj", "add_k_proj", "add_v_proj"], norms: "norm_added_", output: "to_add_out",
            feedForward: "ff_context", "txt")
        return list
    }

    private mutating func fluxStream(
        _ factor: String, norm: String, maps: [String], norms: String, output: String, feedForward: String, _ other: String
    ) {
        module(norm + ".linear", other + "_mod.lin")
        joinModules(maps.map { "attn." + $0 }, other + "_attn.qkv")
        add("attn.\(norms)q.weight", other + "_attn.norm.query_norm.\(factor)")
        add("attn.\(norms)k.weight", other + "_attn.norm.key_norm.\(factor)")
        module("attn." + output, other + "_attn.proj")
        module(feedForward + ".net.0.proj", other + "_mlp.0")
        module(feedForward + ".net.2", other + "_mlp.2")
    }

    private static func fluxSingle(_ factor: String) -> RuleList {
        var list = RuleList()
        list.module("norm.linear", "modulation.lin")
        // Three parts as wide as the stream and one four times as wide.
        list.joinModules(["attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"], "linear1")
        list.module("proj_out", "linear2")
        list.add("attn.norm_q.weight", "norm.query_norm.\(factor)")
        list.add("attn.norm_k.weight", "norm.key_norm.\(factor)")
        return list
    }
}
