"""Makes the compressed tables in Sources/CEmbedded/Data. Pinned: open-clip-torch 3.3.0."""

import gzip
import importlib.metadata
import io
import pathlib

DATA = pathlib.Path(__file__).resolve().parents[2] / "Sources/CEmbedded/Data"
# CLIP uses 49,152 - 256 - 2 merges of OpenAI's table, after its version line.
MERGES = 49_152 - 256 - 2


def compressed(data: bytes) -> bytes:
    # No name and no time, so that the file is the same every time.
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=9, mtime=0) as file:
        file.write(data)
    return buffer.getvalue()


def clip_merges() -> bytes:
    package = importlib.metadata.distribution("open-clip-torch")
    path = package.locate_file("open_clip/bpe_simple_vocab_16e6.txt.gz")
    lines = gzip.open(path).read().decode("utf-8").split("\n")[1 : 1 + MERGES]
    return ("#version: 0.2\n" + "\n".join(lines) + "\n").encode()


if __name__ == "__main__":
    (DATA / "clip_merges.txt.gz").write_bytes(compressed(clip_merges()))
