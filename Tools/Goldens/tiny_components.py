"""Writes Fixtures/components: single networks of later families, small and structure-true, as diffusers' save_pretrained lays them
out, each beside the list of tensors its original-layout file must hold.

    python Tools/Goldens/tiny_components.py Fixtures/components [NAME…]

NAME/config.json, NAME/diffusion_pytorch_model.safetensors (or model.safetensors)
NAME.checkpoint.txt     golden: `name dtype shape sha256`, diffusers' own conversion inverted by tracing (peers.inverted)
"""

import inspect
import json
import pathlib
import shutil
import sys
import types

import diffusers
import torch
import transformers
from diffusers.loaders import single_file_utils

import catalogue
import originals
import originals_transformers
import peers
import published
from clip_vocabulary import write_json
from tensor_lists import write
from tiny_models import fill, save

HALF = torch.float16


def any_width_flux_conversion():
    """diffusers' Flux conversion holds only for a width of 3072, which it states in one line; the same rules for any width."""
    source = inspect.getsource(single_file_utils.convert_flux_transformer_checkpoint_to_diffusers)
    line = "inner_dim = 3072"
    if source.count(line) != 1:
        raise SystemExit("diffusers' Flux conversion is not the one this script knows")
    scope = dict(vars(single_file_utils))
    exec(source.replace(line, 'inner_dim = checkpoint["time_in.in_layer.weight"].shape[0]'), scope)
    return scope["convert_flux_transformer_checkpoint_to_diffusers"]


def xl(unet, levels, **more):
    config = {
        **unet, "block_out_channels": levels, "attention_head_dim": [1, 2, 3, 3][: len(levels)], "cross_attention_dim": 20,
        "addition_time_embed_dim": 4, "projection_class_embeddings_input_dim": 30, "norm_num_groups": 4, "sample_size": 8, **more,
    }
    original = catalogue.meta(lambda: originals.LDMUNet(**published.original_unet_arguments(config)))
    return "UNet2DConditionModel", config, peers.UNET_PREFIX, original, lambda tensors: (
        single_file_utils.convert_ldm_unet_checkpoint(tensors, config)
    )


def sd3(depth, normalized, dual=0, positions=6):
    width = 8 * depth
    config = dict(
        attention_head_dim=8, caption_projection_dim=width, in_channels=4, joint_attention_dim=12, num_attention_heads=depth,
        num_layers=depth, out_channels=4, patch_size=2, pooled_projection_dim=10, pos_embed_max_size=positions, sample_size=8,
        qk_norm="rms_norm" if normalized else None, dual_attention_layers=list(range(dual)),
    )
    original = catalogue.meta(
        lambda: originals_transformers.MMDiT(
            depth=depth, width=width, head_width=8, latent=4, positions=positions, context=12, pooled=10, normalized=normalized,
            dual=range(dual),
        )
    )
    return "SD3Transformer2DModel", config, peers.UNET_PREFIX, original, (
        single_file_utils.convert_sd3_transformer_checkpoint_to_diffusers
    )


def flux(double, single, inputs=8, guidance=True):
    config = dict(
        attention_head_dim=8, axes_dims_rope=[2, 2, 4], guidance_embeds=guidance, in_channels=inputs, out_channels=8,
        joint_attention_dim=12, num_attention_heads=2, num_layers=double, num_single_layers=single, patch_size=1,
        pooled_projection_dim=10,
    )
    original = catalogue.meta(
        lambda: originals_transformers.Flux(
            inputs=inputs, outputs=8, double=double, single=single, width=16, head_width=8, context=12, pooled=10, guidance=guidance
        )
    )
    return "FluxTransformer2DModel", config, "", original, any_width_flux_conversion()


