"""The small networks of Fixtures/networks: class, configuration, and how large their activations are.

The structure is that of the published networks, the widths are a few channels. In `*-faint` cases activations are so small that a wrong
epsilon in a norm is a gross error. In `*-wide` cases there are so many channels that the errors of bf16 average out as they do in the
published networks; their weights are not stored but made from the seed, by the rule of IsomerTensors' RandomSource.
"""

from diffusers import (
    AuraFlowTransformer2DModel, AutoencoderKL, AutoencoderTiny, ControlNetModel, ControlNetUnionModel, FluxControlNetModel,
    FluxTransformer2DModel, PixArtTransformer2DModel, SD3ControlNetModel, SD3Transformer2DModel, T2IAdapter, UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, T5Config, T5EncoderModel

UNET = dict(
    block_out_channels=[8, 16, 24], down_block_types=["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
    up_block_types=["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"], layers_per_block=2, norm_num_groups=4,
    cross_attention_dim=20, attention_head_dim=2, sample_size=8,
)
VAE = dict(
    block_out_channels=[8, 12, 16], down_block_types=["DownEncoderBlock2D"] * 3, up_block_types=["UpDecoderBlock2D"] * 3,
    layers_per_block=2, norm_num_groups=4, latent_channels=4, sample_size=32,
)
CLIP = dict(
    vocab_size=99, hidden_size=24, intermediate_size=72, num_hidden_layers=3, num_attention_heads=3, max_position_embeddings=17,
    projection_dim=10, eos_token_id=2, bos_token_id=0, pad_token_id=1,
)
T5 = dict(
    vocab_size=99, d_model=24, d_kv=10, num_heads=3, d_ff=56, num_layers=3, relative_attention_num_buckets=32,
    relative_attention_max_distance=128, feed_forward_proj="gated-gelu", tie_word_embeddings=False,
)
XL = {
    **UNET, "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"], "transformer_layers_per_block": [1, 2, 3],
    "attention_head_dim": [1, 2, 4], "use_linear_projection": True, "addition_embed_type": "text_time",
    "addition_time_embed_dim": 6, "projection_class_embeddings_input_dim": 46,
}
# Five sizes beside a pooled text as wide as the one encoder's tokens.
REFINER = {**XL, "projection_class_embeddings_input_dim": 50, "transformer_layers_per_block": 2}
SD3 = dict(
    sample_size=16, patch_size=2, in_channels=16, num_layers=4, attention_head_dim=12, num_attention_heads=2, joint_attention_dim=20,
    caption_projection_dim=24, pooled_projection_dim=14, out_channels=16, pos_embed_max_size=9,
)
FLUX = dict(
    in_channels=16, num_layers=2, num_single_layers=3, attention_head_dim=16, num_attention_heads=2, joint_attention_dim=20,
    pooled_projection_dim=14, guidance_embeds=True, axes_dims_rope=[4, 6, 6],
)
PIXART = dict(
    num_attention_heads=2, attention_head_dim=12, in_channels=4, out_channels=8, num_layers=3, cross_attention_dim=24, sample_size=20,
    patch_size=2, caption_channels=20, use_additional_conditions=False,
)
AURA = dict(
    num_attention_heads=2, attention_head_dim=4, caption_projection_dim=8, in_channels=4, out_channels=4, num_mmdit_layers=2,
    num_single_dit_layers=2, joint_attention_dim=20, sample_size=16, patch_size=2, pos_embed_max_size=64,
)
CONTROL_WAY = {k: v for k, v in UNET.items() if k not in ("up_block_types", "sample_size")}
CONTROL_WAY_XL = {k: v for k, v in XL.items() if k not in ("up_block_types", "sample_size")}
HINT = {"conditioning_embedding_out_channels": [4, 6, 10]}
UNION = {
    **CONTROL_WAY_XL, **HINT, "num_control_type": 4, "num_trans_channel": 8, "num_trans_head": 2, "num_trans_layer": 2,
    "num_proj_channel": 8,
}


def text(class_):
    return lambda configuration: class_(CLIPTextConfig(**configuration))


def diffusers(class_):
    return class_.from_config


def t5(configuration):
    return T5EncoderModel(T5Config(**configuration))


def adapter(configuration):
    return T2IAdapter(**configuration)


unet, vae, sd3, flux = (
    diffusers(class_) for class_ in (UNet2DConditionModel, AutoencoderKL, SD3Transformer2DModel, FluxTransformer2DModel)
)
pixart, aura = diffusers(PixArtTransformer2DModel), diffusers(AuraFlowTransformer2DModel)
control, union, sd3_control, flux_control, tiny = (
    diffusers(class_)
    for class_ in (ControlNetModel, ControlNetUnionModel, SD3ControlNetModel, FluxControlNetModel, AutoencoderTiny)
)

# In the order in which seeds were given out: new ones go to the end.
CASES = {
    "clip-quick-gelu": (text(CLIPTextModel), {**CLIP, "hidden_act": "quick_gelu"}, 1),
    "clip-gelu-projection": (text(CLIPTextModelWithProjection), {**CLIP, "hidden_act": "gelu"}, 1),
    "unet-sd1": (unet, UNET, 1),
    "unet-sd1-faint": (unet, UNET, 0.03),
    "unet-inpainting": (unet, {**UNET, "in_channels": 9}, 1),
    "unet-sd2": (unet, {**UNET, "use_linear_projection": True, "attention_head_dim": [1, 2, 3]}, 1),
    "unet-sdxl": (unet, XL, 1),
    "unet-class-table": (unet, {**UNET, "num_class_embeds": 7}, 1),
    "unet-class-projection": (
        unet, {**UNET, "class_embed_type": "projection", "projection_class_embeddings_input_dim": 11}, 1),
    "vae-4": (vae, VAE, 1),
    "vae-4-faint": (vae, VAE, 0.01),
    "vae-16": (vae, {**VAE, "latent_channels": 16, "use_quant_conv": False, "use_post_quant_conv": False}, 1),
    "unet-refiner": (unet, REFINER, 1),
    "unet-pix2pix": (unet, {**UNET, "in_channels": 8}, 1),
    "unet-controlled": (unet, UNET, 1),
    "t5-gated": (t5, T5, 1),
    "t5-plain": (t5, {**T5, "feed_forward_proj": "relu", "relative_attention_num_buckets": 12}, 1),
    "t5-faint": (t5, T5, 0.02),
    "sd3": (sd3, SD3, 1),
    "sd35-medium": (sd3, {**SD3, "qk_norm": "rms_norm", "dual_attention_layers": [0, 1]}, 1),
    "sd35-large": (sd3, {**SD3, "qk_norm": "rms_norm"}, 1),
    "sd35-large-faint": (sd3, {**SD3, "qk_norm": "rms_norm"}, 0.02),
    "flux-dev": (flux, FLUX, 1),
    "flux-schnell": (flux, {**FLUX, "guidance_embeds": False}, 1),
    "flux-fill": (flux, {**FLUX, "in_channels": 40, "out_channels": 16}, 1),
    "flux-pruned": (flux, {**FLUX, "num_layers": 1, "num_single_layers": 1}, 1),
    "flux-faint": (flux, FLUX, 0.02),
    "sd3-controlnet": (sd3_control, {**SD3, "extra_conditioning_channels": 1, "num_layers": 2}, 1),
    "sd35-controlnet": (
        sd3_control,
        {**SD3, "num_layers": 2, "use_pos_embed": False, "joint_attention_dim": None, "pos_embed_type": None}, 1),
    "flux-controlnet": (flux_control, {**FLUX, "num_layers": 1, "num_single_layers": 1}, 1),
    "flux-controlnet-union": (flux_control, {**FLUX, "num_layers": 1, "num_single_layers": 0, "num_mode": 3}, 1),
    "flux-controlnet-pixels": (
        flux_control,
        {**FLUX, "in_channels": 64, "patch_size": 2, "num_layers": 1, "num_single_layers": 0, "conditioning_embedding_channels": 16}, 1),
    "controlnet-sd1": (control, {**CONTROL_WAY, **HINT}, 1),
    "controlnet-sd2": (control, {**CONTROL_WAY, **HINT, "use_linear_projection": True, "attention_head_dim": [1, 2, 3]}, 1),
    "controlnet-sdxl": (control, {**CONTROL_WAY_XL, **HINT}, 1),
    "controlnet-pooled": (
        control,
        {**CONTROL_WAY, **HINT, "global_pool_conditions": True, "controlnet_conditioning_channel_order": "bgr"}, 1),
    "controlnet-union": (union, UNION, 1),
    "t2i-adapter": (adapter, dict(channels=[8, 12, 16], num_res_blocks=2, downscale_factor=4, adapter_type="full_adapter"), 1),
    "t2i-adapter-xl": (
        adapter, dict(channels=[8, 12, 16, 16], num_res_blocks=2, downscale_factor=4, adapter_type="full_adapter_xl"), 1),
    "taesd": (
        tiny,
        dict(
            encoder_block_out_channels=[8, 8, 8], decoder_block_out_channels=[8, 8, 8], num_encoder_blocks=[1, 2, 2],
            num_decoder_blocks=[2, 2, 1], latent_channels=4, block_out_channels=[8, 8, 8]), 1),
    "vae-4-tiled": (vae, VAE, 1),
    "clip-wide": (text(CLIPTextModel), {**CLIP, "hidden_size": 384, "intermediate_size": 1536, "num_attention_heads": 6,
                                        "hidden_act": "quick_gelu"}, None),
    # Narrow heads: scores are not scaled, and random maps would make wide ones' so large that softmax has only one winner.
    "t5-wide": (t5, {**T5, "d_model": 384, "d_kv": 8, "num_heads": 48, "d_ff": 1024}, None),
    "unet-sd1-wide": (
        unet, {**UNET, "block_out_channels": [96, 192, 192], "cross_attention_dim": 256, "norm_num_groups": 32, "attention_head_dim": 4},
        None),
    "unet-sdxl-wide": (
        unet,
        {
            **XL, "block_out_channels": [96, 192, 192], "cross_attention_dim": 256, "norm_num_groups": 32,
            "attention_head_dim": [1, 3, 3], "addition_time_embed_dim": 64, "projection_class_embeddings_input_dim": 512,
        }, None),
    "vae-wide": (vae, {**VAE, "block_out_channels": [64, 128, 128], "norm_num_groups": 32}, None),
    "sd35-wide": (
        sd3,
        {
            **SD3, "qk_norm": "rms_norm", "dual_attention_layers": [0], "attention_head_dim": 64, "num_attention_heads": 6,
            "caption_projection_dim": 384, "joint_attention_dim": 256, "pooled_projection_dim": 128,
        }, None),
    "flux-wide": (
        flux,
        {
            **FLUX, "in_channels": 64, "attention_head_dim": 64, "num_attention_heads": 6, "axes_dims_rope": [8, 28, 28],
            "joint_attention_dim": 256, "pooled_projection_dim": 128,
        }, None),
    "controlnet-wide": (
        control,
        {
            **CONTROL_WAY, "block_out_channels": [96, 192, 192], "cross_attention_dim": 256, "norm_num_groups": 32, "attention_head_dim": 4,
            "conditioning_embedding_out_channels": [16, 32, 96],
        }, None),
    "pixart-alpha": (pixart, {**PIXART, "use_additional_conditions": True}, 1),
    "pixart-sigma": (pixart, {**PIXART, "interpolation_scale": 2}, 1),
    "pixart-faint": (pixart, PIXART, 0.02),
    "pixart-wide": (
        pixart, {**PIXART, "num_attention_heads": 6, "attention_head_dim": 64, "cross_attention_dim": 384, "caption_channels": 256}, None),
    # Halved at every level one side or the other is odd, and so are channels, heads and their sizes.
    "unet-odd": (
        unet,
        {
            **UNET, "block_out_channels": [15, 21, 33, 33], "norm_num_groups": 3, "attention_head_dim": 3, "layers_per_block": 1,
            "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
            "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3, "cross_attention_dim": 33,
        }, None),
    "auraflow": (aura, AURA, 1),
    # One head, one block of each kind, and outputs that are not as many as inputs.
    "auraflow-faint": (
        aura, {
            **AURA, "num_attention_heads": 1, "attention_head_dim": 6, "caption_projection_dim": 6, "num_mmdit_layers": 1,
            "num_single_dit_layers": 1, "out_channels": 8,
        }, 0.02),
    "auraflow-wide": (
        aura, {
            **AURA, "num_attention_heads": 6, "attention_head_dim": 64, "caption_projection_dim": 384, "joint_attention_dim": 256,
        }, None),
}
