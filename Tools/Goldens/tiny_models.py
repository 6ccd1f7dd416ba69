"""Writes Fixtures/models: complete Diffusers folders of a few hundred kilobytes with the true structure of published models,
each beside the list of tensors its checkpoint must hold.

    python Tools/Goldens/tiny_models.py Fixtures/models

NAME/                   the folder
NAME.checkpoint.txt     golden: `name dtype shape sha256` of every tensor of the original-layout checkpoint (peers.to_original)

The folders sd15-tiny-* hold sd15-tiny's weights cast to f16 by PyTorch, each stored in another way; all of them, and sd15-tiny
itself when it is cast on the way, make sd15-tiny-f16.checkpoint.txt. sd15-tiny-bf16.checkpoint.txt is the same for bf16.

Weights are random, from a generator seeded with the model's name, and scaled so that a forward pass stays finite.
"""

import hashlib
import json
import pathlib
import shutil
import sys

import safetensors.torch
import torch
from clip_vocabulary import write_json, write_tokenizer

import peers
import published
import tensor_lists

# 512 byte entries, this many merges, two specials: a real CLIP tokenizer in 8 KB.
MERGES = 254
VOCABULARY = 512 + MERGES + 2

OLD_VAE_NAMES = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def fill(tensors, seed):
    """Random values for meta tensors, independent of the order they come in: each name seeds its own."""
    filled = {}
    for name, tensor in tensors.items():
        digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
        values = torch.randn(tensor.shape, generator=generator)
        if tensor.dim() > 1:
            values *= tensor[0].numel() ** -0.5
        elif name.endswith("weight"):
            values = 1 + 0.1 * values
        else:
            values *= 0.05
        filled[name] = values.to(tensor.dtype)
    return filled


def make(recipe, seed, dtype=torch.float32):
    components = {name: fill(tensors, f"{seed}/{name}") for name, tensors in peers.canonical(recipe).items()}
    return {
        component: {name: tensor.to(dtype) for name, tensor in tensors.items()}
        for component, tensors in components.items()
    }


def text_config(recipe, dtype):
    config = dict(recipe["text_encoder"])
    return {"architectures": ["CLIPTextModel"], **config, "torch_dtype": str(dtype).removeprefix("torch."), "transformers_version": "4.44.2"}


def write_configurations(folder, recipe, dtype, merges=MERGES, extra=None):
    folder.mkdir(parents=True)
    index = {
        "_class_name": recipe["pipeline"],
        "_diffusers_version": "0.42.1",
        "feature_extractor": [None, None],
        "requires_safety_checker": False,
        "safety_checker": [None, None],
        "scheduler": ["diffusers", recipe["scheduler"]["_class_name"]],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        **(extra or {}),
    }
    if recipe["pipeline"] == "StableDiffusionDepth2ImgPipeline":
        for absent in ("requires_safety_checker", "safety_checker"):
            index.pop(absent)
    write_json(folder / "model_index.json", index)
    for component, class_name in (("unet", "UNet2DConditionModel"), ("vae", "AutoencoderKL")):
        (folder / component).mkdir()
        write_json(
            folder / component / "config.json",
            {"_class_name": class_name, "_diffusers_version": "0.42.1", **recipe[component]},
        )
    (folder / "text_encoder").mkdir()
    write_json(folder / "text_encoder" / "config.json", text_config(recipe, dtype))
    (folder / "scheduler").mkdir()
    write_json(folder / "scheduler" / "scheduler_config.json", {"_diffusers_version": "0.42.1", **recipe["scheduler"]})
    write_tokenizer(folder / "tokenizer", merges, "!" if peers.is_openclip(recipe) else "<|endoftext|>")


def weights_name(component, variant=None, extension="safetensors"):
    stem = {
        "safetensors": {"text_encoder": "model"},
        "bin": {"text_encoder": "pytorch_model"},
    }[extension].get(component, "diffusion_pytorch_model")
    return ".".join(filter(None, (stem, variant, extension)))


def save(path, tensors):
    safetensors.torch.save_file(tensors, path, metadata={"format": "pt"})
    path.chmod(0o644)


def write_weights(folder, components, variant=None, extension="safetensors"):
    for component, tensors in components.items():
        path = folder / component / weights_name(component, variant, extension)
        if extension == "bin":
            torch.save(tensors, path)
        else:
            save(path, tensors)