def pixart(depth, sizes, sample):
    config = dict(
        attention_head_dim=6, caption_channels=14, cross_attention_dim=12, in_channels=4, num_attention_heads=2, num_layers=depth,
        out_channels=8, patch_size=2, sample_size=sample, use_additional_conditions=sizes,
    )
    original = catalogue.meta(
        lambda: originals_transformers.PixArt(
            depth=depth, width=12, caption=14, tokens=(sample // 2) ** 2, caption_tokens=5, sizes=sizes
        )
    )
    return "PixArtTransformer2DModel", config, "", original, originals_transformers.pixart_to_diffusers


def auraflow(joint, single):
    config = dict(
        attention_head_dim=4, caption_projection_dim=8, in_channels=4, joint_attention_dim=12, num_attention_heads=2,
        num_mmdit_layers=joint, num_single_dit_layers=single, out_channels=4, patch_size=2, pos_embed_max_size=16, sample_size=8,
    )
    original = catalogue.meta(
        lambda: originals_transformers.AuraFlow(double=joint, single=single, width=8, context=12, positions=16)
    )
    return "AuraFlowTransformer2DModel", config, "", original, (
        single_file_utils.convert_auraflow_transformer_checkpoint_to_diffusers
    )


def autoencoder(latent, quantization):
    config = {
        **published.VAE, "block_out_channels": [4, 8, 8, 12], "latent_channels": latent, "norm_num_groups": 4, "sample_size": 64,
        "use_quant_conv": quantization, "use_post_quant_conv": quantization,
    }
    original = catalogue.meta(
        lambda: originals.LDMAutoencoder(widths=[4, 8, 8, 12], latent=latent, groups=4, quantization_convs=quantization)
    )
    # diffusers asks for one of two prefixes; a VAE published alone has neither.
    convert = lambda tensors: single_file_utils.convert_ldm_vae_checkpoint(
        {peers.VAE_PREFIX + name: tensor for name, tensor in tensors.items()}, config
    )
    return "AutoencoderKL", config, "", original, convert


def controlnet(unet, linear):
    config = catalogue.controlnet_config(
        {
            **unet, "block_out_channels": [4, 8, 12, 12], "attention_head_dim": [1, 2, 2, 2] if linear else 4,
            "cross_attention_dim": 12 if linear else 8, "norm_num_groups": 4,
        }
    )
    arguments = published.original_unet_arguments(config)
    original = catalogue.meta(lambda: originals.LDMControlNet(**arguments))
    return "ControlNetModel", config, "control_model.", original, lambda tensors: (
        single_file_utils.convert_controlnet_checkpoint(tensors, config)
    )


def sd35_controlnet(depth, heads):
    config = dict(
        attention_head_dim=8, caption_projection_dim=8 * heads, extra_conditioning_channels=0, force_zeros_for_pooled_projection=False,
        in_channels=4, joint_attention_dim=None, num_attention_heads=heads, num_layers=depth, out_channels=4, patch_size=2,
        pooled_projection_dim=10, pos_embed_max_size=None, pos_embed_type=None, sample_size=128, use_pos_embed=False,
    )
    original = catalogue.meta(
        lambda: originals_transformers.StabilityControlNet(depth=depth, width=8 * heads, head_width=8, latent=4, pooled=10)
    )
    return "SD3ControlNetModel", config, "", original, originals_transformers.stability_controlnet_to_diffusers


def openclip(hidden, layers, embedding):
    config = {
        **catalogue.BIGG, "hidden_size": hidden, "intermediate_size": 4 * hidden, "num_attention_heads": 2, "num_hidden_layers": layers,
        "projection_dim": embedding, "vocab_size": 768,
    }
    original = catalogue.openclip(config)

    def convert(tensors):
        model = types.SimpleNamespace(config=types.SimpleNamespace(hidden_size=hidden))
        return single_file_utils.convert_open_clip_checkpoint(model, tensors, prefix="")

    return "CLIPTextModelWithProjection", config, "", original, convert


NETWORKS = {
    "sdxl-unet": lambda: xl(catalogue.XL_UNET, [4, 8, 12], transformer_layers_per_block=[1, 2, 3]),
    "sdxl-inpaint-unet": lambda: xl(catalogue.XL_UNET, [4, 8, 12], transformer_layers_per_block=[1, 1, 2], in_channels=9),
    "sdxl-refiner-unet": lambda: xl(catalogue.REFINER_UNET, [4, 8, 12, 12], transformer_layers_per_block=2),
    "ssd-unet": lambda: xl(catalogue.SSD_1B, [4, 8, 12]),
    "vega-unet": lambda: xl(catalogue.VEGA, [4, 8, 12]),
    "koala-700m-unet": lambda: xl(catalogue.KOALA_700M, [4, 8, 12], transformer_layers_per_block=[1, 2, 3]),
    "koala-1b-unet": lambda: xl(catalogue.KOALA_1B, [4, 8, 12], transformer_layers_per_block=[1, 2, 3]),
    "sd3-transformer": lambda: sd3(3, normalized=False),
    "sd35-medium-transformer": lambda: sd3(4, normalized=True, dual=2, positions=8),
    "sd35-large-transformer": lambda: sd3(5, normalized=True),
    "flux-dev-transformer": lambda: flux(2, 3),
    "flux-schnell-transformer": lambda: flux(3, 2, guidance=False),
    "flux-fill-transformer": lambda: flux(2, 2, inputs=48),
    "pixart-alpha-transformer": lambda: pixart(2, True, 128),
    "pixart-sigma-transformer": lambda: pixart(3, False, 16),
    "auraflow-transformer": lambda: auraflow(1, 2),
    "vae-16": lambda: autoencoder(16, False),
    "vae-4": lambda: autoencoder(4, True),
    "controlnet-sd15": lambda: controlnet(published.UNET_1, linear=False),
    "controlnet-sd21": lambda: controlnet(published.UNET_2, linear=True),
    "controlnet-sd35": lambda: sd35_controlnet(3, 2),
    "openclip": lambda: openclip(20, 3, 20),
}


def canonical_of(class_name, config):
    if class_name == "CLIPTextModelWithProjection":
        return catalogue.text_model(config, projection=True)
    return catalogue.model(class_name, **config)


def main(target, *names):
    target = pathlib.Path(target)
    target.mkdir(parents=True, exist_ok=True)
    for name in names or NETWORKS:
        network = NETWORKS[name]
        class_name, config, prefix, original, convert = network()
        canonical = canonical_of(class_name, config)
        weights = {key: value.to(HALF) for key, value in fill(canonical, name).items()}
        traced = peers.inverted(
            {prefix + key: tensor for key, tensor in original.items()}, lambda tensors: {name: convert(tensors)}, {name: weights}
        )
        folder = target / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        if class_name == "CLIPTextModelWithProjection":
            file = "model.safetensors"
            write_json(folder / "config.json", {"architectures": [class_name], **config, "torch_dtype": "float16"})
            loader = transformers.CLIPTextModelWithProjection
        else:
            file = "diffusion_pytorch_model.safetensors"
            write_json(folder / "config.json", {"_class_name": class_name, "_diffusers_version": "0.42.1", **config})
            loader = getattr(diffusers, class_name)
        save(folder / file, weights)
        write(target / f"{name}.checkpoint.txt", traced, digest=True)
        # The folder is a model to its own library, with nothing missing or left over.
        _, report = loader.from_pretrained(folder, output_loading_info=True, local_files_only=True)
        problems = {key: list(value) for key, value in dict(report).items() if value}
        if problems:
            raise SystemExit(f"{name}: {json.dumps(problems, default=str)[:400]}")
        print(name, len(weights), "tensors,", len(traced), "in the original")


if __name__ == "__main__":
    main(*sys.argv[1:])
