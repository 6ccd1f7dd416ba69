import IsomerArchitectures
import IsomerBytes

extension Layouts {
    /// Diffusers' own names of an autoencoder.
    public static let vae = Layout.canonical(AutoencoderKLConfiguration.self)

    /// Diffusers' names before 0.17.
    public static let oldAttentionVAE = Layout(
        "Diffusers before 0.17", of: AutoencoderKLConfiguration.self,
        signature: NetworkSignature(
            present: ["encoder.mid_block.attentions.0.query.weight"] + AutoencoderKLConfiguration.signature.present),
        rules: .oldAttentionVAE)

    /// LDM's names of an autoencoder.
    public static let ldmVAE = Layout(
        "LDM", of: AutoencoderKLConfiguration.self,
        signature: NetworkSignature(
            present: ["decoder.up.0.block.0.conv1.weight", "encoder.conv_in.weight", "encoder.down.0.block.0.conv1.weight"]),
        companions: [Companion("loss.{*}", "parameters of the training loss")],
        rules: { .ldmVAE(resolutions: $0.channels.count) },
        fromNames: { .ldmVAE(resolutions: $0.count(under: "decoder.up")) })
}

extension RuleList {
    fileprivate static var oldAttentionVAE: RuleList {
        var list = RuleList()
        for side in ["encoder", "decoder"] {
            let attention = side + ".mid_block.attentions.0"
            list.module(attention + ".group_norm", attention + ".group_norm")
            for (new, old) in [("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")] {
                list.module("\(attention).\(new)", "\(attention).\(old)")
            }
            for module in ["conv_in", "conv_norm_out", "conv_out", "mid_block.resnets"] {
                list.module("\(side).\(module)", "\(side).\(module)")
            }
        }
        list.module("encoder.down_blocks", "encoder.down_blocks")
        list.module("decoder.up_blocks", "decoder.up_blocks")
        list.module("quant_conv", "quant_conv")
        list.module("post_quant_conv", "post_quant_conv")
        return list
    }

    /// LDM's names of an autoencoder with `resolutions` resolutions, below `first_stage_model.`.
    /// Reference: CompVis/latent-diffusion, ldm/modules/diffusionmodules/model.py.
    static func ldmVAE(resolutions: Int) -> RuleList {
        var list = RuleList()
        for side in ["encoder", "decoder"] {
            list.nest(side, side, .ldmVAESide)
        }
        list.nest("encoder.down_blocks.{i}.resnets.{j}", "encoder.down.{i}.block.{j}", .ldmVAEResidual)
        list.module("encoder.down_blocks.{i}.downsamplers.0.conv", "encoder.down.{i}.downsample.conv")
        // The decoder counts its resolutions from the other end.
        list.nest("decoder.up_blocks.{i}.resnets.{j}", "decoder.up.{\(resolutions - 1)-i}.block.{j}", .ldmVAEResidual)
        list.module("decoder.up_blocks.{i}.upsamplers.0.conv", "decoder.up.{\(resolutions - 1)-i}.upsample.conv")
        list.module("quant_conv", "quant_conv")
        list.module("post_quant_conv", "post_quant_conv")
        return list
    }

    private static var ldmVAESide: RuleList {
        var list = RuleList()
        list.module("conv_in", "conv_in")
        list.module("conv_norm_out", "norm_out")
        list.module("conv_out", "conv_out")
        list.nest("mid_block.resnets.0", "mid.block_1", .ldmVAEResidual)
        list.nest("mid_block.resnets.1", "mid.block_2", .ldmVAEResidual)
        list.nest("mid_block.attentions.0", "mid.attn_1", .ldmVAEAttention)
        return list
    }

    private static var ldmVAEResidual: RuleList {
        var list = RuleList()
        for name in ["norm1", "conv1", "norm2", "conv2"] { list.module(name, name) }
        list.module("conv_shortcut", "nin_shortcut")
        return list
    }

    /// The original's maps are 1×1 convolutions.
    private static var ldmVAEAttention: RuleList {
        var list = RuleList()
        list.module("group_norm", "norm")
        for (canonical, other) in [("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out")] {
            list.add(canonical + ".weight", other + ".weight", .trailingUnitAxes(2))
            list.add(canonical + ".bias", other + ".bias")
        }
        return list
    }
}
