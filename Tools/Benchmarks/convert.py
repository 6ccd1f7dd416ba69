"""Times conversion of a full-size model beside `cp` of the same bytes, diffusers and stable-diffusion.cpp, in one interleaved run.

    python Tools/Benchmarks/convert.py --isomer PATH --model MODEL --scratch FOLDER [--dtype f16] [--peer SCRIPT] [--runs 5]

MODEL is a Diffusers folder, a weight file, the name of a published model (`isomer inspect --list`), which is then synthesized, or a list of
tensors (Fixtures/manifests/flux-dev/checkpoint/transformer.txt.gz), of which a file of holes is made that takes no room.

FOLDER must be on the disk of the model, with room for three copies. SCRIPT is diffusers'
scripts/convert_diffusers_to_original_stable_diffusion.py or …_sdxl.py, which its wheel does not contain; without it that peer is left out. The
way back is diffusers' `from_single_file` of the pipeline that the folder names, if it has one. stable-diffusion.cpp's converter is PyPI's
`stable-diffusion-cpp-python`, if it is installed (it needs `cmake` and `ninja`, which pip has too).

Every round runs every case once, from another starting point, on a warm page cache; before each case its old output is deleted and the disk is
synced, so that no case pays for another's writes. With a file as the model, only its container and dtype change. Times are medians. Memory comes from one more run of each case, sampled.
"""

import argparse
import gzip
import importlib.util
import json
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

import measure

PEER_TO_FOLDER = """
import json, pathlib, sys, torch, diffusers
name = json.loads((pathlib.Path(sys.argv[2]) / "model_index.json").read_text())["_class_name"]
pipeline = getattr(diffusers, name).from_single_file(sys.argv[1], config=sys.argv[2], local_files_only=True)
pipeline.save_pretrained(sys.argv[3])
"""

# Type 1 is f16. The library prints what it does on the way.
PEER_GGUF = """
import sys, stable_diffusion_cpp
sys.exit(0 if stable_diffusion_cpp.convert(sys.argv[1].encode(), b"", sys.argv[2].encode(), 1, b"", False) else 1)
"""

PEER_INSPECT = """
import sys, safetensors
with safetensors.safe_open(sys.argv[1], "pt") as file:
    for name in file.keys():
        print(name, file.get_slice(name).get_shape())
"""


def weights(model):
    if model.is_file():
        return [model]
    return sorted(path for path in model.glob("*/*") if path.suffix in (".safetensors", ".bin"))


def made(isomer, model, scratch, dtype):
    """A model to start from that is not there yet."""
    if model.name.endswith(".txt.gz") and model.is_file():
        return sparse(model, scratch / "model.safetensors", dtype)
    if model.exists():
        return model
    folder = scratch / "model"
    measure.timed([str(isomer), "synthesize", str(model), str(folder), "--dtype", dtype, "--quiet"])
    return folder


def sparse(listing, path, dtype):
    """A safetensors file with the names and shapes of a list, whose numbers are holes: all zero, and no room on the disk."""
    header, end = {}, 0
    for line in gzip.decompress(listing.read_bytes()).decode().splitlines():
        name, _, shape = line.split(" ", 2)
        shape = json.loads(shape)
        size = math.prod(shape) * (4 if dtype == "f32" else 2)
        header[name] = {"dtype": dtype.upper(), "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)
    return path


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def warm(paths):
    for path in paths:
        with open(path, "rb", buffering=0) as file:
            while file.read(1 << 24):
                pass


def gigabytes(size):
    return f"{size / 1e9:.2f} GB"


def megabytes(size):
    return f"{size / 2**20:.0f} MiB"


class Case:
    """One thing to time: `arguments`, run after `output` is gone; `reference` names the case whose time it is divided by."""

    def __init__(self, name, arguments, output, reference=None, limit=None):
        self.name, self.arguments, self.output = name, [str(part) for part in arguments], output
        self.reference, self.limit = reference, limit
        self.seconds, self.memory, self.failure = [], None, None

    def prepare(self):
        remove(self.output)
        os.sync()

    def attempt(self, action):
        if self.failure:
            return None
        try:
            self.prepare()
            return action(self.arguments)
        except measure.Failed as error:
            self.failure = str(error)
            return None

    def run(self):
        seconds = self.attempt(measure.timed)
        if seconds is not None:
            self.seconds.append(seconds)

    @property
    def median(self):
        return statistics.median(self.seconds) if self.seconds else None


def cases(isomer, model, scratch, single, peer):
    files = weights(model)
    copies = scratch / "copies"
    names = " ".join(f'"{copies}/{number}"' for number in range(len(files)))
    # A file of holes is written out as everything else is.
    copy = " && ".join(f'cp --sparse=never "{file}" "{copies}/{number}"' for number, file in enumerate(files))
    shell = lambda text: ["sh", "-c", f'mkdir "{copies}" && {text}']
    convert = [isomer, "convert", "--quiet"]
    python = sys.executable

    yield Case("cp", shell(copy), copies)
    yield Case("cp, then sync", shell(f"{copy} && sync {names}"), copies, "cp")
    for name, options, output, limit in (
        ("safetensors", [], "out.safetensors", 1.05),
        ("safetensors, f16", ["--dtype", "f16"], "half.safetensors", 1.0),
        ("safetensors, bf16", ["--dtype", "bf16"], "brain.safetensors", 1.0),
        ("ckpt", [], "out.ckpt", 1.15),
    ):
        source = "file" if model.is_file() else "folder"
        yield Case(f"isomer: {source} to {name}", [*convert, model, scratch / output, *options], scratch / output, "cp", limit)
    yield Case("isomer: safetensors to GGUF, f16", [*convert, single, scratch / "out.gguf", "--dtype", "f16"], scratch / "out.gguf", "cp")
    if importlib.util.find_spec("stable_diffusion_cpp"):
        output = scratch / "peer.gguf"
        yield Case("stable-diffusion.cpp: the same", [python, "-c", PEER_GGUF, single, output], output, "cp")
    if model.is_file():
        return
    yield Case("isomer: safetensors to folder", [*convert, single, scratch / "folder", "--to", "diffusers"], scratch / "folder", "cp", 1.05)
    if peer:
        output = scratch / "peer.safetensors"
        yield Case(
            "diffusers: folder to safetensors",
            [python, peer, "--use_safetensors", "--model_path", model, "--checkpoint_path", output], output, "cp",
        )
    output = scratch / "peer-folder"
    if not (model / "model_index.json").exists():
        return
    yield Case("diffusers: safetensors to folder", [python, "-c", PEER_TO_FOLDER, single, model, output], output, "cp")


def machine(folder):
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown processor")
    kind = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True).stdout.strip()
    return f"{model}, {os.cpu_count()} processors, {kind}"


