"""Writes Fixtures/tokenizers/options.json.gz: a small tokenizer for every option of every part of tokenizer.json that the larger goldens leave
at its default, and what the library makes of some strings with it.

    python Tools/Goldens/tokenizers_options.py

Each entry: name, the tokenizer.json, and cases as [text, ids with marks, ids without, offsets in characters, decoded, decoded without marks];
null where the library panics.
Pinned: tokenizers 0.23.3. Deterministic.
"""

import gzip
import json
import os

os.environ["TOKENIZERS_PARALLELISM"] = "false"

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors  # noqa: E402
from tokenizers_goldens import FIXTURES  # noqa: E402

TEXTS = ["", " ", "a cat", "  Two  cats ", "The CAT's mats, 12 345!", "naïve Ünïcödé cafe\u0301", "日本の猫 cat日本", "a\tb\nc\r\nd", "<s>cat</s> [NEW]cats [new] xx[NEW]",
         "x" * 12, "cat.cat,cat ?", "🙂 cat🙂cats", "\u0000a\u200bb\u00adc", "ﬁne ① Ⅳ", "aaaaab", "Σας ΟΔΟΣ İi", "cat  [NEW]  cat", "the ' m do not n't", "▁cat ▁", "a_b-c"]
CHARACTERS = sorted({c for text in TEXTS for c in text if c != "\0"} | set("▁#"))
BYTES = pre_tokenizers.ByteLevel.alphabet()
SPECIAL = ["<unk>", "<s>", "</s>"]


def pairs(alphabet, suffix="", prefix=""):
    """A vocabulary of single characters and a few merges, with the affixes that the model has."""
    vocab = {token: number for number, token in enumerate(SPECIAL)}

    def put(token):
        vocab.setdefault(token, len(vocab))

    for c in alphabet:
        for left in {"", prefix}:
            for right in {"", suffix}:
                put(left + c + right)
    merges = []
    for left, right in [("c", "a"), ("ca", "t"), ("ca", "t" + suffix), ("a", "a"), ("aa", "a"), ("t", "h"), ("th", "e" + suffix), ("1", "2"), ("x", "x"), ("xx", "xx"), ("▁", "cat"), ("Ġ", "cat")]:
        second = prefix + right
        if left in vocab and second in vocab:
            put(left + right)
            merges.append((left, second))
    return vocab, merges


def bpe(alphabet=CHARACTERS, suffix="", prefix="", **options):
    vocab, merges = pairs(alphabet, suffix, prefix)
    more = {key: value for key, value in (("end_of_word_suffix", suffix), ("continuing_subword_prefix", prefix)) if value}
    return Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", **more, **options))


def words():
    return {token: number for number, token in enumerate(SPECIAL + ["a", "cat", "cats", "Two", "the", "##s", "##t", "c", "##a", "c##", "12", "x", "##x", ",", ".", "日", "本", "naive", "naïve", "The"])}


def unigram(**options):
    vocab = [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0)] + [(c, -8.0 - i / 64) for i, c in enumerate(CHARACTERS)]
    vocab += [("cat", -2.5), ("▁cat", -2.0), ("cats", -3.0), ("aa", -3.5), ("aaa", -3.75), ("the", -3.0), ("▁a", -4.0), ("xx", -4.5)]
    if options.get("byte_fallback"):
        vocab += [(f"<0x{b:02X}>", -20.0) for b in range(256)]
    return Tokenizer(models.Unigram(vocab, unk_id=0, **options))


