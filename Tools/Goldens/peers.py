"""The two sides of a conversion as the peers define them.

canonical(recipe)    state dicts of a model's components from diffusers' and transformers' own classes
checkpoint(recipe)   the state dict of the same model in the original code's naming (originals.py, and open_clip's own class)
to_canonical(...)    diffusers' reading of an original checkpoint, component by component (loaders/single_file_utils.py)
to_original(...)     its inverse, found by tracing: see below

No direction is written by hand here. diffusers ships no inverse in the package, so the inverse of `to_canonical` is traced:
run it over a checkpoint whose elements are numbered, read off where every number went, and send values back that way. The
result is right wherever diffusers' reading is, transposes, splits and swapped halves included.
"""

import types
import warnings

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders import single_file_utils
from transformers import CLIPTextConfig, CLIPTextModel

import open_clip.model
import originals
import published

UNET_PREFIX = "model.diffusion_model."
VAE_PREFIX = "first_stage_model."
CLIP_PREFIX = "cond_stage_model.transformer."
OPENCLIP_PREFIX = "cond_stage_model.model."
POSITION_IDS = CLIP_PREFIX + "text_model.embeddings.position_ids"


def is_openclip(recipe):
    """Stable Diffusion 2 and the text encoder of its relatives; the activation is what tells them apart in a configuration."""
    return recipe["text_encoder"]["hidden_act"] == "gelu"


def canonical(recipe):
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = CLIPTextModel(CLIPTextConfig(**recipe["text_encoder"])).state_dict()
        return {
            "unet": UNet2DConditionModel.from_config(recipe["unet"]).state_dict(),
            "vae": AutoencoderKL.from_config(recipe["vae"]).state_dict(),
            "text_encoder": with_text_model_prefix(text),
        }


def with_text_model_prefix(text):
    """transformers 5.6 and later declare CLIPTextModel without the `text_model.` that every published folder has."""
    return {name if name.startswith("text_model.") else "text_model." + name: value for name, value in text.items()}


def without_text_model_prefix(text):
    return {name.removeprefix("text_model."): value for name, value in text.items()}


def original_openclip(config, context_length=None):
    """OpenCLIP's own class without its image tower. It has one layer more than the Hugging Face form that SD 2 publishes."""
    vision = dict(image_size=28, layers=1, width=8, head_width=4, patch_size=14)
    text = dict(
        context_length=context_length or config["max_position_embeddings"],
        vocab_size=config["vocab_size"],
        width=config["hidden_size"],
        heads=config["num_attention_heads"],
        layers=config["num_hidden_layers"] + 1,
    )
    model = open_clip.model.CLIP(embed_dim=config["hidden_size"], vision_cfg=vision, text_cfg=text)
    del model.visual
    return model


def checkpoint(recipe):
    """{component: {checkpoint name: meta tensor}} of the model file as CompVis and Stability AI published it, without EMA."""
    with torch.device("meta"):
        vae = recipe["vae"]
        unet = originals.LDMUNet(**published.original_unet_arguments(recipe["unet"])).state_dict()
        autoencoder = originals.LDMAutoencoder(
            widths=vae["block_out_channels"], layers=vae["layers_per_block"], latent=vae["latent_channels"],
            groups=vae["norm_num_groups"],
        ).state_dict()
    if is_openclip(recipe):
        with torch.device("meta"):
            text = original_openclip(recipe["text_encoder"]).state_dict()
        text = {OPENCLIP_PREFIX + name: value for name, value in text.items()}
    else:
        # transformers before 4.31, which these checkpoints were saved with, kept position_ids in the state dict, first of all.
        positions = recipe["text_encoder"]["max_position_embeddings"]
        text = {POSITION_IDS: torch.empty(1, positions, dtype=torch.int64, device="meta")}
        text |= {CLIP_PREFIX + name: value for name, value in canonical(recipe)["text_encoder"].items()}
    return {
        "unet": {UNET_PREFIX + name: value for name, value in unet.items()},
        "vae": {VAE_PREFIX + name: value for name, value in autoencoder.items()},
        "text_encoder": text,
    }


