"""The module trees of the original code bases, written anew: parameter names, shapes and order, no forward pass.

Reference: CompVis/stable-diffusion and Stability-AI/stablediffusion, ldm/modules/diffusionmodules/{openaimodel,model}.py and
ldm/modules/attention.py; Stability-AI/generative-models for SDXL. A layer without parameters (SiLU, Dropout) stands as
`nothing()`, since it takes an index in a Sequential. Everything is built on the meta device unless the caller says otherwise.
"""

from torch import nn


def nothing():
    return nn.Identity()


def conv(inputs, outputs, kernel):
    return nn.Conv2d(inputs, outputs, kernel)


# --- UNet (openaimodel.UNetModel) ---------------------------------------------------------------------------------------------


class ResidualBlock(nn.Module):
    def __init__(self, inputs, embedding, outputs, groups):
        super().__init__()
        self.in_layers = nn.Sequential(nn.GroupNorm(groups, inputs), nothing(), conv(inputs, outputs, 3))
        self.emb_layers = nn.Sequential(nothing(), nn.Linear(embedding, outputs))
        self.out_layers = nn.Sequential(nn.GroupNorm(groups, outputs), nothing(), nothing(), conv(outputs, outputs, 3))
        self.skip_connection = nothing() if inputs == outputs else conv(inputs, outputs, 1)


class CrossAttention(nn.Module):
    def __init__(self, width, context):
        super().__init__()
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context, width, bias=False)
        self.to_v = nn.Linear(context, width, bias=False)
        self.to_out = nn.Sequential(nn.Linear(width, width), nothing())


