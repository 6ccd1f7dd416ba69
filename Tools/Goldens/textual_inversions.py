"""Makes Fixtures/textual-inversion: inversions of every arrangement, eight numbers wide, and what is in them.

Pinned: torch 2.13.0, safetensors 0.8.0. The numbers are exact in every type.
"""

import json
import pathlib

import torch
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "Fixtures/textual-inversion"


def vectors(count: int, seed: int) -> torch.Tensor:
    return (torch.arange(count * 8).reshape(count, 8) * 7 % 31 - 15 + seed) / 16


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    expected = {}

    def note(name: str, arrangement: str, words: dict) -> None:
        expected[name] = {"arrangement": arrangement, "words": words}

    one, three = vectors(1, 1), vectors(3, 2)
    torch.save({"string_to_token": {"*": 265}, "string_to_param": {"*": three}, "name": "my-style", "step": 4999, "sd_checkpoint": "cc6cb27103", "sd_checkpoint_name": "model"}, FOLDER / "webui.pt")
    note("webui.pt", "A1111", {"my-style": {"": three.tolist()}})
    torch.save({"string_to_token": {"*": torch.tensor(265)}, "string_to_param": torch.nn.ParameterDict({"*": torch.nn.Parameter(three)})}, FOLDER / "ldm.pt")
    note("ldm.pt", "A1111", {"ldm": {"": three.tolist()}})
    old = torch.nn.ParameterDict({"*": torch.nn.Parameter(one)})
    # PyTorch 1.11 kept the parameters under their own names in `_parameters`, and no list of keys.
    old.__dict__.pop("_keys", None)
    torch.save({"string_to_token": {"*": torch.tensor(265)}, "string_to_param": old, "name": "old"}, FOLDER / "old.pt", _use_new_zipfile_serialization=False)
    note("old.pt", "A1111", {"old": {"": one.tolist()}})
    torch.save({"<cat-toy>": one[0]}, FOLDER / "learned_embeds.bin")
    note("learned_embeds.bin", "diffusers", {"<cat-toy>": {"": one.tolist()}})
    torch.save({"<s0>": one[0].to(torch.float16), "<s1>": three.to(torch.float16)}, FOLDER / "two_words.bin")
    note("two_words.bin", "diffusers", {"<s0>": {"": one.tolist()}, "<s1>": {"": three.tolist()}})
    save_file({"emb_params": three.to(torch.bfloat16)}, FOLDER / "negative.safetensors")
    note("negative.safetensors", "emb_params", {"negative": {"": three.tolist()}})
    save_file({"clip_l": three, "clip_g": vectors(3, 5)}, FOLDER / "sdxl.safetensors")
    note("sdxl.safetensors", "SDXL", {"sdxl": {"clip_l": three.tolist(), "clip_g": vectors(3, 5).tolist()}})
    save_file({"weight": torch.zeros(3, 4, 5)}, FOLDER / "not-one.safetensors")
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
