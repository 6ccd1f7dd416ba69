"""The module trees of Stable Diffusion 3's, Flux's, PixArt's and AuraFlow's original code, written anew: names, shapes and order, no
forward pass.

Reference: Stability-AI/sd3.5, mmditx.py; black-forest-labs/flux, src/flux/{model.py,modules/layers.py};
PixArt-alpha/PixArt-sigma, diffusion/model/nets/{PixArt.py,PixArtMS.py,PixArt_blocks.py}; cloneofsimo/minRF, advanced/mmdit.py.
"""

import torch
from torch import nn

from originals import conv, nothing


class Scale(nn.Module):
    """An RMS norm whose weight is called `scale`."""

    def __init__(self, width):
        super().__init__()
        self.scale = nn.Parameter(torch.empty(width))


class Weight(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width))


def embedder(inputs, width):
    module = nn.Module()
    module.mlp = nn.Sequential(nn.Linear(inputs, width), nothing(), nn.Linear(width, width))
    return module


def final_layer(width, outputs):
    module = nn.Module()
    module.linear = nn.Linear(width, outputs)
    module.adaLN_modulation = nn.Sequential(nothing(), nn.Linear(width, 2 * width))
    return module


# --- MMDiT ----------------------------------------------------------------------------------------------------------------------


class MMDiTAttention(nn.Module):
    def __init__(self, width, head_width, normalized, projected):
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        if projected:
            self.proj = nn.Linear(width, width)
        if normalized:
            self.ln_q = Weight(head_width)
            self.ln_k = Weight(head_width)


class MMDiTBlock(nn.Module):
    """One stream's half of a joint block. A last context block only feeds keys and values: two modulations, no way out."""

    def __init__(self, width, head_width, normalized, last=False, second_attention=False):
        super().__init__()
        self.attn = MMDiTAttention(width, head_width, normalized, projected=not last)
        if second_attention:
            self.attn2 = MMDiTAttention(width, head_width, normalized, projected=True)
        if not last:
            self.mlp = nn.Module()
            self.mlp.fc1 = nn.Linear(width, 4 * width)
            self.mlp.fc2 = nn.Linear(4 * width, width)
        modulations = 2 if last else 9 if second_attention else 6
        self.adaLN_modulation = nn.Sequential(nothing(), nn.Linear(width, modulations * width))


class MMDiT(nn.Module):
    def __init__(
        self, *, depth, width, head_width=64, latent=16, patch=2, positions, context=4096, pooled=2048, normalized, dual=(),
    ):
        super().__init__()
        self.register_buffer("pos_embed", torch.empty(1, positions**2, width))
        self.x_embedder = nn.Module()
        self.x_embedder.proj = conv(latent, width, patch)
        self.t_embedder = embedder(256, width)
        self.y_embedder = embedder(pooled, width)
        self.context_embedder = nn.Linear(context, width)
        self.joint_blocks = nn.ModuleList()
        for number in range(depth):
            block = nn.Module()
            block.context_block = MMDiTBlock(width, head_width, normalized, last=number == depth - 1)
            block.x_block = MMDiTBlock(width, head_width, normalized, second_attention=number in dual)
            self.joint_blocks.append(block)
        self.final_layer = final_layer(width, patch * patch * latent)


# --- Flux -----------------------------------------------------------------------------------------------------------------------


def two_layers(inputs, width):
    module = nn.Module()
    module.in_layer = nn.Linear(inputs, width)
    module.out_layer = nn.Linear(width, width)
    return module


def modulation(width, count):
    module = nn.Module()
    module.lin = nn.Linear(width, count * width)
    return module


def query_key_norm(head_width):
    module = nn.Module()
    module.query_norm = Scale(head_width)
    module.key_norm = Scale(head_width)
    return module


class FluxAttention(nn.Module):
    def __init__(self, width, head_width):
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.norm = query_key_norm(head_width)
        self.proj = nn.Linear(width, width)


class FluxDoubleBlock(nn.Module):
    def __init__(self, width, head_width):
        super().__init__()
        for stream in ("img", "txt"):
            setattr(self, f"{stream}_mod", modulation(width, 6))
            setattr(self, f"{stream}_attn", FluxAttention(width, head_width))
            setattr(
                self, f"{stream}_mlp", nn.Sequential(nn.Linear(width, 4 * width), nothing(), nn.Linear(4 * width, width))
            )


class FluxSingleBlock(nn.Module):
    def __init__(self, width, head_width):
        super().__init__()
        self.linear1 = nn.Linear(width, 7 * width)
        self.linear2 = nn.Linear(5 * width, width)
        self.norm = query_key_norm(head_width)
        self.modulation = modulation(width, 3)


