"""Every full-size model whose key lists stand in Fixtures/manifests: {name: function giving {layout: {component: tensors}}}.

The diffusers side is the peers' own class with the published configuration. Where a peer converts between two layouts, its
conversion has run over the lists and given exactly the other one (`converted` below) before they are returned.
"""

import types

import diffusers
import gguf
import torch
import transformers
from diffusers.loaders import single_file_utils

import originals
import originals_parts
import originals_transformers
import peers
import published
from peers import flatten, require_same_keys

# --- building blocks ------------------------------------------------------------------------------------------------------------


def meta(make):
    """State dict of what `make` builds on the meta device."""
    with torch.device("meta"):
        return dict(make().state_dict())


def prefixed(prefix, tensors):
    return {prefix + name: tensor for name, tensor in tensors.items()}


def model(name, **config):
    # Some position tables are computed on the way; meta tensors have no values, only shapes.
    return meta(lambda: getattr(diffusers, name).from_config(config))


def text_model(config, projection=False):
    if projection:
        return meta(lambda: transformers.CLIPTextModelWithProjection(transformers.CLIPTextConfig(**config)))
    return peers.with_text_model_prefix(meta(lambda: transformers.CLIPTextModel(transformers.CLIPTextConfig(**config))))


def t5_encoder(**config):
    """The embedding has two names in the class and one in every file that save_pretrained writes: `shared.weight`."""
    tensors = meta(lambda: transformers.T5EncoderModel(transformers.T5Config(**config)))
    del tensors["encoder.embed_tokens.weight"]
    return tensors


def openclip(config, layers=None):
    config = {**config, "num_hidden_layers": (layers or config["num_hidden_layers"]) - 1}
    return meta(lambda: peers.original_openclip(config))


def with_position_ids(tensors, prefix=""):
    positions = tensors["text_model.embeddings.position_embedding.weight"].shape[0]
    ids = {"text_model.embeddings.position_ids": torch.empty(1, positions, dtype=torch.int64, device="meta")}
    return prefixed(prefix, ids | tensors)


def check_openclip(name, original, canonical, prefix):
    config = types.SimpleNamespace(hidden_size=original[prefix + "ln_final.weight"].shape[0])
    found = single_file_utils.convert_open_clip_checkpoint(types.SimpleNamespace(config=config), original, prefix=prefix)
    require_same_keys(name, found, canonical)


# --- SDXL -----------------------------------------------------------------------------------------------------------------------

BIGG = {
    **published.CLIP_L, "hidden_act": "gelu", "hidden_size": 1280, "intermediate_size": 5120, "num_attention_heads": 20,
    "num_hidden_layers": 32, "projection_dim": 1280,
}

