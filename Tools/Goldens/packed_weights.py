"""Writes Fixtures/packed: small files of packed weights, and lists of what the libraries that packed them make of them again.

bitsandbytes 0.50.2, comfy-kitchen 0.2.40, torch 2.13.0, safetensors 0.8.0. Each list has a line for each tensor: name, type, shape, and the SHA-256 of its bytes.
"""

import hashlib
import json
from pathlib import Path

import bitsandbytes.functional as bnb
import torch
from comfy_kitchen.backends.eager import quantization as comfy
from safetensors.torch import save_file

FIXTURES = Path(__file__).resolve().parents[2] / "Fixtures" / "packed"
TYPES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}


def line(name, tensor):
    data = tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes()
    return f"{name} {TYPES[tensor.dtype]} {list(tensor.shape)} {hashlib.sha256(data).hexdigest()}\n"


def write(name, tensors, expected):
    FIXTURES.mkdir(exist_ok=True)
    save_file(tensors, FIXTURES / f"{name}.safetensors")
    (FIXTURES / f"{name}.txt").write_text("".join(line(*item) for item in sorted(expected.items())))


def blocks():
    """kind, shape, type, length of blocks, whether the blocks' magnitudes are packed, type of the bytes' container"""
    tensors, expected = {"plain.bias": torch.arange(3.0)}, {"plain.bias": torch.arange(3.0)}
    cases = [
        ("nf4", (24, 20), torch.bfloat16, 64, False, torch.uint8),
        ("nf4", (20, 20), torch.float16, 64, True, torch.uint8),
        ("nf4", (9, 7), torch.float32, 64, False, torch.uint8),
        ("nf4", (8, 128), torch.bfloat16, 128, False, torch.bfloat16),
        ("nf4", (304,), torch.float32, 4096, False, torch.float32),
        ("fp4", (24, 20), torch.float16, 64, False, torch.uint8),
        ("fp4", (136, 64), torch.bfloat16, 32, True, torch.uint8),
        ("fp4", (8, 40), torch.float32, 512, False, torch.float16),
    ]
    for number, (kind, shape, dtype, length, nested, storage) in enumerate(cases):
        weight = (torch.randn(shape) * 0.05).to(dtype)
        packed, state = bnb.quantize_4bit(
            weight, blocksize=length, compress_statistics=nested, quant_type=kind, quant_storage=storage)
        name = f"layers.{number}.weight"
        tensors[name] = packed
        for key, value in state.as_dict(packed=True).items():
            tensors[f"{name}.{key}"] = value.clone()
        # FP4's second zero: positive in the table, negative where the vector code leaves off.
        expected[name] = bnb.dequantize_4bit(packed, state).reshape(shape) + (0 if kind == "fp4" else -0.0)
    write("bitsandbytes-4bit", tensors, expected)


def rows():
    tensors, expected = {"plain.bias": torch.arange(3.0)}, {"plain.bias": torch.arange(3.0)}
    for number, shape in enumerate([(12, 20), (1, 33), (40, 7)]):
        codes, scales, _ = bnb.int8_vectorwise_quant((torch.randn(shape) * 0.05).half())
        layer = f"layers.{number}"
        tensors |= {f"{layer}.weight": codes, f"{layer}.SCB": scales, f"{layer}.weight_format": torch.tensor(0, dtype=torch.uint8)}
        expected[f"{layer}.weight"] = bnb.int8_vectorwise_dequant(codes, scales)
    write("bitsandbytes-8bit", tensors, expected)


def marked(**description):
    return torch.tensor(list(json.dumps(description).encode()), dtype=torch.uint8)


def comfy_kinds():
    tensors, expected = {}, {}
    for number, shape in enumerate([(16, 16), (144, 80), (16, 144)]):
        weight = torch.randn(shape) * 0.05
        whole = weight.abs().amax() / (448 * 6)
        codes, scales = comfy.quantize_nvfp4(weight, whole)
        layer = f"four.{number}"
        tensors |= {
            f"{layer}.weight": codes, f"{layer}.weight_scale": scales.view(torch.uint8) if number == 2 else scales,
            f"{layer}.weight_scale_2": whole, f"{layer}.comfy_quant": marked(format="nvfp4"),
        }
        expected[f"{layer}.weight"] = comfy.dequantize_nvfp4(codes, whole, scales, torch.float32)
    for number, shape in enumerate([(32, 32), (160, 32), (32, 160)]):
        codes, scales = comfy.quantize_mxfp8(torch.randn(shape) * 0.05)
        layer = f"eight.{number}"
        tensors |= {
            f"{layer}.weight": codes, f"{layer}.weight_scale": scales.view(torch.uint8), f"{layer}.comfy_quant": marked(format="mxfp8")}
        expected[f"{layer}.weight"] = comfy.dequantize_mxfp8(codes, scales, torch.float32)
    for number, scale in enumerate([torch.tensor(0.01), torch.rand(6, 1) * 0.01]):
        codes = torch.randint(-127, 128, (6, 9), dtype=torch.int8)
        layer = f"rows.{number}"
        tensors |= {
            f"{layer}.weight": codes, f"{layer}.weight_scale": scale,
            f"{layer}.comfy_quant": marked(format="int8_tensorwise", per_row=number == 1)}
        expected[f"{layer}.weight"] = comfy.dequantize_int8_simple(codes, scale)
    codes = (torch.randn(5, 8) * 100).to(torch.float8_e4m3fn)
    tensors |= {
        "float.weight": codes, "float.weight_scale": torch.tensor(0.0003), "float.comfy_quant": marked(format="float8_e4m3fn"),
        "float.input_scale": torch.tensor(1.0)}
    expected["float.weight"] = codes.float() * torch.tensor(0.0003)
    write("comfyui", tensors, expected)


torch.manual_seed(4)
blocks()
rows()
comfy_kinds()
