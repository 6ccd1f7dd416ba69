"""Writes Fixtures/adapters: adapters of every kind for Fixtures/models/sd15-tiny, and what merging them gives.

    python Tools/Goldens/adapters.py Fixtures/models/sd15-tiny Fixtures/adapters PATH_TO_KOHYA PATH_TO_WEBUI Fixtures/models/sdxl-tiny

Beside requirements.txt: peft 0.21.2, lycoris-lora 4.1.3; as folders kohya-ss/sd-scripts (networks/lora.py) and
AUTOMATIC1111/stable-diffusion-webui 1.10 (modules/textual_inversion/image_embedding.py).

kinds.safetensors            kohya's names, one module or more of each kind
kinds.merged.safetensors     W + 0.8 · change of every tensor touched, in binary64, called component/name
peft.safetensors             as diffusers saves one, alpha in the metadata only
peft.diffusers.safetensors   the same model after diffusers' fuse_lora(lora_scale=0.8)
dora.safetensors             PEFT's DoRA
dora.diffusers.safetensors   after fuse_lora(lora_scale=0.8)
kohya.safetensors            kohya's names
kohya.kohya.safetensors      W merged by kohya's own module at 0.8
sdxl.safetensors             kohya's names of SDXL's original, both text encoders too
sdxl.diffusers.safetensors   the same model after diffusers' load_lora_weights and fuse_lora(lora_scale=0.8)
embedding.pt, .png           a textual inversion as A1111 saves it, as a file and in pictures' text
embedding-pixels.png         the same in a picture's pixels alone, put there by A1111's own function
"""

import importlib.util
import json
import pathlib
import sys

import torch
from safetensors.torch import load_file, save_file

SCALE = 0.8


def noise(name, *shape, deviation=0.1):
    generator = torch.Generator().manual_seed(int.from_bytes(name.encode(), "little") % (1 << 62))
    return torch.randn(*shape, generator=generator) * deviation


def linear_modules(state):
    return {name.removesuffix(".weight"): value for name, value in state.items() if name.endswith(".weight") and value.ndim in (2, 4)}


