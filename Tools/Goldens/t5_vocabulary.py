"""Makes Sources/CEmbedded/Data/t5_spiece.model.gz, T5's vocabulary as a SentencePiece model, and Fixtures/tokenizers/t5-published.cases.json.gz,
what transformers' own T5 class with that vocabulary makes of the hard strings.

    pip download --no-deps --no-binary stable-diffusion-cpp-python stable-diffusion-cpp-python==0.4.7
    python Tools/Goldens/t5_vocabulary.py stable_diffusion_cpp_python-0.4.7.tar.gz

The package carries google/t5-v1_1-xxl's tokenizer.json as the bytes of a C array. Pieces, scores and the map of characters are taken from it; what
SentencePiece itself was told (Unigram, no beginning, padding 0, end 1, unknown 2, NFKC) is what T5's classes in transformers say. Pinned:
stable-diffusion-cpp-python 0.4.7, sentencepiece 0.2.3, protobuf 7.36.2, transformers 5.23.0, tokenizers 0.23.3.
"""

import base64
import hashlib
import json
import pathlib
import re
import sys
import tarfile

from sentencepiece import sentencepiece_model_pb2

from embedded import DATA, compressed
from tokenizers_goldens import cases, save

PACKAGE = "998d1957260dd5ae4e18a8acc0c14b0a8757aaa9f96515197b6d5bbf46df9282"
TOKENIZER = "fe2ebbbbde2985be723e0ce18217853e4020c5e9d35bd07be2c27ab9d3ead57a"
# The rest of the 32,100 are sentinels, which the readers add.
PIECES = 32_000


def tokenizer_json(package: pathlib.Path) -> dict:
    assert hashlib.sha256(package.read_bytes()).hexdigest() == PACKAGE
    with tarfile.open(package) as archive:
        name = next(name for name in archive.getnames() if name.endswith("/src/tokenizers/vocab/clip_t5.hpp"))
        source = archive.extractfile(name).read().decode()
    start = source.index("t5_tokenizer_json_str[] = {")
    numbers = re.findall(r"0x([0-9a-f]{2})", source[start : source.index("};", start)])
    text = bytes(int(number, 16) for number in numbers)
    assert hashlib.sha256(text).hexdigest() == TOKENIZER
    return json.loads(text)


def model(tokenizer: dict) -> bytes:
    kinds = sentencepiece_model_pb2.ModelProto.SentencePiece
    result = sentencepiece_model_pb2.ModelProto()
    for index, (text, score) in enumerate(tokenizer["model"]["vocab"][:PIECES]):
        piece = result.pieces.add()
        piece.piece, piece.score = text, score
        assert piece.score == score
        if index < 3:
            piece.type = kinds.UNKNOWN if text == "<unk>" else kinds.CONTROL
    trainer = result.trainer_spec
    trainer.model_type = trainer.UNIGRAM
    trainer.vocab_size = PIECES
    trainer.pad_id, trainer.eos_id, trainer.unk_id, trainer.bos_id = 0, 1, 2, -1
    result.normalizer_spec.name = "nmt_nfkc"
    characters = tokenizer["normalizer"]["normalizers"][0]
    assert characters["type"] == "Precompiled"
    result.normalizer_spec.precompiled_charsmap = base64.b64decode(characters["precompiled_charsmap"])
    return result.SerializeToString(deterministic=True)


def published(tokenizer: dict):
    from transformers import T5TokenizerFast

    return T5TokenizerFast(
        vocab=[tuple(entry) for entry in tokenizer["model"]["vocab"]],
        _spm_precompiled_charsmap=base64.b64decode(tokenizer["normalizer"]["normalizers"][0]["precompiled_charsmap"]),
    ).backend_tokenizer


if __name__ == "__main__":
    tokenizer = tokenizer_json(pathlib.Path(sys.argv[1]))
    (DATA / "t5_spiece.model.gz").write_bytes(compressed(model(tokenizer)))
    save("t5-published.cases.json.gz", cases(published(tokenizer)))
