"""Writes Fixtures/sharding: how huggingface_hub splits state dicts, and the indexes that diffusers and transformers write.

Run: python Tools/Goldens/shard_plans.py   (huggingface_hub 2.4.0, torch 2.13, diffusers 0.42.1, transformers 5.23)
"""

import json
import pathlib
import random

import torch
from diffusers.utils.hub_utils import _add_variant
from huggingface_hub import split_torch_state_dict_into_shards

folder = pathlib.Path(__file__).resolve().parents[2] / "Fixtures" / "sharding"
folder.mkdir(parents=True, exist_ok=True)
generator = random.Random(7)


def plan(name, sizes, limit, weights_name="diffusion_pytorch_model.safetensors", variant=None, parameters=None):
    tensors = {key: torch.empty(size, dtype=torch.uint8) for key, size in sizes.items()}
    # As ModelMixin.save_pretrained and PreTrainedModel.save_pretrained spell it.
    full = _add_variant(weights_name, variant)
    pattern = full.replace(".bin", "{suffix}.bin").replace(".safetensors", "{suffix}.safetensors")
    split = split_torch_state_dict_into_shards(tensors, filename_pattern=pattern, max_shard_size=limit)
    index = {"metadata": split.metadata, "weight_map": split.tensor_to_filename}
    if parameters is not None:
        index["metadata"] = {"total_parameters": parameters, **split.metadata}
    stem, extension = weights_name.split(".")
    result = {
        "stem": stem, "extension": extension, "variant": variant, "limit": str(limit), "parameters": parameters,
        "sizes": [[key, size] for key, size in sizes.items()],
        "files": [[file, keys] for file, keys in split.filename_to_tensors.items()],
        "index_name": _add_variant(weights_name + ".index.json", variant),
        "index": json.dumps(index, indent=2, sort_keys=True) + "\n",
    }
    (folder / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")


plan("documented", {"a": 6, "b": 6, "c": 2, "d": 6, "e": 2, "f": 2}, 10)
plan("one-file", {"a": 6, "b": 4}, 10)
plan("exactly-full", {"a": 5, "b": 5, "c": 5, "d": 5}, 10)
plan("too-large-first", {"a": 11, "b": 1}, 10)
plan("too-large-between", {"a": 1, "b": 11, "c": 1, "d": 12, "e": 9}, 10)
plan("variant", {"a": 6, "b": 6}, 10, variant="fp16")
plan("variant-with-underscore", {"a": 6, "b": 6}, 10, variant="non_ema")
plan("transformers", {"a": 6, "b": 6, "é": 1, "\U0001f600": 1, "\uffff": 1}, 10, "model.safetensors", parameters=15)
plan("torch", {"a": 6, "b": 6}, 10, "pytorch_model.bin")
plan("units", {"a": 600, "b": 600, "c": 300}, "1KB")
plan("units-fraction", {"a": 600, "b": 600, "c": 300}, "1.2kb")
plan("random", {f"layer.{index}.weight": generator.randint(0, 400) for index in range(120)}, 1000)