def kinds(model):
    """One adapter that has everything. Returns its tensors and the merged weights in binary64."""
    from lycoris.functional import loha, lokr

    unet = load_file(model / "unet/diffusion_pytorch_model.safetensors")
    text = load_file(model / "text_encoder/model.safetensors")
    weights = linear_modules(unet)
    tensors, merged = {}, {}

    def key(module, prefix="lora_unet_"):
        return prefix + module.replace(".", "_")

    def done(component, module, change, state=unet, leaf="weight", scale=SCALE):
        name = f"{module}.{leaf}"
        merged[f"{component}/{name}"] = state[name].double() + scale * change.double().reshape(state[name].shape)

    def double(*values):
        return [value.double() for value in values]

    attention = [name for name in sorted(weights) if name.endswith("attn1.to_q")]
    feed = [name for name in sorted(weights) if name.endswith("ff.net.0.proj")]
    keys = [name for name in sorted(weights) if name.endswith("attn2.to_k")]
    values = [name for name in sorted(weights) if name.endswith("attn2.to_v")]
    projections = [name for name in sorted(weights) if name.endswith("proj_in")]
    convolutions = [name for name in sorted(weights) if name.endswith("conv1")]
    rank = 4

    # LoRA of linear maps, with alpha and without.
    for number, module in enumerate(attention):
        out, inputs = weights[module].shape
        down, up = noise(module + "d", rank, inputs), noise(module + "u", out, rank)
        tensors[key(module) + ".lora_down.weight"], tensors[key(module) + ".lora_up.weight"] = down, up
        alpha = None if number == 0 else 2.0 + number
        if alpha is not None:
            tensors[key(module) + ".alpha"] = torch.tensor(alpha)
        done("unet", module, (alpha or rank) / rank * (up.double() @ down.double()))
    # A 1x1 convolution, a 3x3 one, and one with a kernel between the factors.
    module = projections[0]
    out, inputs = weights[module].shape[:2]
    down, up = noise(module + "d", rank, inputs, 1, 1), noise(module + "u", out, rank, 1, 1)
    tensors[key(module) + ".lora_down.weight"], tensors[key(module) + ".lora_up.weight"] = down, up
    tensors[key(module) + ".alpha"] = torch.tensor(1.0)
    done("unet", module, 1 / rank * (up.double()[:, :, 0, 0] @ down.double()[:, :, 0, 0]))
    module = convolutions[0]
    out, inputs = weights[module].shape[:2]
    down, up = noise(module + "d", rank, inputs, 3, 3), noise(module + "u", out, rank, 1, 1)
    tensors[key(module) + ".lora_down.weight"], tensors[key(module) + ".lora_up.weight"] = down, up
    tensors[key(module) + ".alpha"] = torch.tensor(3.0)
    done("unet", module, 3 / rank * (up.double().flatten(1) @ down.double().flatten(1)))
    module = convolutions[1]
    out, inputs = weights[module].shape[:2]
    down, middle, up = noise(module + "d", rank, inputs, 1, 1), noise(module + "m", rank, rank, 3, 3), noise(module + "u", out, rank, 1, 1)
    tensors[key(module) + ".lora_down.weight"], tensors[key(module) + ".lora_up.weight"] = down, up
    tensors[key(module) + ".lora_mid.weight"] = middle
    tensors[key(module) + ".alpha"] = torch.tensor(2.0)
    done("unet", module, 2 / rank * torch.einsum("op,pqhw,qi->oihw", *double(up[:, :, 0, 0], middle, down[:, :, 0, 0])))
    # LoHa, plain and with kernels.
    module = feed[0]
    out, inputs = weights[module].shape
    parts = [noise(f"{module}{i}", *shape, deviation=0.5) for i, shape in enumerate([(out, rank), (rank, inputs)] * 2)]
    for name, value in zip(["w1_a", "w1_b", "w2_a", "w2_b"], parts):
        tensors[f"{key(module)}.hada_{name}"] = value
    tensors[key(module) + ".alpha"] = torch.tensor(2.0)
    a, b, c, d = double(*parts)
    change = (a @ b) * (c @ d) * 2 / rank
    ours = loha.diff_weight(parts[1], parts[0], parts[3], parts[2], None, None, gamma=torch.tensor(2 / rank))
    assert torch.allclose(change.float(), ours, atol=1e-5), "LyCORIS does it otherwise"
    done("unet", module, change)
    module = convolutions[2]
    out, inputs = weights[module].shape[:2]
    a, b, t1 = noise(module + "a", rank, out, deviation=0.5), noise(module + "b", rank, inputs, deviation=0.5), noise(module + "t", rank, rank, 3, 3)
    c, d, t2 = noise(module + "c", rank, out, deviation=0.5), noise(module + "e", rank, inputs, deviation=0.5), noise(module + "s", rank, rank, 3, 3)
    for name, value in zip(["w1_a", "w1_b", "w2_a", "w2_b", "t1", "t2"], [a, b, c, d, t1, t2]):
        tensors[f"{key(module)}.hada_{name}"] = value
    tensors[key(module) + ".alpha"] = torch.tensor(4.0)
    change = torch.einsum("ijkl,jr,ip->prkl", *double(t1, b, a)) * torch.einsum("ijkl,jr,ip->prkl", *double(t2, d, c)) * 4 / rank
    done("unet", module, change)
    # LoKr: whole factors, a product, a kernel.
    module = keys[0]
    out, inputs = weights[module].shape
    w1, w2 = noise(module + "1", 4, 2), noise(module + "2", out // 4, inputs // 2)
    tensors[key(module) + ".lokr_w1"], tensors[key(module) + ".lokr_w2"] = w1, w2
    tensors[key(module) + ".alpha"] = torch.tensor(1.0)
    done("unet", module, torch.kron(w1.double(), w2.double()))
    module = keys[1]
    out, inputs = weights[module].shape
    w1, a, b = noise(module + "1", 2, 4), noise(module + "a", out // 2, 2), noise(module + "b", 2, inputs // 4)
    tensors[key(module) + ".lokr_w1"], tensors[key(module) + ".lokr_w2_a"], tensors[key(module) + ".lokr_w2_b"] = w1, a, b
    tensors[key(module) + ".alpha"] = torch.tensor(1.0)
    done("unet", module, torch.kron(w1.double(), a.double() @ b.double()) / 2)
    module = convolutions[3]
    out, inputs = weights[module].shape[:2]
    w1, a, b, t = noise(module + "1", 2, 2), noise(module + "a", 2, out // 2), noise(module + "b", 2, inputs // 2), noise(module + "t", 2, 2, 3, 3)
    for name, value in zip(["w1", "w2_a", "w2_b", "t2"], [w1, a, b, t]):
        tensors[f"{key(module)}.lokr_{name}"] = value
    tensors[key(module) + ".alpha"] = torch.tensor(3.0)
    second = torch.einsum("ijkl,ip,jr->prkl", *double(t, a, b)).contiguous()
    done("unet", module, torch.kron(w1.double()[:, :, None, None], second) * 3 / 2)
    # The change itself, of a weight, a bias, a norm.
    module = feed[1]
    tensors[key(module) + ".diff"] = noise(module + "w", *weights[module].shape)
    tensors[key(module) + ".diff_b"] = noise(module + "b", *unet[module + ".bias"].shape)
    done("unet", module, tensors[key(module) + ".diff"])
    done("unet", module, tensors[key(module) + ".diff_b"], leaf="bias")
    module = "conv_norm_out"
    tensors[key(module) + ".w_norm"] = noise(module + "w", *unet[module + ".weight"].shape)
    tensors[key(module) + ".b_norm"] = noise(module + "b", *unet[module + ".bias"].shape)
    done("unet", module, tensors[key(module) + ".w_norm"])
    done("unet", module, tensors[key(module) + ".b_norm"], leaf="bias")
    # DoRA: lengths of rows, and of columns. At 0.8 the weight goes 0.8 of the way, as in ComfyUI.
    for module, axis in [(values[0], 1), (values[1], 0)]:
        weight = weights[module].double()
        out, inputs = weight.shape
        down, up = noise(module + "d", rank, inputs), noise(module + "u", out, rank)
        changed = weight + 2 / rank * up.double() @ down.double()
        lengths = weight.norm(dim=axis, keepdim=True) * (1 + noise(module + "m", *weight.norm(dim=axis, keepdim=True).shape).double())
        lengths = lengths.float()
        tensors[key(module) + ".lora_down.weight"], tensors[key(module) + ".lora_up.weight"] = down, up
        tensors[key(module) + ".alpha"], tensors[key(module) + ".dora_scale"] = torch.tensor(2.0), lengths
        done("unet", module, changed * lengths.double() / changed.norm(dim=axis, keepdim=True) - weight)
    # The text encoder.
    module = sorted(name for name in linear_modules(text) if name.endswith("self_attn.v_proj"))[0]
    out, inputs = text[module + ".weight"].shape
    down, up = noise(module + "d", rank, inputs), noise(module + "u", out, rank)
    stem = key(module if module.startswith("text_model.") else "text_model." + module, "lora_te_")
    tensors[stem + ".lora_down.weight"], tensors[stem + ".lora_up.weight"] = down, up
    tensors[stem + ".alpha"] = torch.tensor(8.0)
    name = module if module.startswith("text_model.") else "text_model." + module
    merged[f"text_encoder/{name}.weight"] = text[module + ".weight"].double() + SCALE * 8 / rank * up.double() @ down.double()
    return tensors, merged


def fused(model, folder, dora):
    """PEFT's adapter as diffusers saves it, and the weights after diffusers' own fuse_lora."""
    from diffusers import StableDiffusionPipeline, UNet2DConditionModel
    from diffusers.loaders.lora_base import LORA_ADAPTER_METADATA_KEY
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    unet = UNet2DConditionModel.from_pretrained(model / "unet", torch_dtype=torch.float32)
    before = {name: value.clone() for name, value in unet.state_dict().items()}
    config = LoraConfig(r=4, lora_alpha=6, target_modules=["to_q", "to_k", "to_v", "to_out.0", "ff.net.2"] + ([] if dora else ["conv2"]), use_dora=dora)
    unet.add_adapter(config)
    state = get_peft_model_state_dict(unet)
    for name, value in state.items():
        if "lora_B" in name or "lora_A" in name:
            value.copy_(noise(name, *value.shape))
        if "magnitude" in name:
            value.mul_(1 + noise(name, *value.shape))
    settings = {f"unet.{name}": value for name, value in config.to_dict().items() if name in ("r", "lora_alpha", "use_dora")}
    settings["unet.target_modules"] = sorted(config.target_modules)
    name = "dora" if dora else "peft"
    save_file(
        {"unet." + key: value.contiguous().clone() for key, value in state.items()}, folder / f"{name}.safetensors",
        metadata={"format": "pt", LORA_ADAPTER_METADATA_KEY: json.dumps(settings, indent=2, sort_keys=True)})
    unet.fuse_lora(lora_scale=SCALE)
    unet.unload_lora()
    after = {key.replace(".base_layer", ""): value for key, value in unet.state_dict().items()}
    changed = {f"unet/{key}": value.contiguous() for key, value in after.items() if not torch.equal(value, before[key])}
    assert changed
    save_file(changed, folder / f"{name}.diffusers.safetensors")


def kohya(model, folder, sources):
    """Weights merged by kohya's own module."""
    sys.path.insert(0, str(sources))
    # Beside this script stands another module called `networks`.
    spec = importlib.util.spec_from_file_location("kohya_lora", sources / "networks/lora.py")
    kohya_lora = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kohya_lora)
    LoRAInfModule = kohya_lora.LoRAInfModule

    unet = load_file(model / "unet/diffusion_pytorch_model.safetensors")
    tensors, merged = {}, {}
    modules = [name for name in sorted(linear_modules(unet)) if name.endswith(("to_v", "proj_out", "conv2", "downsamplers.0.conv"))][::3]
    for name in modules:
        weight = unet[name + ".weight"].float()
        if weight.ndim == 2:
            layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)
        else:
            layer = torch.nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2], padding=weight.shape[2] // 2, bias=False)
        layer.weight.data.copy_(weight)
        stem = "lora_unet_" + name.replace(".", "_")
        module = LoRAInfModule(stem, layer, SCALE, 8, 4)
        part = {}
        for key, value in module.state_dict().items():
            if key.startswith("org_module"):
                continue
            if key == "alpha":
                part[key] = value.clone()
            else:
                part[key] = noise(stem + key, *value.shape)
            tensors[f"{stem}.{key}"] = part[key].half()
        module.merge_to({key: value.half().float() for key, value in part.items()}, torch.float32, "cpu")
        merged[f"unet/{name}.weight"] = layer.weight.data.clone()
    save_file(tensors, folder / "kohya.safetensors", metadata={"ss_network_dim": "8", "ss_network_alpha": "4.0", "ss_network_module": "networks.lora", "ss_base_model_version": "sd_v1", "ss_learning_rate": "0.0001", "ss_output_name": "tiny"})
    save_file(merged, folder / "kohya.kohya.safetensors")


