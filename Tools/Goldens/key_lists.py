"""Writes Fixtures/manifests: bare key lists (name, dtype, shape) of full-size models, from the peers' own classes on PyTorch's
meta device, so that no weights are made or loaded.

    python Tools/Goldens/key_lists.py Fixtures/manifests [MODEL…]

Before anything is written, diffusers' single-file conversion runs over each original list; it must give exactly the names and
shapes that diffusers' and transformers' classes declare.
"""

import pathlib
import sys

import peers
import published
import tensor_lists


def main(target, *names):
    for name in names or published.MODELS:
        recipe = published.MODELS[name]
        canonical, original = peers.canonical(recipe), peers.checkpoint(recipe)
        converted = peers.to_canonical(peers.flatten(original), recipe)
        for component, tensors in converted.items():
            peers.require_same_keys(f"{name} {component}", tensors, canonical[component])
        for layout, components in (("diffusers", canonical), ("checkpoint", original)):
            for component, tensors in components.items():
                tensor_lists.write(pathlib.Path(target) / name / layout / f"{component}.txt", tensors)
        counts = {component: sum(t.numel() for t in tensors.values()) for component, tensors in canonical.items()}
        print(name, counts)


if __name__ == "__main__":
    main(*sys.argv[1:])