XL_UNET = dict(
    act_fn="silu", addition_embed_type="text_time", addition_time_embed_dim=256, attention_head_dim=[5, 10, 20],
    block_out_channels=[320, 640, 1280], cross_attention_dim=2048,
    down_block_types=["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"], in_channels=4, layers_per_block=2,
    norm_num_groups=32, out_channels=4, projection_class_embeddings_input_dim=2816, sample_size=128,
    transformer_layers_per_block=[1, 2, 10], up_block_types=["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    use_linear_projection=True,
)

REFINER_UNET = {
    **XL_UNET, "attention_head_dim": [6, 12, 24, 24], "block_out_channels": [384, 768, 1536, 1536], "cross_attention_dim": 1280,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
    "projection_class_embeddings_input_dim": 2560, "transformer_layers_per_block": 4,
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
}

DISTILLED = {"mid_block_type": "UNetMidBlock2D"}
SSD_1B = {
    **XL_UNET, **DISTILLED, "transformer_layers_per_block": [1, 2, 4],
    "reverse_transformer_layers_per_block": [[4, 4, 10], [2, 1, 1], 1],
}
VEGA = {
    **XL_UNET, **DISTILLED, "transformer_layers_per_block": [1, 1, 2], "reverse_transformer_layers_per_block": [[2, 2, 2], 1, 1],
}
KOALA = {
    **XL_UNET, "layers_per_block": 1, "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
}
KOALA_700M = {**KOALA, "mid_block_type": None, "transformer_layers_per_block": [1, 2, 5]}
KOALA_1B = {**KOALA, "transformer_layers_per_block": [1, 2, 6]}


def xl(unet, refiner=False):
    canonical = {"unet": model("UNet2DConditionModel", **unet), "vae": model("AutoencoderKL", **published.VAE)}
    large = text_model(BIGG, projection=True)
    original = {
        "unet": prefixed(
            peers.UNET_PREFIX, meta(lambda: originals.LDMUNet(**published.original_unet_arguments(unet)))
        ),
        "vae": prefixed(peers.VAE_PREFIX, meta(lambda: originals.LDMAutoencoder(widths=[128, 256, 512, 512]))),
    }
    place = 0 if refiner else 1
    if not refiner:
        canonical["text_encoder"] = text_model(published.CLIP_L)
        original["text_encoder"] = with_position_ids(canonical["text_encoder"], "conditioner.embedders.0.transformer.")
    canonical["text_encoder_2"] = large
    prefix = f"conditioner.embedders.{place}.model."
    original["text_encoder_2"] = prefixed(prefix, openclip(BIGG))

    every = flatten(original)
    require_same_keys("unet", single_file_utils.convert_ldm_unet_checkpoint(dict(every), dict(unet)), canonical["unet"])
    require_same_keys("vae", single_file_utils.convert_ldm_vae_checkpoint(dict(every), published.VAE), canonical["vae"])
    check_openclip("text_encoder_2", original["text_encoder_2"], large, prefix)
    return {"diffusers": canonical, "checkpoint": original}


# --- SD3, Flux, PixArt, AuraFlow ------------------------------------------------------------------------------------------------


def sd3(depth, positions, normalized, dual=0):
    width = 64 * depth
    canonical = model(
        "SD3Transformer2DModel", attention_head_dim=64, caption_projection_dim=width, in_channels=16, joint_attention_dim=4096,
        num_attention_heads=depth, num_layers=depth, out_channels=16, patch_size=2, pooled_projection_dim=2048,
        pos_embed_max_size=positions, sample_size=128, qk_norm="rms_norm" if normalized else None,
        dual_attention_layers=tuple(range(dual)),
    )
    original = meta(
        lambda: originals_transformers.MMDiT(
            depth=depth, width=width, positions=positions, normalized=normalized, dual=range(dual)
        )
    )
    found = single_file_utils.convert_sd3_transformer_checkpoint_to_diffusers(dict(original))
    require_same_keys("transformer", found, canonical)
    clip_l, clip_g = text_model(published.CLIP_L, projection=True), text_model(BIGG, projection=True)
    t5 = T5_XXL()
    vae = latent_16(published.VAE["block_out_channels"])
    return {
        "diffusers": {
            "transformer": canonical, "vae": vae["diffusers"]["vae"], "text_encoder": clip_l, "text_encoder_2": clip_g,
            "text_encoder_3": t5,
        },
        "checkpoint": {
            "transformer": prefixed(peers.UNET_PREFIX, original),
            "vae": prefixed(peers.VAE_PREFIX, vae["checkpoint"]["vae"]),
            "text_encoder": prefixed("text_encoders.clip_l.transformer.", clip_l),
            "text_encoder_2": prefixed("text_encoders.clip_g.transformer.", clip_g),
            "text_encoder_3": prefixed("text_encoders.t5xxl.transformer.", t5),
        },
    }


def flux(inputs=64, guidance=True, double=19, single=38):
    canonical = model(
        "FluxTransformer2DModel", attention_head_dim=128, guidance_embeds=guidance, in_channels=inputs, out_channels=64,
        joint_attention_dim=4096, num_attention_heads=24, num_layers=double, num_single_layers=single, patch_size=1,
        pooled_projection_dim=768,
    )
    original = meta(
        lambda: originals_transformers.Flux(inputs=inputs, guidance=guidance, double=double, single=single)
    )
    found = single_file_utils.convert_flux_transformer_checkpoint_to_diffusers(dict(original))
    require_same_keys("transformer", found, canonical)
    return {"diffusers": {"transformer": canonical}, "checkpoint": {"transformer": original}}


def pixart(sample, sizes, caption_tokens):
    canonical = model("PixArtTransformer2DModel", caption_channels=4096, sample_size=sample, use_additional_conditions=sizes)
    original = meta(
        lambda: originals_transformers.PixArt(tokens=(sample // 2) ** 2, caption_tokens=caption_tokens, sizes=sizes)
    )
    require_same_keys("transformer", originals_transformers.pixart_to_diffusers(original), canonical)
    return {"diffusers": {"transformer": canonical}, "checkpoint": {"transformer": original}}


def auraflow(positions):
    canonical = model("AuraFlowTransformer2DModel", pos_embed_max_size=positions)
    original = meta(lambda: originals_transformers.AuraFlow(positions=positions))
    found = single_file_utils.convert_auraflow_transformer_checkpoint_to_diffusers(dict(original))
    require_same_keys("transformer", found, canonical)
    return {"diffusers": {"transformer": canonical}, "checkpoint": {"transformer": original}}


# --- VAEs -----------------------------------------------------------------------------------------------------------------------


def autoencoder(widths, latent, quantization):
    config = {
        **published.VAE, "block_out_channels": widths, "latent_channels": latent, "use_quant_conv": quantization,
        "use_post_quant_conv": quantization,
    }
    canonical = model("AutoencoderKL", **config)
    original = meta(
        lambda: originals.LDMAutoencoder(widths=widths, latent=latent, quantization_convs=quantization)
    )
    found = single_file_utils.convert_ldm_vae_checkpoint(prefixed(peers.VAE_PREFIX, original), config)
    require_same_keys("vae", found, canonical)
    return {"diffusers": {"vae": canonical}, "checkpoint": {"vae": original}}


def latent_16(widths):
    return autoencoder(widths, 16, False)


def tiny_autoencoder(latent=4):
    canonical = model("AutoencoderTiny", latent_channels=latent)
    encoder = meta(lambda: originals_parts.tiny_encoder(latent))
    decoder = meta(lambda: originals_parts.tiny_decoder(latent))
    shifted = {f"{int(name.split('.', 1)[0]) - 1}.{name.split('.', 1)[1]}": tensor for name, tensor in decoder.items()}
    found = prefixed("encoder.layers.", encoder) | prefixed("decoder.layers.", shifted)
    require_same_keys("vae", found, canonical)
    return {"diffusers": {"vae": canonical}, "checkpoint": {"encoder": encoder, "decoder": decoder}}


# --- text encoders --------------------------------------------------------------------------------------------------------------


def T5_XXL():
    return t5_encoder(
        d_ff=10240, d_kv=64, d_model=4096, feed_forward_proj="gated-gelu", num_heads=64, num_layers=24, vocab_size=32128,
        tie_word_embeddings=False,
    )


def T5_LARGE():
    """T5 v1.0: one input matrix in the feed-forward, no gate."""
    return t5_encoder(d_ff=4096, d_kv=64, d_model=1024, feed_forward_proj="relu", num_heads=16, num_layers=24, vocab_size=32128)


def t5(canonical):
    blocks = 1 + max(int(name.split(".")[2]) for name in canonical if name.startswith("encoder.block."))
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.T5ENCODER, blocks)
    llama = {}
    for name, tensor in canonical.items():
        key = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if key is None:
            raise SystemExit(f"gguf has no name for {name}")
        llama[key] = tensor
    return {"diffusers": {"text_encoder": canonical}, "gguf": {"text_encoder": llama}}


def clip_l():
    return {"diffusers": {"text_encoder": text_model(published.CLIP_L)}}


def open_clip_text(config):
    canonical, original = text_model(config, projection=True), openclip(config)
    check_openclip("text_encoder", original, canonical, "")
    return {"diffusers": {"text_encoder": canonical}, "checkpoint": {"text_encoder": original}}


def long_clip():
    config = {**published.CLIP_L, "max_position_embeddings": 248}
    return {
        "diffusers": {"text_encoder": text_model(config, projection=True)},
        "checkpoint": {"text_encoder": meta(originals_parts.OpenAITextEncoder)},
    }


# --- ControlNets and adapters ---------------------------------------------------------------------------------------------------


def controlnet_config(unet, **more):
    kept = (
        "act_fn", "addition_embed_type", "addition_time_embed_dim", "attention_head_dim", "block_out_channels",
        "cross_attention_dim", "down_block_types", "in_channels", "layers_per_block", "norm_num_groups",
        "projection_class_embeddings_input_dim", "transformer_layers_per_block", "use_linear_projection",
    )
    return {
        **{key: unet[key] for key in kept if key in unet},
        "conditioning_embedding_out_channels": [16, 32, 96, 256],
        **more,
    }


def controlnet(unet):
    canonical = model("ControlNetModel", **controlnet_config(unet))
    if "addition_embed_type" in unet:
        # Published in diffusers' names only.
        return {"diffusers": {"controlnet": canonical}}
    arguments = published.original_unet_arguments(unet)
    original = prefixed("control_model.", meta(lambda: originals.LDMControlNet(**arguments)))
    found = single_file_utils.convert_controlnet_checkpoint(dict(original), dict(unet))
    require_same_keys("controlnet", found, canonical)
    return {"diffusers": {"controlnet": canonical}, "checkpoint": {"controlnet": original}}


def only_diffusers(component, name, **config):
    return {"diffusers": {component: model(name, **config)}}


def sd3_controlnet():
    return only_diffusers(
        "controlnet", "SD3ControlNetModel", num_layers=6, num_attention_heads=24, attention_head_dim=64, caption_projection_dim=1536,
        pos_embed_max_size=192, in_channels=16, extra_conditioning_channels=0,
    )


def stability_controlnet():
    """Stability AI's own: single stream, no positions of its own, the base model's embeddings."""
    lists = only_diffusers(
        "controlnet", "SD3ControlNetModel", num_layers=19, num_attention_heads=38, attention_head_dim=64, caption_projection_dim=2048,
        pos_embed_max_size=None, pos_embed_type=None, use_pos_embed=False, joint_attention_dim=None, in_channels=16,
        extra_conditioning_channels=0, force_zeros_for_pooled_projection=False, pooled_projection_dim=2048,
    )
    original = meta(originals_transformers.StabilityControlNet)
    found = originals_transformers.stability_controlnet_to_diffusers(original)
    require_same_keys("controlnet", found, lists["diffusers"]["controlnet"])
    return {**lists, "checkpoint": {"controlnet": original}}


def flux_controlnet(**config):
    return only_diffusers(
        "controlnet", "FluxControlNetModel", **{"num_layers": 5, "num_single_layers": 10, "guidance_embeds": True, **config}
    )


def adapter(xl=False):
    if xl:
        return only_diffusers("adapter", "T2IAdapter", adapter_type="full_adapter_xl", downscale_factor=16)
    canonical = model("T2IAdapter", adapter_type="full_adapter")
    original = meta(originals_parts.Adapter)
    found = {}
    for name, tensor in original.items():
        parts = name.split(".")
        if parts[0] == "body":
            level, layer = divmod(int(parts[1]), 2)
            middle = [] if parts[2] == "in_conv" else ["resnets", str(layer)]
            parts = ["body", str(level), *middle, *parts[2:]]
        found[".".join(["adapter", *parts])] = tensor
    require_same_keys("adapter", found, canonical)
    return {"diffusers": {"adapter": canonical}, "checkpoint": {"adapter": original}}


# --- all of them ----------------------------------------------------------------------------------------------------------------


def stable_diffusion(name):
    recipe = published.MODELS[name]
    canonical, original = peers.canonical(recipe), peers.checkpoint(recipe)
    for component, tensors in peers.to_canonical(flatten(original), recipe).items():
        require_same_keys(f"{name} {component}", tensors, canonical[component])
    return {"diffusers": canonical, "checkpoint": original}


def only(component, layouts):
    """A relative that differs from its base model in one component: the others are the base model's."""
    return {layout: {component: components[component]} for layout, components in layouts.items()}


LDM_WIDTHS = [128, 256, 512, 512]

ENTRIES = {
    **{name: (lambda name=name: stable_diffusion(name)) for name in published.MODELS},
    "sdxl": lambda: xl(XL_UNET),
    "sdxl-refiner": lambda: xl(REFINER_UNET, refiner=True),
    "sdxl-inpaint": lambda: only("unet", xl({**XL_UNET, "in_channels": 9})),
    "sdxl-ip2p": lambda: only("unet", xl({**XL_UNET, "in_channels": 8})),
    "ssd-1b": lambda: only("unet", xl(SSD_1B)),
    "segmind-vega": lambda: only("unet", xl(VEGA)),
    "koala-700m": lambda: only("unet", xl(KOALA_700M)),
    "koala-1b": lambda: only("unet", xl(KOALA_1B)),
    "sd3-medium": lambda: sd3(24, 192, normalized=False),
    "sd35-medium": lambda: only("transformer", sd3(24, 384, normalized=True, dual=13)),
    "sd35-large": lambda: only("transformer", sd3(38, 192, normalized=True)),
    "flux-dev": lambda: flux(),
    "flux-schnell": lambda: flux(guidance=False),
    "flux-fill": lambda: flux(inputs=384),
    "flux-depth": lambda: flux(inputs=128),
    "pixart-alpha": lambda: pixart(128, True, 120),
    "pixart-alpha-512": lambda: pixart(64, False, 120),
    "pixart-sigma": lambda: pixart(128, False, 300),
    "auraflow-0.3": lambda: auraflow(9216),
    "auraflow-0.2": lambda: auraflow(4096),
    "vae-sd": lambda: autoencoder(LDM_WIDTHS, 4, True),
    "vae-16": lambda: latent_16(LDM_WIDTHS),
    "taesd": tiny_autoencoder,
    "clip-l": clip_l,
    "openclip-h": lambda: open_clip_text({**published.OPENCLIP_H, "num_hidden_layers": 24, "projection_dim": 1024}),
    "openclip-bigg": lambda: open_clip_text(BIGG),
    "long-clip-l": long_clip,
    "t5-v1_1-xxl": lambda: t5(T5_XXL()),
    "t5-large": lambda: t5(T5_LARGE()),
    "controlnet-sd15": lambda: controlnet(published.UNET_1),
    "controlnet-sd21": lambda: controlnet(published.UNET_2),
    "controlnet-sdxl": lambda: controlnet(XL_UNET),
    "controlnet-sdxl-union": lambda: only_diffusers("controlnet", "ControlNetUnionModel", **controlnet_config(XL_UNET)),
    "controlnet-sdxl-promax": lambda: only_diffusers(
        "controlnet", "ControlNetUnionModel", **controlnet_config(XL_UNET, num_control_type=8)
    ),
    "controlnet-sd3": sd3_controlnet,
    "controlnet-sd35-large": stability_controlnet,
    "controlnet-flux": flux_controlnet,
    "controlnet-flux-union": lambda: flux_controlnet(num_mode=10),
    "controlnet-flux-xlabs": lambda: {
        **flux_controlnet(num_layers=2, num_single_layers=0, conditioning_embedding_channels=16),
        "checkpoint": {"controlnet": meta(originals_transformers.XLabsControlNet)}
    },
    "t2i-adapter-sd15": adapter,
    "t2i-adapter-sdxl": lambda: adapter(xl=True),
}
