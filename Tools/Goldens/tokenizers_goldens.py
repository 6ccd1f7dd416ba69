"""Makes Fixtures/tokenizers: vocabularies of every kind and what the reference makes of hard strings.

Pinned: tokenizers 0.23.3, transformers 5.23.0, sentencepiece 0.2.3, open-clip-torch 3.3.0, ftfy 6.3.1; Python 3.11.
"""

import gzip
import importlib.util
import io
import json
import os
import pathlib
import sys
import tempfile

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from embedded import clip_merge_pairs, clip_merges_text  # noqa: E402
from tokenizer_strings import WORDS, hard_strings  # noqa: E402

FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "Fixtures/tokenizers"
STRINGS = hard_strings(1500)


def save(name: str, data: bytes) -> None:
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=9, mtime=0) as file:
        file.write(data)
    (FIXTURES / name).write_bytes(buffer.getvalue())


def dump(value) -> bytes:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()


def clip_vocabulary():
    merges = clip_merge_pairs()
    printable = list(range(33, 127)) + list(range(0xA1, 0xAD)) + list(range(0xAE, 0x100))
    alphabet = [chr(b) for b in printable] + [chr(256 + n) for n in range(256 - len(printable))]
    tokens = alphabet + [c + "</w>" for c in alphabet] + ["".join(merge) for merge in merges] + ["<|startoftext|>", "<|endoftext|>"]
    return {token: i for i, token in enumerate(tokens)}, merges


def cases(tokenizer: Tokenizer, decode=None) -> bytes:
    rows = []
    for text in STRINGS:
        e = tokenizer.encode(text)
        decode_ = decode or tokenizer.decode
        rows.append([e.ids, [x for o in e.offsets for x in o], decode_(e.ids, skip_special_tokens=False), decode_(e.ids, skip_special_tokens=True)])
    return dump(rows)


def emit(name: str, tokenizer: Tokenizer) -> None:
    save(f"{name}.tokenizer.json.gz", tokenizer.to_str(pretty=True).encode())
    save(f"{name}.cases.json.gz", cases(tokenizer))