def write_shards(folder, component, tensors, limit):
    """Shards as diffusers names them: filled in order, a new one when the next tensor would pass the limit."""
    shards, sizes = [{}], [0]
    for name, tensor in tensors.items():
        size = tensor.numel() * tensor.element_size()
        if shards[-1] and sizes[-1] + size > limit:
            shards.append({})
            sizes.append(0)
        shards[-1][name] = tensor
        sizes[-1] += size
    stem = weights_name(component).removesuffix(".safetensors")
    weight_map = {}
    for number, shard in enumerate(shards, 1):
        file = f"{stem}-{number:05}-of-{len(shards):05}.safetensors"
        save(folder / component / file, shard)
        weight_map |= {name: file for name in shard}
    index = {"metadata": {"total_size": sum(sizes)}, "weight_map": dict(sorted(weight_map.items()))}
    (folder / component / f"{stem}.safetensors.index.json").write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")


def old_vae(tensors):
    """The attention names diffusers wrote before 0.17, as most published SD 1 and 2 folders still have them."""
    result = {}
    for name, tensor in tensors.items():
        head, found, leaf = name.partition("mid_block.attentions.0.")
        if found:
            part, _, kind = leaf.rpartition(".")
            leaf = f"{OLD_VAE_NAMES.get(part, part)}.{kind}"
        result[head + found + leaf] = tensor
    return result


def write_depth_estimator(folder, seed):
    """A small DPT: Depth2Img's pipeline will not open without one, and no Stable Diffusion layout has a place for it."""
    import transformers

    with torch.device("meta"):
        config = transformers.DPTConfig(
            hidden_size=8, num_hidden_layers=4, num_attention_heads=2, intermediate_size=16, image_size=32, patch_size=16,
            backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[4, 4, 4, 4], fusion_hidden_size=4, num_labels=1,
        )
        model = transformers.DPTForDepthEstimation(config)
    (folder / "depth_estimator").mkdir()
    config.architectures = ["DPTForDepthEstimation"]
    write_json(folder / "depth_estimator" / "config.json", json.loads(config.to_json_string()))
    save(folder / "depth_estimator" / "model.safetensors", fill(model.state_dict(), seed))
    (folder / "feature_extractor").mkdir()
    write_json(
        folder / "feature_extractor" / "preprocessor_config.json",
        {
            "do_normalize": True, "do_rescale": True, "do_resize": True, "ensure_multiple_of": 1,
            "image_mean": [0.5, 0.5, 0.5], "image_processor_type": "DPTImageProcessor", "image_std": [0.5, 0.5, 0.5],
            "keep_aspect_ratio": False, "resample": 2, "size": {"height": 32, "width": 32},
        },
    )


def main(target):
    target = pathlib.Path(target)

    def start(name, model, dtype=torch.float32, seed=None, **options):
        folder = target / name
        shutil.rmtree(folder, ignore_errors=True)
        recipe = published.tiny(published.MODELS[model], VOCABULARY)
        write_configurations(folder, recipe, dtype, **options)
        return folder, make(recipe, seed or name, dtype), recipe

    def golden(name, components, recipe):
        tensor_lists.write(target / f"{name}.checkpoint.txt", peers.to_original(components, recipe), digest=True)

    half = torch.float16

    folder, components, recipe = start("sd15-tiny", "sd15")
    write_weights(folder, components)
    golden("sd15-tiny", components, recipe)
    golden("sd15-tiny-f16", make(recipe, "sd15-tiny", half), recipe)
    golden("sd15-tiny-bf16", make(recipe, "sd15-tiny", torch.bfloat16), recipe)

    def stored_as(variation):
        folder, components, _ = start(f"sd15-tiny-{variation}", "sd15", half, seed="sd15-tiny")
        return folder, components

    folder, components = stored_as("fp16-variant")
    write_weights(folder, components, variant="fp16")

    folder, components = stored_as("sharded")
    write_weights(folder, {name: components[name] for name in ("vae", "text_encoder")})
    write_shards(folder, "unet", components["unet"], limit=100_000)

    folder, components = stored_as("old-vae")
    write_weights(folder, {**components, "vae": old_vae(components["vae"])})

    folder, components = stored_as("flat-clip")
    write_weights(folder, {**components, "text_encoder": peers.without_text_model_prefix(components["text_encoder"])})

    folder, components = stored_as("bin")
    write_weights(folder, components, extension="bin")

    for model in ("sd15-inpaint", "ip2p", "sd20-base", "sd21", "sd2-inpaint", "sd2-depth"):
        name = f"{model}-tiny"
        extra = None
        if model == "sd2-depth":
            extra = {
                "depth_estimator": ["transformers", "DPTForDepthEstimation"],
                "feature_extractor": ["transformers", "DPTImageProcessor"],
            }
        folder, components, recipe = start(name, model, half, extra=extra)
        write_weights(folder, components)
        golden(name, components, recipe)
        if extra:
            write_depth_estimator(folder, f"{name}/depth_estimator")


if __name__ == "__main__":
    main(*sys.argv[1:])