def embeddings(folder):
    """A textual inversion as A1111 saves it, as a file and in pictures (modules/textual_inversion/image_embedding.py, textual_inversion.py)."""
    import base64

    from PIL import Image, PngImagePlugin

    vectors = noise("style", 2, 8)
    data = {"string_to_token": {"*": 265}, "string_to_param": {"*": vectors}, "name": "style", "step": 1200, "sd_checkpoint": None, "sd_checkpoint_name": None}
    torch.save(data, folder / "embedding.pt")
    data["string_to_param"] = {"*": {"TORCHTENSOR": vectors.numpy().tolist()}}
    text = base64.b64encode(json.dumps(data).encode())
    for name, zipped in [("embedding.png", False), ("embedding-zipped.png", True)]:
        info = PngImagePlugin.PngInfo()
        info.add_text("parameters", "before it")
        info.add_text("sd-ti-embedding", text, zip=zipped)
        Image.new("RGB", (16, 16), (90, 120, 150)).save(folder / name, pnginfo=info)


def hidden(folder, webui):
    """A picture as the web UI makes it, without the text that sites take away."""
    from PIL import Image

    spec = importlib.util.spec_from_file_location("image_embedding", webui / "modules/textual_inversion/image_embedding.py")
    image_embedding = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(image_embedding)
    data = {"string_to_token": {"*": 265}, "string_to_param": {"*": noise("style", 2, 8)}, "name": "style", "step": 1200, "sd_checkpoint": None, "sd_checkpoint_name": None}
    picture = Image.new("RGB", (40, 24), (90, 120, 150))
    for x in range(40):
        picture.putpixel((x, x % 24), (255 - x, 3 * x, 17))
    image_embedding.insert_image_data_embed(picture, data).save(folder / "embedding-pixels.png")


