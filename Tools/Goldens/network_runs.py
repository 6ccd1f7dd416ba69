"""Inputs of small networks, and what PyTorch makes of them. Pictures are channels last outside, first inside."""

import numpy
import torch
import torch.nn.functional as functional


def last(x):
    return x.permute(0, 2, 3, 1).contiguous()


def first(x):
    return x.permute(0, 3, 1, 2).contiguous()


def kind(model):
    return type(model).__name__


def inputs(name, model, configuration, gain):
    """Not square, two to a batch, at two times. Each a tensor by name."""
    generator = torch.Generator().manual_seed(len(name))
    gain = gain or 1
    get = configuration.get

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    match kind(model):
        case "CLIPTextModel" | "CLIPTextModelWithProjection":
            # The largest id ends the text; what follows it differs, so that pooling at the wrong place shows.
            ids = torch.randint(3, 90, (2, 13), generator=generator)
            ids[0, 5], ids[0, 6:], ids[1, 12] = 98, 1, 98
            return {"ids": ids.int()}
        case "T5EncoderModel":
            # Long enough for every class of distance.
            return {"ids": torch.randint(0, 99, (2, 150 if name == "t5-gated" else 29), generator=generator).int()}
        case "AutoencoderKL":
            large = name.endswith("tiled")
            pictures, latents = ((2, 52, 40), (2, 14, 11)) if large else ((2, 16, 24), (2, 4, 6))
            return {
                "pictures": normal(*pictures, 3) * gain, "latents": normal(*latents, configuration["latent_channels"]) * gain,
            }
        case "AutoencoderTiny":
            return {"pictures": normal(2, 16, 24, 3).tanh(), "latents": normal(2, 4, 6, configuration["latent_channels"]) * 3}
        case "T2IAdapter":
            # At a third level one side is odd.
            return {"picture": normal(2, 40, 24, 3)}
        case "SD3Transformer2DModel" | "SD3ControlNetModel":
            channels = configuration["in_channels"]
            values = {
                "sample": normal(2, 12, 8, channels) * gain, "times": torch.tensor([981.0, 37.0]),
                "pooled": normal(2, configuration["pooled_projection_dim"]),
            }
            if get("joint_attention_dim"):
                values["context"] = normal(2, 7, configuration["joint_attention_dim"]) * gain
            if kind(model) == "SD3ControlNetModel":
                values["condition"] = normal(2, 12, 8, channels + get("extra_conditioning_channels", 0))
                if not get("use_pos_embed", True):
                    values["sample"] = normal(2, 24, 24)
            if name == "sd3":
                values |= {f"control/{i}": normal(2, 24, 24) for i in range(2)}
            return values
        case "PixArtTransformer2DModel":
            values = {
                "sample": normal(2, 12, 8, configuration["in_channels"]) * gain, "times": torch.tensor([981.0, 37.0]),
                "context": normal(2, 7, configuration["caption_channels"]) * gain,
                # Two tokens of the second text are padding.
                "mask": torch.tensor([[0.0] * 7, [0.0] * 5 + [-10000.0] * 2])[:, None, None],
            }
            if configuration["use_additional_conditions"]:
                values["sizes"] = torch.tensor([[96.0, 64, 1.5], [1024, 512, 2]])
            return values
        case "AuraFlowTransformer2DModel":
            return {
                # Five columns are not in the middle of the even table of positions.
                "sample": normal(2, 12, 10, configuration["in_channels"]) * gain, "times": torch.tensor([0.981, 0.037]),
                "context": normal(2, 7, configuration["joint_attention_dim"]) * gain,
            }
        case "FluxTransformer2DModel" | "FluxControlNetModel":
            values = {
                # A latent of 12 by 8 pixels.
                "sample": normal(2, 24, configuration["in_channels"]) * gain, "times": torch.tensor([0.981, 0.037]),
                "context": normal(2, 7, configuration["joint_attention_dim"]) * gain,
                "pooled": normal(2, configuration["pooled_projection_dim"]),
            }
            if configuration["guidance_embeds"]:
                values["guidance"] = torch.tensor([3.5, 1.25])
            if name == "flux-dev":
                values |= {"control/0": normal(2, 24, 32), "control-single/0": normal(2, 24, 32), "control-single/1": normal(2, 24, 32)}
                # Six more tokens of a second picture, as Kontext has them.
                values["sample"] = normal(2, 30, 16)
                values |= {key: functional.pad(values[key], (0, 0, 0, 6)) for key in list(values) if key.startswith("control")}
            if kind(model) == "FluxControlNetModel":
                pixels = get("conditioning_embedding_channels")
                values["condition"] = normal(2, 96, 64, 3) if pixels else normal(2, 24, configuration["in_channels"])
                if get("num_mode"):
                    values["mode"] = torch.tensor([2, 0]).int()
            return values
    width = configuration["cross_attention_dim"]
    sides = (17, 11) if name == "unet-odd" else (12, 8)
    values = {
        "sample": normal(2, *sides, get("in_channels", 4)) * gain, "times": torch.tensor([981.0, 37.0]), "context": normal(2, 7, width),
    }
    if "addition_embed_type" in configuration:
        sizes = [[64.0, 48, 0, 3, 64, 64], [512, 512, 8, 0, 1024, 1024]]
        if name == "unet-refiner":
            sizes = [size[:4] + [6.0 - i] for i, size in enumerate(sizes)]
        pooled = configuration["projection_class_embeddings_input_dim"] - len(sizes[0]) * configuration["addition_time_embed_dim"]
        values |= {"text": normal(2, pooled), "sizes": torch.tensor(sizes)}
    if "num_class_embeds" in configuration:
        values["classes"] = torch.tensor([6.0, 2.0])
    if "class_embed_type" in configuration:
        values["class_vector"] = normal(2, 11)
    if name == "unet-controlled":
        skips = [(8, 12, 8)] * 3 + [(8, 6, 4)] + [(16, 6, 4)] * 2 + [(16, 3, 2)] + [(24, 3, 2)] * 2
        values |= {f"control/{i}": normal(2, h, w, c) for i, (c, h, w) in enumerate(skips)}
        values["control-middle"] = normal(2, 3, 2, 24)
        values |= {f"feature/{i}": normal(2, h, w, c) for i, (c, h, w) in enumerate([(8, 12, 8), (16, 6, 4), (24, 3, 2)])}
    if kind(model).startswith("ControlNet"):
        side = 2 ** (len(configuration["conditioning_embedding_out_channels"]) - 1)
        values["picture"] = normal(2, 12 * side, 8 * side, 3).sigmoid()
        if kind(model) == "ControlNetUnionModel":
            values["second"] = normal(2, 12 * side, 8 * side, 3).sigmoid()
    return values


