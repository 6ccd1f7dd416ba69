"""Times `isomer convert --dtype TYPE` beside ggml's reference quantisers, on the same weights in the same run.

Usage: python Tools/Benchmarks/quantize.py ISOMER FOLDER_WITH_LIBGGML_BASE [GIBIBYTES]

ggml's functions come from the shared library in the wheel of pywhispercpp (see Tools/Goldens/gguf_files.py) and get the weights as f32 in memory, which
is what they take; isomer reads a bf16 file and writes a GGUF file. Both use two threads. Rates are bytes of the bf16 source per second, the
best of three. Needs numpy.
"""
import ctypes
import glob
import json
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np

TYPES = {"q8_0": (32, 34, "q8_0"), "q4_k": (256, 144, "q4_K"), "q6_k": (256, 210, "q6_K"), "q4_0": (32, 18, "q4_0")}


def library(folder):
    for name in glob.glob(folder + "/libgomp*"):
        ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
    return ctypes.CDLL(sorted(glob.glob(folder + "/libggml-base*"))[0])


def write(path, tensors, rows, columns):
    """A safetensors file of `tensors` matrices of bf16."""
    block = (np.random.default_rng(1).standard_normal(rows * columns).astype(np.float32) * 0.02).view(np.uint32) >> 16
    data = block.astype(np.uint16).tobytes()
    header = {f"double_blocks.{i}.linear.weight": {"dtype": "BF16", "shape": [rows, columns],
                                                    "data_offsets": [i * len(data), (i + 1) * len(data)]} for i in range(tensors)}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _ in range(tensors):
            file.write(data)
    return (block.astype(np.uint32) << 16).view(np.float32), tensors * len(data)


def ggml_seconds(function, values, elements, size):
    half = values.size // 2 // elements * elements
    out = [np.empty(half // elements * size, np.uint8) for _ in range(2)]
    parts = [np.ascontiguousarray(values[:half]), np.ascontiguousarray(values[half:2 * half])]

    def work(i):
        function(parts[i].ctypes.data_as(ctypes.c_void_p), out[i].ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(half))

    begin = time.perf_counter()
    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (time.perf_counter() - begin) / (2 * half)


def main():
    isomer, folder = sys.argv[1], sys.argv[2]
    gibibytes = float(sys.argv[3]) if len(sys.argv) > 3 else 1
    ggml = library(folder)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", ".")) as place:
        source = os.path.join(place, "source.safetensors")
        rows, columns = 3072, 3072
        values, count = write(source, max(1, round(gibibytes * 2**30 / (rows * columns * 2))), rows, columns)
        for name, (elements, size, function) in TYPES.items():
            ours = theirs = float("inf")
            for _ in range(3):
                target = os.path.join(place, "out.gguf")
                begin = time.perf_counter()
                subprocess.run([isomer, "convert", source, target, "--dtype", name, "--threads", "2", "--overwrite", "-q", "--no-verify"], check=True)
                ours = min(ours, time.perf_counter() - begin)
                # A part of the weights is enough for what is much slower.
                part = values[: 2048 * 1024]
                theirs = min(theirs, ggml_seconds(getattr(ggml, f"quantize_row_{function}_ref"), part, elements, size))
            a, b = count / ours / 1e9, 2 / theirs / 1e9
            print(f"{name}: isomer convert {a:.2f} GB/s of source, ggml's reference {b:.2f} GB/s, ratio {a / b:.1f}", flush=True)


main()
