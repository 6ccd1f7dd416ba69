"""Adds to Fixtures/components two networks whose originals no package converts, each held to its original code by running both.

    python Tools/Goldens/original_forms.py Fixtures/components

taesd/, taesd.checkpoint.txt         as diffusers saves it; golden: the original's two files as one, under taesd_encoder. and taesd_decoder.
long-clip/, long-clip.checkpoint.txt as transformers saves it; golden: LongCLIP's own names, both tables of positions the same
long-clip.original.safetensors       LongCLIP's own form of the same network: other numbers in the rows that its masks switch off, and a
                                     tower for pictures beside it

Pictures go through both autoencoders, token numbers through both text towers; they must agree to 1e-5.
"""

import pathlib
import sys

import diffusers
import torch
import transformers

import originals_parts
from clip_vocabulary import write_json
from tensor_lists import write
from tiny_models import fill, save

WIDTH, LATENT = 4, 4
# LongCLIP's masks: the first rows of one table, the rest of the other.
FIRST_ROW = 20


def conv(inputs, outputs, **more):
    return torch.nn.Conv2d(inputs, outputs, 3, padding=1, **more)


class Clamp(torch.nn.Module):
    def forward(self, x):
        return torch.tanh(x / 3) * 3


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        function = torch.nn.ReLU()
        self.conv = torch.nn.Sequential(conv(WIDTH, WIDTH), function, conv(WIDTH, WIDTH), function, conv(WIDTH, WIDTH))

    def forward(self, x):
        return torch.relu(self.conv(x) + x)


def original_encoder():
    """Reference: madebyollin/taesd, taesd.py."""
    parts = [conv(3, WIDTH), Block()]
    for _ in range(3):
        parts += [conv(WIDTH, WIDTH, stride=2, bias=False), Block(), Block(), Block()]
    return torch.nn.Sequential(*parts, conv(WIDTH, LATENT))


def original_decoder():
    parts = [Clamp(), conv(LATENT, WIDTH), torch.nn.ReLU()]
    for _ in range(3):
        parts += [Block(), Block(), Block(), torch.nn.Upsample(scale_factor=2), conv(WIDTH, WIDTH, bias=False)]
    return torch.nn.Sequential(*parts, Block(), conv(WIDTH, 3))


def taesd(target):
    model = diffusers.AutoencoderTiny(
        encoder_block_out_channels=(WIDTH,) * 4, decoder_block_out_channels=(WIDTH,) * 4, latent_channels=LATENT
    ).eval()
    weights = {name: value.half() for name, value in fill(model.state_dict(), "taesd").items()}
    model.load_state_dict({name: value.float() for name, value in weights.items()})
    folder = target / "taesd"
    folder.mkdir(exist_ok=True)
    write_json(folder / "config.json", {key: value for key, value in dict(model.config).items() if not key.startswith("_")} | {
        "_class_name": "AutoencoderTiny", "_diffusers_version": "0.42.1"})
    save(folder / "diffusion_pytorch_model.safetensors", weights)
    halves = {}
    for name, value in weights.items():
        side, _, number, rest = name.split(".", 3)
        halves[f"taesd_{side}.{int(number) + (side == 'decoder')}.{rest}"] = value
    write(target / "taesd.checkpoint.txt", halves, digest=True)

    for side, module in (("encoder", original_encoder()), ("decoder", original_decoder())):
        prefix = f"taesd_{side}."
        module.load_state_dict({name.removeprefix(prefix): value.float() for name, value in halves.items() if name.startswith(prefix)})
        if side == "encoder":
            picture = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
            # diffusers takes pictures between -1 and 1, the original between 0 and 1.
            ours, theirs = module(picture), model.encoder(picture * 2 - 1)
        else:
            latent = torch.randn(1, LATENT, 4, 4, generator=torch.Generator().manual_seed(2)) * 2
            ours, theirs = module(latent) * 2 - 1, model.decoder(latent)
        assert ours.shape == theirs.shape and (ours - theirs).abs().max() < 1e-5 * theirs.abs().max(), f"the {side}s differ"
    print("taesd", len(weights), "tensors")