@torch.no_grad()
def outputs(name, model, values):
    weights = next(model.parameters())
    values = {key: value.to(weights.dtype) if value.is_floating_point() else value for key, value in values.items()}

    def several(prefix):
        count = sum(key.startswith(prefix + "/") for key in values)
        return [values[f"{prefix}/{i}"] for i in range(count)]

    match kind(model):
        case "CLIPTextModel" | "CLIPTextModelWithProjection":
            made = model(input_ids=values["ids"].long(), output_hidden_states=True)
            # transformers names the raw states as above and the normalised one apart.
            result = {**{f"hidden.{i}": state for i, state in enumerate(made.hidden_states)}, "last": made.last_hidden_state}
            if hasattr(made, "text_embeds"):
                return {**result, "projected": made.text_embeds}
            return {**result, "pooled": made.pooler_output}
        case "T5EncoderModel":
            return {"last": model(input_ids=values["ids"].long()).last_hidden_state}
        case "AutoencoderKL":
            if name.endswith("tiled"):
                model.enable_tiling()
                model.tile_sample_min_size, model.tile_latent_min_size = 32, 8
            return {
                "moments": last(model.encode(first(values["pictures"])).latent_dist.parameters),
                "pictures": last(model.decode(first(values["latents"])).sample),
            }
        case "AutoencoderTiny":
            return {
                "latents": last(model.encode(first(values["pictures"])).latents),
                "pictures": last(model.decode(first(values["latents"])).sample),
            }
        case "T2IAdapter":
            return {f"features.{i}": last(feature) for i, feature in enumerate(model(first(values["picture"])))}
        case "SD3Transformer2DModel":
            made = model(
                first(values["sample"]), encoder_hidden_states=values["context"], pooled_projections=values["pooled"],
                timestep=values["times"], block_controlnet_hidden_states=several("control") or None)
            return {"prediction": last(made.sample)}
        case "SD3ControlNetModel":
            sample = values["sample"]
            made = model(
                first(sample) if sample.dim() == 4 else sample, controlnet_cond=first(values["condition"]), conditioning_scale=0.7,
                encoder_hidden_states=values.get("context"), pooled_projections=values["pooled"], timestep=values["times"])
            return {f"block.{i}": sample for i, sample in enumerate(made.controlnet_block_samples)}
        case "PixArtTransformer2DModel":
            sizes = values.get("sizes", torch.zeros(2, 3))
            made = model(
                first(values["sample"]), encoder_hidden_states=values["context"], timestep=values["times"],
                encoder_attention_mask=values["mask"][:, 0], added_cond_kwargs={"resolution": sizes[:, :2], "aspect_ratio": sizes[:, 2:]})
            return {"prediction": last(made.sample)}
        case "AuraFlowTransformer2DModel":
            made = model(first(values["sample"]), encoder_hidden_states=values["context"], timestep=values["times"])
            return {"prediction": last(made.sample)}
        case "FluxTransformer2DModel" | "FluxControlNetModel":
            places = [[0.0, y, x] for y in range(6) for x in range(4)]
            places += [[1.0, y, x] for y in range(3) for x in range(2)][: values["sample"].shape[1] - 24]
            common = dict(
                encoder_hidden_states=values["context"], pooled_projections=values["pooled"], timestep=values["times"],
                img_ids=torch.tensor(places), txt_ids=torch.zeros(7, 3), guidance=values.get("guidance"))
            if kind(model) == "FluxTransformer2DModel":
                made = model(
                    values["sample"], **common, controlnet_block_samples=several("control") or None,
                    controlnet_single_block_samples=several("control-single") or None)
                return {"prediction": made.sample}
            condition = values["condition"]
            mode = values["mode"].long()[:, None] if "mode" in values else None
            made = model(
                values["sample"], controlnet_cond=first(condition) if condition.dim() == 4 else condition, controlnet_mode=mode,
                conditioning_scale=0.7, **common)
            double, single = made.controlnet_block_samples or [], made.controlnet_single_block_samples or []
            return {
                **{f"block.{i}": sample for i, sample in enumerate(double)}, **{f"single.{i}": sample for i, sample in enumerate(single)},
            }
    options = {}
    if "text" in values:
        options["added_cond_kwargs"] = {"text_embeds": values["text"], "time_ids": values["sizes"]}
    if "classes" in values:
        options["class_labels"] = values["classes"].long()
    if "class_vector" in values:
        options["class_labels"] = values["class_vector"]
    common = dict(encoder_hidden_states=values["context"], **options)
    if kind(model) == "UNet2DConditionModel":
        if "control-middle" in values:
            common |= {
                "down_block_additional_residuals": [first(value) for value in several("control")],
                "mid_block_additional_residual": first(values["control-middle"]),
                "down_intrablock_additional_residuals": [first(value) for value in several("feature")],
            }
        return {"prediction": last(model(first(values["sample"]), values["times"], **common).sample)}
    if kind(model) == "ControlNetUnionModel":
        made = model(
            first(values["sample"]), values["times"], controlnet_cond=[first(values["picture"]), first(values["second"])],
            control_type=torch.tensor([[0.0, 1, 0, 1]] * 2).to(weights.dtype), control_type_idx=[1, 3], conditioning_scale=[0.7, 1.5],
            **common)
    else:
        made = model(
            first(values["sample"]), values["times"], controlnet_cond=first(values["picture"]), conditioning_scale=0.7,
            guess_mode=name == "controlnet-sd2", **common)
    answers = {f"down.{i}": x for i, x in enumerate(made.down_block_res_samples)} | {"middle": made.mid_block_res_sample}
    if name == "controlnet-pooled":
        # One pixel stands for all.
        sizes = [(12, 8)] * 3 + [(6, 4)] * 3 + [(3, 2)] * 4
        answers = {key: x.expand(-1, -1, *size) for (key, x), size in zip(answers.items(), sizes)}
    return {key: last(x) for key, x in answers.items()}