def sdxl(model, folder):
    """A LoRA of SDXL in the names of its original, and the weights after diffusers has read and merged it."""
    from diffusers import StableDiffusionXLPipeline

    pipeline = StableDiffusionXLPipeline.from_pretrained(model, torch_dtype=torch.float32, local_files_only=True)
    # Two blocks on the way down, the middle and one on the way up, under the numbers that the original gives them.
    places = {"down_blocks.1.attentions.0": "input_blocks_4_1", "mid_block.attentions.0": "middle_block_1", "up_blocks.0.attentions.1": "output_blocks_1_1"}
    tensors = {}

    def add(stem, module, rank, alpha):
        weight = module.weight
        down, up = noise(stem + "d", rank, weight.shape[1]), noise(stem + "u", weight.shape[0], rank)
        tensors[stem + ".lora_down.weight"], tensors[stem + ".lora_up.weight"] = down.half(), up.half()
        tensors[stem + ".alpha"] = torch.tensor(alpha).half()

    changed = []
    for place, name in places.items():
        for leaf in ["transformer_blocks.0.attn1.to_q", "transformer_blocks.0.attn2.to_v", "transformer_blocks.0.ff.net.2", "proj_in"]:
            # One alpha for all: where they differ, diffusers 0.42.1 gives most modules another's.
            add(f"lora_unet_{name}_{leaf.replace('.', '_')}", pipeline.unet.get_submodule(f"{place}.{leaf}"), 4, 3.0)
            changed.append(("unet", pipeline.unet, f"{place}.{leaf}"))
    for prefix, component in (("lora_te1", "text_encoder"), ("lora_te2", "text_encoder_2")):
        encoder = getattr(pipeline, component)
        for leaf in ["self_attn.q_proj", "mlp.fc1"]:
            path = f"encoder.layers.1.{leaf}"
            found = next(name for name, _ in encoder.named_modules() if name.endswith(path))
            add(f"{prefix}_text_model_{path.replace('.', '_')}", encoder.get_submodule(found), 4, 3.0)
            changed.append((component, encoder, found))
    save_file(tensors, folder / "sdxl.safetensors", metadata={"ss_network_dim": "4", "ss_network_alpha": "4.0", "ss_network_module": "networks.lora", "ss_base_model_version": "sdxl_base_v1-0"})
    before = {(component, name): owner.get_submodule(name).weight.detach().clone() for component, owner, name in changed}
    pipeline.load_lora_weights(folder, weight_name="sdxl.safetensors")
    pipeline.fuse_lora(components=["unet", "text_encoder", "text_encoder_2"], lora_scale=SCALE)
    pipeline.unload_lora_weights()
    merged = {}
    for component, owner, name in changed:
        weight = owner.get_submodule(name).weight.detach()
        if torch.equal(weight, before[component, name]):
            # diffusers 0.42.1 leaves the attentions of transformers 5.23's text encoders as they are, and says nothing.
            assert component.startswith("text_encoder"), name
            continue
        canonical = name if component == "unet" or name.startswith("text_model.") else "text_model." + name
        merged[f"{component}/{canonical}.weight"] = weight.contiguous().clone()
    save_file(merged, folder / "sdxl.diffusers.safetensors")


def main(model, folder, sources, webui, xl):
    model, folder = pathlib.Path(model), pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors, merged = kinds(model)
    save_file({name: value.contiguous() for name, value in tensors.items()}, folder / "kinds.safetensors")
    save_file({name: value.contiguous() for name, value in merged.items()}, folder / "kinds.merged.safetensors")
    fused(model, folder, dora=False)
    fused(model, folder, dora=True)
    kohya(model, folder, pathlib.Path(sources))
    embeddings(folder)
    hidden(folder, pathlib.Path(webui))
    sdxl(pathlib.Path(xl), folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
