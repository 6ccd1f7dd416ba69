"""Writes Fixtures/gguf: what ggml makes of hard numbers, and files of gguf's own writer.

Versions: gguf 0.19.0, numpy 2.4.6, ggml 0.13.1 as the shared library in the wheel of pywhispercpp 1.5.1 (`pip download pywhispercpp`, unzip).
Usage: python Tools/Goldens/gguf_files.py FOLDER_WITH_LIBGGML_BASE

`quantize_row_*_ref` is called through ctypes: the plain C code, compiled without FMA. gguf's own quantisers, where it has one, are compared.
"""
import ctypes
import glob
import gzip
import pathlib
import sys

import gguf
import numpy as np

OUT = pathlib.Path(__file__).resolve().parents[2] / "Fixtures" / "gguf"
TYPES = {"Q4_0": (32, 18), "Q4_1": (32, 20), "Q5_0": (32, 22), "Q5_1": (32, 24), "Q8_0": (32, 34), "Q2_K": (256, 84), "Q3_K": (256, 110),
         "Q4_K": (256, 144), "Q5_K": (256, 176), "Q6_K": (256, 210)}


def library(folder: str):
    for name in glob.glob(folder + "/libgomp*"):
        ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
    return ctypes.CDLL(sorted(glob.glob(folder + "/libggml-base*"))[0])


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def numbers() -> np.ndarray:
    r = np.random.default_rng(11)
    n = 512
    parts = [
        r.standard_normal(n) * 0.02,
        r.standard_normal(n) * np.exp(r.standard_normal(n) * 4),
        r.standard_normal(n) * np.repeat(10.0 ** r.uniform(-9, 3, n // 16), 16),
        np.where(r.random(n) < 0.9, 0, r.standard_normal(n)),
        np.repeat(r.standard_normal(n // 64), 64),
        r.integers(-4, 5, n),
        r.random(n) + 3,
        r.standard_normal(n) * 1e-20,
        np.zeros(n),
        np.where(np.arange(n) % 2 == 0, 0.5, -0.5),
    ]
    return np.concatenate(parts).astype(np.float32)


def blocks(ggml) -> None:
    x = numbers()
    stream, index = x.tobytes(), []
    for name, (elements, size) in TYPES.items():
        made = np.zeros(x.size // elements * size, np.uint8)
        getattr(ggml, f"quantize_row_{name[:3].lower()}{name[3:]}_ref" if name.endswith("K") else f"quantize_row_{name.lower()}_ref")(
            pointer(x), pointer(made), ctypes.c_int64(x.size))
        back = np.zeros(x.size, np.float32)
        getattr(ggml, f"dequantize_row_{name[:3].lower()}{name[3:]}" if name.endswith("K") else f"dequantize_row_{name.lower()}")(
            pointer(made), pointer(back), ctypes.c_int64(x.size))
        kind = getattr(gguf.GGMLQuantizationType, name)
        theirs = gguf.quants.dequantize(made.reshape(-1, size), kind).reshape(-1)
        assert np.array_equal(theirs.view(np.uint32), back.view(np.uint32)), name
        if not name.endswith("K"):
            assert np.array_equal(gguf.quants.quantize(x.reshape(-1, elements), kind).reshape(-1), made), name
        index.append(f"{name}\t{len(stream)}\t{made.size}\t{len(stream) + made.size}")
        stream += made.tobytes() + back.tobytes()
    (OUT / "blocks.bin.gz").write_bytes(gzip.compress(stream, 9, mtime=0))
    (OUT / "blocks.tsv").write_text(f"type\tblocks at\tbytes\tvalues at\n" + "\n".join(index) + "\n")


def files() -> None:
    r = np.random.default_rng(5)
    writer = gguf.GGUFWriter(OUT / "all_kinds.gguf", "flux")
    writer.add_quantization_version(2)
    writer.add_file_type(7)
    for name, kind in [("u8", "uint8"), ("i8", "int8"), ("u16", "uint16"), ("i16", "int16"), ("u32", "uint32"), ("i32", "int32"),
                       ("u64", "uint64"), ("i64", "int64")]:
        getattr(writer, f"add_{kind}")(f"test.{name}", 100 if "u" in name else -100)
    writer.add_float32("test.f32", 0.25)
    writer.add_float64("test.f64", -1e100)
    writer.add_bool("test.yes", True)
    writer.add_string("test.text", "Grüße, \u5149\u8292")
    writer.add_array("test.numbers", [3, 1, -4])
    writer.add_array("test.texts", ["a", "", "bc"])
    writer.add_array("comfy.gguf.orig_shape.conv.weight", (4, 2, 8, 12))
    writer.add_tensor("bias", r.standard_normal(7).astype(np.float32))
    writer.add_tensor("half", r.standard_normal((3, 5)).astype(np.float16))
    writer.add_tensor("double", r.standard_normal(2))
    writer.add_tensor("ids", np.arange(5, dtype=np.int64).reshape(1, 5))
    writer.add_tensor("bytes", np.arange(5, dtype=np.int8))
    writer.add_tensor("brain", r.integers(0, 256, (2, 6), np.uint8), raw_dtype=gguf.GGMLQuantizationType.BF16)
    for name in ["Q8_0", "Q4_0", "Q5_1"]:
        kind = getattr(gguf.GGMLQuantizationType, name)
        writer.add_tensor(name, gguf.quants.quantize(r.standard_normal((3, 64)).astype(np.float32), kind), raw_dtype=kind)
    writer.add_tensor("conv.weight", gguf.quants.quantize(r.standard_normal((3, 256)).astype(np.float32), gguf.GGMLQuantizationType.Q8_0),
                      raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


OUT.mkdir(exist_ok=True)
blocks(library(sys.argv[1]))
files()
