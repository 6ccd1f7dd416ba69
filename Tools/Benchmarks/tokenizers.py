"""Tokenizing captions beside PyPI tokenizers, interleaved in one run: medians and ratios; ids are compared by count and sum.

    python Tools/Benchmarks/tokenizers.py --binary .build/release/tokenizer-benchmark --scratch FOLDER [--megabytes 100] [--rounds 3]

Pinned: tokenizers 0.23.3, transformers 5.23.0, sentencepiece 0.2.3.
"""

import argparse
import itertools
import os
import pathlib
import random
import statistics
import subprocess
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
sys.path = [entry for entry in sys.path if pathlib.Path(entry or ".").resolve() != pathlib.Path(__file__).resolve().parent]
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "Goldens"))

from tokenizers import Tokenizer, normalizers  # noqa: E402
from tokenizers_goldens import clip_vocabulary  # noqa: E402


def captions(path: pathlib.Path, megabytes: int) -> None:
    """Words of CLIP's own vocabulary, the frequent ones often, with names it does not know, numbers, marks and a little beyond ASCII."""
    r = random.Random(7)
    vocabulary, _ = clip_vocabulary()
    words = [token[:-4] for token in list(vocabulary)[512:49406] if token.endswith("</w>") and token[:-4].isascii() and token[:-4].isalpha()]
    weights = list(itertools.accumulate(1 / (rank + 10) for rank in range(len(words))))
    written = 0
    with path.open("w") as file:
        while written < megabytes * 1_000_000:
            chosen = r.choices(words, cum_weights=weights, k=r.randint(6, 40))
            for index in range(len(chosen)):
                kind = r.random()
                if kind < 0.02:
                    chosen[index] += r.choice(words)
                elif kind < 0.04:
                    chosen[index] = str(r.randint(1, 9999))
                elif kind < 0.045:
                    chosen[index] += r.choice(["é", "ü", "–", "日本", "ñ", "“x”"])
                elif kind < 0.12:
                    chosen[index] += r.choice([",", ",", ",", ".", "'s", "!", " -"])
                elif kind < 0.2:
                    chosen[index] = chosen[index].capitalize()
            line = " ".join(chosen) + "\n"
            written += len(line.encode())
            file.write(line)


def unigram(folder: pathlib.Path, text: pathlib.Path) -> pathlib.Path:
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2
    from transformers import T5Tokenizer

    path = folder / "unigram.tokenizer.json"
    if path.exists():
        return path
    sample = folder / "sample.txt"
    with text.open() as lines:
        sample.write_text("".join(line for line, _ in zip(lines, range(60_000))))
    sentencepiece.SentencePieceTrainer.train(
        input=str(sample), model_prefix=str(folder / "unigram"), model_type="unigram", vocab_size=24_000, hard_vocab_limit=False, minloglevel=2,
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, normalization_rule_name="nmt_nfkc",
    )
    model = sentencepiece_model_pb2.ModelProto()
    model.ParseFromString((folder / "unigram.model").read_bytes())
    vocab = [(piece.piece, piece.score) for piece in model.pieces] + [(f"<extra_id_{i}>", 0.0) for i in range(99, -1, -1)]
    tokenizer = T5Tokenizer(vocab=vocab)._tokenizer
    tokenizer.normalizer = normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap)
    tokenizer.save(str(path))
    return path


def peer(tokenizer: Tokenizer, lines: list[str]) -> tuple[float, int, int]:
    started = time.perf_counter()
    count = total = 0
    seconds = 0.0
    for start in range(0, len(lines), 4096):
        encodings = tokenizer.encode_batch_fast(lines[start : start + 4096], add_special_tokens=False)
        # Reading the ids out is the binding's cost, not the tokenizer's: the clock stops.
        seconds += time.perf_counter() - started
        for encoding in encodings:
            ids = encoding.ids
            count += len(ids)
            total += sum(ids)
        started = time.perf_counter()
    return seconds, count, total


def own(binary: str, *arguments: str) -> list[float]:
    return [float(field) for field in subprocess.run([binary, *arguments], capture_output=True, text=True, check=True).stdout.split()]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--scratch", type=pathlib.Path, required=True)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    text = options.scratch / f"captions-{options.megabytes}.txt"
    if not text.exists():
        captions(text, options.megabytes)
    lines = text.read_text().split("\n")[:-1]
    size = text.stat().st_size / 1e6
    first, best = own(options.binary, "load", "20")
    print(f"loading CLIP's vocabulary: {first * 1e3:.1f} ms the first time in a process, {best * 1e3:.1f} ms the best of 20")

    from transformers import CLIPTokenizer

    vocabulary, merges = clip_vocabulary()
    clip = CLIPTokenizer(vocab=vocabulary, merges=merges)._tokenizer
    path = unigram(options.scratch, text)
    for name, tokenizer, source in (("CLIP", clip, "clip"), ("Unigram", Tokenizer.from_file(str(path)), str(path))):
        peers, owns, both = [], [], []
        for _ in range(options.rounds):
            theirs = peer(tokenizer, lines)
            mine = own(options.binary, "encode", source, str(text), "1")
            assert theirs[1:] == (int(mine[1]), int(mine[2])), f"{name}: the ids differ: {theirs} {mine}"
            peers.append(theirs[0])
            owns.append(mine[0])
            both.append(own(options.binary, "encode", source, str(text), str(os.cpu_count()))[0])
        theirs, mine, many = (statistics.median(times) for times in (peers, owns, both))
        print(
            f"{name}: {size:.0f} MB of captions, {int(own(options.binary, 'encode', source, str(text), '1')[1]):,} ids; PyPI tokenizers {theirs:.2f} s "
            f"({size / theirs:.1f} MB/s), isomer {mine:.2f} s ({size / mine:.0f} MB/s): {theirs / mine:.1f} x; "
            f"on {os.cpu_count()} cores {many:.2f} s: {mine / many:.2f} x one"
        )


if __name__ == "__main__":
    main()
