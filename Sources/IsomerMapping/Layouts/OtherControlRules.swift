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

    /// Diffusers' own names of a Stable Diffusion 3 ControlNet, which InstantX publishes in.
    public static let sd3ControlNet = Layout.canonical(SD3ControlNetConfiguration.self)

    /// Stability AI's names of its ControlNets of Stable Diffusion 3.5, half Diffusers', half those of its own blocks.
    public static let stabilityControlNet = Layout(
        "Stability", of: SD3ControlNetConfiguration.self,
        signature: NetworkSignature(
            present: [
                "pos_embed_input.proj.weight", "controlnet_blocks.0.weight", "transformer_blocks.0.adaLN_modulation.1.weight",
                "transformer_blocks.0.attn.qkv.weight",
            ]),
        rules: .stabilityControlNet)

    /// Diffusers' own names of a T2I-Adapter.
    public static let t2iAdapter = Layout.canonical(T2IAdapterConfiguration.self)

    /// TencentARC's names of a T2I-Adapter, which number all layers through.
    public static let originalAdapter = Layout(
        "T2I-Adapter", of: T2IAdapterConfiguration.self,
        signature: NetworkSignature(present: ["conv_in.weight", "body.0.block1.weight", "body.0.block2.weight"]),
        rules: { $0.isLight ? .lightAdapter : .originalAdapter(layers: $0.layers) },
        fromNames: { inventory in
            // A level begins where the channels change, which the second does in every published one.
            let second = (1..<64).first { inventory.has("body.\($0).in_conv.weight") }
            return .originalAdapter(layers: second ?? 2)
        })

    /// TencentARC's names of a T2I-Adapter in its light form.
    public static let originalLightAdapter = Layout(
        "T2I-Adapter light", of: T2IAdapterConfiguration.self,
        signature: NetworkSignature(present: ["body.0.in_conv.weight", "body.0.body.0.block1.weight", "body.0.out_conv.weight"]),
        rules: { $0.isLight ? .lightAdapter : .originalAdapter(layers: $0.layers) }, fromNames: { _ in .lightAdapter })
}

extension RuleList {
    /// Reference: XLabs-AI/x-flux, src/flux/controlnet.py.
    fileprivate static func xlabsControlNet(pictureLayers: Int) -> RuleList {
        var list = fluxTrunk()
        list.module("controlnet_blocks", "controlnet_blocks")
        list.module("controlnet_single_blocks", "controlnet_single_blocks")
        list.module("controlnet_mode_embedder", "controlnet_mode_embedder")
        list.module("controlnet_x_embedder", "pos_embed_input")
        list.pictureEmbedding("input_hint_block", "input_hint_block", layers: pictureLayers)
        return list
    }

    /// Reference: Stability-AI/sd3.5, mmditx.py and dit_embedder.py; diffusers 0.42.1, scripts/convert_sd3_controlnet_to_diffusers.py.
    fileprivate static var stabilityControlNet: RuleList {
        var list = RuleList()
        for module in ["controlnet_blocks", "pos_embed_input", "pos_embed", "time_text_embed", "context_embedder"] {
            list.module(module, module)
        }
        var block = RuleList()
        block.module("norm1.linear", "adaLN_modulation.1")
        block.joinModules(["attn.to_q", "attn.to_k", "attn.to_v"], "attn.qkv")
        block.module("attn.to_out.0", "attn.proj")
        for name in ["norm_q", "norm_k"] { block.module("attn." + name, "attn.ln_" + name.suffix(1)) }
        block.module("ff.net.0.proj", "mlp.fc1")
        block.module("ff.net.2", "mlp.fc2")
        // None of these was published with a text stream; it would keep Diffusers' names.
        for module in ["norm1_context", "ff_context", "attn2", "attn.to_add_out", "attn.norm_added_q", "attn.norm_added_k"] {
            block.module(module, module)
        }
        for name in ["add_q_proj", "add_k_proj", "add_v_proj"] { block.module("attn." + name, "attn." + name) }
        list.nest("transformer_blocks.{i}", "transformer_blocks.{i}", block)
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

    /// Reference: the same file, `Adapter_light`.
    fileprivate static var lightAdapter: RuleList {
        var list = RuleList()
        for name in ["in_conv", "out_conv"] { list.module("adapter.body.{i}.\(name)", "body.{i}.\(name)") }
        list.module("adapter.body.{i}.resnets.{j}", "body.{i}.body.{j}")
        return list
    }
}
