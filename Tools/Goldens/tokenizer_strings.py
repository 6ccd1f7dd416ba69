"""Hard strings for tokenizers, the same for the same seed."""

import random
import unicodedata

WORDS = (
    "a photo of the cat dog woman man portrait landscape masterpiece best quality highly detailed 8k uhd dslr soft lighting film grain "
    "Fujifilm XT3 oil painting by Greg Rutkowski trending on ArtStation concept art cinematic bokeh sharp focus intricate elegant smooth "
    "illustration octane render unreal engine volumetric light mountain river sunset cyberpunk city neon rain street anime girl "
    "watercolor pencil sketch close-up wide-angle 35mm f/1.8 it's don't we've I'm they'll she'd you're cats' the's"
).split()
ENTITIES = ["&amp;", "&lt;b&gt;", "&quot;", "&#39;", "&#x1F600;", "&eacute;", "&amp;amp;", "&nbsp;", "&copy", "&notit;", "&#0;", "&#128;", "&unknown;"]
MOJIBAKE = ["cafÃ©", "â€œquotedâ€\x9d", "itâ€™s", "naÃ¯ve", "ðŸ˜€", "Ð¿Ñ€Ð¸Ð²ÐµÑ‚", "ã\x81\x93", "l’humanitÃ©", "voilÃ le travail", "schÃ¶n", "\x85 \x93x\x94"]
SPECIALS = ["<|startoftext|>", "<|endoftext|>", "<start_of_text>", "<end_of_text>", "</w>", "<unk>", "<s>", "</s>", "[CLS]", "[SEP]", "[MASK]", "[UNK]", "<pad>", "<extra_id_0>", "▁", "Ġ", "##", "<0x0A>", "[NEW]", "<new word>"]
SCRIPTS = [
    (0x0400, 0x04FF), (0x0530, 0x058F), (0x0590, 0x05FF), (0x0600, 0x06FF), (0x0900, 0x097F), (0x0980, 0x09FF), (0x0B80, 0x0BFF), (0x0E00, 0x0E7F),
    (0x0F00, 0x0FFF), (0x1000, 0x109F), (0x10A0, 0x10FF), (0x1100, 0x11FF), (0x1780, 0x17FF), (0x1E00, 0x1EFF), (0x1F00, 0x1FFF), (0x2000, 0x206F),
    (0x2070, 0x209F), (0x20A0, 0x20CF), (0x2100, 0x214F), (0x2150, 0x218F), (0x2460, 0x24FF), (0x3040, 0x309F), (0x30A0, 0x30FF), (0x3130, 0x318F),
    (0x3200, 0x33FF), (0x4E00, 0x9FFF), (0xA640, 0xA69F), (0xA720, 0xA7FF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFB00, 0xFB4F), (0xFB50, 0xFDFF),
    (0xFE70, 0xFEFF), (0xFF00, 0xFFEF), (0x0080, 0x00FF), (0x0100, 0x017F), (0x0250, 0x02AF), (0x02B0, 0x02FF), (0x0370, 0x03FF), (0xE000, 0xE010),
    (0x10000, 0x100FF), (0x10400, 0x1044F), (0x11000, 0x1107F), (0x1D400, 0x1D7FF), (0x1E900, 0x1E95F), (0x1F300, 0x1F6FF), (0x1F900, 0x1F9FF),
    (0x20000, 0x2A6DF), (0x2F800, 0x2FA1F), (0x30000, 0x3134A), (0xE0000, 0xE007F), (0xF0000, 0xF0010), (0x10FFF0, 0x10FFFF),
]
EMOJI = ["👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇩🇪🇯🇵", "❤️", "🤷🏾‍♀️", "1️⃣", "🧑🏻‍🚀", "☺", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]
SPACES = [" ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u2003", "\u3000", "\u200b", "\u2028", "\u0085", "\u1680", "\x0b", "\x0c", "\x1c", "\x1f", "\ufeff", "\u200d", "\u180e"]
MARKS = ["\u0301", "\u0300", "\u0323", "\u0327", "\u0338", "\u05b4", "\u0651", "\u094d", "\u0e49", "\u20d7", "\u3099", "\u309a", "\ufe0f", "\u0345", "\u1dc4", "\u0897"]
PUNCTUATION = list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") + ["…", "—", "“", "”", "‘", "’", "¡", "¿", "«", "»", "、", "。", "！", "‽", "№", "™", "®", "½", "²", "ﬁ", "ﬀ", "Ⅷ", "①", "İ", "ı", "ſ", "ẞ", "Σ", "ς", "K", "Å", "Ǆ", "ŉ", "ΐ", "ᾳ", "㍿", "ﷺ", "̈́"]


