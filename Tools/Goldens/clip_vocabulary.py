"""CLIP's byte-pair vocabulary as the files a Diffusers folder holds, from the merges table in open_clip_torch.

The table is openai/CLIP's (MIT); see Fixtures/models/README.md. With `merges` less than the whole table, the result is a
smaller tokenizer of the same make: 256 bytes, 256 bytes that end a word, one entry a merge, and the two specials last.
"""

import gzip
import json
import pathlib

import open_clip.tokenizer

FULL_MERGES = 49152 - 256 - 2


def merges_table(count=FULL_MERGES):
    with gzip.open(open_clip.tokenizer.default_bpe(), "rt", encoding="utf-8") as file:
        lines = file.read().split("\n")
    # Line 0 is a version comment; past the 48,894th merge stands what CLIP never used.
    return [tuple(text.split()) for text in lines[1 : 1 + count]]


def vocabulary(merges):
    letters = list(open_clip.tokenizer.bytes_to_unicode().values())
    entries = letters + [letter + "</w>" for letter in letters] + ["".join(pair) for pair in merges]
    entries += ["<|startoftext|>", "<|endoftext|>"]
    return {entry: index for index, entry in enumerate(entries)}


def write_tokenizer(folder, merges=FULL_MERGES, pad_token="<|endoftext|>"):
    """Writes the four files of a slow CLIP tokenizer, as the published Stable Diffusion folders have them. Returns the vocabulary's size."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    table = merges_table(merges)
    words = vocabulary(table)
    # As transformers wrote the published file: 1,059,962 bytes for the whole vocabulary.
    (folder / "vocab.json").write_text(
        json.dumps(words, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    (folder / "merges.txt").write_text(
        "#version: 0.2\n" + "".join(" ".join(pair) + "\n" for pair in table), encoding="utf-8"
    )

    def special(text):
        return {"content": text, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}

    start, end = special("<|startoftext|>"), special("<|endoftext|>")
    write_json(
        folder / "special_tokens_map.json",
        {"bos_token": start, "eos_token": end, "pad_token": pad_token, "unk_token": end},
    )
    write_json(
        folder / "tokenizer_config.json",
        {
            "add_prefix_space": False,
            "bos_token": {"__type": "AddedToken", **start},
            "do_lower_case": True,
            "eos_token": {"__type": "AddedToken", **end},
            "errors": "replace",
            "model_max_length": 77,
            "pad_token": pad_token,
            "tokenizer_class": "CLIPTokenizer",
            "unk_token": {"__type": "AddedToken", **end},
        },
    )
    return len(words)


def write_json(path, value):
    pathlib.Path(path).write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
