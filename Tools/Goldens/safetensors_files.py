"""Writes Fixtures/safetensors/valid with the reference implementation, and with hand-made headers where the reference would never write so.

Run: python Tools/Goldens/safetensors_files.py   (safetensors 0.8.0)

A file's bytes are a rule of its tensors, so that tests need no second copy: byte k of the tensor named N is (7 k + sum of N's UTF-8 bytes) mod 251,
and mod 2 for BOOL.
"""

import ctypes
import json
import pathlib
import struct

import safetensors
from safetensors import TensorSpec, serialize

assert safetensors.__version__ == "0.8.0"
folder = pathlib.Path(__file__).resolve().parents[2] / "Fixtures" / "safetensors" / "valid"
folder.mkdir(parents=True, exist_ok=True)

BITS = {"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8,
        "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64}
# The names that the Python binding takes. It takes two F4 for one element.
PYTHON = {"BOOL": "bool", "F4": "float4_e2m1fn_x2", "U8": "uint8", "I8": "int8", "F8_E5M2": "float8_e5m2", "F8_E4M3": "float8_e4m3fn",
          "F8_E8M0": "float8_e8m0fnu", "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz", "I16": "int16", "U16": "uint16",
          "F16": "float16", "BF16": "bfloat16", "I32": "int32", "U32": "uint32", "F32": "float32", "C64": "complex64", "F64": "float64",
          "I64": "int64", "U64": "uint64"}


def content(name, dtype, shape):
    count = BITS[dtype]
    for extent in shape:
        count *= extent
    assert count % 8 == 0
    start = sum(name.encode())
    return bytes((7 * k + start) % 251 % (2 if dtype == "BOOL" else 251) for k in range(count // 8))


def reference(file, tensors, metadata=None):
    keep, specs = [], {}
    for name, (dtype, shape) in tensors.items():
        data = content(name, dtype, shape)
        buffer = ctypes.create_string_buffer(data, max(len(data), 1))
        keep.append(buffer)
        if dtype == "F4":
            shape = shape[:-1] + [shape[-1] // 2]
        specs[name] = TensorSpec(dtype=PYTHON[dtype], shape=shape, data_ptr=ctypes.addressof(buffer), data_len=len(data))
    (folder / file).write_bytes(serialize(specs, metadata=metadata))


def by_hand(file, tensors, order=None, metadata=None, pad="", lead="", dumps=lambda header: json.dumps(header, separators=(",", ":"))):
    """Tensors lie in `order` (names), the header has them in the order of `tensors`."""
    offsets, data = {}, b""
    for name in order or tensors:
        piece = content(name, *tensors[name])
        offsets[name] = [len(data), len(data) + len(piece)]
        data += piece
    header = {} if metadata is None else {"__metadata__": metadata}
    header |= {name: {"dtype": dtype, "shape": shape, "data_offsets": offsets[name]} for name, (dtype, shape) in tensors.items()}
    text = (lead + dumps(header) + pad).encode()
    (folder / file).write_bytes(struct.pack("<Q", len(text)) + text + data)


# The reference's own.
reference("empty.safetensors", {})
reference("one.safetensors", {"a": ("F32", [2, 3])})
reference("metadata.safetensors", {"weight": ("F16", [2, 2])}, {"format": "pt"})
reference("metadata-empty.safetensors", {"weight": ("F16", [2, 2])}, {})
reference("metadata-odd.safetensors", {"weight": ("F16", [1])}, {"é\"\\\n\u0001\u007f\u2028😀": "\t\b\f\r/<>&' \u0000é"})
reference("all-types.safetensors", {f"tensor.{dtype}": (dtype, [2, 4]) for dtype in reversed(PYTHON)}, {"format": "pt"})
reference("sorted.safetensors", {name: (dtype, [index]) for index, (name, dtype) in enumerate(
    [("b", "F32"), ("a", "F16"), ("B", "F32"), ("a.10", "F32"), ("a.2", "F32"), ("é", "F32"), ("e\u0301", "F32"),
     ("z", "BOOL"), ("\uffff", "F32"), ("😀", "F32"), ("", "F32"), ("a b", "F32"), ("i", "I64"), ("u", "U8")])})
reference("scalars.safetensors", {"scalar": ("F32", []), "int": ("I64", []), "flag": ("BOOL", [])})
reference("zero-size.safetensors", {"none": ("F32", [0]), "no.rows": ("F32", [0, 7]), "no.columns": ("F16", [7, 0]), "some": ("F32", [1])})
reference("rank-64.safetensors", {"deep": ("U8", [1] * 63 + [3])})
reference("odd-names.safetensors", {name: ("U8", [index + 1]) for index, name in enumerate(
    ["../../etc/passwd", "/", "\\", "a\u0000b", "\u202egnp.exe", "\r\n", "\"", "dtype", "shape", "data_offsets", "metadata", " ", "ａ", "\ud7ff", "\ue000", "x" * 1000])})
for length in range(8):
    reference(f"padding-{length}.safetensors", {"p" * (length + 1): ("U8", [1])})

# What others write.
by_hand("unpadded.safetensors", {"a": ("F32", [2]), "b": ("F16", [3])})
by_hand("any-order.safetensors", {"z": ("U8", [3]), "m": ("F32", [2]), "a": ("F16", [1])}, order=["m", "a", "z"])
by_hand("metadata-last.safetensors", {"a": ("U8", [1])}, dumps=lambda h: json.dumps({"a": h["a"], "__metadata__": {"k": "v"}}))
by_hand("spaced-header.safetensors", {"a": ("U8", [1]), "b": ("U8", [2])}, dumps=lambda h: json.dumps(h, indent=2), pad="   ")
by_hand("fields-in-other-order.safetensors", {"a": ("U8", [1])},
        dumps=lambda h: json.dumps({"a": {"data_offsets": h["a"]["data_offsets"], "shape": [1], "dtype": "U8"}}))
by_hand("escaped-names.safetensors", {"\u00e9😀/": ("U8", [2])}, dumps=lambda h: json.dumps(h).replace("/", "\\/"))
by_hand("leading-space.safetensors", {"a": ("U8", [1])}, lead=" \n")
by_hand("much-padding.safetensors", {"a": ("U8", [1])}, pad=" " * 4000)
by_hand("sub-byte.safetensors", {"six.a": ("F6_E2M3", [4]), "six.b": ("F6_E3M2", [2, 2, 1]), "four": ("F4", [2, 3])})
by_hand("zero-size-between.safetensors", {"a": ("U8", [2]), "n": ("F32", [0]), "b": ("U8", [3])})
by_hand("zero-size-only.safetensors", {"n": ("F32", [0, 1 << 62]), "m": ("F64", [3, 0, 5])})