def last_layer(name, recipe):
    """Whether a tensor belongs to the OpenCLIP layer that the Hugging Face form leaves out."""
    return f".resblocks.{recipe['text_encoder']['num_hidden_layers']}." in name


def to_canonical(tensors, recipe, ema=False):
    """diffusers' conversion functions, over one flat checkpoint. Anything diffusers' classes would not load is left out."""
    config = {**recipe["unet"]}
    unet = single_file_utils.convert_ldm_unet_checkpoint(dict(tensors), config, extract_ema=ema)
    vae = single_file_utils.convert_ldm_vae_checkpoint(dict(tensors), recipe["vae"])
    if is_openclip(recipe):
        # diffusers names layer 23 of 24 literally; a model of another depth needs the same rule at its own last layer.
        kept = {name: value for name, value in tensors.items() if not last_layer(name, recipe)}
        model = types.SimpleNamespace(config=types.SimpleNamespace(hidden_size=recipe["text_encoder"]["hidden_size"]))
        text = single_file_utils.convert_open_clip_checkpoint(model, kept, prefix=OPENCLIP_PREFIX)
        text.pop("text_projection.weight", None)
    else:
        text = single_file_utils.convert_ldm_clip_checkpoint(dict(tensors))
        text.pop("text_model.embeddings.position_ids", None)
    return {"unet": unet, "vae": vae, "text_encoder": text}


def require_same_keys(component, found, expected):
    missing, unexpected = expected.keys() - found.keys(), found.keys() - expected.keys()
    if missing or unexpected:
        raise SystemExit(f"{component}: missing {sorted(missing)[:5]}, unexpected {sorted(unexpected)[:5]}")
    for name, tensor in expected.items():
        if found[name].shape != tensor.shape:
            raise SystemExit(f"{component}: {name} is {list(found[name].shape)}, the class has {list(tensor.shape)}")


def flatten(components):
    return {name: value for component in components.values() for name, value in component.items()}


def to_original(components, recipe):
    """The checkpoint that diffusers would read back as exactly these components. Tensors the components say nothing about
    (position_ids, the last OpenCLIP layer, text_projection, logit_scale) are absent."""
    return inverted(flatten(checkpoint(recipe)), lambda tensors: to_canonical(tensors, recipe), components)


def inverted(original, convert, components):
    """Sends `components` back through `convert` (original tensors to {component: tensors}), by tracing it over numbered elements.
    `original` gives the names, shapes and order of what comes out."""
    numbered, total = {}, 0
    for name, tensor in original.items():
        numbered[name] = torch.arange(total, total + tensor.numel(), dtype=torch.float64).reshape(tensor.shape)
        total += tensor.numel()
    traced = convert(dict(numbered))

    values = torch.zeros(total, dtype=torch.float64)
    known = torch.zeros(total, dtype=torch.bool)
    kinds = torch.zeros(total, dtype=torch.uint8)
    dtypes = []
    for component, places in traced.items():
        require_same_keys(component, places, components[component])
        for name, place in places.items():
            value = components[component][name]
            if value.dtype not in dtypes:
                dtypes.append(value.dtype)
            index = place.reshape(-1).to(torch.int64)
            if known[index].any() or index.unique().numel() != index.numel():
                raise SystemExit(f"{name}: an element of the original goes to two places")
            values[index] = value.reshape(-1).to(torch.float64)
            known[index] = True
            kinds[index] = dtypes.index(value.dtype)

    result = {}
    for name, numbers in numbered.items():
        index = numbers.reshape(-1).to(torch.int64)
        if not known[index].any():
            continue
        if not known[index].all():
            raise SystemExit(f"{name}: only part of it comes from the components")
        result[name] = values[index].reshape(numbers.shape).to(dtypes[kinds[index[0]]])
    return result
