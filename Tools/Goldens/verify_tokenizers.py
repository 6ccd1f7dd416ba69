"""Asks the references what they make of the tokenizers and embeddings that isomer writes.

    python Tools/Goldens/verify_tokenizers.py --isomer .build/release/isomer

Converts every form into every other that it goes into, opens the result with tokenizers, transformers, open_clip and tiktoken (if it is
installed), and compares ids on the hard strings; builds textual inversions into a model and compares the embedding table and the prompt's ids
with diffusers' own `load_textual_inversion`. Prints a line each. Pinned as tokenizers_goldens.py; diffusers 0.42.1.
"""

import argparse
import gzip
import pathlib
import subprocess
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tokenizers_goldens import FIXTURES, STRINGS, clip_tokenizer, open_clip_tokenizer  # noqa: E402

MODELS = FIXTURES.parent / "models"
failures = 0


def report(what: str, differ: int, total: int) -> None:
    global failures
    failures += differ > 0
    print(f"{what}: {differ} of {total} differ", flush=True)


def compare(what: str, found, expected, strings=STRINGS) -> None:
    report(what, sum(list(found(s)) != list(expected(s)) for s in strings), len(strings))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--isomer", required=True)
    options = parser.parse_args()
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer, CLIPTokenizer

    def isomer(*arguments) -> None:
        subprocess.run([options.isomer, "convert", "--quiet", *map(str, arguments)], check=True)

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)

        def fixture(name: str) -> pathlib.Path:
            path = folder / name
            path.write_bytes(gzip.open(FIXTURES / f"{name}.gz").read())
            return path

        # CLIP: tokenizer.json -> vocabulary files -> tokenizer.json -> open_clip -> tokenizer.json
        for pad, label in (("<|endoftext|>", "SD1"), ("!", "SD2")):
            reference = clip_tokenizer(pad)
            start = folder / f"{label}.json"
            reference.save(str(start))
            isomer(start, folder / f"{label}-folder")
            loaded = CLIPTokenizer.from_pretrained(folder / f"{label}-folder")._tokenizer
            compare(f"{label}: tokenizer.json to vocab.json and merges.txt, opened by transformers", lambda s: loaded.encode(s).ids, lambda s: reference.encode(s).ids)
            isomer(folder / f"{label}-folder", folder / f"{label}-again.json")
            again = Tokenizer.from_file(str(folder / f"{label}-again.json"))
            compare(f"{label}: and back, opened by tokenizers", lambda s: again.encode(s).ids, lambda s: reference.encode(s).ids)
        isomer(folder / "SD1-folder", folder / "bpe_simple_vocab_16e6.txt.gz")
        original = open_clip_tokenizer()
        table = type(original)(bpe_path=str(folder / "bpe_simple_vocab_16e6.txt.gz"))
        compare("CLIP's folder to OpenAI's table, opened by open_clip", table.encode, original.encode)
        import open_clip  # noqa: F401  for its table

        source = pathlib.Path(open_clip.__file__).parent / "bpe_simple_vocab_16e6.txt.gz"
        isomer(source, folder / "from-open_clip.json")
        made = Tokenizer.from_file(str(folder / "from-open_clip.json"))
        reference = clip_tokenizer("<|endoftext|>")
        compare("open_clip's table to tokenizer.json, opened by tokenizers", lambda s: made.encode(s).ids, lambda s: reference.encode(s).ids)

        # SentencePiece, GPT-2, BERT
        t5 = Tokenizer.from_file(str(fixture("t5.tokenizer.json")))
        isomer(fixture("t5.model"), folder / "t5-made.json")
        made_t5 = Tokenizer.from_file(str(folder / "t5-made.json"))
        compare("T5's model to tokenizer.json, opened by tokenizers", lambda s: made_t5.encode(s).ids, lambda s: t5.encode(s).ids)
        bert = Tokenizer.from_file(str(fixture("bert.tokenizer.json")))
        isomer(folder / "bert.tokenizer.json", folder / "bert-folder")
        made_bert = AutoTokenizer.from_pretrained(folder / "bert-folder")
        compare("BERT's tokenizer.json to vocab.txt, opened by transformers", lambda s: made_bert(s).input_ids, lambda s: bert.encode(s).ids)
        plain = Tokenizer.from_file(str(fixture("byte-level.tokenizer.json")))
        isomer(folder / "byte-level.tokenizer.json", folder / "gpt2-folder")
        made_gpt2 = AutoTokenizer.from_pretrained(folder / "gpt2-folder")
        strings = [s for s in STRINGS if "[NEW]" not in s and "<new word>" not in s and "<|" not in s]
        compare("GPT-2's tokenizer.json to vocab.json and merges.txt, opened by transformers", lambda s: made_gpt2(s).input_ids, lambda s: plain.encode(s).ids, strings)
        isomer(folder / "byte-level.tokenizer.json", folder / "gpt2.tiktoken")
        isomer(folder / "gpt2.tiktoken", folder / "from-tiktoken.json")
        Tokenizer.from_file(str(folder / "from-tiktoken.json"))
        try:
            import tiktoken
            from tiktoken.load import load_tiktoken_bpe

            pattern = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""
            ranks = tiktoken.Encoding("made", pat_str=pattern, mergeable_ranks=load_tiktoken_bpe(str(folder / "gpt2.tiktoken")), special_tokens={})
            compare("and to tiktoken's ranks, opened by tiktoken", ranks.encode_ordinary, lambda s: plain.encode(s).ids, [s for s in strings if s.isprintable()])
        except ImportError:
            print("tiktoken is not installed")

        # Textual inversions
        import torch
        from transformers import CLIPTextModel

        from diffusers.loaders import TextualInversionLoaderMixin

        class Pipe(TextualInversionLoaderMixin):
            components = {}
            hf_device_map = None

        embeddings = FIXTURES.parent / "textual-inversion"
        model = MODELS / "sd15-tiny"
        isomer(model, folder / "taught", "--embedding", f"{embeddings / 'webui.pt'}=<style>", "--embedding", embeddings / "learned_embeds.bin")
        pipe = Pipe()
        pipe.tokenizer = CLIPTokenizer.from_pretrained(model / "tokenizer")
        pipe.text_encoder = CLIPTextModel.from_pretrained(model / "text_encoder")
        pipe.load_textual_inversion(str(embeddings), weight_name="webui.pt", token="<style>", use_safetensors=False)
        pipe.load_textual_inversion(str(embeddings), weight_name="learned_embeds.bin", use_safetensors=False)
        taught = CLIPTextModel.from_pretrained(folder / "taught/text_encoder")
        same = torch.equal(taught.get_input_embeddings().weight, pipe.text_encoder.get_input_embeddings().weight)
        report("embedding table, against diffusers' load_textual_inversion", 0 if same else 1, 1)
        tokenizer = CLIPTokenizer.from_pretrained(folder / "taught/tokenizer")
        prompts = ["a <style> house", "<cat-toy> in <style>", "a <Style> <CAT-TOY>"]
        compare("prompts with the words", lambda s: tokenizer(pipe.maybe_convert_prompt(s, tokenizer)).input_ids, lambda s: pipe.tokenizer(pipe.maybe_convert_prompt(s, pipe.tokenizer)).input_ids, prompts)
        for name in ("out.safetensors", "out.bin", "out.pt"):
            isomer(folder / "taught", folder / name, "--extract-embedding", "<style>")
            fresh = Pipe()
            fresh.tokenizer = CLIPTokenizer.from_pretrained(model / "tokenizer")
            fresh.text_encoder = CLIPTextModel.from_pretrained(model / "text_encoder")
            fresh.load_textual_inversion(str(folder), weight_name=name, token="<style>", use_safetensors=name.endswith("safetensors"))
            same = torch.equal(fresh.text_encoder.get_input_embeddings().weight[-3:], pipe.text_encoder.get_input_embeddings().weight[768:771])
            report(f"{name}, opened by diffusers", 0 if same else 1, 1)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
