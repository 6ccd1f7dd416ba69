"""Writes Fixtures/checkpoints: small original-layout files with everything the published ones carry besides weights, each beside
what diffusers' single-file conversion makes of it.

    python Tools/Goldens/tiny_checkpoints.py Fixtures/checkpoints

FILE                              the checkpoint; its Diffusers configuration is Fixtures/models/MODEL-tiny
FILE.diffusers/COMPONENT.txt      golden: `name dtype shape sha256`; `unet.ema.txt` is the UNet made of the EMA weights
FILE.extras.txt                   the tensors no Diffusers component has a place for, in file order
"""

import pathlib
import shutil
import sys

import torch

import peers
import published
import tensor_lists
from tiny_models import VOCABULARY, fill, save

HALF = torch.float16


def noise_schedule():
    """The buffers DDPM registers, in its order. Reference: CompVis/stable-diffusion, ldm/models/diffusion/ddpm.py."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    alphas = 1 - betas
    product = torch.cumprod(alphas, dim=0)
    previous = torch.cat([torch.ones(1, dtype=torch.float64), product[:-1]])
    variance = betas * (1 - previous) / (1 - product)
    buffers = {
        "betas": betas,
        "alphas_cumprod": product,
        "alphas_cumprod_prev": previous,
        "sqrt_alphas_cumprod": product.sqrt(),
        "sqrt_one_minus_alphas_cumprod": (1 - product).sqrt(),
        "log_one_minus_alphas_cumprod": (1 - product).log(),
        "sqrt_recip_alphas_cumprod": (1 / product).sqrt(),
        "sqrt_recipm1_alphas_cumprod": (1 / product - 1).sqrt(),
        "posterior_variance": variance,
        "posterior_log_variance_clipped": variance.clamp(min=1e-20).log(),
        "posterior_mean_coef1": betas * previous.sqrt() / (1 - product),
        "posterior_mean_coef2": (1 - previous) * alphas.sqrt() / (1 - product),
    }
    return {name: value.float() for name, value in buffers.items()}


def averaged(unet, seed):
    """EMA weights as LitEma registers them: two scalars, then every name with its dots removed. Values differ from the UNet's."""
    result = {"model_ema.decay": torch.tensor(0.9999), "model_ema.num_updates": torch.tensor(470000, dtype=torch.int32)}
    for name, tensor in fill(unet, seed).items():
        result["model_ema." + name.removeprefix("model.").replace(".", "")] = tensor.to(HALF)
    return result


def recipe_of(model):
    return published.tiny(published.MODELS[model], VOCABULARY)


def weights(model, seed):
    recipe = recipe_of(model)
    components = {}
    for component, tensors in peers.checkpoint(recipe).items():
        floating = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
        filled = {name: value.to(HALF) for name, value in fill(floating, f"{seed}/{component}").items()}
        if peers.OPENCLIP_PREFIX + "logit_scale" in filled:
            filled[peers.OPENCLIP_PREFIX + "logit_scale"] = torch.tensor(100.0).log()
        # Back into the class's order, with the integers.
        components[component] = {
            name: filled[name] if name in filled else torch.arange(tensor.numel()).reshape(tensor.shape)
            for name, tensor in tensors.items()
        }
    return recipe, components


def golden(path, tensors, recipe, readable=None, components=("unet", "vae", "text_encoder")):
    """`readable` is the checkpoint under the names diffusers understands, where the file's own are others'."""
    folder = path.parent / f"{path.name}.diffusers"
    shutil.rmtree(folder, ignore_errors=True)
    readable = readable or tensors
    canonical = peers.canonical(recipe)
    converted = peers.to_canonical(readable, recipe)
    for component in components:
        peers.require_same_keys(f"{path.name} {component}", converted[component], canonical[component])
        tensor_lists.write(folder / f"{component}.txt", converted[component], digest=True)
    if any(name.startswith("model_ema.") for name in tensors):
        tensor_lists.write(folder / "unet.ema.txt", peers.to_canonical(readable, recipe, ema=True)["unet"], digest=True)

    # Which tensors reach a component: number them all, as peers.to_original does, and see which numbers come out.
    markers = {
        name: torch.full(tensor.shape, number, dtype=torch.float64)
        for number, (name, tensor) in enumerate(readable.items())
    }
    used = set()
    for ema in (False, True):
        for component in peers.to_canonical(markers, recipe, ema=ema and "unet.ema.txt" in {p.name for p in folder.iterdir()}).values():
            used |= {int(number) for tensor in component.values() for number in tensor.unique()}
    extras = {name: tensor for number, (name, tensor) in enumerate(tensors.items()) if number not in used}
    tensor_lists.write(path.parent / f"{path.name}.extras.txt", extras, digest=True)


