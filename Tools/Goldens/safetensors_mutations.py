"""Writes Fixtures/safetensors/mutations.txt.gz: damaged files, and whether the reference takes them.

Run: python Tools/Goldens/safetensors_mutations.py   (safetensors 0.8.0), after safetensors_files.py

Each line is `accepts` or `refuses` and the file in hexadecimal. Half of the lines are files that the reference accepts, as far as chance makes them.
"""

import gzip
import pathlib
import random
import struct

from safetensors import deserialize

folder = pathlib.Path(__file__).resolve().parents[2] / "Fixtures" / "safetensors"
generator = random.Random(20260102)
bases = [path.read_bytes() for path in sorted((folder / "valid").glob("*.safetensors")) if path.stat().st_size < 260]
pieces = [b'"', b"{", b"}", b"[", b"]", b",", b":", b"0", b"1", b"-", b".", b"e", b"\\", b"\\u00", b" ", b"\n", b'"dtype"', b'"shape"', b'"data_offsets"',
          b'"U8"', b'"F4"', b'"BOOL"', b"[0,0]", b"null", b"true", b'"__metadata__":{},', b"\xff", b"\xc3\xa9", b"\0", b"18446744073709551615",
          b"9223372036854775808", b'"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},', b"\\ud800", b"01", b"1e2", b",0", b"0,"]


def mutation():
    whole = generator.choice(bases)
    length = struct.unpack("<Q", whole[:8])[0]
    header, data = bytearray(whole[8:8 + length]), bytearray(whole[8 + length:])
    for _ in range(generator.choice([1, 1, 1, 2, 3])):
        kind, position = generator.randrange(8), generator.randrange(len(header) + 1)
        if kind == 0 and header:
            header[generator.randrange(len(header))] = generator.randrange(256)
        elif kind == 1:
            del header[position:position + generator.choice([1, 1, 2, 5, 20])]
        elif kind == 2:
            header[position:position] = generator.choice(pieces)
        elif kind == 3:
            piece = generator.choice(pieces)
            header[position:position + len(piece)] = piece
        elif kind == 4:
            start = generator.randrange(len(header) + 1)
            header[position:position] = header[start:start + generator.choice([1, 5, 50])]
        elif kind == 5:
            if generator.random() < 0.5:
                data += bytes(generator.randrange(1, 5))
            else:
                del data[-generator.randrange(1, 5):]
        elif kind == 6:
            digits = [index for index, byte in enumerate(header) if 48 <= byte <= 57]
            if digits:
                header[generator.choice(digits)] = generator.choice(b"0123456789")
        else:
            header += b" " * generator.randrange(9)
    length = len(header) if generator.random() < 0.9 else max(0, len(header) + generator.choice([-1, 1, 8, -8, 1 << 20, 1 << 40]))
    return struct.pack("<Q", length) + bytes(header) + bytes(data)


def accepts(file):
    try:
        deserialize(file)
        return True
    except Exception:
        return False


lines, accepted, refused = [], 0, 0
while accepted < 400 or refused < 800:
    file = mutation()
    if accepts(file):
        if file in bases or accepted >= 400:
            continue
        accepted += 1
        lines.append(f"accepts {file.hex()}")
    elif refused < 800:
        refused += 1
        lines.append(f"refuses {file.hex()}")
text = "\n".join(dict.fromkeys(lines)) + "\n"
(folder / "mutations.txt.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))
