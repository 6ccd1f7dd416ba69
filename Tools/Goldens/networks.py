"""What PyTorch makes of small networks: weights, inputs and outputs side by side, for Fixtures/networks.

Each case is NAME.json (the component's config.json) and NAME.safetensors: `weights/...` in canonical names, stored as f16 whose
values PyTorch computed with in f32; `input/...`; `output/...`; and `bf16/...`, what PyTorch's own bf16 run is off by, relative
to the largest output. Pictures are channels last. The structure is that of the published
networks, the widths are a few channels. In `*-faint` cases activations are so small that a wrong epsilon in a norm is a gross error.

Prints the noise floor: the largest difference among PyTorch's own runs (one thread, no oneDNN, f64), relative to the largest output.
"""

import copy
import json
import pathlib
import sys

import safetensors.torch
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

UNET = dict(
    block_out_channels=[8, 16, 24], down_block_types=["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
    up_block_types=["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"], layers_per_block=2, norm_num_groups=4,
    cross_attention_dim=20, attention_head_dim=2, sample_size=8,
)
VAE = dict(
    block_out_channels=[8, 12, 16], down_block_types=["DownEncoderBlock2D"] * 3, up_block_types=["UpDecoderBlock2D"] * 3,
    layers_per_block=2, norm_num_groups=4, latent_channels=4, sample_size=32,
)
CLIP = dict(
    vocab_size=99, hidden_size=24, intermediate_size=72, num_hidden_layers=3, num_attention_heads=3, max_position_embeddings=17,
    projection_dim=10, eos_token_id=2, bos_token_id=0, pad_token_id=1,
)
XL = {
    **UNET, "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"], "transformer_layers_per_block": [1, 2, 3],
    "attention_head_dim": [1, 2, 4], "use_linear_projection": True, "addition_embed_type": "text_time",
    "addition_time_embed_dim": 6, "projection_class_embeddings_input_dim": 46,
}