def main(target):
    target = pathlib.Path(target)
    target.mkdir(parents=True, exist_ok=True)

    # A training checkpoint as PyTorch Lightning saved it, before pruning.
    recipe, parts = weights("sd15", "sd15-ema")
    tensors = {**noise_schedule(), **parts["unet"], **averaged(parts["unet"], "sd15-ema/ema"), **parts["vae"], **parts["text_encoder"]}
    path = target / "sd15-ema.ckpt"
    torch.save({"epoch": 13, "global_step": 470000, "pytorch-lightning_version": "1.4.2", "state_dict": tensors}, path)
    golden(path, tensors, recipe)

    # The same kind of file from before PyTorch 1.6: one pickle stream, storages behind it.
    recipe, parts = weights("sd15", "sd15-legacy")
    tensors = peers.flatten(parts)
    path = target / "sd15-legacy.ckpt"
    torch.save({"state_dict": tensors, "global_step": 840000}, path, _use_new_zipfile_serialization=False)
    golden(path, tensors, recipe)

    # The leaked naming: no `text_model.` in the text encoder.
    recipe, parts = weights("sd15", "sd15-nai")
    readable = peers.flatten(parts)
    tensors = {name.replace(peers.CLIP_PREFIX + "text_model.", peers.CLIP_PREFIX): value for name, value in readable.items()}
    path = target / "sd15-nai.safetensors"
    save(path, tensors)
    golden(path, tensors, recipe, readable)

    recipe, parts = weights("sd15-inpaint", "sd15-inpaint")
    tensors = peers.flatten(parts)
    path = target / "sd15-inpaint.safetensors"
    save(path, tensors)
    golden(path, tensors, recipe)

    # A merge tool halved everything, position_ids too.
    recipe, parts = weights("ip2p", "ip2p")
    tensors = peers.flatten(parts)
    tensors[peers.POSITION_IDS] = tensors[peers.POSITION_IDS].to(HALF)
    path = target / "ip2p.safetensors"
    save(path, tensors)
    golden(path, tensors, recipe)

    recipe, parts = weights("sd21", "sd21")
    tensors = {**noise_schedule(), **peers.flatten(parts)}
    path = target / "sd21.safetensors"
    save(path, tensors)
    golden(path, tensors, recipe)

    # An SD 2 file from a tool that pruned what inference does not read: no last layer, no projection, no scale.
    recipe, parts = weights("sd20-base", "sd20-base-pruned")
    tensors = {
        name: value
        for name, value in peers.flatten(parts).items()
        if not peers.last_layer(name, recipe) and not name.endswith((".text_projection", ".logit_scale"))
    }
    path = target / "sd20-base-pruned.ckpt"
    torch.save({"state_dict": tensors}, path)
    golden(path, tensors, recipe)

    recipe, parts = weights("sd2-inpaint", "sd2-inpaint")
    tensors = peers.flatten(parts)
    path = target / "sd2-inpaint.safetensors"
    save(path, tensors)
    golden(path, tensors, recipe)

    # Depth: the checkpoint carries the depth estimator in its own naming; a few of its tensors stand for it here.
    recipe, parts = weights("sd2-depth", "sd2-depth")
    estimator = {
        "depth_model.model.pretrained.model.cls_token": torch.empty(1, 1, 8),
        "depth_model.model.pretrained.act_postprocess3.0.project.0.weight": torch.empty(8, 16),
        "depth_model.model.pretrained.act_postprocess3.0.project.0.bias": torch.empty(8),
        "depth_model.model.scratch.output_conv.0.weight": torch.empty(4, 8, 3, 3),
    }
    estimator = {name: value.to(HALF) for name, value in fill(estimator, "sd2-depth/estimator").items()}
    tensors = {**noise_schedule(), **peers.flatten(parts), **estimator}
    path = target / "sd2-depth.safetensors"
    save(path, tensors)
    golden(path, tensors, recipe)

    # A VAE alone, as AutoencoderKL's trainer saved it: no prefix, and what is left of the loss's discriminator.
    recipe, parts = weights("sd15", "sd15-vae")
    vae = {name.removeprefix(peers.VAE_PREFIX): value for name, value in parts["vae"].items()}
    loss = {"loss.logvar": torch.zeros(()), "loss.discriminator.main.0.weight": fill({"w": torch.empty(4, 3, 4, 4)}, "sd15-vae/loss")["w"]}
    path = target / "sd15.vae.pt"
    torch.save({"state_dict": {**vae, **loss}, "global_step": 840001}, path)
    golden(path, {**vae, **loss}, recipe, {**parts["vae"], **loss}, components=("vae",))


if __name__ == "__main__":
    main(*sys.argv[1:])
