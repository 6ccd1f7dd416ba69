"""Images by `isomer generate` beside diffusers on the CPU, each from a cold start in a process of its own, taking turns.

    isomer synthesize sd15 FOLDER
    generate.py --isomer BINARY --model FOLDER [--steps 20] [--size 512] [--rounds 3] [--dtype bf16] [--sdcpp] [--scratch FOLDER]

diffusers runs channels-last in the type named, with as many threads as the machine has. stable-diffusion.cpp takes part with --sdcpp, by way of
the Python package stable-diffusion-cpp-python, on the same folder, with weights in the type that --sdcpp-type names. What is printed are medians,
and the median of each round's ratio: seconds from the start of the process to the end of the first step, a step after that, and all in all, with
the picture written; then peaks of memory, mapped files included.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PROMPT = "a photo of a cat, sitting on the roof"

PEER = """
import json, sys, time
start = float(sys.argv[1])
model, steps, size, dtype, out = sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5], sys.argv[6]
import torch, diffusers
diffusers.logging.set_verbosity_error()
pipe = diffusers.DiffusionPipeline.from_pretrained(model, torch_dtype=getattr(torch, dtype))
pipe.set_progress_bar_config(disable=True)
for part in (pipe.unet if hasattr(pipe, "unet") else pipe.transformer, pipe.vae):
    part.to(memory_format=torch.channels_last)
times = []
def note(pipe, step, time_step, values):
    times.append(time.time())
    return values
image = pipe(sys.argv[7], negative_prompt="blurry", num_inference_steps=steps, width=size, height=size, guidance_scale=7.5,
             generator=torch.Generator().manual_seed(1), callback_on_step_end=note).images[0]
image.save(out)
print(json.dumps({"first": times[0] - start, "step": (times[-1] - times[0]) / max(1, len(times) - 1)}))
"""

SDCPP = """
import json, sys, time
start = float(sys.argv[1])
model, steps, size, dtype, out = sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5], sys.argv[6]
from stable_diffusion_cpp import StableDiffusion
pipe = StableDiffusion(model_path=model, wtype=dtype, rng_type="cpu", vae_decode_only=True, verbose=False, enable_mmap=True, diffusion_flash_attn=True)
times = []
def note(step, steps, seconds):
    if step > 0: times.append(time.time())
image = pipe.generate_image(prompt=sys.argv[7], negative_prompt="blurry", sample_steps=steps, width=size, height=size, cfg_scale=7.5, seed=1,
                            sample_method="euler", progress_callback=note)[0]
image.save(out)
times = times[:steps]
print(json.dumps({"first": times[0] - start, "step": (times[-1] - times[0]) / max(1, len(times) - 1)}))
"""


def run(arguments):
    """What the process printed, its seconds, and the most memory that it had."""
    start = time.time()
    process = subprocess.Popen([part if part is not START else str(start) for part in arguments], stdout=subprocess.PIPE, text=True)
    peak = 0
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/status") as file:
                peak = max([peak] + [int(line.split()[1]) for line in file if line.startswith("VmHWM:")])
        except (FileNotFoundError, ProcessLookupError):
            pass
        time.sleep(0.02)
    if process.returncode:
        sys.exit(f"{arguments[0]}: status {process.returncode}")
    return process.stdout.read(), time.time() - start, peak / 1024


START = object()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--isomer", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dtype", choices=["bf16", "f32"], default="bf16")
    parser.add_argument("--scratch", default=tempfile.gettempdir())
    parser.add_argument("--sdcpp", action="store_true")
    parser.add_argument("--sdcpp-type", default="f16")
    options = parser.parse_args()
    size, steps = str(options.size), str(options.steps)
    picture = os.path.join(options.scratch, "generate-benchmark.png")
    ours = [
        options.isomer, "generate", options.model, "--prompt", PROMPT, "--negative", "blurry", "--steps", steps, "--width", size, "--height",
        size, "--cfg", "7.5", "--seed", "1", "--dtype", options.dtype, "-o", picture, "--overwrite", "--json",
    ]
    dtype = {"bf16": "bfloat16", "f32": "float32"}[options.dtype]
    theirs = [sys.executable, "-P", "-c", PEER, START, options.model, steps, size, dtype, picture, PROMPT]
    rows = []
    for _ in range(options.rounds):
        said, seconds, peak = run(ours)
        own = json.loads(said)
        row = {"ours": (own["firstStepSeconds"], own["stepSeconds"], seconds, peak)}
        said, seconds, peak = run(theirs)
        peer = json.loads(said.splitlines()[-1])
        row["diffusers"] = (peer["first"], peer["step"], seconds, peak)
        if options.sdcpp:
            said, seconds, peak = run([sys.executable, "-P", "-c", SDCPP, START, options.model, steps, size, options.sdcpp_type, picture, PROMPT])
            peer = json.loads(said.splitlines()[-1])
            row["stable-diffusion.cpp"] = (peer["first"], peer["step"], seconds, peak)
        rows.append(row)
    for peer in rows[0]:
        medians = [statistics.median(row[peer][place] for row in rows) for place in range(4)]
        ratios = [statistics.median(row[peer][place] / row["ours"][place] for row in rows) for place in range(3)]
        print(
            f"{peer:22} first step {medians[0]:7.2f} s (×{ratios[0]:.2f})  step {medians[1]:6.2f} s (×{ratios[1]:.2f})"
            f"  all {medians[2]:7.2f} s (×{ratios[2]:.2f})  peak {medians[3]:.0f} MB")


if __name__ == "__main__":
    main()
