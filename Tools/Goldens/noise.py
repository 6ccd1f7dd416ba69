"""Writes Fixtures/noise: what PyTorch, NumPy and A1111 draw for a seed.

python Tools/Goldens/noise.py Fixtures/noise

Each file NAME-SEED.bin holds, little-endian float32 one after another, the draws of the sizes in SIZES from one generator, in that order.
"""

import sys
from pathlib import Path

import numpy as np
import torch

SEEDS = [0, 42, 4_294_967_295, 1_234_567_890_123]
SIZES = [1, 2, 15, 16, 17, 100, 3, 1024, 4099]


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


main(Path(sys.argv[1]))
