import IsomerArchitectures
import IsomerBytes

extension Layouts {
    /// transformers' names of T5's encoder. The embedding is stored once and may be there under its second name too.
    public static let t5 = Layout.canonical(
        T5EncoderConfiguration.self, "transformers",
        companions: [
            Companion("encoder.embed_tokens.weight", "the token embedding under its second name", .derivable),
            Companion("logit_scale", "a number of another model, left by the tool that joined the files"),
        ])

    /// The same where the embedding has only its second name.
    public static let t5EmbeddedTokens = Layout(
        "transformers with embed_tokens", of: T5EncoderConfiguration.self,
        signature: NetworkSignature(
            present: ["encoder.embed_tokens.weight"] + T5EncoderConfiguration.signature.present.dropFirst(),
            absent: ["shared.weight"] + T5EncoderConfiguration.signature.absent),
        rules: .t5EmbeddedTokens)

    /// llama.cpp's names, as GGUF files have them.
    public static let llamaT5 = Layout(
        "llama.cpp", of: T5EncoderConfiguration.self,
        signature: NetworkSignature(
            present: ["token_embd.weight", "enc.blk.0.attn_rel_b.weight", "enc.output_norm.weight"],
            absent: ["enc.blk.1.attn_rel_b.weight", "dec.blk.0.attn_q.weight"]),
        rules: { .llamaT5(isGated: $0.isGated) }, fromNames: { .llamaT5(isGated: $0.has("enc.blk.0.ffn_gate.weight")) })
}

extension RuleList {
    fileprivate static var t5EmbeddedTokens: RuleList {
        var list = RuleList()
        list.add("shared.weight", "encoder.embed_tokens.weight")
        list.module("encoder.block", "encoder.block")
        list.module("encoder.final_layer_norm", "encoder.final_layer_norm")
        return list
    }

    /// Reference: ggml-org/llama.cpp, gguf-py/gguf/tensor_mapping.py (gguf 0.19.0).
    fileprivate static func llamaT5(isGated: Bool) -> RuleList {
        var list = RuleList()
        list.add("shared.weight", "token_embd.weight")
        list.module("encoder.final_layer_norm", "enc.output_norm")
        var block = RuleList()
        for (canonical, other) in [
            ("q", "attn_q"), ("k", "attn_k"), ("v", "attn_v"), ("o", "attn_o"), ("relative_attention_bias", "attn_rel_b"),
        ] {
            block.module("layer.0.SelfAttention." + canonical, other)
        }
        block.module("layer.0.layer_norm", "attn_norm")
        block.module("layer.1.layer_norm", "ffn_norm")
        if isGated {
            block.module("layer.1.DenseReluDense.wi_0", "ffn_gate")
            block.module("layer.1.DenseReluDense.wi_1", "ffn_up")
        } else {
            block.module("layer.1.DenseReluDense.wi", "ffn_up")
        }
        block.module("layer.1.DenseReluDense.wo", "ffn_down")
        list.nest("encoder.block.{i}", "enc.blk.{i}", block)
        return list
    }
}
