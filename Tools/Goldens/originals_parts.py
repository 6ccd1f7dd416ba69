"""Small networks published on their own, in the naming of their original code: TAESD, T2I-Adapter, LongCLIP.

Reference: madebyollin/taesd, taesd.py; TencentARC/T2I-Adapter, ldm/modules/encoders/adapter.py (SD 1) and the XL branch's
adapters; beichenzbc/Long-CLIP, model/model_longclip.py.
"""

import torch
from torch import nn

from originals import conv, nothing


class TinyBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Sequential(
            conv(width, width, 3), nothing(), conv(width, width, 3), nothing(), conv(width, width, 3)
        )


def resampled(width):
    return nn.Conv2d(width, width, 3, bias=False)


def tiny_encoder(latent=4, width=64):
    parts = [conv(3, width, 3), TinyBlock(width)]
    for _ in range(3):
        parts += [resampled(width), TinyBlock(width), TinyBlock(width), TinyBlock(width)]
    return nn.Sequential(*parts, conv(width, latent, 3))


def tiny_decoder(latent=4, width=64):
    parts = [nothing(), conv(latent, width, 3), nothing()]
    for _ in range(3):
        parts += [TinyBlock(width), TinyBlock(width), TinyBlock(width), nothing(), resampled(width)]
    return nn.Sequential(*parts, TinyBlock(width), conv(width, 3, 3))


class AdapterBlock(nn.Module):
    def __init__(self, inputs, width):
        super().__init__()
        if inputs != width:
            self.in_conv = conv(inputs, width, 1)
        self.block1 = conv(width, width, 3)
        self.block2 = conv(width, width, 1)


class Adapter(nn.Module):
    """`channels` levels of two blocks each; the hint comes in with its 8×8 pixels folded into channels (16×16 for SDXL)."""

    def __init__(self, *, inputs=3, channels=(320, 640, 1280, 1280), layers=2, fold=8):
        super().__init__()
        self.body = nn.ModuleList()
        width = channels[0]
        for target in channels:
            for _ in range(layers):
                self.body.append(AdapterBlock(width, target))
                width = target
        self.conv_in = conv(inputs * fold * fold, channels[0], 3)


class OpenAITextEncoder(nn.Module):
    """OpenAI's text tower as Long-CLIP has it: 248 positions, the first of which stay as they were, the rest in a second table."""

    def __init__(self, *, width=768, layers=12, positions=248, vocabulary=49408, embedding=768):
        super().__init__()
        self.positional_embedding = nn.Parameter(torch.empty(positions, width))
        self.positional_embedding_res = nn.Parameter(torch.empty(positions, width))
        self.text_projection = nn.Parameter(torch.empty(width, embedding))
        self.logit_scale = nn.Parameter(torch.empty(()))
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.ModuleList()
        for _ in range(layers):
            block = nn.Module()
            block.attn = nn.MultiheadAttention(width, max(1, width // 64))
            block.ln_1 = nn.LayerNorm(width)
            block.mlp = nn.Module()
            block.mlp.c_fc = nn.Linear(width, 4 * width)
            block.mlp.c_proj = nn.Linear(4 * width, width)
            block.ln_2 = nn.LayerNorm(width)
            self.transformer.resblocks.append(block)
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.ln_final = nn.LayerNorm(width)
