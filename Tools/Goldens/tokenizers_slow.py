"""Makes Fixtures/tokenizers/clip-slow.cases.json.gz and damaged.cases.json.gz.

Pinned: transformers 4.57.1 (the last line that has the slow CLIPTokenizer), ftfy 6.3.1; Python 3.11.
"""

import json
import pathlib
import random
import sys
import tempfile

import ftfy
from transformers.models.clip.tokenization_clip import BasicTokenizer, CLIPTokenizer

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from embedded import clip_merges_text  # noqa: E402
from tokenizer_strings import ENTITIES, random_string  # noqa: E402
from tokenizers_goldens import STRINGS, clip_vocabulary, dump, save  # noqa: E402

ENCODINGS = ["latin-1", "cp1252", "cp1251", "cp1250", "cp1253", "cp1254", "cp1257", "iso-8859-2", "mac-roman", "cp437", "sloppy-windows-1252", "sloppy-windows-1251"]


def slow(pad: str, repairs: bool) -> CLIPTokenizer:
    vocab, _ = clip_vocabulary()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        (path / "vocab.json").write_text(json.dumps(vocab))
        (path / "merges.txt").write_bytes(clip_merges_text())
        tokenizer = CLIPTokenizer(str(path / "vocab.json"), str(path / "merges.txt"), pad_token=pad)
    if not repairs:
        tokenizer.fix_text = None
        tokenizer.nlp = BasicTokenizer(strip_accents=False, do_split_on_punc=False)
    return tokenizer


def damage(text: str, r: random.Random) -> str:
    """Reads UTF-8 in a wrong encoding, once or more, in part or as a whole, and harms what comes out."""
    import ftfy.bad_codecs  # noqa: F401

    for _ in range(r.choice([1, 1, 1, 2, 2, 3])):
        kind = r.random()
        if kind < 0.75:
            encoding = r.choice(ENCODINGS)
            pieces = [text] if r.random() < 0.6 else text.split(" ")
            text = " ".join(p.encode().decode(encoding, errors=r.choice(["replace", "ignore"])) if r.random() < 0.7 else p for p in pieces)
        elif kind < 0.85:
            text = text.replace("\xa0", " ").replace("\x85", "...")
        elif kind < 0.9:
            text = "".join(f"&#{ord(c)};" if ord(c) > 127 and r.random() < 0.5 else c for c in text)
        elif kind < 0.95:
            position = r.randint(0, len(text))
            text = text[:position] + r.choice(["\x1b[36;44m", "\x1b[x", "\r", "\r\n", "\u2028", "\ufffd", "\x1a", "\x85", *ENTITIES]) + text[position:]
        else:
            text = text.encode("utf-16-le", errors="surrogatepass").decode("utf-16-le", errors="replace")
            text = "".join(chr(0xED) + chr(0xA0 | ((o >> 16) & 15)) + "x" if (o := ord(c)) > 0xFFFF else c for c in text)
    return text


FRAGMENTS = ["é", "à la", "“quoted”", "it’s", "…", "naïve café", "Привет мир", "Γειά σου", "žluťoučký kůň", "日本語", "🎉", "©", "½", "–", "ﬁne", "ＬＯＵＤ", "ąęć", "ğüş", "ß", "€5", "مرحبا", "Å ngström", "हिन्दी", "à", "Â", "\u00a0"]


def damaged(count: int, seed: int) -> list[str]:
    r = random.Random(seed)
    result = []
    while len(result) < count:
        if r.random() < 0.5:
            text = " ".join(r.choice(FRAGMENTS) for _ in range(r.randint(1, 5)))
        else:
            text = random_string(r)
        result.append(damage(text, r))
    return result


def main() -> None:
    tokenizers = [slow(pad, repairs) for pad in ("<|endoftext|>", "!") for repairs in (True, False)]
    save("clip-slow.cases.json.gz", dump([[t(text).input_ids for t in tokenizers] for text in STRINGS]))
    save("damaged.cases.json.gz", dump([[text, ftfy.fix_text(text)] for text in damaged(2500, 7)]))


if __name__ == "__main__":
    main()
