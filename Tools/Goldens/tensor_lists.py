"""Lists of tensors as text: one line a tensor, in the order given.

    name dtype [d0, d1]            a key list: what a model's class declares
    name dtype [d0, d1] sha256     a golden: also the digest of the tensor's little-endian, contiguous bytes

The dtype is spelled as in safetensors. A scalar has the shape []. Names hold no white space. A file whose name ends in .gz is compressed, to the
same bytes each time.
"""

import gzip
import hashlib
import pathlib

import torch

DTYPE_NAMES = {
    torch.bool: "BOOL",
    torch.uint8: "U8",
    torch.int8: "I8",
    torch.int16: "I16",
    torch.int32: "I32",
    torch.int64: "I64",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float32: "F32",
    torch.float64: "F64",
}


def tensor_bytes(tensor):
    """The bytes a file would hold for this tensor: contiguous, little-endian, row-major."""
    contiguous = tensor.detach().cpu().contiguous()
    if contiguous.numel() == 0:
        return b""
    return contiguous.reshape(-1).view(torch.uint8).numpy().tobytes()


def line(name, tensor, digest):
    if any(character.isspace() for character in name):
        raise ValueError(f"a tensor name with white space: {name!r}")
    text = f"{name} {DTYPE_NAMES[tensor.dtype]} [{', '.join(map(str, tensor.shape))}]"
    return f"{text} {hashlib.sha256(tensor_bytes(tensor)).hexdigest()}" if digest else text


def write(path, tensors, digest=False):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(line(name, tensor, digest) + "\n" for name, tensor in tensors.items()).encode()
    path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)