def fill(model, seed, gain):
    """Weights that keep activations near `gain`, none of them zero or one, all of them f16 values."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in sorted(model.named_parameters()):
        values = torch.randn(parameter.shape, generator=generator)
        if parameter.dim() > 1:
            values *= gain * (1.5 / parameter[0].numel()) ** 0.5
        elif name.endswith("weight"):
            values = 1 + 0.2 * values
        else:
            values *= 0.1 * gain
        parameter.data = values.half().float()
    return model.eval()


def text(class_):
    return lambda configuration: class_(CLIPTextConfig(**configuration))


CASES = {
    "clip-quick-gelu": (text(CLIPTextModel), {**CLIP, "hidden_act": "quick_gelu"}, 1),
    "clip-gelu-projection": (text(CLIPTextModelWithProjection), {**CLIP, "hidden_act": "gelu"}, 1),
    "unet-sd1": (UNet2DConditionModel.from_config, UNET, 1),
    "unet-sd1-faint": (UNet2DConditionModel.from_config, UNET, 0.03),
    "unet-inpainting": (UNet2DConditionModel.from_config, {**UNET, "in_channels": 9}, 1),
    "unet-sd2": (
        UNet2DConditionModel.from_config, {**UNET, "use_linear_projection": True, "attention_head_dim": [1, 2, 3]}, 1),
    "unet-sdxl": (UNet2DConditionModel.from_config, XL, 1),
    "unet-class-table": (UNet2DConditionModel.from_config, {**UNET, "num_class_embeds": 7}, 1),
    "unet-class-projection": (
        UNet2DConditionModel.from_config,
        {**UNET, "class_embed_type": "projection", "projection_class_embeddings_input_dim": 11}, 1),
    "vae-4": (AutoencoderKL.from_config, VAE, 1),
    "vae-4-faint": (AutoencoderKL.from_config, VAE, 0.01),
    "vae-16": (
        AutoencoderKL.from_config,
        {**VAE, "latent_channels": 16, "use_quant_conv": False, "use_post_quant_conv": False}, 1),
}


def last(x):
    return x.permute(0, 2, 3, 1).contiguous()


def first(x):
    return x.permute(0, 3, 1, 2).contiguous()


def inputs(name, configuration, gain):
    generator = torch.Generator().manual_seed(len(name))

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    if name.startswith("clip"):
        # The largest id ends the text; what follows it differs, so that pooling at the wrong place shows.
        ids = torch.randint(3, 90, (2, 13), generator=generator)
        ids[0, 5], ids[0, 6:], ids[1, 12] = 98, 1, 98
        return {"ids": ids.int()}
    if name.startswith("vae"):
        return {"pictures": normal(2, 16, 24, 3) * gain, "latents": normal(2, 4, 6, configuration["latent_channels"]) * gain}
    values = {
        "sample": normal(2, 12, 8, configuration.get("in_channels", 4)) * gain,
        "times": torch.tensor([981.0, 37.0]),
        "context": normal(2, 7, 20),
    }
    if "addition_embed_type" in configuration:
        values |= {"text": normal(2, 10), "sizes": torch.tensor([[64.0, 48, 0, 3, 64, 64], [512, 512, 8, 0, 1024, 1024]])}
    if "num_class_embeds" in configuration:
        values["classes"] = torch.tensor([6.0, 2.0])
    if "class_embed_type" in configuration:
        values["class_vector"] = normal(2, 11)
    return values


@torch.no_grad()
def outputs(name, model, values):
    values = {key: value.to(next(model.parameters()).dtype) if value.is_floating_point() else value for key, value in values.items()}
    if name.startswith("clip"):
        made = model(input_ids=values["ids"].long(), output_hidden_states=True)
        hidden = {f"hidden.{i}": state for i, state in enumerate(made.hidden_states)}
        # transformers names the raw states as above and the normalised one apart.
        result = {**hidden, "last": made.last_hidden_state}
        if hasattr(made, "text_embeds"):
            return {**result, "projected": made.text_embeds}
        return {**result, "pooled": made.pooler_output}
    if name.startswith("vae"):
        return {
            "moments": last(model.encode(first(values["pictures"])).latent_dist.parameters),
            "pictures": last(model.decode(first(values["latents"])).sample),
        }
    options = {}
    if "text" in values:
        options["added_cond_kwargs"] = {"text_embeds": values["text"], "time_ids": values["sizes"]}
    if "classes" in values:
        options["class_labels"] = values["classes"].long()
    if "class_vector" in values:
        options["class_labels"] = values["class_vector"]
    made = model(first(values["sample"]), values["times"], encoder_hidden_states=values["context"], **options).sample
    return {"prediction": last(made)}


def floor(name, model, values, reference):
    """How far PyTorch is from itself."""
    runs = []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    runs.append(outputs(name, model, values))
    with torch.backends.mkldnn.flags(enabled=False):
        runs.append(outputs(name, model, values))
    torch.set_num_threads(threads)
    runs.append(outputs(name, copy.deepcopy(model).double(), values))
    return max(((run[key] - reference[key]).abs().max() / reference[key].abs().max()).item() for run in runs for key in reference)


def half_width(name, model, values, reference):
    """What PyTorch's own bf16 run is off by, for each output, relative to the largest number."""
    run = outputs(name, copy.deepcopy(model).bfloat16(), values)
    return {key: (run[key].float() - reference[key]).abs().max() / reference[key].abs().max() for key in reference}


def main(target):
    target = pathlib.Path(target)
    target.mkdir(parents=True, exist_ok=True)
    for seed, (name, (make, configuration, gain)) in enumerate(CASES.items()):
        model = fill(make(configuration), seed, gain)
        values = inputs(name, configuration, gain)
        made = outputs(name, model, values)
        print(f"{name}: noise floor {floor(name, model, values, made):.1e}")
        rough = half_width(name, model, values, made)
        print(f"{name}: bf16 {max(rough.values()):.1e}")
        written = json.loads((model if hasattr(model, "to_json_string") else model.config).to_json_string())
        written.pop("_name_or_path", None)
        if name.startswith("clip"):
            written["architectures"] = [type(model).__name__]
        (target / f"{name}.json").write_text(json.dumps(written, indent=2, sort_keys=True) + "\n")
        weights = model.state_dict()
        if name.startswith("clip"):
            weights = {k if k.startswith(("text_model.", "text_projection")) else f"text_model.{k}": v for k, v in weights.items()}
            weights.pop("text_model.embeddings.position_ids", None)
        safetensors.torch.save_file(
            {
                **{f"weights/{k}": v.half().contiguous() for k, v in weights.items()},
                **{f"input/{k}": v.contiguous() for k, v in values.items()},
                **{f"output/{k}": v.float().contiguous() for k, v in made.items()},
                **{f"bf16/{k}": v.float().reshape(1) for k, v in rough.items()},
            },
            target / f"{name}.safetensors",
        )
        (target / f"{name}.safetensors").chmod(0o644)


if __name__ == "__main__":
    main(*sys.argv[1:])
