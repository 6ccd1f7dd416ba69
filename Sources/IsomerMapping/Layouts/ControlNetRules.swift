import IsomerArchitectures
import IsomerBytes

extension Layouts {
    /// Diffusers' own names of a ControlNet.
    public static let controlNet = Layout.canonical(ControlNetConfiguration.self)

    /// The original's names of a ControlNet, below `control_model.`.
    public static let ldmControlNet = Layout(
        "LDM", of: ControlNetConfiguration.self,
        signature: NetworkSignature(present: ["input_hint_block.0.weight", "zero_convs.0.0.weight", "input_blocks.0.0.weight"]),
        rules: {
            .ldmControlNet(
                $0.encoder.down.map(\.layers), pictureLayers: 2 * $0.conditioningWidths.count,
                classEmbedding: UNetClassEmbeddingName($0.encoder))
        },
        fromNames: { inventory in
            // A function stands between two convolutions, so they have even numbers.
            var layers = 0
            while inventory.has("input_hint_block.\(2 * layers).weight") { layers += 1 }
            return .ldmControlNet(
                LDMUNetIndex(namesOf: inventory).downLayers, pictureLayers: layers,
                classEmbedding: UNetClassEmbeddingName(shapesOf: inventory))
        })
}

extension RuleList {
    /// The original's names of a ControlNet whose picture goes through `pictureLayers` convolutions.
    /// Reference: lllyasviel/ControlNet, cldm/cldm.py.
    static func ldmControlNet(_ downLayers: [Int], pictureLayers: Int, classEmbedding: UNetClassEmbeddingName) -> RuleList {
        var list = ldmUNetEncoder(downLayers, classEmbedding: classEmbedding)
        list.pictureEmbedding("controlnet_cond_embedding", "input_hint_block", layers: pictureLayers)
        list.module("controlnet_down_blocks.{i}", "zero_convs.{i}.0")
        list.module("controlnet_mid_block", "middle_block_out.0")
        // What a union has beside was never in another naming.
        list.add("task_embedding", "task_embedding")
        for module in ["transformer_layes", "spatial_ch_projs", "control_add_embedding"] { list.module(module, module) }
        return list
    }

    /// Convolutions counted from end to end there, with names for the first and the last here.
    mutating func pictureEmbedding(_ canonical: String, _ other: String, layers: Int) {
        guard layers >= 2 else { return }
        module(canonical + ".conv_in", other + ".0")
        for i in 1..<layers - 1 { module("\(canonical).blocks.\(i - 1)", "\(other).\(2 * i)") }
        module(canonical + ".conv_out", "\(other).\(2 * (layers - 1))")
    }
}