def byte_level() -> Tokenizer:
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.post_processor = processors.ByteLevel(trim_offsets=True)
    t.train_from_iterator(STRINGS + WORDS * 20, trainers.BpeTrainer(vocab_size=2500, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<|endoftext|>"], show_progress=False))
    t.add_tokens([AddedToken("[NEW]", lstrip=True, rstrip=True), AddedToken("<new word>", single_word=True)])
    return t


def roberta() -> Tokenizer:
    t = Tokenizer(models.BPE(unk_token="<unk>"))
    t.normalizer = normalizers.NFKC()
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(STRINGS + WORDS * 20, trainers.BpeTrainer(vocab_size=2000, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<s>", "<pad>", "</s>", "<unk>", "[MASK]"], show_progress=False))
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=True)
    return t


def bert() -> Tokenizer:
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    t.train_from_iterator(STRINGS[:700] + WORDS * 20, trainers.WordPieceTrainer(vocab_size=3000, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    t.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return t


def word_level() -> Tokenizer:
    t = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    t.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Strip()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.Punctuation("merged_with_previous")])
    t.train_from_iterator(STRINGS[:700] + WORDS * 20, trainers.WordLevelTrainer(vocab_size=2000, special_tokens=["[UNK]", "[NEW]"], show_progress=False))
    t.decoder = decoders.CTC(pad_token="[UNK]", word_delimiter_token="the")
    return t


def llama() -> Tokenizer:
    trainer = Tokenizer(models.BPE(unk_token="<unk>"))
    trainer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    specials = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    trainer.train_from_iterator([s for s in STRINGS[:300]] + [" ".join(WORDS[i : i + 9]) for i in range(0, len(WORDS), 3)] * 8, trainers.BpeTrainer(vocab_size=2200, limit_alphabet=300, special_tokens=specials, show_progress=False))
    model = json.loads(trainer.to_str())["model"]
    t = Tokenizer(models.BPE(model["vocab"], [tuple(m) for m in model["merges"]], unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    t.add_special_tokens([AddedToken("<s>", normalized=False, special=True), AddedToken("</s>", normalized=False, special=True), AddedToken("<unk>", special=True)])
    t.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    return t


def suffixed() -> Tokenizer:
    """Byte pairs with both affixes and an unknown token, none of them fused."""
    t = Tokenizer(models.BPE(unk_token="[UNK]", continuing_subword_prefix="##", end_of_word_suffix="</w>"))
    t.normalizer = normalizers.Sequence([normalizers.NFKD(), normalizers.Replace(Regex(r"[^\p{ASCII}\p{L}]" if False else r"[^\x00-\x{FFFF}]"), "?")])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("contiguous")])
    t.train_from_iterator(STRINGS[:200] + WORDS * 20, trainers.BpeTrainer(vocab_size=1500, limit_alphabet=120, continuing_subword_prefix="##", end_of_word_suffix="</w>", special_tokens=["[UNK]"], show_progress=False))
    t.decoder = decoders.BPEDecoder("</w>")
    return t


def sentencepiece_models() -> None:
    lines = FIXTURES / "lines.txt"
    text = [s.replace("\n", " ").replace("\r", " ").replace("\0", "") for s in STRINGS[:400]] + [" ".join(WORDS[i : i + 12]) for i in range(len(WORDS))] * 6
    lines.write_text("\n".join(text))
    common = dict(input=str(lines), character_coverage=0.98, hard_vocab_limit=False, num_threads=1, minloglevel=2, max_sentence_length=100000)
    sentencepiece.SentencePieceTrainer.train(model_prefix=str(FIXTURES / "t5"), model_type="unigram", vocab_size=4000, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, normalization_rule_name="nmt_nfkc", **common)
    sentencepiece.SentencePieceTrainer.train(model_prefix=str(FIXTURES / "unigram-bytes"), model_type="unigram", vocab_size=4000, byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=False, user_defined_symbols=["[NEW]", "<new word>"], **common)
    sentencepiece.SentencePieceTrainer.train(model_prefix=str(FIXTURES / "bpe-bytes"), model_type="bpe", vocab_size=4000, byte_fallback=True, normalization_rule_name="nfkc", split_digits=True, **common)
    sentencepiece.SentencePieceTrainer.train(model_prefix=str(FIXTURES / "bpe"), model_type="bpe", vocab_size=4000, normalization_rule_name="nmt_nfkc_cf", **common)
    lines.unlink()
    for name in ("t5", "unigram-bytes", "bpe-bytes", "bpe"):
        (FIXTURES / f"{name}.vocab").unlink()
        path = FIXTURES / f"{name}.model"
        p = sentencepiece.SentencePieceProcessor(model_file=str(path))
        # NUL ends a text in SentencePiece's own normaliser as in C; such strings are left out.
        save(f"{name}.model.cases.json.gz", dump([[p.encode(s), p.decode(p.encode(s))] for s in STRINGS]))
        save(f"{name}.model.gz", path.read_bytes())


def t5() -> None:
    from transformers import T5Tokenizer

    path = FIXTURES / "t5.model"
    p = sentencepiece.SentencePieceProcessor(model_file=str(path))
    # Sentinels are numbered backwards from the end, as transformers' T5Converter does.
    vocab = [(p.id_to_piece(i), p.get_score(i)) for i in range(p.get_piece_size())] + [(f"<extra_id_{i}>", 0.0) for i in range(99, -1, -1)]
    from sentencepiece import sentencepiece_model_pb2 as pb

    proto = pb.ModelProto()
    proto.ParseFromString(path.read_bytes())
    t = T5Tokenizer(vocab=vocab, extra_ids=100)._tokenizer
    import base64

    t.normalizer = normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap)
    emit("t5", t)


def clip_tokenizer(pad: str) -> Tokenizer:
    """CLIP as transformers loads it from the folder published beside Stable Diffusion 1 (or 2, whose padding is an exclamation mark)."""
    from transformers import CLIPTokenizer

    vocab, _ = clip_vocabulary()
    with tempfile.TemporaryDirectory() as folder:
        # As published beside Stable Diffusion: the configuration decides which marks are looked for after lower-casing.
        mark = lambda content, **more: {**more, "content": content, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
        start, end = "<|startoftext|>", "<|endoftext|>"
        files = {
            "vocab.json": vocab,
            "special_tokens_map.json": {"bos_token": mark(start), "eos_token": mark(end), "pad_token": pad, "unk_token": mark(end)},
            "tokenizer_config.json": {
                "bos_token": mark(start, __type="AddedToken"), "eos_token": mark(end, __type="AddedToken"), "model_max_length": 77,
                "pad_token": end, "tokenizer_class": "CLIPTokenizer", "unk_token": mark(end, __type="AddedToken"),
            },
        }
        for file, value in files.items():
            (pathlib.Path(folder) / file).write_bytes(dump(value))
        (pathlib.Path(folder) / "merges.txt").write_bytes(clip_merges_text())
        return CLIPTokenizer.from_pretrained(folder)._tokenizer


def open_clip_tokenizer():
    """open_clip's SimpleTokenizer, without importing the rest of the package."""
    spec = importlib.util.find_spec("open_clip")
    source = pathlib.Path(spec.submodule_search_locations[0]) / "tokenizer.py"
    module_spec = importlib.util.spec_from_file_location("open_clip_tokenizer", source)
    module = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(module)
    return module.SimpleTokenizer()


def clip() -> None:
    for name, pad in (("clip", "<|endoftext|>"), ("clip-exclamation", "!")):
        t = clip_tokenizer(pad)
        save(f"{name}.cases.json.gz", cases(t))
    s = open_clip_tokenizer()
    import ftfy

    rows = []
    for text in STRINGS:
        fixed = ftfy.fix_text(text)
        rows.append([s.encode(text), s(text)[0].tolist(), None if fixed == text else fixed])
    save("clip-open.cases.json.gz", dump(rows))


def components() -> None:
    """Normalizers and pre-tokenizers one by one."""
    n = {
        "NFC": normalizers.NFC(), "NFD": normalizers.NFD(), "NFKC": normalizers.NFKC(), "NFKD": normalizers.NFKD(), "Lowercase": normalizers.Lowercase(),
        "Strip": normalizers.Strip(), "StripLeft": normalizers.Strip(left=True, right=False), "StripAccents": normalizers.StripAccents(), "Nmt": normalizers.Nmt(),
        "Bert": normalizers.BertNormalizer(), "BertCased": normalizers.BertNormalizer(lowercase=False), "Prepend": normalizers.Prepend("▁▁"),
        "Replace": normalizers.Replace("a", "<x>"), "ReplaceRegex": normalizers.Replace(Regex(r"\s{2,}|[\p{P}--]"), "·") if False else normalizers.Replace(Regex(r"\s{2,}|[0-9&&[^5]]+"), "·"),
        "ByteLevel": normalizers.ByteLevel(),
    }
    p = {
        "Whitespace": pre_tokenizers.Whitespace(), "WhitespaceSplit": pre_tokenizers.WhitespaceSplit(), "Delimiter": pre_tokenizers.CharDelimiterSplit("e"),
        "Metaspace": pre_tokenizers.Metaspace(), "MetaspaceFirst": pre_tokenizers.Metaspace(prepend_scheme="first", split=False), "Bert": pre_tokenizers.BertPreTokenizer(),
        "Digits": pre_tokenizers.Digits(), "DigitsEach": pre_tokenizers.Digits(individual_digits=True), "ByteLevel": pre_tokenizers.ByteLevel(),
        "FixedLength": pre_tokenizers.FixedLength(3), "UnicodeScripts": pre_tokenizers.UnicodeScripts(),
        **{f"Punctuation-{b}": pre_tokenizers.Punctuation(b) for b in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous")},
        **{f"Split-{b}-{i}": pre_tokenizers.Split(Regex(r"\w+?\b|(?<=\s)[^\w\s](?=.)|(?i:PHOTO)"), b, invert=i) for b in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous") for i in (False, True)},
    }
    strings = STRINGS[:400]
    wrap = lambda part, kind: json.loads((lambda t: (setattr(t, kind, part), t.to_str())[1])(Tokenizer(models.BPE())))[kind]
    save("normalizers.json.gz", dump([{"name": k, "json": wrap(v, "normalizer"), "outputs": [v.normalize_str(s) for s in strings]} for k, v in n.items()]))
    save("pre-tokenizers.json.gz", dump([{"name": k, "json": wrap(v, "pre_tokenizer"), "outputs": [[[a, *o] for a, o in v.pre_tokenize_str(s)] for s in strings]} for k, v in p.items()]))


if __name__ == "__main__":
    FIXTURES.mkdir(parents=True, exist_ok=True)
    save("strings.json.gz", dump(STRINGS))
    if sys.argv[1:] == ["clip"]:
        clip()
        sys.exit()
    for name, make in (("byte-level", byte_level), ("roberta", roberta), ("bert", bert), ("word-level", word_level), ("llama", llama), ("suffixed", suffixed)):
        emit(name, make())
    sentencepiece_models()
    t5()
    clip()
    components()
    for name in ("t5", "unigram-bytes", "bpe-bytes", "bpe"):
        os.unlink(FIXTURES / f"{name}.model")
