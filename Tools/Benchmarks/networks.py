"""Convolutions, linear maps and whole networks of Stable Diffusion 1.5 beside PyTorch on the CPU.

    swift build -c release --package-path Tools/Benchmarks/NetworkBenchmark
    isomer synthesize sd15 FOLDER
    isomer convert FOLDER FOLDER-bf16 --dtype bf16
    networks.py --binary …/network-benchmark [--model FOLDER FOLDER-bf16] [--networks unet decoder text] [--rounds 5]
                [--precision f32 bf16] [--clock wall]

Both take turns in every round; what is printed are medians, and the median of each round's ratio. PyTorch runs channels-last (its better
layout here) with as many threads as the machine has, inputs and weights of the type named; Isomer reads a model of that type too if one is
given for each precision. Under `taskset -c 0`, with `--clock cpu`, one core's time is compared, which other programs on the machine disturb
less: PyTorch's threads wait for each other at barriers, and a core that is busy elsewhere costs them far more than ours. The peaks of memory
are those of the whole processes while a network runs; Isomer's has the model's file in it, as mapped.

Linear maps in f32 are also given as a share of what the same cores can multiply and add in registers alone, measured in the same round.
"""

import argparse
import statistics
import subprocess
import sys
import time

# A neighbour of this file is called as a package that diffusers needs.
sys.path.pop(0)

import torch  # noqa: E402

# images, height, width, channels, outputs, kernel, stride
SHAPES = [
    (2, 64, 64, 320, 320, 3, 1), (2, 32, 32, 640, 640, 3, 1), (2, 16, 16, 1280, 1280, 3, 1), (2, 8, 8, 1280, 1280, 3, 1),
    (2, 64, 64, 320, 320, 3, 2), (2, 64, 64, 960, 320, 3, 1), (2, 64, 64, 320, 320, 1, 1), (2, 64, 64, 320, 2560, 1, 1),
    (2, 16, 16, 1280, 10240, 1, 1), (1, 1, 77, 768, 3072, 1, 1), (1, 256, 256, 256, 256, 3, 1),
]


class Ours:
    def __init__(self, binary, clock):
        self.place = 0 if clock == "wall" else 2
        self.process = subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if len(answer) != 3:
            sys.exit(f"no measurement of {words}: {answer}")
        return float(answer[self.place]), int(answer[1])


CLOCK = time.perf_counter


@torch.no_grad()
def seconds(work, repeats=1):
    """The best of so many, and of as many as go into a twentieth of a second: what is over at once is disturbed most."""
    work()
    best, begun = float("inf"), time.perf_counter()
    while repeats > 0 or time.perf_counter() - begun < 0.05:
        start = CLOCK()
        work()
        best = min(best, CLOCK() - start)
        repeats -= 1
    return best


def forget_peak(process):
    """Makes the peak of a process what it has now."""
    with open(f"/proc/{process}/clear_refs", "w") as file:
        file.write("5")


def peak(process):
    with open(f"/proc/{process}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:")) / 1024


def convolution(shape, dtype):
    images, height, width, channels, outputs, kernel, stride = shape
    if kernel == 1:
        layer = torch.nn.Linear(channels, outputs).to(dtype)
        x = torch.randn(images, height * width, channels).to(dtype)
    else:
        layer = torch.nn.Conv2d(channels, outputs, kernel, stride, kernel // 2).to(dtype).to(memory_format=torch.channels_last)
        x = torch.randn(images, channels, height, width).to(dtype).to(memory_format=torch.channels_last)
    return lambda: seconds(lambda: layer(x), 3)


def unet(folder, dtype):
    from diffusers import UNet2DConditionModel

    network = UNet2DConditionModel.from_pretrained(folder, subfolder="unet", torch_dtype=dtype).eval().to(memory_format=torch.channels_last)
    sample, times, context = torch.randn(2, 4, 64, 64, dtype=dtype), torch.tensor([981, 37]), torch.randn(2, 77, 768, dtype=dtype)
    return (64, 2), lambda: seconds(lambda: network(sample, times, context))


def decoder(folder, dtype):
    from diffusers import AutoencoderKL

    network = AutoencoderKL.from_pretrained(folder, subfolder="vae", torch_dtype=dtype).eval().to(memory_format=torch.channels_last)
    latents = torch.randn(1, 4, 64, 64, dtype=dtype)
    return (64, 1), lambda: seconds(lambda: network.decode(latents))


def text(folder, dtype):
    from transformers import CLIPTextModel

    network = CLIPTextModel.from_pretrained(folder, subfolder="text_encoder", torch_dtype=dtype).eval()
    ids = torch.randint(0, 49000, (1, 77))
    return (0, 1), lambda: seconds(lambda: network(ids), 5)


# How each is made: what Isomer is asked for beside its name, and what measures PyTorch's.
NETWORKS = {"unet": unet, "decoder": decoder, "text": text}


def compare(name, rounds, ours, theirs, work=None, process=None, most=None):
    if process:
        forget_peak(process)
        forget_peak("self")
    pairs, shares = [], []
    for _ in range(rounds):
        own = ours()
        if most:
            seconds_of_most, operations = most()
            shares.append(work / own[0] / (operations / seconds_of_most))
        pairs.append((own, theirs()))
    peaks = f", peaks {peak(process):.0f} and {peak('self'):.0f} MB" if process else ""
    ratio = statistics.median(other / own[0] for own, other in pairs)
    own, other = statistics.median(own[0] for own, _ in pairs), statistics.median(other for _, other in pairs)
    rate = f"  {work / own / 1e9:7.0f} {work / other / 1e9:7.0f} GFLOP/s" if work else f"  {pairs[0][0][1] / 1e6:.0f} MB of activations{peaks}"
    if shares:
        rate += f"  {statistics.median(shares):.0%} of multiply-adds alone"
    print(f"{name:44} {own * 1e3:9.2f} ms  PyTorch {other * 1e3:9.2f} ms  ×{ratio:.2f}{rate}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--model", nargs="+", default=[], metavar="FOLDER", help="one for each precision, or one for all")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", nargs="+", default=["f32", "bf16"])
    parser.add_argument("--skip-shapes", action="store_true")
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    options = parser.parse_args()
    if options.clock == "cpu":
        global CLOCK
        CLOCK = time.process_time
    ours = Ours(options.binary, options.clock)
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads")
    for place, precision in enumerate(options.precision):
        dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[precision]
        for shape in [] if options.skip_shapes else SHAPES:
            images, height, width, channels, outputs, kernel, stride = shape
            work = 2 * images * (height // stride) * (width // stride) * channels * outputs * kernel**2
            with torch.no_grad():
                theirs = convolution(shape, dtype)
                compare(f"{precision} {shape}", options.rounds, lambda: ours("convolution", *shape, precision), theirs, work,
                        most=(lambda: ours("peak")) if kernel == 1 and precision == "f32" else None)
        for name in options.networks if options.model else []:
            folder = options.model[min(place, len(options.model) - 1)]
            size, theirs = NETWORKS[name](folder, dtype)
            compare(f"{precision} {name}", options.rounds, lambda: ours(name, folder, *size, precision), theirs, process=ours.process.pid)
            del theirs


if __name__ == "__main__":
    main()
