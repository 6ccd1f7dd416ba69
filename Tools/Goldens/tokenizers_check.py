"""Compares ids with the reference on many random strings: one million unless told otherwise.

    python Tools/Goldens/tokenizers_check.py --binary .build/release/tokenizer-benchmark [--count 1000000] [--seed 1]

CLIP in both paddings and every tokenizer.json of Fixtures/tokenizers. Pinned: tokenizers 0.23.3, transformers 5.23.0.
"""

import argparse
import gzip
import pathlib
import random
import subprocess
import sys
import tempfile

from tokenizers import Tokenizer

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tokenizer_strings import random_string  # noqa: E402
from tokenizers_goldens import FIXTURES, clip_tokenizer  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    r = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        texts = pathlib.Path(folder) / "texts"
        tokenizers = [("clip", clip_tokenizer("<|endoftext|>"), "clip"), ("clip2", clip_tokenizer("!"), "clip2")]
        for path in sorted(FIXTURES.glob("*.tokenizer.json.gz")):
            plain = pathlib.Path(folder) / path.name.removesuffix(".gz")
            plain.write_bytes(gzip.open(path).read())
            tokenizers.append((path.name, Tokenizer.from_file(str(plain)), str(plain)))
        left = options.count
        differ = 0
        while left > 0:
            strings = [random_string(r).replace("\n", " ") for _ in range(min(left, 50_000))]
            left -= len(strings)
            texts.write_bytes("\n".join(strings).encode())
            for name, tokenizer, source in tokenizers:
                output = subprocess.run([options.binary, "ids", source, str(texts)], capture_output=True, text=True, check=True).stdout
                rows = output.split("\n")[:-1]
                assert len(rows) == len(strings), f"{name}: {len(rows)} rows for {len(strings)} strings"
                for text, encoding, row in zip(strings, tokenizer.encode_batch(strings), rows):
                    if encoding.ids != [int(field) for field in row.split()]:
                        differ += 1
                        if differ <= 20:
                            print(f"{name}: {text!r}: {row} for {encoding.ids}")
        print(f"{options.count:,} strings, {len(tokenizers)} tokenizers, {differ} differ")


if __name__ == "__main__":
    main()
