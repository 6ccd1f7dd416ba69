"""Configurations of the published Stable Diffusion 1.x and 2.x models, as their Diffusers folders state them.

Each entry is a recipe: what every component's config.json says, the scheduler, the pipeline. `tiny` turns a recipe into a
structure-true small relative: same blocks, same names, same inputs, narrow.
"""

import copy

CLIP_L = dict(
    attention_dropout=0.0, bos_token_id=0, dropout=0.0, eos_token_id=2, hidden_act="quick_gelu", hidden_size=768,
    initializer_factor=1.0, initializer_range=0.02, intermediate_size=3072, layer_norm_eps=1e-05,
    max_position_embeddings=77, model_type="clip_text_model", num_attention_heads=12, num_hidden_layers=12,
    pad_token_id=1, projection_dim=768, vocab_size=49408,
)

# Stable Diffusion 2 reads the penultimate layer of OpenCLIP's ViT-H: 23 of 24 layers.
OPENCLIP_H = {
    **CLIP_L, "hidden_act": "gelu", "hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16,
    "num_hidden_layers": 23, "projection_dim": 512,
}

UNET_1 = dict(
    act_fn="silu", attention_head_dim=8, block_out_channels=[320, 640, 1280, 1280], center_input_sample=False,
    cross_attention_dim=768,
    down_block_types=["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
    downsample_padding=1, flip_sin_to_cos=True, freq_shift=0, in_channels=4, layers_per_block=2,
    mid_block_scale_factor=1, norm_eps=1e-05, norm_num_groups=32, out_channels=4, sample_size=64,
    up_block_types=["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
)

UNET_2 = {
    **UNET_1, "attention_head_dim": [5, 10, 20, 20], "cross_attention_dim": 1024, "dual_cross_attention": False,
    "use_linear_projection": True,
}

VAE = dict(
    act_fn="silu", block_out_channels=[128, 256, 512, 512], down_block_types=["DownEncoderBlock2D"] * 4, in_channels=3,
    latent_channels=4, layers_per_block=2, norm_num_groups=32, out_channels=3, sample_size=512,
    up_block_types=["UpDecoderBlock2D"] * 4,
)

BETAS = dict(beta_end=0.012, beta_schedule="scaled_linear", beta_start=0.00085, num_train_timesteps=1000)
PNDM = dict(
    _class_name="PNDMScheduler", **BETAS, set_alpha_to_one=False, skip_prk_steps=True, steps_offset=1,
    trained_betas=None, clip_sample=False,
)
DDIM = dict(
    _class_name="DDIMScheduler", **BETAS, set_alpha_to_one=False, skip_prk_steps=True, steps_offset=1,
    trained_betas=None, clip_sample=False,
)
PNDM_2 = {**PNDM, "prediction_type": "epsilon"}
DDIM_V = {**DDIM, "prediction_type": "v_prediction"}


def recipe(pipeline, unet, text_encoder, scheduler, sample=64, channels=4, extra=None):
    return dict(
        pipeline=pipeline,
        unet={**unet, "sample_size": sample, "in_channels": channels},
        vae={**VAE, "sample_size": 8 * sample},
        text_encoder=text_encoder,
        scheduler=scheduler,
        extra=extra or [],
    )


MODELS = {
    "sd15": recipe("StableDiffusionPipeline", UNET_1, CLIP_L, PNDM),
    "sd15-inpaint": recipe("StableDiffusionInpaintPipeline", UNET_1, CLIP_L, DDIM, channels=9),
    "ip2p": recipe("StableDiffusionInstructPix2PixPipeline", UNET_1, CLIP_L, PNDM, channels=8),
    "sd20-base": recipe("StableDiffusionPipeline", UNET_2, OPENCLIP_H, PNDM_2),
    "sd21": recipe("StableDiffusionPipeline", UNET_2, OPENCLIP_H, DDIM_V, sample=96),
    "sd2-inpaint": recipe("StableDiffusionInpaintPipeline", UNET_2, OPENCLIP_H, PNDM_2, channels=9),
    "sd2-depth": recipe(
        "StableDiffusionDepth2ImgPipeline", UNET_2, OPENCLIP_H, PNDM_2, sample=32, channels=5, extra=["depth_estimator"]
    ),
}


def tiny(recipe, vocabulary):
    """The same model at a few hundred kilobytes: all four levels, all block types, widths that differ from level to level."""
    small = copy.deepcopy(recipe)
    linear = small["unet"].get("use_linear_projection", False)
    text_width = 12 if linear else 8
    small["unet"].update(
        block_out_channels=[4, 8, 12, 12],
        attention_head_dim=[1, 2, 2, 2] if linear else 4,
        cross_attention_dim=text_width,
        norm_num_groups=4,
        sample_size=8,
    )
    small["vae"].update(block_out_channels=[4, 8, 8, 12], norm_num_groups=4, sample_size=64)
    small["text_encoder"].update(
        hidden_size=text_width,
        intermediate_size=4 * text_width,
        num_attention_heads=2,
        num_hidden_layers=3 if linear else 2,
        projection_dim=text_width,
        vocab_size=vocabulary,
    )
    return small


def original_unet_arguments(unet):
    """What originals.LDMUNet needs to know, from a Diffusers configuration."""
    levels = len(unet["block_out_channels"])
    depth = unet.get("transformer_layers_per_block", 1)
    depths = list(depth) if isinstance(depth, (list, tuple)) else [depth] * levels
    has_attention = ["Attn" in name for name in unet["down_block_types"]]
    # Diffusers lists the way up from the deepest level; a level has the same meaning in both lists of the original.
    reverse = unet.get("reverse_transformer_layers_per_block")
    up = list(reversed(reverse)) if reverse else depths
    middle = {"UNetMidBlock2DCrossAttn": depths[-1], "UNetMidBlock2D": 0, None: None}
    return dict(
        inputs=unet["in_channels"],
        outputs=unet.get("out_channels", 4),
        widths=unet["block_out_channels"],
        layers=unet["layers_per_block"],
        depths=[count if present else 0 for count, present in zip(depths, has_attention)],
        up_depths=[count if present else 0 for count, present in zip(up, has_attention)],
        middle=middle[unet.get("mid_block_type", "UNetMidBlock2DCrossAttn")],
        context=unet["cross_attention_dim"],
        linear=unet.get("use_linear_projection", False),
        vector=unet.get("projection_class_embeddings_input_dim"),
        groups=unet.get("norm_num_groups", 32),
    )