def tower(model, tokens):
    """LongCLIP's forward pass: OpenAI's, with two masked tables of positions."""
    count = tokens.shape[1]
    first = torch.zeros(model.positional_embedding.shape[0], 1)
    first[:FIRST_ROW] = 1
    x = model.token_embedding(tokens)
    x = x + (model.positional_embedding * first + model.positional_embedding_res * (1 - first))[:count]
    mask = torch.full((count, count), float("-inf")).triu_(1)
    for block in model.transformer.resblocks:
        normed = block.ln_1(x).transpose(0, 1)
        x = x + block.attn(normed, normed, normed, need_weights=False, attn_mask=mask)[0].transpose(0, 1)
        inner = block.mlp.c_fc(block.ln_2(x))
        x = x + block.mlp.c_proj(inner * torch.sigmoid(1.702 * inner))
    x = model.ln_final(x)
    return x, x[torch.arange(len(x)), tokens.argmax(-1)] @ model.text_projection


def long_clip(target):
    width, layers, positions, vocabulary = 16, 2, 248, 80
    original = originals_parts.OpenAITextEncoder(
        width=width, layers=layers, positions=positions, vocabulary=vocabulary, embedding=24
    ).eval()
    weights = {name: value.half() for name, value in fill(original.state_dict(), "long-clip").items()}
    original.load_state_dict({name: value.float() for name, value in weights.items()})
    tower_for_pictures = {"visual.conv1.weight": torch.ones(2, 3, 2, 2).half(), "visual.class_embedding": torch.ones(2).half()}
    save(target / "long-clip.original.safetensors", weights | tower_for_pictures)

    found = {}
    positions_table = torch.cat([weights["positional_embedding"][:FIRST_ROW], weights["positional_embedding_res"][FIRST_ROW:]])
    found["text_model.embeddings.token_embedding.weight"] = weights["token_embedding.weight"]
    found["text_model.embeddings.position_embedding.weight"] = positions_table
    for layer in range(layers):
        block, prefix = f"transformer.resblocks.{layer}.", f"text_model.encoder.layers.{layer}."
        for leaf in ("weight", "bias"):
            for name, part in zip("qkv", weights[f"{block}attn.in_proj_{leaf}"].chunk(3)):
                found[f"{prefix}self_attn.{name}_proj.{leaf}"] = part.contiguous()
            for ours, theirs in (
                ("attn.out_proj", "self_attn.out_proj"), ("ln_1", "layer_norm1"), ("ln_2", "layer_norm2"),
                ("mlp.c_fc", "mlp.fc1"), ("mlp.c_proj", "mlp.fc2"),
            ):
                found[f"{prefix}{theirs}.{leaf}"] = weights[f"{block}{ours}.{leaf}"]
    for leaf in ("weight", "bias"):
        found[f"text_model.final_layer_norm.{leaf}"] = weights[f"ln_final.{leaf}"]
    found["text_projection.weight"] = weights["text_projection"].T.contiguous()
    config = dict(
        hidden_act="quick_gelu", hidden_size=width, intermediate_size=4 * width, layer_norm_eps=1e-5, max_position_embeddings=positions,
        num_attention_heads=max(1, width // 64), num_hidden_layers=layers, projection_dim=24, vocab_size=vocabulary, bos_token_id=0, eos_token_id=2,
        pad_token_id=1, model_type="clip_text_model", attention_dropout=0.0, dropout=0.0, initializer_factor=1.0, initializer_range=0.02,
    )
    folder = target / "long-clip"
    folder.mkdir(exist_ok=True)
    write_json(folder / "config.json", {"architectures": ["CLIPTextModelWithProjection"], **config, "torch_dtype": "float16"})
    save(folder / "model.safetensors", found)
    model, report = transformers.CLIPTextModelWithProjection.from_pretrained(
        folder, output_loading_info=True, local_files_only=True, torch_dtype=torch.float32)
    assert not any(dict(report).values()), report
    tokens = torch.randint(3, vocabulary - 1, (2, 60), generator=torch.Generator().manual_seed(3))
    tokens[:, -1] = vocabulary - 1
    with torch.no_grad():
        states, pooled = tower(original, tokens)
        theirs = model(tokens)
    for ours, peer in ((states, theirs.last_hidden_state), (pooled, theirs.text_embeds)):
        assert (ours - peer).abs().max() < 1e-5 * peer.abs().max(), "the towers differ"

    both = {name: value for name, value in weights.items() if name != "logit_scale"}
    both["positional_embedding"] = both["positional_embedding_res"] = positions_table
    write(target / "long-clip.checkpoint.txt", both, digest=True)
    print("long-clip", len(found), "tensors")


if __name__ == "__main__":
    with torch.no_grad():
        taesd(pathlib.Path(sys.argv[1]))
        long_clip(pathlib.Path(sys.argv[1]))
