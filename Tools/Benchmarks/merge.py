"""Times merging two models, and a LoRA into one, beside the bare reading and writing of the same bytes, a plain conversion, and torch.

    python Tools/Benchmarks/merge.py --isomer PATH --model FILE --scratch FOLDER [--rank 32] [--runs 3]

FILE is a safetensors checkpoint, such as `isomer synthesize --model sdxl --dtype f16` makes. FOLDER needs room for four copies.

    read+write   both models read, one written and synced, in blocks of 16 MiB: what the disk and its cache alone take
    merge        isomer merge A B --alpha 0.5
    convert      isomer convert A: the container alone
    lora         isomer merge A --lora L=0.8
    torch merge  both loaded with safetensors.torch, a·0.5 + b·0.5 in f32 key by key, saved: as kohya's and A1111's merges do
    torch lora   W + 0.8 · alpha/rank · up·down in f32 key by key, saved

Every round runs every case once on a warm page cache; outputs are deleted and the disk is synced before each. Medians. Peak memory of isomer comes
from one more run, sampled.
"""

import argparse
import os
import pathlib
import statistics
import sys
import time

import measure

TORCH_MERGE = """
import sys, torch
from safetensors.torch import load_file, save_file
a, b = load_file(sys.argv[1]), load_file(sys.argv[2])
for name in list(a):
    if a[name].is_floating_point():
        a[name] = (a[name].float() * 0.5 + b[name].float() * 0.5).to(a[name].dtype)
save_file(a, sys.argv[3])
"""

TORCH_LORA = """
import sys, torch
from safetensors.torch import load_file, save_file
a, lora = load_file(sys.argv[1]), load_file(sys.argv[2])
by_key = {}
for name in a:
    if name.startswith("model.diffusion_model.") and name.endswith(".weight"):
        by_key["lora_unet_" + name[len("model.diffusion_model."):-7].replace(".", "_")] = name
for key in list(lora):
    if not key.endswith(".lora_down.weight"):
        continue
    stem = key[:-len(".lora_down.weight")]
    down, up = lora[key].float(), lora[stem + ".lora_up.weight"].float()
    weight = a[by_key[stem]]
    change = (up.flatten(1) @ down.flatten(1)) * (0.8 * lora[stem + ".alpha"].item() / down.shape[0])
    a[by_key[stem]] = (weight.float() + change.reshape(weight.shape)).to(weight.dtype)
save_file(a, sys.argv[3])
"""


def make_second(model, path, deviation=1):
    """The same header, other numbers: halves whose last bits differ."""
    import numpy

    with open(model, "rb") as source, open(path, "wb") as target:
        length = int.from_bytes(source.read(8), "little")
        source.seek(0)
        target.write(source.read(8 + length))
        while block := source.read(1 << 26):
            numbers = numpy.frombuffer(block[: len(block) // 2 * 2], dtype=numpy.uint16) ^ 1
            target.write(numbers.tobytes() + block[len(block) // 2 * 2 :])


def make_lora(model, path, rank):
    """A LoRA of every linear map in the denoiser's transformers, under the original's names."""
    import torch
    from safetensors import safe_open
    from safetensors.torch import save_file

    tensors = {}
    with safe_open(model, "pt") as file:
        for name in file.keys():
            if not name.startswith("model.diffusion_model.") or "transformer_blocks" not in name or not name.endswith(".weight"):
                continue
            shape = file.get_slice(name).get_shape()
            if len(shape) != 2:
                continue
            stem = "lora_unet_" + name[len("model.diffusion_model.") : -7].replace(".", "_")
            tensors[stem + ".lora_down.weight"] = (torch.randn(rank, shape[1]) * 0.01).half()
            tensors[stem + ".lora_up.weight"] = (torch.randn(shape[0], rank) * 0.01).half()
            tensors[stem + ".alpha"] = torch.tensor(rank / 2).half()
    save_file(tensors, path)
    return len(tensors) // 3


def read_write(a, b, out):
    buffer = bytearray(1 << 24)
    with open(b, "rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
    with open(a, "rb", buffering=0) as source, open(out, "wb", buffering=0) as target:
        while count := source.readinto(buffer):
            target.write(memoryview(buffer)[:count])
        os.fsync(target.fileno())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--isomer", required=True)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--scratch", type=pathlib.Path, required=True)
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--no-torch", action="store_true")
    options = parser.parse_args()
    options.scratch.mkdir(parents=True, exist_ok=True)
    a, b, lora, out = options.model, options.scratch / "b.safetensors", options.scratch / "lora.safetensors", options.scratch / "out.safetensors"
    if not b.exists():
        make_second(a, b)
    if not lora.exists():
        print(f"LoRA of rank {options.rank}: {make_lora(a, lora, options.rank)} modules, {lora.stat().st_size / 1e6:.0f} MB")
    isomer = [options.isomer]
    cases = {
        "read+write": lambda: (time.perf_counter(), read_write(a, b, out), time.perf_counter()),
        "merge": isomer + ["merge", str(a), str(b), "--alpha", "0.5", "-o", str(out), "--quiet"],
        "convert": isomer + ["convert", str(a), str(out), "--quiet"],
        "lora": isomer + ["merge", str(a), "--lora", f"{lora}=0.8", "-o", str(out), "--quiet"],
    }
    if not options.no_torch:
        cases["torch merge"] = [sys.executable, "-c", TORCH_MERGE, str(a), str(b), str(out)]
        cases["torch lora"] = [sys.executable, "-c", TORCH_LORA, str(a), str(lora), str(out)]
    times = {name: [] for name in cases}
    for _ in range(options.runs):
        for name, case in cases.items():
            out.unlink(missing_ok=True)
            os.sync()
            if callable(case):
                start, _, end = case()
                times[name].append(end - start)
            else:
                times[name].append(measure.timed(case))
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(f"{a.name}: {a.stat().st_size / 1e9:.2f} GB, medians of {options.runs}")
    for name, seconds in medians.items():
        print(f"{name:12} {seconds:7.2f} s")
    print(f"merge / read+write {medians['merge'] / medians['read+write']:.2f}")
    print(f"lora / convert     {medians['lora'] / medians['convert']:.2f}")
    for name in ("merge", "lora"):
        out.unlink(missing_ok=True)
        peak = measure.memory(cases[name])
        print(f"{name}: {peak['own'] / (1 << 20):.0f} MiB own, {peak['resident'] / (1 << 20):.0f} MiB resident")
    out.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
