"""Writes Fixtures/casts: what PyTorch makes of hard values, for every pair of floating types.

Versions: torch 2.13.0 (CPU, x86-64 with AVX-512), ml_dtypes 0.6.0 (the types below eight bits), numpy 2.4.6.
Usage: python Tools/Goldens/casts.py

Three departures from plain `Tensor.to`, each for one reason:
- tensors are large and contiguous, so that PyTorch's vector code runs; for f64 to bf16 its scalar code gives another NaN;
- numbers of f64 and of wide integers are first rounded to odd in f32 (below), because PyTorch rounds them twice, to f32 and then on;
- PyTorch does not cast f6 and f4: ml_dtypes does. NaN, which it leaves open, is replaced by the largest number.
"""
import gzip
import pathlib
import zlib

import ml_dtypes
import numpy as np
import torch

TORCH = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2, "F8_E4M3FNUZ": torch.float8_e4m3fnuz, "F8_E5M2FNUZ": torch.float8_e5m2fnuz,
    "F8_E8M0": torch.float8_e8m0fnu,
}
SMALL = {"F6_E2M3": ml_dtypes.float6_e2m3fn, "F6_E3M2": ml_dtypes.float6_e3m2fn, "F4": ml_dtypes.float4_e2m1fn}
LARGEST = {"F6_E2M3": 0x1F, "F6_E3M2": 0x1F, "F4": 0x7}
INTEGERS = {"BOOL": np.uint8, "U8": np.uint8, "I8": np.int8, "U16": np.uint16, "I16": np.int16, "U32": np.uint32, "I32": np.int32,
            "U64": np.uint64, "I64": np.int64}
BITS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}
SIGNED = {1: np.int8, 2: np.int16, 4: np.int32, 8: np.int64}
COPIES = 64  # of the values, side by side in one tensor


def tensor(bits, dtype):
    return torch.from_numpy(np.ascontiguousarray(bits).view(SIGNED[bits.itemsize])).view(dtype)


def bits_of(t):
    return t.contiguous().view(SIGNED_TORCH[t.element_size()]).numpy().view(BITS[t.element_size()])


SIGNED_TORCH = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def torch_cast(bits, source, target):
    large = tensor(np.tile(bits, COPIES), source).to(target)
    return bits_of(large)[: len(bits)]


