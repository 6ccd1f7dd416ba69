import IsomerArchitectures
import IsomerBytes

extension Layouts {
    /// Diffusers' own names of a Flux ControlNet, which InstantX and Shakker publish in.
    public static let fluxControlNet = Layout.canonical(FluxControlNetConfiguration.self)

    /// XLabs' names of a Flux ControlNet.
    public static let xlabsControlNet = Layout(
        "XLabs", of: FluxControlNetConfiguration.self,
        signature: NetworkSignature(
            present: ["double_blocks.0.img_attn.qkv.weight", "controlnet_blocks.0.weight", "pos_embed_input.weight"]),
        rules: { .xlabsControlNet(pictureLayers: 2 * ($0.pictureWidths?.count ?? 0)) },
        fromNames: { inventory in
            var layers = 0
            while inventory.has("input_hint_block.\(2 * layers).weight") { layers += 1 }
            return .xlabsControlNet(pictureLayers: layers)
        })

    /// Diffusers' own names of a Stable Diffusion 3 ControlNet, the only ones.
    public static let sd3ControlNet = Layout.canonical(SD3ControlNetConfiguration.self)

    /// Diffusers' own names of a T2I-Adapter.
    public static let t2iAdapter = Layout.canonical(T2IAdapterConfiguration.self)

    /// TencentARC's names of a T2I-Adapter, which number all layers through.
    public static let originalAdapter = Layout(
        "T2I-Adapter", of: T2IAdapterConfiguration.self,
        signature: NetworkSignature(present: ["conv_in.weight", "body.0.block1.weight", "body.0.block2.weight"]),
        rules: { .originalAdapter(layers: $0.layers) },
        fromNames: { inventory in
            // A level begins where the channels change, which the second does in every published one.
            let second = (1..<64).first { inventory.has("body.\($0).in_conv.weight") }
            return .originalAdapter(layers: second ?? 2)
        })
}

extension RuleList {
    /// Reference: XLabs-AI/x-flux, src/flux/controlnet.py.
    fileprivate static func xlabsControlNet(pictureLayers: Int) -> RuleList {
        var list = fluxTrunk
        list.module("controlnet_blocks", "controlnet_blocks")
        list.module("controlnet_single_blocks", "controlnet_single_blocks")
        list.module("controlnet_mode_embedder", "controlnet_mode_embedder")
        list.module("controlnet_x_embedder", "pos_embed_input")
        list.pictureEmbedding("input_hint_block", "input_hint_block", layers: pictureLayers)
        return list
    }

    /// Reference: TencentARC/T2I-Adapter, ldm/modules/encoders/adapter.py.
    fileprivate static func originalAdapter(layers: Int) -> RuleList {
        var list = RuleList()
        list.module("adapter.conv_in", "conv_in")
        list.module("adapter.body.{i}.in_conv", "body.{\(max(1, layers))*i}.in_conv")
        for j in 0..<max(1, layers) {
            for block in ["block1", "block2"] {
                list.module("adapter.body.{i}.resnets.\(j).\(block)", "body.{\(max(1, layers))*i+\(j)}.\(block)")
            }
        }
        return list
    }
}