# Modules whose output is that of the layer with weights at the given path in this project, where functions and sums are part of a layer.
SUBMODULES = {
    "ResnetBlock2D": ".conv2", "Transformer2DModel": ".proj_out", "BasicTransformerBlock": ".ff.net.2", "TimestepEmbedding": ".linear_2",
    "Downsample2D": ".conv", "Upsample2D": ".conv", "CLIPEncoderLayer": ".mlp.fc2", "T5LayerSelfAttention": ".SelfAttention.o",
    "T5LayerFF": ".DenseReluDense.wo", "T5LayerNorm": "", "RMSNorm": "", "AdapterResnetBlock": ".block2",
    "CombinedTimestepTextProjEmbeddings": ".text_embedder.linear_2",
    "CombinedTimestepGuidanceTextProjEmbeddings": ".text_embedder.linear_2",
}
# Layers of their own in both.
LEAVES = (
    "context_embedder", "attn.to_out.0", "attn2.to_out.0", "to_add_out", "ff.net.2", "ff_context.net.2", "norm1.linear",
    "norm1_context.linear", "norm.linear", "norm_out.linear", "attn1.to_out.0", "adaln_single.linear", "caption_projection.linear_2",
    "out_projection",
)


@torch.no_grad()
def layers(name, model, values):
    """The outputs of submodules: for each its largest magnitude, and 63 numbers of it evenly apart, pictures channels last."""
    found = {}
    hooks = []

    def watch(path):
        def note(_, __, output):
            output = output[0] if isinstance(output, tuple) else getattr(output, "sample", output)
            flat = (last(output) if output.dim() == 4 and not path.endswith(("_q", "_k")) else output).reshape(-1).float()
            places = torch.arange(63) * (len(flat) - 1) // 62
            found[path] = torch.cat([flat.abs().max().reshape(1), flat[places]])
        return note

    is_joint = kind(model).startswith(("SD3", "Flux", "PixArt", "AuraFlow"))
    for path, module in model.named_modules():
        suffix = SUBMODULES.get(type(module).__name__)
        # The others' outputs are sums in this project.
        is_sum = is_joint or path != "time_embedding" or kind(model) == "ControlNetUnionModel"
        if type(module).__name__ == "TimestepEmbedding" and is_sum:
            continue
        # Its blocks end in a sum, and the one of the text's attention is part of the layer in this project.
        if kind(model).startswith("PixArt") and (suffix == ".ff.net.2" or path.endswith("attn2.to_out.0")):
            continue
        # Heads stand before tokens in the reference's norms of Stable Diffusion 3.
        if type(module).__name__ == "RMSNorm" and not kind(model).startswith("Flux"):
            continue
        if suffix is None and is_joint and path.endswith(LEAVES):
            suffix = ""
        if kind(model) == "AutoencoderKL" and type(module).__name__ == "Attention":
            suffix = ".to_out.0"
        if suffix is not None and path:
            prefix = "text_model." if kind(model).startswith("CLIPTextModel") and not path.startswith("text_model.") else ""
            hooks.append(module.register_forward_hook(watch(prefix + path + suffix)))
    if not name.endswith("tiled"):
        outputs(name, model, values)
    for hook in hooks:
        hook.remove()
    return found


