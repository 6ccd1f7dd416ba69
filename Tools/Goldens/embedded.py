"""Makes the compressed tables in Sources/CEmbedded/Data. Pinned: open-clip-torch 3.3.0, ftfy 6.3.1, tokenizers 0.23.3, Python 3.11 (Unicode 14.0)."""

import gzip
import importlib.metadata
import io
import html.entities
import pathlib
import re
import struct
import unicodedata

DATA = pathlib.Path(__file__).resolve().parents[2] / "Sources/CEmbedded/Data"
# CLIP uses 49,152 - 256 - 2 merges of OpenAI's table, after its version line.
MERGES = 49_152 - 256 - 2


def compressed(data: bytes) -> bytes:
    # No name and no time, so that the file is the same every time.
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=9, mtime=0) as file:
        file.write(data)
    return buffer.getvalue()


def clip_merge_pairs() -> list[tuple[str, str]]:
    """The two halves of each of CLIP's merges, the first merge first."""
    package = importlib.metadata.distribution("open-clip-torch")
    path = package.locate_file("open_clip/bpe_simple_vocab_16e6.txt.gz")
    lines = gzip.open(path).read().decode("utf-8").split("\n")[1 : 1 + MERGES]
    return [tuple(line.split()) for line in lines]


def clip_merges_text() -> bytes:
    """The same as Hugging Face's merges.txt."""
    return "".join(f"{line}\n" for line in ["#version: 0.2", *map(" ".join, clip_merge_pairs())]).encode()


def clip_merges() -> bytes:
    return merge_numbers(clip_merge_pairs())


def merge_numbers(merges: list[tuple[str, str]]) -> bytes:
    """The numbers of each merge's halves, least significant byte first, byte by byte: all lefts' first, all lefts' second, then the rights'."""
    order = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(b) for b in order] + [chr(256 + i) for i in range(256 - len(order))]
    numbers = {token: i for i, token in enumerate(letters + [letter + "</w>" for letter in letters])}
    halves = []
    for left, right in merges:
        halves.append((numbers[left], numbers[right]))
        numbers[left + right] = len(numbers)
    return b"".join(bytes(half[side] >> shift & 255 for half in halves) for side in (0, 1) for shift in (0, 8))


def unicode_decompositions() -> bytes:
    """Little endian: per character its code point (bit 31: compatibility mapping; bit 30: never composed), a count, the code points."""
    assert unicodedata.unidata_version == "14.0.0"
    table = b""
    for code in range(0x110000):
        mapping = unicodedata.decomposition(chr(code))
        if not mapping:
            continue
        flags = 0
        if mapping.startswith("<"):
            flags = 1 << 31
            mapping = mapping.split("> ")[1]
        elif unicodedata.normalize("NFC", chr(code)) != chr(code):
            flags = 1 << 30
        parts = [int(part, 16) for part in mapping.split()]
        table += struct.pack(f"<{len(parts) + 2}I", code | flags, len(parts), *parts)
    return table


def html_entities() -> bytes:
    """A line each: the name as Python's html.unescape knows it (with or without its semicolon), a tab, the text."""
    lines = [f"{name}\t{text}" for name, text in sorted(html.entities.html5.items())]
    assert not any("\n" in text or "\t" in text for name, text in html.entities.html5.items() if name not in ("NewLine;", "Tab;"))
    lines = [line for line in lines if not line.startswith(("NewLine;", "Tab;"))]
    return ("\n".join(lines) + "\n").encode()


def mojibake() -> bytes:
    """What ftfy knows of characters, in hex: a line each of `class NAME CODES`, `page NAME CODES` (bytes 80 to FF, then 1A) and `entity NAME CODES`."""
    import ftfy.bad_codecs  # noqa: F401  registers the codecs
    from ftfy import badness, chardata

    def codes(text: str) -> str:
        return " ".join(f"{ord(c):X}" for c in text)

    def members(characters: str) -> str:
        return codes("".join(filter(re.compile(f"[{characters}]").match, map(chr, [*range(0xD800), *range(0xE000, 0x10000)]))))

    lines = [f"class {name} {members(characters)}" for name, characters in {**badness.MOJIBAKE_CATEGORIES, **chardata.UTF8_CLUES}.items()]
    for encoding in chardata.CHARMAP_ENCODINGS:
        lines.append(f"page {encoding} {codes(bytes([*range(0x80, 0x100), 0x1A]).decode(encoding))}")
    lines += [f"entity {name[1:]} {codes(text)}" for name, text in chardata.HTML_ENTITIES.items() if name[1:] not in html.entities.html5]
    return ("\n".join(lines) + "\n").encode()


def unicode_scripts() -> bytes:
    """Ranges of characters that the pre-tokenizer UnicodeScripts takes for one script: a line each of first, last and a number, in hex.

    Measured: two characters are of one script if nothing is cut between them. Characters that fit to any script (spaces, the unassigned) are
    in no range.
    """
    from tokenizers.pre_tokenizers import UnicodeScripts

    cut = UnicodeScripts()

    def is_one(text: str) -> bool:
        return len(cut.pre_tokenize_str(text)) == 1

    codes = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
    known = [c for c in codes if not (is_one("a" + chr(c)) and is_one("\u4e00" + chr(c)))]
    runs = [[known[i] for i in range(*offsets)] for _, offsets in cut.pre_tokenize_str("".join(map(chr, known)))]
    representatives: list[str] = []
    lines = []
    for run in runs:
        number = next((n for n, r in enumerate(representatives) if is_one(r + chr(run[0]))), len(representatives))
        if number == len(representatives):
            representatives.append(chr(run[0]))
        start = previous = run[0]
        for code in [*run[1:], None]:
            if code is None or code != previous + 1:
                lines.append(f"{start:X} {previous:X} {number:X}")
                start = code
            previous = code
    return ("\n".join(lines) + "\n").encode()


if __name__ == "__main__":
    (DATA / "clip_merges.bin.gz").write_bytes(compressed(clip_merges()))
    (DATA / "unicode_decompositions.bin.gz").write_bytes(compressed(unicode_decompositions()))
    (DATA / "html_entities.txt.gz").write_bytes(compressed(html_entities()))
    (DATA / "mojibake.txt.gz").write_bytes(compressed(mojibake()))
    (DATA / "unicode_scripts.txt.gz").write_bytes(compressed(unicode_scripts()))
