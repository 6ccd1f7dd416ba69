/// What kohya's networks train of a model: linear maps inside transformers, and, where the user wants them, convolutions around them.
///
/// Reference: kohya-ss/sd-scripts, networks/lora.py, lora_flux.py and lora_sd3.py, `*_TARGET_REPLACE_MODULE*`: classes there, the places in which
/// their instances stand here.
enum TrainedModule: Hashable {
    /// A map of a transformer block, its projections in and out included.
    case transformer
    /// A convolution of a residual block or of a change of resolution.
    case convolution

    /// What the module at canonical path `path` is; `nil` for embeddings, norms and everything else that is left alone.
    init?(path: String) {
        let parts: [Substring] = path.split(separator: ".")
        func runs(_ sequence: [Substring]) -> Bool {
            parts.count > sequence.count && parts.indices.contains { parts[$0...].starts(with: sequence) }
        }
        guard !parts.contains(where: { Self.tables.contains($0) }) else { return nil }
        if Self.transformers.contains(where: { runs($0) }) {
            self = .transformer
        } else if Self.convolutions.contains(where: { runs($0) }) {
            self = .convolution
        } else {
            return nil
        }
    }

    private static let transformers: [[Substring]] = [
        ["attentions"], ["transformer_blocks"], ["single_transformer_blocks"], ["encoder", "layers"], ["encoder", "block"],
    ]
    private static let convolutions: [[Substring]] = [["resnets"], ["downsamplers"], ["upsamplers"]]
    /// Matrices that are looked up in rather than multiplied with.
    private static let tables: Set<Substring> = [
        "relative_attention_bias", "token_embedding", "position_embedding", "embed_tokens", "shared",
    ]
}