class Flux(nn.Module):
    def __init__(
        self, *, inputs=64, outputs=64, double=19, single=38, width=3072, head_width=128, context=4096, pooled=768, guidance=True,
    ):
        super().__init__()
        self.img_in = nn.Linear(inputs, width)
        self.time_in = two_layers(256, width)
        self.vector_in = two_layers(pooled, width)
        if guidance:
            self.guidance_in = two_layers(256, width)
        self.txt_in = nn.Linear(context, width)
        self.double_blocks = nn.ModuleList(FluxDoubleBlock(width, head_width) for _ in range(double))
        self.single_blocks = nn.ModuleList(FluxSingleBlock(width, head_width) for _ in range(single))
        self.final_layer = final_layer(width, outputs)


class XLabsControlNet(nn.Module):
    """XLabs-AI/x-flux: two double blocks, no single ones, and a small convolutional encoder of the hint."""

    def __init__(self, *, depth=2, width=3072, head_width=128, context=4096, pooled=768, inputs=64, guidance=True):
        super().__init__()
        whole = Flux(inputs=inputs, double=depth, single=0, width=width, head_width=head_width, context=context, pooled=pooled, guidance=guidance)
        for name in ("img_in", "time_in", "vector_in", "guidance_in", "txt_in", "double_blocks"):
            if hasattr(whole, name):
                setattr(self, name, getattr(whole, name))
        self.controlnet_blocks = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.pos_embed_input = nn.Linear(inputs, width)
        steps = [(3, 16)] + [(16, 16)] * 7
        parts = []
        for source, target in steps:
            parts += [conv(source, target, 3), nothing()]
        self.input_hint_block = nn.Sequential(*parts[:-1])


class StabilityControlNet(nn.Module):
    """Stability AI's ControlNets of Stable Diffusion 3.5: a single stream whose blocks look at the picture alone."""

    def __init__(self, *, depth=19, width=2432, head_width=64, latent=16, patch=2, pooled=2048):
        super().__init__()
        self.time_text_embed = nn.Module()
        for name, inputs in (("timestep_embedder", 256), ("text_embedder", pooled)):
            module = nn.Module()
            module.linear_1 = nn.Linear(inputs, width)
            module.linear_2 = nn.Linear(width, width)
            setattr(self.time_text_embed, name, module)
        self.transformer_blocks = nn.ModuleList(MMDiTBlock(width, head_width, normalized=False) for _ in range(depth))
        self.controlnet_blocks = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.pos_embed_input = nn.Module()
        self.pos_embed_input.proj = conv(latent, width, patch)


def stability_controlnet_to_diffusers(tensors):
    """What diffusers' scripts/convert_sd3_controlnet_to_diffusers.py does, at any depth."""
    inside = {"attn.proj": "attn.to_out.0", "mlp.fc1": "ff.net.0.proj", "mlp.fc2": "ff.net.2", "adaLN_modulation.1": "norm1.linear"}
    result = {}
    for name, tensor in tensors.items():
        head, found, rest = name.partition("transformer_blocks.")
        if not found:
            result[name] = tensor
            continue
        number, _, rest = rest.partition(".")
        module, _, leaf = rest.rpartition(".")
        if module == "attn.qkv":
            for part, piece in zip("qkv", tensor.chunk(3, dim=0)):
                result[f"transformer_blocks.{number}.attn.to_{part}.{leaf}"] = piece
        else:
            result[f"transformer_blocks.{number}.{inside[module]}.{leaf}"] = tensor
    return result


# --- PixArt ---------------------------------------------------------------------------------------------------------------------


class PixArtBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.scale_shift_table = nn.Parameter(torch.empty(6, width))
        self.attn = nn.Module()
        self.attn.qkv = nn.Linear(width, 3 * width)
        self.attn.proj = nn.Linear(width, width)
        self.cross_attn = nn.Module()
        self.cross_attn.q_linear = nn.Linear(width, width)
        self.cross_attn.kv_linear = nn.Linear(width, 2 * width)
        self.cross_attn.proj = nn.Linear(width, width)
        self.mlp = nn.Module()
        self.mlp.fc1 = nn.Linear(width, 4 * width)
        self.mlp.fc2 = nn.Linear(4 * width, width)


