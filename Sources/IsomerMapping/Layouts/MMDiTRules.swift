import IsomerArchitectures
import IsomerBytes

extension Layouts {
    /// Diffusers' own names of Stable Diffusion 3's transformer.
    public static let sd3Transformer = Layout.canonical(SD3TransformerConfiguration.self)

    /// The original's names of Stable Diffusion 3's transformer.
    public static let mmdit = Layout(
        "MMDiT", of: SD3TransformerConfiguration.self,
        signature: NetworkSignature(
            present: ["joint_blocks.0.context_block.attn.qkv.weight", "x_embedder.proj.weight", "final_layer.linear.weight"]),
        rules: { .mmdit(layers: $0.layers) }, fromNames: { .mmdit(layers: $0.count(under: "joint_blocks")) })
}

extension RuleList {
    /// The original's names of Stable Diffusion 3's transformer, below `model.diffusion_model.`.
    /// Reference: Stability-AI/sd3.5, mmditx.py.
    static func mmdit(layers: Int) -> RuleList {
        var list = RuleList()
        list.add("pos_embed.pos_embed", "pos_embed")
        list.module("pos_embed.proj", "x_embedder.proj")
        for (canonical, other) in [("timestep_embedder", "t_embedder"), ("text_embedder", "y_embedder")] {
            list.module("time_text_embed.\(canonical).linear_1", "\(other).mlp.0")
            list.module("time_text_embed.\(canonical).linear_2", "\(other).mlp.2")
        }
        list.module("context_embedder", "context_embedder")
        for i in 0..<max(0, layers) {
            // In the last block the text is only scaled and shifted, which Diffusers does in the other order.
            list.nest("transformer_blocks.\(i)", "joint_blocks.\(i)", .mmditBlock(swapsText: i + 1 == layers))
        }
        list.swapped("norm_out.linear", "final_layer.adaLN_modulation.1")
        list.module("proj_out", "final_layer.linear")
        return list
    }

    private static func mmditBlock(swapsText: Bool) -> RuleList {
        var list = RuleList()
        list.module("norm1.linear", "x_block.adaLN_modulation.1")
        if swapsText {
            list.swapped("norm1_context.linear", "context_block.adaLN_modulation.1")
        } else {
            list.module("norm1_context.linear", "context_block.adaLN_modulation.1")
        }
        list.joinModules(["attn.to_q", "attn.to_k", "attn.to_v"], "x_block.attn.qkv")
        list.joinModules(["attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"], "context_block.attn.qkv")
        list.joinModules(["attn2.to_q", "attn2.to_k", "attn2.to_v"], "x_block.attn2.qkv")
        for (canonical, other) in [
            ("attn.norm_", "x_block.attn.ln_"), ("attn.norm_added_", "context_block.attn.ln_"), ("attn2.norm_", "x_block.attn2.ln_"),
        ] {
            list.module(canonical + "q", other + "q")
            list.module(canonical + "k", other + "k")
        }
        list.module("attn.to_out.0", "x_block.attn.proj")
        list.module("attn.to_add_out", "context_block.attn.proj")
        list.module("attn2.to_out.0", "x_block.attn2.proj")
        for (canonical, other) in [("ff", "x_block"), ("ff_context", "context_block")] {
            list.module(canonical + ".net.0.proj", other + ".mlp.fc1")
            list.module(canonical + ".net.2", other + ".mlp.fc2")
        }
        return list
    }
}

extension RuleList {
    /// The linear maps `canonical`, in this order, are one linear map `other`.
    mutating func joinModules(_ canonical: [String], _ other: String) {
        for leaf in ["weight", "bias"] { join(canonical.map { "\($0).\(leaf)" }, "\(other).\(leaf)") }
    }

    /// The linear map `canonical` is called `other`, where the halves of its output (scale, shift) have changed places.
    mutating func swapped(_ canonical: String, _ other: String) {
        for leaf in ["weight", "bias"] { add("\(canonical).\(leaf)", "\(other).\(leaf)", .swapHalves) }
    }
}
