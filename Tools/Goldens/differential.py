"""Holds isomer's readers and writers to the reference ones on random files.

    python Tools/Goldens/differential.py ISOMER [--rounds N] [--mutations N] [--seed N] [--table Tools/Goldens/differential.tsv]

1. Random tensors (every dtype both sides know, shapes with zeros and none, names of any script, views, shared storages) are written by
   safetensors or torch.save, turned by `isomer convert` into every other container, and read back by safetensors or torch.load: every bit
   must be the same, and so must the way back to safetensors, byte for byte.
2. Files of both kinds with a few bytes changed, cut or added are given to both readers. Where only one accepts, the table says how often and
   with which reason; the last column justifies it. A difference without one is an error.

Versions in requirements.txt (safetensors 0.8.0, torch 2.13.0).
"""

import argparse
import collections
import io
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import warnings

import safetensors.torch
import torch

from mutations import mutated

warnings.filterwarnings("ignore")
parser = argparse.ArgumentParser()
parser.add_argument("isomer")
parser.add_argument("--rounds", type=int, default=100)
parser.add_argument("--mutations", type=int, default=1000)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--table", type=pathlib.Path, default=pathlib.Path(__file__).parent / "differential.tsv")
options = parser.parse_args()
random.seed(options.seed)
torch.manual_seed(options.seed)
folder = pathlib.Path(tempfile.mkdtemp(prefix="isomer-differential-"))

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
          torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn, torch.float8_e5m2, torch.complex64]
YOUNG = {torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn, torch.float8_e5m2}
WORDS = ["model", "diffusion_model", "weight", "bias", "вес", "重み", "ö", "a b", "x" * 60, "0", "%", "'", "\"", "\\", "\t", "🙂"]

# Why one side refuses what the other accepts: a part of the sentence, and the reason.
REASONS = {
    ("safetensors", "ours"): [
        ("the same key", "the format's text forbids a key twice; the reference takes the last one"),
        ("is not one of its fields", "a field that the format does not have is a sign of damage; the reference ignores it"),
        ("unknown field", "a field that the format does not have is a sign of damage; the reference ignores it"),
        ("white space", "the format's text wants `{` first; the reference skips blanks"),
        ("must begin with", "the format's text wants `{` first; the reference skips blanks"),
        ("no part of the format", "a field that the format does not have is a sign of damage; the reference ignores it"),
    ],
    ("torch", "ours"): [
        ("checksum", "torch does not compare checksums: a flipped bit of a weight loads silently"),
        ("local header", "torch's zip reader takes the directory's word; another loader takes the local header's"),
        ("zip", "torch's zip reader does not look at this; a scanner and a loader could see two different archives"),
        ("archive", "torch's zip reader does not look at this; a scanner and a loader could see two different archives"),
        ("version", "a version that never was"),
        ("pickle", "a pickle that no pickler writes"),
        ("file ends", "bytes are missing"),
        ("member", "torch's zip reader does not look at this; a scanner and a loader could see two different archives"),
        ("no tensors", "a file without tensors is not a checkpoint"),
    ],
    ("torch", "theirs"): [
        ("Unsupported", "torch's restricted unpickler knows fewer names of plain data"),
        ("Weights only load failed", "torch's restricted unpickler knows fewer names and opcodes that only make plain data"),
        ("requires_grad", "whether a tensor is trained says nothing of its bytes"),
        ("unhashable", "what a dictionary that is not the state dictionary has for keys says nothing of tensors"),
        ("UnicodeDecodeError", "torch reads the serial number of the archive as text, which has nothing to do with its tensors"),
    ],
    ("safetensors", "theirs"): [],
}


def name():
    return ".".join(random.choice(WORDS) for _ in range(random.randint(1, 4))) + str(random.randint(0, 10**6))


def tensor():
    dtype = random.choice(DTYPES)
    shape = [random.choice([0, 1, 2, 3, 5, 8, 17]) for _ in range(random.randint(0, 4))]
    count = 1
    for side in shape:
        count *= side
    size = torch.empty(0, dtype=dtype).element_size()
    raw = torch.randint(0, 256, (count * size,), dtype=torch.uint8)
    if dtype == torch.bool:
        return (raw & 1).bool().reshape(shape)
    return raw.view(dtype).reshape(shape) if count else torch.zeros(shape, dtype=dtype)


def bits(value):
    value = value.detach().contiguous()
    return (str(value.dtype), tuple(value.shape), b"" if value.numel() == 0 else value.reshape(-1).view(torch.uint8).numpy().tobytes())


def same(first, second):
    return first.keys() == second.keys() and all(bits(first[key]) == bits(second[key]) for key in first)


def isomer(*words):
    return subprocess.run([options.isomer, *map(str, words)], capture_output=True, text=True, errors="replace")


def convert(source, target, *flags):
    run = isomer("convert", source, target, "--overwrite", "--quiet", *flags)
    assert run.returncode == 0, (source, target, run.stderr)