class PixArt(nn.Module):
    """`tokens` positions of the pictures it was trained for, `caption_tokens` of an empty prompt; `sizes` for PixArt-α at 1024."""

    def __init__(self, *, depth=28, width=1152, latent=4, patch=2, caption=4096, tokens, caption_tokens, sizes):
        super().__init__()
        self.register_buffer("pos_embed", torch.empty(1, tokens, width))
        self.x_embedder = nn.Module()
        self.x_embedder.proj = conv(latent, width, patch)
        self.t_embedder = embedder(256, width)
        self.t_block = nn.Sequential(nothing(), nn.Linear(width, 6 * width))
        self.y_embedder = nn.Module()
        self.y_embedder.register_buffer("y_embedding", torch.empty(caption_tokens, caption))
        self.y_embedder.y_proj = nn.Module()
        self.y_embedder.y_proj.fc1 = nn.Linear(caption, width)
        self.y_embedder.y_proj.fc2 = nn.Linear(width, width)
        if sizes:
            self.csize_embedder = embedder(256, width // 3)
            self.ar_embedder = embedder(256, width // 3)
        self.blocks = nn.ModuleList(PixArtBlock(width) for _ in range(depth))
        self.final_layer = nn.Module()
        self.final_layer.linear = nn.Linear(width, patch * patch * 2 * latent)
        self.final_layer.scale_shift_table = nn.Parameter(torch.empty(2, width))


def pixart_to_diffusers(tensors):
    """What diffusers' scripts/convert_pixart_sigma_to_diffusers.py and convert_pixart_alpha_to_diffusers.py do, at any depth."""
    plain = {
        "x_embedder.proj": "pos_embed.proj", "y_embedder.y_proj.fc1": "caption_projection.linear_1",
        "y_embedder.y_proj.fc2": "caption_projection.linear_2", "t_block.1": "adaln_single.linear", "final_layer.linear": "proj_out",
    }
    for original, ours in (("t_embedder", "timestep"), ("csize_embedder", "resolution"), ("ar_embedder", "aspect_ratio")):
        plain[f"{original}.mlp.0"] = f"adaln_single.emb.{ours}_embedder.linear_1"
        plain[f"{original}.mlp.2"] = f"adaln_single.emb.{ours}_embedder.linear_2"
    inside = {
        "attn.proj": "attn1.to_out.0", "cross_attn.q_linear": "attn2.to_q", "cross_attn.proj": "attn2.to_out.0",
        "mlp.fc1": "ff.net.0.proj", "mlp.fc2": "ff.net.2",
    }
    split = {"attn.qkv": ["attn1.to_q", "attn1.to_k", "attn1.to_v"], "cross_attn.kv_linear": ["attn2.to_k", "attn2.to_v"]}
    result = {}
    for name, tensor in tensors.items():
        module, _, leaf = name.rpartition(".")
        if name in ("pos_embed", "y_embedder.y_embedding"):
            continue
        if name == "final_layer.scale_shift_table":
            result["scale_shift_table"] = tensor
        elif module in plain:
            result[f"{plain[module]}.{leaf}"] = tensor
        else:
            _, number, rest = module.split(".", 2) if module.count(".") > 1 else (*module.split("."), "")
            block = f"transformer_blocks.{number}"
            if rest in split:
                for part, piece in zip(split[rest], tensor.chunk(len(split[rest]), dim=0)):
                    result[f"{block}.{part}.{leaf}"] = piece
            else:
                result[".".join(filter(None, (block, inside.get(rest, rest), leaf)))] = tensor
    return result


# --- AuraFlow -------------------------------------------------------------------------------------------------------------------


def aura_linear(inputs, outputs):
    return nn.Linear(inputs, outputs, bias=False)


def aura_modulation(width, parts):
    return nn.Sequential(nothing(), aura_linear(width, parts * width))


class AuraFlowMLP(nn.Module):
    def __init__(self, width):
        super().__init__()
        inner = 256 * -(-int(8 * width / 3) // 256)
        self.c_fc1 = aura_linear(width, inner)
        self.c_fc2 = aura_linear(width, inner)
        self.c_proj = aura_linear(inner, width)


def aura_attention(width, streams):
    module = nn.Module()
    for stream in range(1, streams + 1):
        for part in "qkvo":
            setattr(module, f"w{stream}{part}", aura_linear(width, width))
    return module


class AuraFlowDouble(nn.Module):
    """The text's stream is called C and 1, the picture's X and 2."""

    def __init__(self, width):
        super().__init__()
        self.mlpC, self.modC = AuraFlowMLP(width), aura_modulation(width, 6)
        self.mlpX, self.modX = AuraFlowMLP(width), aura_modulation(width, 6)
        self.attn = aura_attention(width, 2)


class AuraFlowSingle(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.modCX = aura_modulation(width, 6)
        self.attn = aura_attention(width, 1)
        self.mlp = AuraFlowMLP(width)


class AuraFlow(nn.Module):
    def __init__(self, *, double=4, single=32, width=3072, latent=4, patch=2, context=2048, positions):
        super().__init__()
        self.t_embedder = embedder(256, width)
        self.cond_seq_linear = aura_linear(context, width)
        self.init_x_linear = nn.Linear(patch * patch * latent, width)
        self.positional_encoding = nn.Parameter(torch.empty(1, positions, width))
        self.register_tokens = nn.Parameter(torch.empty(1, 8, width))
        self.double_layers = nn.ModuleList(AuraFlowDouble(width) for _ in range(double))
        self.single_layers = nn.ModuleList(AuraFlowSingle(width) for _ in range(single))
        self.final_linear = aura_linear(width, patch * patch * latent)
        self.modF = aura_modulation(width, 2)