def scalar(r: random.Random) -> str:
    while True:
        if r.random() < 0.7:
            low, high = r.choice(SCRIPTS)
            code = r.randint(low, high)
        else:
            code = r.randint(0, 0x10FFFF)
        if not 0xD800 <= code <= 0xDFFF:
            return chr(code)


def word(r: random.Random) -> str:
    kind = r.random()
    if kind < 0.45:
        text = r.choice(WORDS)
        return text if r.random() < 0.8 else r.choice([text.upper(), text.title(), text[::-1], text * 3])
    if kind < 0.55:
        low, high = r.choice(SCRIPTS)
        return "".join(chr(r.randint(low, high)) for _ in range(r.randint(1, 6)) if not 0xD800 <= low <= 0xDFFF)
    if kind < 0.62:
        return "".join(scalar(r) for _ in range(r.randint(1, 4)))
    if kind < 0.68:
        return "".join(r.choice("aeoucnsAEON가한あかक") + "".join(r.choice(MARKS) for _ in range(r.randint(0, 3))) for _ in range(r.randint(1, 4)))
    if kind < 0.72:
        return r.choice(EMOJI) * r.choice([1, 1, 2])
    if kind < 0.76:
        return r.choice(ENTITIES)
    if kind < 0.79:
        return r.choice(MOJIBAKE)
    if kind < 0.83:
        return r.choice(SPECIALS)
    if kind < 0.87:
        return str(r.randint(0, 10 ** r.randint(1, 12)))
    if kind < 0.89:
        return chr(r.randint(0, 0x1F)) + r.choice(["", "x", chr(r.randint(0x7F, 0x9F))])
    if kind < 0.91:
        return unicodedata.normalize(r.choice(["NFD", "NFKD", "NFC"]), r.choice(["éàü", "ﬁancée", "Ångström", "한국어", "ガギグ", "ḍ̇", "q̣̇"]))
    return "".join(r.choice(PUNCTUATION) for _ in range(r.randint(1, 4)))


def hard_strings(count: int, seed: int = 20260131) -> list[str]:
    r = random.Random(seed)
    fixed = ["", " ", "a", "A", "\n", "\x00", "'", "'s", "it's", "IT'S", "ITʼS", "a" * 300, "ab" * 200, "!" * 200, "0123456789" * 12, "é" * 60, "e\u0301" * 60,
             "한" * 50, "字" * 90, "👩‍👩‍👧‍👦" * 20, " " * 80, "cat " * 100, "\u0301", "\u0301\u0301a", "ΑΣ ΟΔΥΣΣΕΥΣ", "İstanbul", "ǅ", "ﬀ", "x\u0327\u0301", "\u1100\u1161\u11a8",
             "<|endoftext|>", "a<|endoftext|>b", "A <|STARTOFTEXT|> B", "<extra_id_0> x <extra_id_1>", "  leading and trailing  ", "tab\tsep", "don't", "DON'T", "'S'T'RE'VE'M'LL'D", "'ſ", "a'sb", "x²y³", "½ cup", "№5"]
    fixed += MOJIBAKE + ENTITIES + SPECIALS + EMOJI + SPACES + PUNCTUATION
    result = list(fixed)
    while len(result) < count:
        parts = [word(r) for _ in range(r.choice([1, 2, 3, 5, 8, 13, 40]) if r.random() < 0.97 else 120)]
        text = ""
        for part in parts:
            text += part + (r.choice(SPACES) if r.random() < 0.08 else " " if r.random() < 0.75 else "")
        result.append(text)
    return result[:count]


def random_string(r: random.Random) -> str:
    return "".join(word(r) + r.choice(["", " ", " ", r.choice(SPACES)]) for _ in range(r.randint(1, 12)))
