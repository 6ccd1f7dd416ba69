"""Writes Fixtures/recognised: key lists of architectures that are recognised but not mapped.

    python Tools/Goldens/recognised.py Fixtures/recognised

NAME.txt: one line a tensor, `name dtype [d0, d1, ...]`, the state dict of diffusers' own class with its default widths and as
few blocks as it allows, on the meta device. NAME is the architecture's short name.
"""

import pathlib
import sys

import diffusers
import torch

import tensor_lists

NETWORKS = {
    "hunyuan-dit": (
        "HunyuanDiT2DModel",
        dict(num_layers=2, in_channels=4, sample_size=32, patch_size=2, activation_fn="gelu-approximate", hidden_size=64,
             num_attention_heads=4, attention_head_dim=16),
    ),
    "lumina2": ("Lumina2Transformer2DModel", dict(num_layers=1, num_refiner_layers=1)),
    "chroma": ("ChromaTransformer2DModel", dict(num_layers=1, num_single_layers=1)),
    "sana": ("SanaTransformer2DModel", dict(num_layers=1)),
    "wan": ("WanTransformer3DModel", dict(num_layers=1)),
    "ltx": ("LTXVideoTransformer3DModel", dict(num_layers=1)),
    "qwen-image": ("QwenImageTransformer2DModel", dict(num_layers=1)),
    "flux2": ("Flux2Transformer2DModel", dict(num_layers=1, num_single_layers=1)),
    "z-image": ("ZImageTransformer2DModel", dict(n_layers=1, n_refiner_layers=1)),
}


def main(target):
    target = pathlib.Path(target)
    target.mkdir(parents=True, exist_ok=True)
    for name, (class_name, config) in NETWORKS.items():
        with torch.device("meta"):
            network = getattr(diffusers, class_name)(**config)
        tensor_lists.write(target / f"{name}.txt", network.state_dict())
        print(name, len(network.state_dict()))


if __name__ == "__main__":
    main(*sys.argv[1:])
