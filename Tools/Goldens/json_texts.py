"""Writes Fixtures/json: what CPython's json module writes. CPython 3.11-3.13 agree on every line.

Run: python Tools/Goldens/json_texts.py
"""

import json
import pathlib
import random
import struct

folder = pathlib.Path(__file__).resolve().parents[2] / "Fixtures" / "json"
folder.mkdir(parents=True, exist_ok=True)

# Every double that configurations are likely to hold, the ends of every notation, and random bits.
generator = random.Random(20260101)
doubles = [0.0, -0.0, 1.0, -1.0, 0.1, 0.5, 0.00085, 0.012, 0.18215, 0.13025, 1e-5, 1e-4, 9.999e-5, 1e-6, 1e15, 1e16, 123456789012345680.0,
           9007199254740993.0, 1234567890123456.7, 9999999999999998.0, 1e22, 1e23, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308,
           3.0517578125e-05, 65504.0, 1 / 3, 2 / 3, 1e100, 1.5e300, -2.5e-10, 100.0, 1000000.0, 0.3, 1e-7, 12345.678]
while len(doubles) < 1500:
    value = struct.unpack("<d", generator.randbytes(8))[0]
    if value == value and abs(value) != float("inf"):
        doubles.append(value)
for exponent in range(-12, 24):
    for _ in range(8):
        doubles.append(generator.uniform(1, 10) * 10.0**exponent)
        doubles.append(float(round(generator.uniform(1, 10), generator.randint(0, 4))) * 10.0**exponent)
lines = [f"{struct.unpack('<Q', struct.pack('<d', value))[0]:016x} {json.dumps(value)}" for value in doubles]
(folder / "python-floats.txt").write_text("\n".join(lines) + "\n")

tree = {
    "_class_name": "UNet2DConditionModel",
    "zeta": [1, -2, 3.5, 1e-05, 1e16, True, False, None],
    "Alpha": {},
    "alpha": [],
    "é": "naïve \u20ac \U0001f600 \x7f \x00\x01\x1f \b\f\n\r\t \"\\/ <&> \u2028",
    "e\u0301": {"nested": [[], {}, [[1]], {"a": {"b": "c"}}]},
    "\U0001f600": "astral sorts after \uffff",
    "\uffff": "by code points",
    "big": 123456789012345678901234567890,
}
texts = {
    "default": json.dumps(tree),
    "compact": json.dumps(tree, separators=(",", ":"), ensure_ascii=False),
    "indent-2": json.dumps(tree, indent=2),
    "indent-2-sorted": json.dumps(tree, indent=2, sort_keys=True),
    "indent-4-utf8": json.dumps(tree, indent=4, ensure_ascii=False),
}
for name, text in texts.items():
    (folder / f"python-{name}.json").write_bytes(text.encode())
