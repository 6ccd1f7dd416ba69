"""Makes full-size Diffusers folders for benchmarks: true structure and configurations, random weights, no downloads.

    python Tools/Benchmarks/make_models.py FOLDER [MODEL[:f32|f16|bf16]…]        default: sd15:f32 sd21:f16

Names, shapes and configurations come from diffusers' and transformers' own classes (Tools/Goldens). The weights are written
tensor by tensor, so that memory stays small: the files are what save_pretrained would write, byte for byte in structure.
"""

import json
import pathlib
import shutil
import struct
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Goldens"))
import clip_vocabulary  # noqa: E402
import peers  # noqa: E402
import published  # noqa: E402
import tiny_models  # noqa: E402

DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
NAMES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}


def write_random(path, tensors, dtype, seed):
    """A safetensors file of normal values whose scale is that of a trained layer: 1/sqrt(fan-in), or around 1 for norm weights."""
    names = sorted(tensors)
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name in names:
        size = tensors[name].numel() * dtype.itemsize
        header[name] = {"dtype": NAMES[dtype], "shape": list(tensors[name].shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    generator = torch.Generator().manual_seed(seed)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in names:
            values = torch.empty(tensors[name].shape).normal_(generator=generator)
            if values.dim() > 1:
                values *= values[0].numel() ** -0.5
            else:
                values.mul_(0.02)
                if name.endswith("weight"):
                    values += 1
            file.write(values.to(dtype).view(torch.uint8).numpy().data)


def main(target, *models):
    for number, model in enumerate(models or ("sd15:f32", "sd21:f16")):
        name, _, kind = model.partition(":")
        dtype = DTYPES[kind or "f32"]
        recipe = published.MODELS[name]
        folder = pathlib.Path(target) / name
        shutil.rmtree(folder, ignore_errors=True)
        tiny_models.write_configurations(folder, recipe, dtype, clip_vocabulary.FULL_MERGES)
        for component, tensors in peers.canonical(recipe).items():
            path = folder / component / tiny_models.weights_name(component)
            write_random(path, tensors, dtype, seed=number)
            print(f"{path} {path.stat().st_size / 1e9:.2f} GB", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
