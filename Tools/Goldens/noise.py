"""Writes Fixtures/noise: what PyTorch, NumPy and A1111 draw for a seed.

python Tools/Goldens/noise.py Fixtures/noise

Each file NAME-SEED.bin holds, little-endian float32 one after another, the draws of the sizes in SIZES from one generator, in that order;
float16.bin and bfloat16.bin the same of HALF_SIZES in half precision, 16 bits each. variations.json holds what A1111 begins with for a seed
and another one (modules/rng.py, written anew), and what is drawn next.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

SEEDS = [0, 42, 4_294_967_295, 1_234_567_890_123]
SIZES = [1, 2, 15, 16, 17, 100, 3, 1024, 4099]
HALF_SIZES = [1, 15, 16, 17, 100, 3, 48, 71]
VARIATIONS = [
    {"seed": 1, "subseed": 2, "strength": 0.3, "shape": [4, 6, 5]},
    {"seed": 1, "subseed": 2, "strength": 1.0, "shape": [4, 6, 5]},
    {"seed": 7, "shape": [4, 6, 5], "drawn": [4, 8]},
    {"seed": 7, "subseed": 9, "strength": 0.6, "shape": [4, 6, 5], "drawn": [9, 3]},
    {"seed": 3, "shape": [4, 4, 4], "delta": 31337},
]


def philox(seed: int):
    """Philox 4x32-10 with a counter per element, Box-Muller in double: A1111's modules/rng_philox.py, written anew from the paper."""
    scale = np.float64(np.float32(2.3283064e-10))
    turn = np.float64(np.float32(2.3283064e-10 * 6.2831855))
    call = 0

    def draw(count: int) -> np.ndarray:
        nonlocal call
        words = [np.full(count, call, np.uint64), np.zeros(count, np.uint64), np.arange(count, dtype=np.uint64), np.zeros(count, np.uint64)]
        first, second = seed & 0xFFFFFFFF, seed >> 32
        low = np.uint64(0xFFFFFFFF)
        for step in range(10):
            if step:
                first, second = (first + 0x9E3779B9) & 0xFFFFFFFF, (second + 0xBB67AE85) & 0xFFFFFFFF
            left, right = words[0] * np.uint64(0xD2511F53), words[2] * np.uint64(0xCD9E8D57)
            words = [
                (right >> np.uint64(32)) ^ words[1] ^ np.uint64(first),
                right & low,
                (left >> np.uint64(32)) ^ words[3] ^ np.uint64(second),
                left & low,
            ]
        call += 1
        uniform = words[0].astype(np.float64) * scale + scale / 2
        angle = words[1].astype(np.float64) * turn + turn / 2
        return (np.sqrt(-2 * np.log(uniform)) * np.sin(angle)).astype(np.float32)

    return draw


def slerp(share, low, high):
    def unit(x):
        return x / torch.norm(x, dim=1, keepdim=True)

    angle = torch.acos((unit(low) * unit(high)).sum(1))
    weights = torch.sin((1 - share) * angle) / torch.sin(angle), torch.sin(share * angle) / torch.sin(angle)
    return weights[0].unsqueeze(1) * low + weights[1].unsqueeze(1) * high


def variation(case):
    channels, height, width = case["shape"]
    drawn = (channels, *case.get("drawn", (height, width)))
    generator = torch.Generator().manual_seed(case["seed"])
    resized = drawn != (channels, height, width)
    noise = torch.randn(drawn, generator=torch.Generator().manual_seed(case["seed"]) if resized else generator)
    if "subseed" in case:
        noise = slerp(case["strength"], noise, torch.randn(drawn, generator=torch.Generator().manual_seed(case["subseed"])))
    if resized:
        whole = torch.randn((channels, height, width), generator=generator)
        dx, dy = (width - drawn[2]) // 2, (height - drawn[1]) // 2
        w = drawn[2] if dx >= 0 else drawn[2] + 2 * dx
        h = drawn[1] if dy >= 0 else drawn[1] + 2 * dy
        tx, ty, dx, dy = max(dx, 0), max(dy, 0), max(-dx, 0), max(-dy, 0)
        whole[:, ty:ty + h, tx:tx + w] = noise[:, dy:dy + h, dx:dx + w]
        noise = whole
    if "delta" in case:
        generator = torch.Generator().manual_seed(case["seed"] + case["delta"])
    short = lambda tensor: [float(f"{x:.9g}") for x in tensor.flatten().tolist()]
    return case | {"noise": short(noise), "next": short(torch.randn(4, generator=generator))}


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for seed in SEEDS:
        generator = torch.Generator().manual_seed(seed)
        state = np.random.RandomState(seed & 0xFFFFFFFF)
        makers = {
            "torch": lambda count: torch.randn(count, generator=generator).numpy(),
            "numpy": lambda count: state.randn(count).astype(np.float32),
            "philox": philox(seed),
        }
        for name, make in makers.items():
            np.concatenate([make(count) for count in SIZES]).astype("<f4").tofile(folder / f"{name}-{seed}.bin")
    for name, dtype in (("float16", torch.float16), ("bfloat16", torch.bfloat16)):
        generator = torch.Generator().manual_seed(42)
        drawn = torch.cat([torch.randn(size, generator=generator, dtype=dtype) for size in HALF_SIZES])
        drawn.view(torch.int16).numpy().astype("<i2").tofile(folder / f"{name}.bin")
    (folder / "variations.json").write_text(json.dumps([variation(case) for case in VARIATIONS], separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
