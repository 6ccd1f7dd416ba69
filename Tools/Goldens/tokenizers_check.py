"""Compares ids with the reference on many random strings: one million of each family unless told otherwise.

    python Tools/Goldens/tokenizers_check.py --binary tokenizer-benchmark [--count 1000000] [--seed 1] [--only NAME …] [--t5 PACKAGE]

CLIP as the fast tokenizer of transformers (both paddings), open_clip, and the slow tokenizers; every tokenizer.json of Fixtures/tokenizers
(GPT-2's, RoBERTa's, BERT's, Llama's and T5's kind among them), and with --t5 the published T5 that is built in. Pinned: tokenizers 0.23.3,
transformers 5.23.0, open-clip-torch 3.3.0, ftfy 6.3.1. The slow tokenizers need transformers 4.57.1 instead, and are checked only if named.
"""

import argparse
import gzip
import pathlib
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tokenizer_strings import random_string  # noqa: E402

SLOW = ["transformers-slow", "transformers-slow-without-ftfy"]


def references(folder: pathlib.Path, only: list[str], package: pathlib.Path | None):
    """Name, what the binary is to be given, and a function from strings to ids."""
    if any(name in SLOW for name in only):
        from tokenizers_slow import slow

        for name in SLOW:
            if name in only:
                tokenizer = slow("<|endoftext|>", name == SLOW[0])
                yield name, name, lambda strings, t=tokenizer: [t(s).input_ids[1:-1] for s in strings]
        return
    from tokenizers import Tokenizer
    from tokenizers_goldens import FIXTURES, clip_tokenizer, open_clip_tokenizer

    def batch(tokenizer):
        return lambda strings: [e.ids for e in tokenizer.encode_batch(strings)]

    found = [("clip", "clip", lambda: batch(clip_tokenizer("<|endoftext|>"))), ("clip2", "clip2", lambda: batch(clip_tokenizer("!")))]
    found.append(("open_clip", "open_clip", lambda: (lambda t: lambda strings: [t.encode(s) for s in strings])(open_clip_tokenizer())))
    for path in sorted(FIXTURES.glob("*.tokenizer.json.gz")):
        plain = folder / path.name.removesuffix(".gz")
        plain.write_bytes(gzip.open(path).read())
        found.append((path.name.split(".")[0], str(plain), lambda plain=plain: batch(Tokenizer.from_file(str(plain)))))
    if package:
        from t5_vocabulary import published, tokenizer_json

        found.append(("t5-published", "t5", lambda: batch(published(tokenizer_json(package)))))
    for name, source, make in found:
        if not only or name in only:
            yield name, source, make()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--t5", type=pathlib.Path, help="the package that t5_vocabulary.py reads, for T5's published vocabulary")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        texts = pathlib.Path(folder) / "texts"
        for name, source, encode in references(pathlib.Path(folder), options.only, options.t5):
            r = random.Random(options.seed)
            left, differ = options.count, 0
            while left > 0:
                strings = [random_string(r).replace("\n", " ") for _ in range(min(left, 20_000))]
                left -= len(strings)
                texts.write_bytes("\n".join(strings).encode())
                with subprocess.Popen([options.binary, "ids", source, str(texts)], stdout=subprocess.PIPE, text=True) as process:
                    expected = encode(strings)
                    rows = process.stdout.read().split("\n")[:-1]
                assert process.returncode == 0 and len(rows) == len(strings), f"{name}: {len(rows)} rows for {len(strings)} strings"
                for text, ids, row in zip(strings, expected, rows):
                    if ids != [int(field) for field in row.split()]:
                        differ += 1
                        if differ <= 5:
                            print(f"{name}: {text!r}: {row} for {ids}")
            print(f"{name}: {options.count:,} strings, {differ} differ", flush=True)


if __name__ == "__main__":
    main()
