import IsomerArchitectures
import IsomerBytes

extension Layouts {
    /// Diffusers' own names of a tiny autoencoder.
    public static let tinyVAE = Layout.canonical(AutoencoderTinyConfiguration.self)

    /// The original's two files; as one, under the prefixes by which ComfyUI joins them.
    public static let taesd = Layout(
        "TAESD", of: AutoencoderTinyConfiguration.self,
        signature: NetworkSignature(present: ["taesd_encoder.0.weight", "taesd_decoder.1.weight"]),
        companions: [
            Companion("vae_scale", "the scale by which ComfyUI uses it"), Companion("vae_shift", "the shift by which ComfyUI uses it"),
        ],
        parts: [
            LayoutPart("taesd_encoder.", "encoder", present: ["0.weight", "1.conv.0.weight"]),
            // It begins with a clamp and a convolution, and their function: three places before its first block.
            LayoutPart("taesd_decoder.", "decoder", present: ["1.weight", "3.conv.0.weight"], absent: ["0.weight"]),
        ],
        rules: .taesd)
}

extension RuleList {
    /// Reference: madebyollin/taesd, taesd.py.
    fileprivate static var taesd: RuleList {
        var list = RuleList()
        list.module("encoder.layers.{i}", "taesd_encoder.{i}")
        // The original's decoder begins with a clamp, which has no tensors and which Diffusers does outside.
        list.module("decoder.layers.{i}", "taesd_decoder.{i+1}")
        return list
    }
}