def inspect_rows(isomer, single, runs):
    for name, arguments in (
        ("isomer: inspect", [isomer, "inspect", single]),
        ("isomer: --help", [isomer, "--help"]),
        ("safetensors (Python): names and shapes", [sys.executable, "-c", PEER_INSPECT, single]),
    ):
        arguments = [str(part) for part in arguments]
        try:
            seconds = statistics.median(measure.timed(arguments) for _ in range(runs))
            samples = [measure.memory(arguments, interval=0) for _ in range(runs)]
            peak = {key: max(sample[key] for sample in samples) for key in samples[0]}
        except measure.Failed as error:
            yield f"{name:40} {error}"
            continue
        yield f"{name:40} {seconds * 1000:7.1f} ms   own {megabytes(peak['own']):>8}   resident {megabytes(peak['resident'])}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--isomer", type=pathlib.Path, required=True, help="the release binary")
    parser.add_argument("--model", type=pathlib.Path, required=True, help="a Diffusers folder, a weight file, a published model's name or a list of tensors")
    parser.add_argument("--dtype", choices=("f16", "bf16", "f32"), default="f16", help="of a model that is made")
    parser.add_argument("--scratch", type=pathlib.Path, required=True, help="an empty or new folder on the model's disk")
    parser.add_argument("--peer", type=pathlib.Path, help="diffusers' script that writes original checkpoints")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", action="append", help="only cases whose name contains this (cp always runs); may be repeated")
    parser.add_argument("--verify", action="store_true", help="afterwards, have diffusers compare out.safetensors with the folder")
    arguments = parser.parse_args()
    isomer = arguments.isomer.resolve()

    arguments.scratch.mkdir(parents=True, exist_ok=True)
    if any(arguments.scratch.iterdir()):
        parser.error(f"{arguments.scratch} is not empty")
    arguments.model = made(isomer, arguments.model, arguments.scratch, arguments.dtype)
    files = weights(arguments.model)
    size = sum(path.stat().st_size for path in files)
    single = arguments.model
    if arguments.model.is_dir():
        single = arguments.scratch / "source.safetensors"
        try:
            measure.timed([str(isomer), "convert", "--quiet", str(arguments.model), str(single)])
        except measure.Failed as error:
            print(f"cannot make the checkpoint the other direction starts from: {error}", file=sys.stderr)

    todo = [
        case
        for case in cases(isomer, arguments.model, arguments.scratch, single, arguments.peer)
        if case.name == "cp" or not arguments.only or any(text in case.name for text in arguments.only)
    ]
    for number in range(arguments.runs):
        # Another case goes first in every round: whatever the first one pays for, all pay for.
        start = number % len(todo)
        for case in todo[start:] + todo[:start]:
            warm([*files, single] if single.exists() else files)
            case.run()
            remove(case.output)
            print(f"\rround {number + 1} of {arguments.runs}: {case.name:45}", end="", file=sys.stderr)
    for case in todo:
        if not case.name.startswith("cp"):
            case.memory = case.attempt(measure.memory)
        remove(case.output)
    print(file=sys.stderr)

    print(f"{arguments.model.name}, {gigabytes(size)}, {arguments.runs} rounds, warm cache; {machine(arguments.scratch)}\n")
    print(f"| {'':36} | median s |   min s |  GB/s | × cp | × cp+sync | limit |  own peak | resident |")
    print(f"|{'-' * 38}|---------:|--------:|------:|-----:|----------:|------:|----------:|---------:|")
    median = {case.name: case.median for case in todo}
    status = 0
    for case in todo:
        if case.failure:
            print(f"| {case.name:36} | {case.failure}")
            status = 1
            continue
        ratio = lambda name: f"{case.median / median[name]:.2f}" if median.get(name) else ""
        peak = case.memory or {}
        own, resident = (megabytes(peak[key]) if key in peak else "" for key in ("own", "resident"))
        print(
            f"| {case.name:36} | {case.median:8.2f} | {min(case.seconds):7.2f} | {size / case.median / 1e9:5.2f} | {ratio('cp'):>4} |"
            f" {ratio('cp, then sync'):>9} | {case.limit or '':>5} | {own:>9} | {resident:>8} |"
        )
    print()
    if single.exists():
        print(f"{gigabytes(single.stat().st_size)} file:")
        for row in inspect_rows(isomer, single, runs=max(15, arguments.runs)):
            print(row)
        if arguments.verify and arguments.model.is_dir():
            script = pathlib.Path(__file__).resolve().parent.parent / "Goldens" / "verify_conversion.py"
            status |= subprocess.run([sys.executable, script, arguments.model, single]).returncode
        if single != arguments.model:
            single.unlink()
    return status


if __name__ == "__main__":
    sys.exit(main())