def random_weights(name, shape, seed=1):
    """The numbers of IsomerTensors' RandomSource, as f32."""
    mask = (1 << 64) - 1

    def mix(z):
        z = (z + 0x9E3779B97F4A7C15) & mask
        z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & mask
        return z ^ z >> 31

    key = 0xCBF29CE484222325
    for byte in name.encode():
        key = ((key ^ byte) * 0x100000001B3) & mask
    key = mix(mix(seed) ^ key)
    count = int(numpy.prod(shape, dtype=numpy.int64))
    with numpy.errstate(over="ignore"):
        z = numpy.uint64(key) + numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> numpy.uint64(30)) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> numpy.uint64(27)) * numpy.uint64(0x94D049BB133111EB)
        z ^= z >> numpy.uint64(31)
    low = numpy.uint64(0xFFFF)
    total = (z & low) + (z >> numpy.uint64(16) & low) + (z >> numpy.uint64(32) & low) + (z >> numpy.uint64(48))
    parts = name.split(".")
    embeddings = ("embed_tokens", "wte", "wpe", "shared", "class_embed")
    is_layer = len(parts) > 1 and (parts[-2].startswith(("linear", "proj")) or parts[-2].isdigit())
    is_embedding = any(part.endswith(("embedding", "embeddings")) or part in embeddings for part in parts) and not is_layer
    mean, deviation = 0.0, 0.02
    if len(shape) <= 1:
        mean = 1.0 if parts[-1] in ("weight", "gamma", "scale", "running_var") else 0.0
    elif not is_embedding:
        deviation = 1 / max(1.0, float(numpy.prod(shape[1:], dtype=numpy.float64))) ** 0.5
    scale = numpy.float32(deviation * 3**0.5 / 65536)
    values = (total.astype(numpy.int64) - 2 * 0xFFFF).astype(numpy.float32) * scale + numpy.float32(mean)
    return torch.from_numpy(values.reshape(shape))