def found():
    def plain(name, change, make=bpe):
        tokenizer = make()
        change(tokenizer)
        return name, tokenizer

    def set_to(part, value):
        return lambda tokenizer: setattr(tokenizer, part, value)

    for clean in (True, False):
        for chinese in (True, False):
            for accents in (None, True, False):
                for lower in (True, False):
                    yield plain(f"BertNormalizer {clean} {chinese} {accents} {lower}", set_to("normalizer", normalizers.BertNormalizer(clean, chinese, accents, lower)))
    yield plain("Strip right", set_to("normalizer", normalizers.Strip(left=False, right=True)))
    yield plain("Strip none", set_to("normalizer", normalizers.Strip(left=False, right=False)))
    yield plain("Sequence empty", set_to("normalizer", normalizers.Sequence([])))
    yield plain("Replace regex group", set_to("normalizer", normalizers.Replace(Regex(r"(a|c)+"), "")))
    yield plain("Replace whole", set_to("normalizer", normalizers.Replace("cat", "")))
    yield plain("Prepend empty text", set_to("normalizer", normalizers.Prepend("▁")))
    yield plain("normalizer ByteLevel", set_to("normalizer", normalizers.ByteLevel()), lambda: bpe(BYTES))

    for scheme in ("always", "first", "never"):
        for split in (True, False):
            def metaspace(tokenizer, scheme=scheme, split=split):
                tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=split)
                tokenizer.decoder = decoders.Metaspace(prepend_scheme=scheme, split=split)
                tokenizer.add_special_tokens(["<s>", "</s>"])
            yield plain(f"Metaspace {scheme} {split}", metaspace)
            yield plain(f"Metaspace {scheme} {split} unigram", metaspace, unigram)
    yield plain("Metaspace other mark", lambda t: (setattr(t, "pre_tokenizer", pre_tokenizers.Metaspace("_")), setattr(t, "decoder", decoders.Metaspace("_"))))

    for prefix in (True, False):
        for regex in (True, False):
            for trim in (True, False):
                def byte_level(tokenizer, prefix=prefix, regex=regex, trim=trim):
                    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix, trim_offsets=not trim, use_regex=regex)
                    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=prefix, trim_offsets=trim, use_regex=regex)
                    tokenizer.decoder = decoders.ByteLevel(add_prefix_space=prefix, trim_offsets=trim, use_regex=regex)
                yield plain(f"ByteLevel {prefix} {regex} {trim}", byte_level, lambda: bpe(BYTES))
            yield plain(f"RobertaProcessing {prefix} {regex}", lambda t, prefix=prefix, regex=regex: (
                setattr(t, "pre_tokenizer", pre_tokenizers.ByteLevel(add_prefix_space=prefix)),
                setattr(t, "post_processor", processors.RobertaProcessing(("</s>", 2), ("<s>", 1), trim_offsets=regex, add_prefix_space=prefix))), lambda: bpe(BYTES))
    for length in (1, 2, 7):
        yield plain(f"FixedLength {length}", set_to("pre_tokenizer", pre_tokenizers.FixedLength(length)))
    for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
        yield plain(f"Split text {behavior}", set_to("pre_tokenizer", pre_tokenizers.Split("a", behavior)))
        yield plain(f"Split text {behavior} inverted", set_to("pre_tokenizer", pre_tokenizers.Split("cat", behavior, invert=True)))
    yield plain("Sequence of none", set_to("pre_tokenizer", pre_tokenizers.Sequence([])))

    yield plain("BertProcessing", set_to("post_processor", processors.BertProcessing(("</s>", 2), ("<s>", 1))))
    yield plain("TemplateProcessing twice", set_to("post_processor", processors.TemplateProcessing(
        single="<s> <s> $A </s>", pair="<s> $A </s> $B:1 </s>:1", special_tokens=[("<s>", 1), ("</s>", 2)])))
    yield plain("TemplateProcessing several ids", set_to("post_processor", processors.TemplateProcessing(
        single="<x>:3 $A:1", pair="$A $B", special_tokens=[{"id": "<x>", "ids": [1, 2], "tokens": ["<s>", "</s>"]}])))
    yield plain("post-processors in sequence", lambda t: (
        setattr(t, "pre_tokenizer", pre_tokenizers.ByteLevel()),
        setattr(t, "post_processor", processors.Sequence([processors.ByteLevel(trim_offsets=True), processors.TemplateProcessing(
            single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])]))), lambda: bpe(BYTES))

    for suffix in ("</w>", "c", ""):
        yield plain(f"BPEDecoder {suffix}", set_to("decoder", decoders.BPEDecoder(suffix=suffix)), lambda: bpe(suffix="</w>"))
    for cleanup in (True, False):
        for prefix in ("##", "c"):
            yield plain(f"WordPiece decoder {prefix} {cleanup}", lambda t, prefix=prefix, cleanup=cleanup: (
                setattr(t, "pre_tokenizer", pre_tokenizers.BertPreTokenizer()), setattr(t, "decoder", decoders.WordPiece(prefix, cleanup))),
                lambda: Tokenizer(models.WordPiece(words(), unk_token="<unk>")))
        yield plain(f"CTC {cleanup}", set_to("decoder", decoders.CTC("a", "t", cleanup)))
    for content, start, stop in ((" ", 1, 0), ("a", 2, 1), ("x", 0, 3)):
        yield plain(f"Strip decoder {content} {start} {stop}", set_to("decoder", decoders.Sequence([decoders.Fuse(), decoders.Strip(content, start, stop)])))
        yield plain(f"Strip decoder each {content} {start} {stop}", set_to("decoder", decoders.Strip(content, start, stop)))
    yield plain("Replace decoder", set_to("decoder", decoders.Sequence([decoders.Replace(Regex("a+"), "·"), decoders.Replace("c", ""), decoders.Fuse()])))
    yield plain("ByteFallback decoder", set_to("decoder", decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])), lambda: unigram(byte_fallback=True))
    yield plain("Unigram bytes", set_to("pre_tokenizer", pre_tokenizers.WhitespaceSplit()), lambda: unigram(byte_fallback=True))

    yield "BPE fuse_unk", bpe("cat", fuse_unk=True)
    yield "BPE unknown each", bpe("cat", fuse_unk=False)
    yield "BPE ignore_merges", bpe(ignore_merges=True)
    yield plain("BPE ignore_merges whole words", set_to("pre_tokenizer", pre_tokenizers.WhitespaceSplit()), lambda: bpe(ignore_merges=True))
    yield plain("BPE affixes", set_to("pre_tokenizer", pre_tokenizers.WhitespaceSplit()), lambda: bpe(suffix="</w>", prefix="##"))
    yield plain("BPE prefix", set_to("pre_tokenizer", pre_tokenizers.WhitespaceSplit()), lambda: bpe(prefix="##"))

    def without_unknown():
        vocab, merges = pairs("cat ")
        return Tokenizer(models.BPE(vocab=vocab, merges=merges))
    yield "BPE without unknown", without_unknown()

    def with_bytes():
        vocab, merges = pairs("cat ")
        for b in range(256):
            vocab[f"<0x{b:02X}>"] = len(vocab)
        return Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    yield "BPE byte_fallback", with_bytes()
    for most in (3, 100):
        for prefix in ("##", ""):
            yield plain(f"WordPiece {most} {prefix}", set_to("pre_tokenizer", pre_tokenizers.WhitespaceSplit()),
                        lambda most=most, prefix=prefix: Tokenizer(models.WordPiece(words(), unk_token="<unk>", max_input_chars_per_word=most, continuing_subword_prefix=prefix)))
    yield plain("WordLevel", set_to("pre_tokenizer", pre_tokenizers.Whitespace()), lambda: Tokenizer(models.WordLevel(words(), unk_token="<unk>")))

    for single in (False, True):
        for left in (False, True):
            for right in (False, True):
                for normalized in (False, True):
                    def added(tokenizer, single=single, left=left, right=right, normalized=normalized):
                        tokenizer.normalizer = normalizers.Lowercase()
                        tokenizer.add_tokens([AddedToken("[NEW]", single_word=single, lstrip=left, rstrip=right, normalized=normalized)])
                        tokenizer.add_special_tokens([AddedToken("<s>", single_word=single, lstrip=left, rstrip=right, normalized=normalized)])
                    yield plain(f"added {single} {left} {right} {normalized}", added)


def decoded(tokenizer, ids, skips):
    try:
        return tokenizer.decode(ids, skip_special_tokens=skips)
    except BaseException as error:  # noqa: B036
        # The Strip decoder takes from the end of an empty text and panics.
        assert type(error).__name__ == "PanicException", error
        return None


def main():
    entries = []
    for name, tokenizer in found():
        cases = []
        for text in TEXTS:
            encoding, bare = tokenizer.encode(text), tokenizer.encode(text, add_special_tokens=False)
            cases.append([text, encoding.ids, bare.ids, [list(pair) for pair in encoding.offsets],
                          decoded(tokenizer, encoding.ids, False), decoded(tokenizer, encoding.ids, True)])
        entries.append({"name": name, "tokenizer": json.loads(tokenizer.to_str()), "cases": cases})
    data = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    (FIXTURES / "options.json.gz").write_bytes(gzip.compress(data, 9, mtime=0))
    print(len(entries), "tokenizers,", sum(len(entry["cases"]) for entry in entries), "cases")


if __name__ == "__main__":
    main()