def odd_f32(exact):
    """Bits of f32, rounded to odd, of float64 values."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(np.float32)
        away = np.abs(rounded.astype(np.float64)) > np.abs(exact)
        bits = rounded.view(np.uint32) - away.astype(np.uint32)
        inexact = (rounded.astype(np.float64) != exact) & ~np.isnan(exact)
    return bits | inexact.astype(np.uint32)


def odd_f64(values):
    """float64, rounded to odd, of integers."""
    def one(value):
        sign, value = (-1, -value) if value < 0 else (1, value)
        extra = max(value.bit_length() - 53, 0)
        head = value >> extra
        if value & ((1 << extra) - 1):
            head |= 1
        return float(sign * (head << extra))
    return np.array([one(int(v)) for v in values], dtype=np.float64)


def cast(bits, source, target):
    """Bits of `target`, unpacked. `bits` are of `source`, unpacked."""
    if source in INTEGERS:
        values = bits.view(INTEGERS[source])
        if source == "BOOL":
            values = (values != 0).astype(np.uint8)
        if target in ("F64", "F32"):
            return values.astype({"F64": np.float64, "F32": np.float32}[target]).view(BITS[8 if target == "F64" else 4])
        narrow = odd_f32(odd_f64(values))
        if target == "BF16":
            return torch_cast(narrow, torch.float32, TORCH["BF16"])
        return cast(narrow, "F32", target)
    if source in SMALL:
        wide = bits.view(SMALL[source]).astype(np.float32).view(np.uint32)
        return wide if target == "F32" else cast(wide, "F32", target)
    if source == target:
        return bits
    if source == "F64" and target != "F32":
        narrow = odd_f32(bits.view(np.float64))
        nan = np.isnan(bits.view(np.float64))
        narrow = np.where(nan, torch_cast(bits, TORCH["F64"], TORCH["F32"]), narrow)
        result = cast(narrow.astype(np.uint32), "F32", target)
        if target in TORCH:  # PyTorch's own answer wherever it rounds once
            own = torch_cast(bits, TORCH["F64"], TORCH[target])
            once = torch_cast(torch_cast(bits, TORCH["F64"], TORCH["F32"]), TORCH["F32"], TORCH["F64"]) == bits
            assert (own[once | nan] == result[once | nan]).all(), target
        return result
    if target in SMALL:
        wide = torch_cast(bits, TORCH[source], TORCH["F32"]).view(np.float32) if source != "F32" else bits.view(np.float32)
        with np.errstate(all="ignore"):
            limit = float(ml_dtypes.finfo(SMALL[target]).max)
            clipped = np.clip(wide, -limit, limit).astype(SMALL[target]).view(np.uint8)
        return np.where(np.isnan(wide), LARGEST[target], clipped).astype(np.uint8)
    return torch_cast(bits, TORCH[source], TORCH[target])


def pack(codes, name):
    if name == "F4":
        pairs = codes.reshape(-1, 2)
        return (pairs[:, 0] | pairs[:, 1] << 4).astype(np.uint8).tobytes()
    if name.startswith("F6_"):
        fours = codes.reshape(-1, 4).astype(np.uint32)
        words = fours[:, 0] | fours[:, 1] << 6 | fours[:, 2] << 12 | fours[:, 3] << 18
        return np.stack([words & 255, words >> 8 & 255, words >> 16], 1).astype(np.uint8).tobytes()
    return codes.tobytes()


def every_number_of(*names):
    """As float64, with the points half way between neighbours, where rounding turns over."""
    points = []
    for name in names:
        if name in SMALL:
            codes = np.arange(64 if "6" in name else 16, dtype=np.uint8)
            values = codes.view(SMALL[name]).astype(np.float64)
        else:
            codes = np.arange(1 << 8 * TORCH[name].itemsize, dtype=BITS[TORCH[name].itemsize])
            if len(codes) > 256:  # subnormals, both ends of the range, and a part of the middle
                codes = np.concatenate([codes[:40], codes[0x03F0:0x0410], codes[0x3BF0:0x3C30], codes[0x7780:0x7FFF:3]])
            values = tensor(codes, TORCH[name]).double().numpy()
        values = np.unique(np.abs(values[np.isfinite(values)]))
        largest, before = values[-1], values[-2]
        values = np.append(values, largest + (largest - before))
        points += [values, (values[1:] + values[:-1]) / 2]
    return np.concatenate(points)


def hard_f64():
    random = np.random.default_rng(20)
    base = every_number_of("F16", "BF16", "F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "F8_E8M0", *SMALL)
    base = np.unique(base)[::1]
    bits = base.view(np.uint64)
    ties32 = (random.integers(0x36000000, 0x48000000, 200, dtype=np.uint64) << 32) & ~np.uint64(0x1FFFFFFF) | np.uint64(0x10000000)
    special = np.array([0, 1, 0x000FFFFFFFFFFFFF, 0x0010000000000000, 0x7FEFFFFFFFFFFFFF, 0x7FF0000000000000, 0x7FF0000000000001,
                        0x7FF4000000000000, 0x7FF8000000000000, 0x7FFABCDEF1234567, 0x7FFFFFFFFFFFFFFF, 0x47EFFFFFEFFFFFFF,
                        0x47EFFFFFF0000000, 0x36A0000000000000, 0x3690000000000000, 0x3690000000000001], dtype=np.uint64)
    anything = random.integers(0, 1 << 63, 500, dtype=np.uint64)
    near = random.integers(0x3E00000000000000, 0x40F8000000000000, 500, dtype=np.uint64)
    chosen = random.permutation(bits)[:1000]
    positive = np.concatenate([special, chosen, chosen + np.uint64(1), np.maximum(chosen, 1) - np.uint64(1), ties32,
                               ties32 + np.uint64(1), anything, near])
    return with_signs(positive, 1 << 63, random)


def hard_f32():
    random = np.random.default_rng(21)
    base = np.unique(every_number_of("F16", "BF16", "F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "F8_E8M0", *SMALL).astype(np.float32))
    base = base[np.isfinite(base)].view(np.uint32)
    special = np.array([0, 1, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0x7F800000, 0x7F800001, 0x7FA00000, 0x7FABCDEF, 0x7FC00000, 0x7FFFFFFF,
                        0x477FEFFF, 0x477FF000, 0x33000000, 0x33000001, 0x00400000, 0x00400001, 0x00600000], dtype=np.uint32)
    chosen = random.permutation(base)[:1000]
    positive = np.concatenate([special, chosen, chosen + np.uint32(1), np.maximum(chosen, 1) - np.uint32(1),
                               random.integers(0, 1 << 31, 500, dtype=np.uint32),
                               random.integers(0x30000000, 0x47C00000, 500, dtype=np.uint32)])
    return with_signs(positive, 1 << 31, random)


def with_signs(positive, sign, random):
    signs = random.integers(0, 2, len(positive)).astype(positive.dtype) * positive.dtype.type(sign)
    values = np.concatenate([positive | signs, (positive | signs)[:64] ^ positive.dtype.type(sign)])
    return values[: len(values) // 16 * 16]


def hard_integers(name):
    kind = np.dtype(INTEGERS[name])
    random = np.random.default_rng(22)
    if name == "BOOL":
        return np.array([0, 1, 2, 255] * 4, dtype=np.uint8)
    if kind.itemsize == 1:
        return np.arange(256, dtype=np.uint8)
    width = 8 * kind.itemsize
    near = [(1 << k) + d for k in range(width) for d in (-3, -2, -1, 0, 1, 2, 3)]
    near += [(1 << k) + (1 << max(k - p, 0)) + d for k in range(width) for p in (3, 8, 9, 11, 12, 24, 25) for d in (-1, 0, 1)]
    mask = (1 << width) - 1
    values = np.array([v & mask for v in near] + [-v & mask for v in near], dtype=np.uint64).astype(BITS[kind.itemsize])
    values = np.concatenate([values, random.integers(0, mask, 200, dtype=np.uint64, endpoint=True).astype(BITS[kind.itemsize])])
    return values[: len(values) // 16 * 16]


def main():
    folder = pathlib.Path(__file__).parents[2] / "Fixtures" / "casts"
    sources = {"F64": hard_f64(), "F32": hard_f32()}
    for name in ("F16", "BF16"):
        sources[name] = np.arange(65536, dtype=np.uint16)
    for name in ("F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "F8_E8M0"):
        sources[name] = np.arange(256, dtype=np.uint8)
    for name in SMALL:
        sources[name] = np.arange(16 if name == "F4" else 64, dtype=np.uint8)
    for name in INTEGERS:
        sources[name] = hard_integers(name)

    blob = bytearray()
    lines = ["# from, to, elements, where the source lies in values.bin, where the result lies (- if only its sum is kept), its CRC-32"]

    def place(data):
        blob.extend(data)
        return len(blob) - len(data)

    for source, bits in sources.items():
        source_place = place(pack(bits, source))
        for target in list(TORCH) + list(SMALL):
            if source == target:
                continue
            result = pack(cast(bits, source, target), target)
            where = place(result) if len(bits) <= 512 or source in ("F32", "F64") else "-"
            lines.append(f"{source}\t{target}\t{len(bits)}\t{source_place}\t{where}\t{zlib.crc32(result):08x}")
    (folder / "values.bin.gz").write_bytes(gzip.compress(bytes(blob), 9, mtime=0))
    (folder / "index.tsv").write_text("\n".join(lines) + "\n")
    print(len(blob), len(lines) - 1)


main()
