"""Holds isomer to the reference readers and writers of GGUF, pictures and tokenizer.json on random files: what differential.py is for weights.

    python Tools/Goldens/differential_formats.py ISOMER [--rounds N] [--mutations N] [--seed N] [--only gguf picture tokenizer]

1. GGUF: random tensors and metadata, written by gguf and by isomer, read by the other. Pictures: random ones of every mode, size and way of
   saving that Pillow has, through `isomer prepare` at their own size, and back by Pillow: every pixel of PNG must be the same. Tokenizers:
   random ones of each model with random normalizers, pre-tokenizers, post-processors and decoders, trained by tokenizers; ids must be the
   same, also after `isomer convert` wrote them anew for tokenizers.
2. The same files with a few bytes changed, cut or added are given to both readers, as differential.py does. Its table gets the lines.

Versions in requirements.txt, and Pillow 13.0.0, tokenizers 0.23.3.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import warnings

import gguf
import numpy
from PIL import Image
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from mutations import mutated

warnings.filterwarnings("ignore")
os.environ["TOKENIZERS_PARALLELISM"] = "false"
parser = argparse.ArgumentParser()
parser.add_argument("isomer")
parser.add_argument("--rounds", type=int, default=60)
parser.add_argument("--mutations", type=int, default=1000)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--only", nargs="*", default=["gguf", "picture", "tokenizer"])
parser.add_argument("--table", type=pathlib.Path, default=pathlib.Path(__file__).parent / "differential.tsv")
options = parser.parse_args()
random.seed(options.seed)
numbers = numpy.random.default_rng(options.seed)
folder = pathlib.Path(tempfile.mkdtemp(prefix="isomer-differential-"))

# Why one side refuses what the other accepts: a part of its sentence, and the reason. The first that fits counts.
REASONS = {
    ("gguf", "ours"): [
        ("not UTF", "texts are UTF-8; gguf looks at one only when it is asked for"),
        ("share bytes", "two tensors over the same bytes: one of the offsets is wrong"),
        ("multiple of the alignment", "the format's text wants every tensor aligned; gguf maps what is there"),
    ],
    ("gguf", "theirs"): [
        ("is not a valid GGMLQuantizationType", "kept as its bytes and only refused where its values are wanted"),
        ("UnicodeDecodeError", "names of metadata that is not carried over"),
        ("Duplicate", "metadata, not tensors: the last one counts, as in llama.cpp"),
        ("alignment", "an alignment that is no whole number is not the one that the tensors have"),
    ],
    ("picture", "ours"): [
        ("", "Pillow makes grey or half a picture of damaged data, and says nothing; a training set wants to be told"),
    ],
    ("picture", "theirs"): [
        ("broken PNG file", "a chunk that has no part in the pixels: libpng warns and goes on"),
        ("cannot identify", "libpng and libjpeg read it, with a warning"),
        ("truncated", "what is missing has no part in the pixels"),
        ("unrecognized data stream", "libpng reads the pixels that are there in full"),
        ("OSError", "libpng and libjpeg read every pixel"),
        ("SyntaxError", "libpng and libjpeg read every pixel"),
        ("ValueError", "metadata that Pillow cannot read; the pixels are there"),
        ("error", "metadata that Pillow cannot read; the pixels are there"),
    ],
    ("tokenizer", "ours"): [
        ("comes twice", "the reference takes the last of two keys"),
        ("is not known", "the reference finds out by the other fields what a part of an unknown type could be"),
        ("id", "two tokens of one id, or gaps: the reference keeps one of them"),
    ],
    ("tokenizer", "theirs"): [
    ],
}


def isomer(*words, **more):
    return subprocess.run([options.isomer, *map(str, words)], capture_output=True, **more)


def said(run):
    return run.stderr.decode(errors="replace").strip().split("\n")[-1]


def attempt(body):
    try:
        body()
        return None
    except BaseException as error:
        return f"{type(error).__name__}: {error}".split("\n")[0]


def word():
    return "".join(random.choice("abcdefghijklmnopqrstuvwxyzABCéßΣя日本🙂 .,'-_0123456789") for _ in range(random.randint(1, 9)))


# GGUF


KINDS = [numpy.float32, numpy.float16, numpy.float64, numpy.int8, numpy.int16, numpy.int32, numpy.int64]


def gguf_file(path):
    writer = gguf.GGUFWriter(path, "isomer")
    for number in range(random.randint(0, 6)):
        key = f"isomer.{number}"
        random.choice([
            lambda: writer.add_string(key, word()), lambda: writer.add_uint32(key, random.randrange(2**32)), lambda: writer.add_bool(key, True),
            lambda: writer.add_float32(key, random.random()), lambda: writer.add_array(key, [word() for _ in range(3)]),
            lambda: writer.add_int64(key, -random.randrange(2**62)), lambda: writer.add_array(key, [1, 2, 3]),
        ])()
    if random.random() < 0.3:
        writer.add_custom_alignment(random.choice([8, 64, 128]))
    tensors = {}
    for number in range(random.randint(1, 8)):
        shape = [random.choice([1, 2, 3, 5, 8, 17]) for _ in range(random.randint(1, 4))]
        kind = random.choice(KINDS)
        raw = numbers.integers(0, 256, int(numpy.prod(shape)) * numpy.dtype(kind).itemsize, dtype=numpy.uint8)
        tensors[f"blk.{number}.{word().strip() or 'x'}"] = raw.view(kind).reshape(shape)
    for name, value in tensors.items():
        writer.add_tensor(name, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tensors


def gguf_round(_):
    from safetensors.numpy import load_file

    path, plain = folder / "a.gguf", folder / "a.safetensors"
    tensors = gguf_file(path)
    for source, target in ((path, plain), (plain, folder / "b.gguf")):
        run = isomer("convert", source, target, "--overwrite", "--quiet")
        assert run.returncode == 0, (source, said(run))
    found = load_file(plain)
    again = {tensor.name: tensor.data for tensor in gguf.GGUFReader(folder / "b.gguf").tensors}
    for which in (found, again):
        assert which.keys() == tensors.keys()
        for name, value in tensors.items():
            # The other order of sides is the format's; a single value has one side there.
            assert which[name].tobytes() == value.tobytes() and which[name].dtype == value.dtype, name
            assert list(which[name].shape) == list(value.shape), (name, which[name].shape, value.shape)
    return 2


def gguf_pair(number):
    path = folder / "m.gguf"
    if number % 25 == 0:
        gguf_file(path)
        gguf_pair.base = path.read_bytes()
    path.write_bytes(mutated(gguf_pair.base))

    def read():
        for tensor in gguf.GGUFReader(path).tensors:
            tensor.data.tobytes()

    return attempt(read), isomer("convert", path, folder / "n.safetensors", "--overwrite", "--quiet"), path


# Pictures


def picture(path, mode):
    width, height = random.choice([8, 16, 40]), random.choice([8, 24, 32])
    if mode == "P":
        image = Image.fromarray(numbers.integers(0, 256, (height, width, 3), dtype=numpy.uint8), "RGB").quantize(random.choice([2, 4, 16, 256]))
    elif mode == "1":
        image = Image.fromarray(numbers.integers(0, 256, (height, width), dtype=numpy.uint8), "L").convert("1")
    else:
        channels = {"L": (), "LA": (2,), "RGB": (3,), "RGBA": (4,), "CMYK": (4,)}[mode]
        # Smooth, so that JPEG has something to keep.
        x = numpy.linspace(0, random.uniform(0, 9), width)[None, :] + numpy.linspace(0, random.uniform(0, 9), height)[:, None]
        value = 127 + 100 * numpy.sin(x[..., None] + numpy.arange(max(1, *(channels or (1,)))))
        image = Image.fromarray((value if channels else value[..., 0]).astype(numpy.uint8), mode)
    if path.suffix == ".png":
        image.save(path, optimize=random.random() < 0.3, compress_level=random.randrange(10))
    else:
        image.save(path, quality=random.randint(5, 100), progressive=random.random() < 0.5, subsampling=random.randrange(3), optimize=random.random() < 0.5)
    return image


def prepared(path, size):
    """The picture that isomer makes of this one at its own size, or None, and its words."""
    out = folder / "set"
    run = isomer("prepare", path, "-o", out, "--size", "x".join(map(str, size)), "--multiple", 1, "--focus", "center")
    made = [each for each in out.rglob("*.png")] if out.exists() else []
    image = Image.open(made[0]).convert("RGB") if made else None
    if out.exists():
        subprocess.run(["rm", "-r", out], check=True)
    return image, run


def flattened(image):
    if "A" in image.mode or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, (255, 255, 255, 255)), image).convert("RGB")
    return image.convert("RGB")


def picture_round(number):
    mode = random.choice(["1", "L", "LA", "P", "RGB", "RGBA"] if number % 2 else ["L", "RGB", "CMYK"])
    path = folder / ("a.png" if number % 2 else "a.jpg")
    picture(path, mode)
    expected = flattened(Image.open(path))
    found, run = prepared(path, expected.size)
    assert found is not None, (mode, path.suffix, said(run))
    difference = numpy.abs(numpy.asarray(found).astype(int) - numpy.asarray(expected).astype(int)).max()
    # Rounding of what lies under transparency; CMYK goes through a table of its own.
    allowed = 0 if mode in ("1", "L", "P", "RGB") else 1 if mode in ("LA", "RGBA") else 2
    assert difference <= allowed, (mode, path.suffix, difference)
    return 1


def picture_pair(number):
    suffix = ".png" if number % 2 else ".jpg"
    path = folder / ("m" + suffix)
    if number % 50 < 2:
        image = picture(path, random.choice(["L", "RGB"]))
        setattr(picture_pair, suffix[1:], (path.read_bytes(), image.size))
    base, size = getattr(picture_pair, suffix[1:])
    path.write_bytes(mutated(base))

    def read():
        Image.open(path).convert("RGB").load()

    refusal = attempt(read)
    image, run = prepared(path, size)
    run.returncode = 0 if image is not None else 2 if run.returncode in (1, 2) else run.returncode
    return refusal, run, path


# Tokenizers


def tokenizer_file(path):
    sample = [" ".join(word() for _ in range(12)) for _ in range(300)] + ["a cat on a mat, the cats' mats; photo of a cat"] * 20
    kind = random.choice(["bpe", "bytes", "unigram", "wordpiece", "words"])
    special = ["<unk>", "<s>", "</s>"]
    makers = {
        "bpe": lambda: (Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=random.random() < 0.5)), trainers.BpeTrainer(vocab_size=400, special_tokens=special)),
        "bytes": lambda: (Tokenizer(models.BPE()), trainers.BpeTrainer(vocab_size=500, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())),
        "unigram": lambda: (Tokenizer(models.Unigram()), trainers.UnigramTrainer(vocab_size=300, special_tokens=special, unk_token="<unk>")),
        "wordpiece": lambda: (Tokenizer(models.WordPiece(unk_token="<unk>")), trainers.WordPieceTrainer(vocab_size=400, special_tokens=special)),
        "words": lambda: (Tokenizer(models.WordLevel(unk_token="<unk>")), trainers.WordLevelTrainer(vocab_size=400, special_tokens=special)),
    }
    tokenizer, trainer = makers[kind]()
    choices = [normalizers.NFC(), normalizers.NFD(), normalizers.NFKC(), normalizers.NFKD(), normalizers.Lowercase(), normalizers.Strip(), normalizers.StripAccents(),
               normalizers.BertNormalizer(strip_accents=random.choice([None, True, False]), lowercase=random.random() < 0.5), normalizers.Replace("a", "bb"),
               normalizers.Prepend("▁")]
    if random.random() < 0.7:
        tokenizer.normalizer = normalizers.Sequence(random.sample(choices, random.randint(1, 3)))
    if kind == "bytes":
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=random.random() < 0.5, use_regex=random.random() < 0.8)
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=random.random() < 0.5)
    elif kind == "unigram":
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=random.choice(["always", "first", "never"]), split=random.random() < 0.7)
        tokenizer.decoder = decoders.Metaspace()
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(random.sample(
            [pre_tokenizers.Whitespace(), pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Digits(random.random() < 0.5), pre_tokenizers.BertPreTokenizer(),
             pre_tokenizers.Punctuation(random.choice(["isolated", "removed", "merged_with_previous", "merged_with_next", "contiguous"])),
             pre_tokenizers.CharDelimiterSplit("a"), pre_tokenizers.UnicodeScripts()], random.randint(1, 3)))
        tokenizer.decoder = decoders.WordPiece() if kind == "wordpiece" else decoders.BPEDecoder()
    tokenizer.train_from_iterator(sample, trainer)
    if kind != "bytes" and random.random() < 0.5:
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> $B:1 </s>:1", special_tokens=[("<s>", 1), ("</s>", 2)])
    if random.random() < 0.4:
        tokenizer.add_tokens(["photo", "mat "])
    tokenizer.save(str(path), pretty=random.random() < 0.3)
    return tokenizer


def texts(count):
    return [" ".join(word() for _ in range(random.randint(0, 9))).replace("\n", " ") or "x" for _ in range(count)] + ["a cat on a mat, photo of cats </s> x"]


def ids(path, lines):
    run = isomer("tokenize", "--model", path, "--stdin", "--json", input="\n".join(lines).encode())
    if run.returncode != 0:
        return None, run
    found = json.loads(run.stdout)
    return [[token["id"] for token in prompt["tokens"]] for prompt in found["prompts"]], run


def tokenizer_round(_):
    path, again = folder / "a.json", folder / "b" / "tokenizer.json"
    again.parent.mkdir(exist_ok=True)
    tokenizer = tokenizer_file(path)
    lines = texts(40)
    expected = [tokenizer.encode(line).ids for line in lines]
    found, run = ids(path, lines)
    assert found is not None, said(run)
    kept = folder / "differs.json"
    for line, theirs, ours in zip(lines, expected, found):
        if theirs != ours:
            kept.write_bytes(path.read_bytes())
        assert theirs == ours, (kept, line, theirs, ours)
    run = isomer("convert", path, again, "--overwrite", "--quiet")
    assert run.returncode == 0, said(run)
    rewritten = Tokenizer.from_file(str(again))
    assert [rewritten.encode(line).ids for line in lines] == expected
    return 2


def tokenizer_pair(number):
    path = folder / "m.json"
    if number % 25 == 0:
        tokenizer_file(path)
        tokenizer_pair.base = path.read_bytes()
    data = tokenizer_pair.base
    if random.random() < 0.6:
        # Most of the file is vocabulary: the parts around it are hit as often.
        start = random.choice([0, max(0, data.rfind(b'"model"') - 600)])
        data = data[:start] + mutated(data[start : start + 1500]) + data[start + 1500 :]
    else:
        data = mutated(data)
    path.write_bytes(data)
    lines = ["a cat", word()]

    def read():
        # A panic of the library is a refusal too.
        for line in lines:
            Tokenizer.from_file(str(path)).encode(line)

    refusal = attempt(read)
    return refusal, ids(path, lines)[1], path


table, counts, problems = collections.Counter(), collections.Counter(), 0
for kind in options.only:
    checks = sum(globals()[kind + "_round"](number) for number in range(options.rounds))
    print(f"{kind}: {options.rounds} rounds, {checks} files read by the other side: the same", flush=True)
    for number in range(options.mutations):
        refusal, run, path = globals()[kind + "_pair"](number)
        theirs, ours = refusal is None, run.returncode == 0
        assert run.returncode in (0, 2), (run.returncode, said(run))
        counts[kind, "both accept" if ours and theirs else "both refuse" if ours == theirs else "differ"] += 1
        if ours == theirs:
            continue
        who = "theirs" if ours else "ours"
        sentence = said(run).split("; ")[0].split(": ")[-1] if not ours else refusal
        sentence = re.sub(r"( at byte \d+|\(.*|;.*|/\S+)", "", sentence)
        sentence = re.sub(r"[0-9]+", "N", re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`", "…", sentence)).strip()[:90]
        reason = next((why for part, why in REASONS[kind, who] if part in sentence), None)
        if reason is None:
            problems += 1
            kept = folder / f"unexplained-{kind}-{number}{path.suffix}"
            kept.write_bytes(path.read_bytes())
            print("not explained:", kind, who, sentence, kept, file=sys.stderr)
        table[kind, "isomer" if not ours else "reference", sentence, reason or "?"] += 1
lines = options.table.read_text().splitlines()
kept = [line for line in lines if line.split("\t")[0] not in options.only]
made = ["\t".join([*key, str(count)]) for key, count in table.items()]
options.table.write_text("\n".join([kept[0], *sorted(kept[1:] + made)]) + "\n")
for (kind, outcome), count in sorted(counts.items()):
    print(f"{kind}: {outcome} {count}")
print(f"{options.mutations} changed files of each kind, {sum(table.values())} differences, {problems} without a reason")
sys.exit(problems > 0)