class GatedGELU(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.proj = nn.Linear(width, 2 * inner)


class FeedForward(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.net = nn.Sequential(GatedGELU(width, 4 * width), nothing(), nn.Linear(4 * width, width))


class TransformerBlock(nn.Module):
    def __init__(self, width, context):
        super().__init__()
        self.attn1 = CrossAttention(width, width)
        self.ff = FeedForward(width)
        self.attn2 = CrossAttention(width, context)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.norm3 = nn.LayerNorm(width)


class SpatialTransformer(nn.Module):
    def __init__(self, width, depth, context, linear, groups):
        super().__init__()
        self.norm = nn.GroupNorm(groups, width)
        self.proj_in = nn.Linear(width, width) if linear else conv(width, width, 1)
        self.transformer_blocks = nn.ModuleList(TransformerBlock(width, context) for _ in range(depth))
        self.proj_out = nn.Linear(width, width) if linear else conv(width, width, 1)


class Downsample(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.op = conv(width, width, 3)


class Upsample(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = conv(width, width, 3)


class LDMUNet(nn.Module):
    """`depths` gives the transformer depth of each level (0: no attention; a list: one depth a layer), `up_depths` that of each
    output level where it differs, layers in the order they run. `middle` is the transformer depth of the middle block, 0 for a
    middle block of one residual block (SSD-1B, Vega), None for no middle block (KOALA-700M). `vector` is the width of the vector
    condition (`label_emb`)."""

    def __init__(
        self, *, inputs, outputs=4, widths, layers, depths, middle, context, linear, vector=None, classes=None,
        up_depths=None, groups=32,
    ):
        super().__init__()
        base = widths[0]
        embedding = 4 * base
        per_layer = lambda value, count: list(value) if isinstance(value, (list, tuple)) else [value] * count
        down = [per_layer(depth, layers) for depth in depths]
        up = [per_layer(depth, layers + 1) for depth in (up_depths or depths)]
        transformer = lambda width, depth: SpatialTransformer(width, depth, context, linear, groups)

        self.time_embed = nn.Sequential(nn.Linear(base, embedding), nothing(), nn.Linear(embedding, embedding))
        if classes is not None:
            self.label_emb = nn.Embedding(classes, embedding)
        elif vector is not None:
            self.label_emb = nn.Sequential(
                nn.Sequential(nn.Linear(vector, embedding), nothing(), nn.Linear(embedding, embedding))
            )

        self.input_blocks = nn.ModuleList([nn.Sequential(conv(inputs, base, 3))])
        skips = [base]
        width = base
        for level, target in enumerate(widths):
            for layer in range(layers):
                parts = [ResidualBlock(width, embedding, target, groups)]
                width = target
                if down[level][layer]:
                    parts.append(transformer(width, down[level][layer]))
                self.input_blocks.append(nn.Sequential(*parts))
                skips.append(width)
            if level < len(widths) - 1:
                self.input_blocks.append(nn.Sequential(Downsample(width)))
                skips.append(width)

        if middle is not None:
            residual = lambda: ResidualBlock(width, embedding, width, groups)
            rest = [transformer(width, middle), residual()] if middle else []
            self.middle_block = nn.Sequential(residual(), *rest)

        self.output_blocks = nn.ModuleList()
        for level, target in reversed(list(enumerate(widths))):
            for layer in range(layers + 1):
                parts = [ResidualBlock(width + skips.pop(), embedding, target, groups)]
                width = target
                if up[level][layer]:
                    parts.append(transformer(width, up[level][layer]))
                if level > 0 and layer == layers:
                    parts.append(Upsample(width))
                self.output_blocks.append(nn.Sequential(*parts))

        self.out = nn.Sequential(nn.GroupNorm(groups, width), nothing(), conv(width, outputs, 3))


# --- ControlNet (lllyasviel/ControlNet, cldm/cldm.py) ---------------------------------------------------------------------------


class LDMControlNet(nn.Module):
    """The encoder half of a UNet, a convolution of zeros at each of its outputs, and the hint's own small encoder."""

    def __init__(self, *, hint_channels=3, **unet):
        super().__init__()
        whole = LDMUNet(**unet)
        self.time_embed = whole.time_embed
        if hasattr(whole, "label_emb"):
            self.label_emb = whole.label_emb
        self.input_blocks = whole.input_blocks
        layers, levels = unet["layers"], len(unet["widths"])
        outputs = [unet["widths"][0]]
        for level, width in enumerate(unet["widths"]):
            outputs += [width] * (layers + (level < levels - 1))
        self.zero_convs = nn.ModuleList(nn.Sequential(conv(width, width, 1)) for width in outputs)
        steps = [hint_channels, 16, 16, 32, 32, 96, 96, 256, unet["widths"][0]]
        parts = []
        for inputs, width in zip(steps, steps[1:]):
            parts += [conv(inputs, width, 3), nothing()]
        self.input_hint_block = nn.Sequential(*parts[:-1])
        self.middle_block = whole.middle_block
        width = unet["widths"][-1]
        self.middle_block_out = nn.Sequential(conv(width, width, 1))


# --- VAE (diffusionmodules.model, autoencoder.AutoencoderKL) -------------------------------------------------------------------


class VAEResidualBlock(nn.Module):
    def __init__(self, inputs, outputs, groups):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, inputs)
        self.conv1 = conv(inputs, outputs, 3)
        self.norm2 = nn.GroupNorm(groups, outputs)
        self.conv2 = conv(outputs, outputs, 3)
        if inputs != outputs:
            self.nin_shortcut = conv(inputs, outputs, 1)


class VAEAttention(nn.Module):
    def __init__(self, width, groups):
        super().__init__()
        self.norm = nn.GroupNorm(groups, width)
        self.q = conv(width, width, 1)
        self.k = conv(width, width, 1)
        self.v = conv(width, width, 1)
        self.proj_out = conv(width, width, 1)


class VAEResampling(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = conv(width, width, 3)


def vae_middle(width, groups):
    mid = nn.Module()
    mid.block_1 = VAEResidualBlock(width, width, groups)
    mid.attn_1 = VAEAttention(width, groups)
    mid.block_2 = VAEResidualBlock(width, width, groups)
    return mid


class VAEEncoder(nn.Module):
    def __init__(self, inputs, widths, layers, latent, groups):
        super().__init__()
        self.conv_in = conv(inputs, widths[0], 3)
        self.down = nn.ModuleList()
        width = widths[0]
        for level, target in enumerate(widths):
            stage = nn.Module()
            stage.block = nn.ModuleList()
            stage.attn = nn.ModuleList()
            for _ in range(layers):
                stage.block.append(VAEResidualBlock(width, target, groups))
                width = target
            if level < len(widths) - 1:
                stage.downsample = VAEResampling(width)
            self.down.append(stage)
        self.mid = vae_middle(width, groups)
        self.norm_out = nn.GroupNorm(groups, width)
        self.conv_out = conv(width, 2 * latent, 3)


class VAEDecoder(nn.Module):
    def __init__(self, outputs, widths, layers, latent, groups):
        super().__init__()
        width = widths[-1]
        self.conv_in = conv(latent, width, 3)
        self.mid = vae_middle(width, groups)
        stages = []
        for level, target in reversed(list(enumerate(widths))):
            stage = nn.Module()
            stage.block = nn.ModuleList()
            stage.attn = nn.ModuleList()
            for _ in range(layers + 1):
                stage.block.append(VAEResidualBlock(width, target, groups))
                width = target
            if level > 0:
                stage.upsample = VAEResampling(width)
            stages.insert(0, stage)
        self.up = nn.ModuleList(stages)
        self.norm_out = nn.GroupNorm(groups, width)
        self.conv_out = conv(width, outputs, 3)


class LDMAutoencoder(nn.Module):
    def __init__(self, *, widths, layers=2, latent=4, channels=3, groups=32, quantization_convs=True):
        super().__init__()
        self.encoder = VAEEncoder(channels, widths, layers, latent, groups)
        self.decoder = VAEDecoder(channels, widths, layers, latent, groups)
        if quantization_convs:
            self.quant_conv = conv(2 * latent, 2 * latent, 1)
            self.post_quant_conv = conv(latent, latent, 1)
