"""Writes Fixtures/manifests: bare key lists (name, dtype, shape) of full-size models, from the peers' own classes on PyTorch's
meta device, so that no weights are made or loaded.

    python Tools/Goldens/key_lists.py Fixtures/manifests [MODEL…]
"""

import pathlib
import sys

import catalogue
import tensor_lists


def main(target, *names):
    for name in names or catalogue.ENTRIES:
        for layout, components in catalogue.ENTRIES[name]().items():
            counts = {}
            for component, tensors in components.items():
                tensor_lists.write(pathlib.Path(target) / name / layout / f"{component}.txt.gz", tensors)
                counts[component] = sum(tensor.numel() for tensor in tensors.values())
            print(name, layout, counts, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