def round_trip(number):
    tensors = {name(): tensor() for _ in range(random.randint(1, 12))}
    if random.random() < 0.5 and len(tensors) > 1:
        # A view of another and the same again.
        key = random.choice(list(tensors))
        tensors[key + ".view"] = tensors[key].t() if tensors[key].dim() == 2 else tensors[key]
    metadata = {name(): name() for _ in range(random.randint(0, 3))}
    checks = 0
    whole = {key: value.clone().contiguous() for key, value in tensors.items()}
    source = folder / "a.safetensors"
    safetensors.torch.save_file(whole, source, metadata or None)
    # The old format has no storage for the younger types, in torch neither.
    is_old = not any(value.dtype in YOUNG for value in tensors.values())
    for target, flags in (("b.ckpt", []), ("b.pt", []), ("b.pth", ["--legacy"]), ("b.safetensors", [])):
        if flags and not is_old:
            continue
        convert(source, folder / target, *flags)
        if target.endswith("safetensors"):
            found = safetensors.torch.load_file(folder / target)
            assert (folder / target).read_bytes() == source.read_bytes() or same(whole, found)
        else:
            found = torch.load(folder / target, weights_only=True)
            found = found.get("state_dict", found) if target == "b.ckpt" else found
        assert same(whole, dict(found)), (number, target)
        convert(folder / target, folder / "back.safetensors")
        assert same(whole, safetensors.torch.load_file(folder / "back.safetensors")), (number, target, "back")
        checks += 2
    for flags in ({}, {"_use_new_zipfile_serialization": False}, {"pickle_protocol": 4}):
        if "_use_new_zipfile_serialization" in flags and not is_old:
            continue
        saved = folder / "c.pt"
        torch.save(random.choice([tensors, {"state_dict": tensors, "epoch": 1}]), saved, **flags)
        convert(saved, folder / "d.safetensors")
        assert same(whole, safetensors.torch.load_file(folder / "d.safetensors")), (number, flags)
        checks += 1
    return checks


def reference(kind, path):
    try:
        if kind == "safetensors":
            safetensors.torch.load_file(path)
        else:
            torch.load(path, weights_only=True)
        return None
    except Exception as error:
        return f"{type(error).__name__}: {error}".split("\n")[0]


def compare(counts, table):
    small = {"layer.weight": torch.arange(6, dtype=torch.float32).reshape(2, 3), "layer.bias": torch.zeros(3, dtype=torch.float16), "n": torch.tensor(7)}
    buffers = {}
    for kind, flags in (("torch", {}), ("torch-legacy", {"_use_new_zipfile_serialization": False})):
        buffer = io.BytesIO()
        torch.save(small, buffer, **flags)
        buffers[kind] = buffer.getvalue()
    buffers["safetensors"] = safetensors.torch.save(small, {"format": "pt"})
    problems = 0
    for number in range(options.mutations):
        source = random.choice(["safetensors", "torch", "torch-legacy"])
        kind = source.split("-")[0]
        path = folder / ("m.safetensors" if kind == "safetensors" else "m.pt")
        path.write_bytes(mutated(buffers[source]))
        refusal = reference(kind, path)
        theirs = refusal is None
        # Every byte is read by both: a checksum is looked at where the bytes are.
        run = isomer("convert", path, folder / "n.safetensors", "--overwrite", "--quiet")
        ours = run.returncode == 0
        assert run.returncode in (0, 2), (run.returncode, run.stderr)
        counts[source, "both accept" if ours and theirs else "both refuse" if ours == theirs else "differ"] += 1
        if ours == theirs:
            continue
        who = "theirs" if ours else "ours"
        sentence = re.sub(r"^isomer: \S+: ", "", run.stderr.strip().split("\n")[-1]) if not ours else refusal
        sentence = re.sub(r"^archive/[^:]*: ", "", sentence)
        sentence = re.sub(r"( at byte \d+|\(.*|;.*)", "", sentence)
        sentence = re.sub(r"[0-9]+", "N", sentence)[:110]
        reason = next((why for part, why in REASONS[kind, who] if part in sentence), None)
        if reason is None and who == "ours":
            reason = "damage that the reference does not look at" if kind == "torch" else None
        if reason is None:
            problems += 1
            kept = folder / f"unexplained-{number}"
            kept.write_bytes(path.read_bytes())
            print("not explained:", source, who, sentence, kept, file=sys.stderr)
        table[source, "isomer" if not ours else "reference", sentence, reason or "?"] += 1
    return problems


checks = sum(round_trip(number) for number in range(options.rounds))
print(f"{options.rounds} rounds, {checks} files read back by the other side: every bit the same")
counts, table = collections.Counter(), collections.Counter()
problems = compare(counts, table)
lines = ["# source\trefused only by\twhat it says\tjustification\ttimes"]
lines += ["\t".join([*key, str(count)]) for key, count in sorted(table.items())]
options.table.write_text("\n".join(lines) + "\n")
for (source, outcome), count in sorted(counts.items()):
    print(f"{source}: {outcome} {count}")
print(f"{options.mutations} changed files, {sum(table.values())} differences, {problems} without a reason")
sys.exit(problems > 0)
