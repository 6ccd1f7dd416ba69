"""Final latents and images of diffusers' pipelines on the tiny models, in f32 on the CPU.

    python Tools/Goldens/pipelines.py Fixtures

Reads Fixtures/models and writes Fixtures/pipelines: `cases.json`, one request a line as the tests make it; `results.safetensors` with
`NAME.latents` (f32, channels first), `NAME.image` and, of some, previews of those latents (8 bits, [height, width, 3]); the pictures and the
ControlNet that the requests name.

What diffusers has no pipeline for is put together here from its parts, by the rules of those who have it:
- weights of words and long prompts as in AUTOMATIC1111 1.10 (modules/sd_hijack_clip.py, sd_emphasis.py `EmphasisOriginal`, and `pad_cond_uncond`);
- variations of a seed as there (modules/rng.py);
- guidance in a part of the steps as in diffusers' own guiders (guiders/classifier_free_guidance.py `_is_cfg_enabled`);
- a second pass over the image, enlarged by Pillow's Lanczos filter;
- previews by ComfyUI 0.3's factors (comfy/latent_formats.py), or TAESD.

One pipeline begins at sigma 4,096, where float32 leaves 6e-4 of what comes out to chance: it runs in binary64.
Versions in requirements.txt: torch 2.13.0, diffusers 0.42.1, transformers 5.23.0.
"""

import contextlib
import json
import pathlib
import sys

import diffusers
import numpy as np
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file, save_file

from noise import slerp
from samplers import widen

torch.manual_seed(0)
torch.use_deterministic_algorithms(True)
diffusers.logging.set_verbosity_error()
diffusers.logging.disable_progress_bar()
transformers.logging.disable_progress_bar()

fixtures = pathlib.Path(sys.argv[1])
models = fixtures / "models"
out = fixtures / "pipelines"
out.mkdir(exist_ok=True)

PROMPT = "a photo of a cat, sitting on the roof"
NEGATIVE = "blurry, ugly"


def picture(width, height, shift):
    """Colours that change from pixel to pixel and are the same on every machine."""
    y, x = np.mgrid[0:height, 0:width]
    red = (x * 255 // max(1, width - 1) + shift) % 256
    green = (y * 255 // max(1, height - 1) + 2 * shift) % 256
    blue = (x * y * 5 + shift) % 256
    return Image.fromarray(np.stack([red, green, blue], -1).astype(np.uint8))


def mask(width, height):
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray((((x >= width // 4) & (y >= height // 3)) * 255).astype(np.uint8))


def save_pictures():
    for width, height in [(40, 24), (48, 32)]:
        picture(width, height, 0).save(out / f"picture-{width}x{height}.png")
        mask(width, height).save(out / f"mask-{width}x{height}.png")
    picture(40, 24, 77).save(out / "hint-40x24.png")
    picture(40, 24, 150).save(out / "hint2-40x24.png")


def opened(name):
    return Image.open(out / name)


def load(model, cls, **parts):
    """A pipeline; parts that the folder leaves out are said to be absent."""
    if "XL" not in cls.__name__ and "3" not in cls.__name__ and "Flux" not in cls.__name__:
        parts["safety_checker"] = None
    if model == "sd35-medium-tiny":
        parts |= {"text_encoder_3": None, "tokenizer_3": None}
    pipe = cls.from_pretrained(models / model, torch_dtype=torch.float32, **parts)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def schedule(pipe, name, **changes):
    """Our name of the sampler, made of the model's configuration as users do it."""
    classes = {
        "euler": diffusers.EulerDiscreteScheduler, "euler-a": diffusers.EulerAncestralDiscreteScheduler,
        "ddim": diffusers.DDIMScheduler, "heun": diffusers.HeunDiscreteScheduler,
        "dpmpp-2m": diffusers.DPMSolverMultistepScheduler,
    }
    pipe.scheduler = classes[name].from_config(pipe.scheduler.config, **changes)


cases, tensors = [], {}


def bytes_of(image):
    """[1, 3, height, width] from -1 to 1 as [height, width, 3] of 8 bits."""
    return (image / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).mul(255).round().to(torch.uint8)[0].contiguous()


def decode(pipe, latents):
    config = pipe.vae.config
    latents = latents.to(pipe.vae.dtype)
    return bytes_of(pipe.vae.decode(latents / config.scaling_factor + (config.get("shift_factor") or 0)).sample)


# What a latent pixel's channels say of its colour; the last row is of none.
FACTORS = {
    "sd15-tiny": [
        [0.3512, 0.2297, 0.3227], [0.3250, 0.4974, 0.2350], [-0.2829, 0.1762, 0.2721], [-0.2120, -0.2616, -0.7177], [0, 0, 0]],
    "sdxl-tiny": [
        [0.3651, 0.4232, 0.4341], [-0.2533, -0.0042, 0.1068], [0.1076, 0.1111, -0.0362], [-0.3165, -0.2492, -0.2188],
        [0.1084, -0.0175, -0.0011]],
}


def calmed(latents):
    """Brought down to what pictures have."""
    deviation = latents.double().square().mean().sqrt()
    return latents / deviation.float() if deviation > 1 else latents


def projected(model, latents):
    factors = torch.tensor(FACTORS[model])
    image = calmed(latents).permute(1, 2, 0) @ factors[:-1] + factors[-1]
    small = Image.fromarray(bytes_of(image.permute(2, 0, 1)[None]).numpy())
    return small.resize((small.width * 8, small.height * 8), Image.Resampling.BILINEAR)


def decoded_small(model, latents):
    coder = diffusers.AutoencoderTiny.from_pretrained(fixtures / "components" / "taesd")
    return bytes_of(coder.decode(calmed(latents)[None]).sample)


PREVIEWS = {"projection": projected, "tiny": decoded_small}


@torch.no_grad()
def case(name, model, cls, request, arguments=None, sampler=None, before=None, **loading):
    """Runs a pipeline and notes the request that asks ours for the same."""
    pipe = load(model, cls, **loading)
    if sampler:
        schedule(pipe, sampler, **({"use_karras_sigmas": True} if request.get("schedule") == "karras" else {}))
    if before:
        before(pipe)
    request = {"prompt": PROMPT, "seed": 7, "steps": 4, "width": 40, "height": 24} | request
    call = {
        "num_inference_steps": request["steps"], "output_type": "latent",
        "generator": torch.Generator().manual_seed(request["seed"]), "guidance_scale": request["guidanceScale"],
    }
    if callable(arguments):
        arguments = arguments(pipe, request, call["generator"])
    if "prompt_embeds" not in (arguments or {}):
        call["prompt"] = request["prompt"]
        if "negativePrompt" in request:
            call["negative_prompt"] = request["negativePrompt"]
    if "picture" not in request:
        call |= {"width": request["width"], "height": request["height"]}
    latents = pipe(**(call | (arguments or {}))).images
    if "Flux" in cls.__name__:
        latents = pipe._unpack_latents(latents, request["height"], request["width"], pipe.vae_scale_factor)
    note(name, model, request | ({"sampler": sampler} if sampler else {}), latents, pipe)


def note(name, model, request, latents, pipe):
    tensors[f"{name}.latents"] = latents[0].contiguous().float()
    tensors[f"{name}.image"] = decode(pipe, latents)
    assert torch.isfinite(tensors[f"{name}.latents"]).all(), name
    for kind in request.get("previews", []):
        tensors[f"{name}.{kind}"] = torch.from_numpy(np.array(PREVIEWS[kind](model, tensors[f"{name}.latents"])))
    cases.append({"name": name, "model": model} | request)
    print(name, tuple(latents.shape), float(latents.abs().max()), tensors[f"{name}.image"].float().std().item())


def noise(request, generator):
    return torch.randn((1, 4, request["height"] // 8, request["width"] // 8), generator=generator)


@contextlib.contextmanager
def doubled():
    """Everything in binary64, but for the scheduler's tables, which are as it makes them in float32."""
    real = torch.float32

    def double(pipe):
        pipe.to(torch.float64)
        torch.float32 = torch.float64
        made = pipe.scheduler.set_timesteps

        def set_timesteps(*arguments, **more):
            torch.float32 = real
            made(*arguments, **more)
            widen(pipe.scheduler)
            torch.float32 = torch.float64

        pipe.scheduler.set_timesteps = set_timesteps

    try:
        yield double
    finally:
        torch.float32 = real


def read(tokenizer, encoder, windows, is_penultimate):
    """Windows of pieces of text with weights: their features, and the vector of the first."""
    features, first = [], None
    for pieces in windows:
        ids, weights = [tokenizer.bos_token_id], [1.0]
        for text, weight in pieces:
            new = tokenizer(text, add_special_tokens=False).input_ids
            ids, weights = ids + new, weights + [weight] * len(new)
        assert len(ids) < 77
        rest = 77 - len(ids)
        ids, weights = ids + [tokenizer.eos_token_id] + [tokenizer.pad_token_id] * (rest - 1), weights + [1.0] * rest
        out = encoder(torch.tensor([ids]), output_hidden_states=True)
        plain = out.hidden_states[-2] if is_penultimate else out[0]
        weighed = plain * torch.tensor(weights)[None, :, None]
        features.append(weighed * (plain.mean() / weighed.mean()))
        first = out[0] if first is None else first
    return torch.cat(features, 1), first


def weighted(positive, negative):
    """Arguments of a pipeline for texts as windows of pieces."""
    def arguments(pipe, request, generator):
        if not hasattr(pipe, "text_encoder_2"):
            pair = [read(pipe.tokenizer, pipe.text_encoder, text, False)[0] for text in (positive, negative)]
            return dict(zip(["prompt_embeds", "negative_prompt_embeds"], pair))
        made = {}
        for name, text in [("", positive), ("negative_", negative)]:
            one, _ = read(pipe.tokenizer, pipe.text_encoder, text, True)
            two, vector = read(pipe.tokenizer_2, pipe.text_encoder_2, text, True)
            made |= {f"{name}prompt_embeds": torch.cat([one, two], -1), f"{name}pooled_prompt_embeds": vector}
        return made
    return arguments


def ruled():
    """What diffusers has no pipeline for."""
    plain, xl = diffusers.StableDiffusionPipeline, diffusers.StableDiffusionXLPipeline
    guided = {"guidanceScale": 7.5, "negativePrompt": NEGATIVE}
    case(
        "sd15-weights", "sd15-tiny", plain,
        {"guidanceScale": 7.5, "syntax": "weighted", "prompt": "a (red:1.3) cat, sitting [softly] on BREAK the ((old roof)) of a house",
         "negativePrompt": "blurry, (ugly:1.4)"},
        weighted(
            [[("a ", 1), ("red", 1.3), (" cat, sitting ", 1), ("softly", 1 / 1.1), (" on ", 1)],
             [(" the ", 1), ("old roof", 1.1 * 1.1), (" of a house", 1)]],
            [[("blurry, ", 1), ("ugly", 1.4)], []]), sampler="euler")
    # Words of one token each, of which a window has room for 75.
    words = ["a" if index % 3 else "i" for index in range(100)]
    assert len(load("sdxl-tiny", xl).tokenizer(" ".join(words), add_special_tokens=False).input_ids) == len(words)
    case(
        "sdxl-long", "sdxl-tiny", xl, {"guidanceScale": 5.0, "syntax": "weighted", "prompt": " ".join(words), "negativePrompt": NEGATIVE},
        weighted([[(" ".join(words[:75]), 1)], [(" ".join(words[75:]), 1)]], [[(NEGATIVE, 1)], []]), sampler="euler")

    inside = range(int(0.2 * 5), int(0.6 * 5))
    scale = lambda step: 7.5 if step in inside else 1 + 1e-9

    def guide(pipe, step, time, values):
        pipe._guidance_scale = scale(step + 1)
        return values

    case("sd15-interval", "sd15-tiny", plain, guided | {"steps": 5, "guidanceStart": 0.2, "guidanceEnd": 0.6},
         {"guidance_scale": scale(0), "callback_on_step_end": guide}, sampler="euler")

    def varied(pipe, request, generator):
        start = noise(request, generator)
        return {"latents": slerp(0.3, start[0], noise(request, torch.Generator().manual_seed(100 + request["number"]))[0])[None]}

    case("sd15-variation", "sd15-tiny", plain, guided | {"variation": {"seed": 100, "strength": 0.3}, "number": 1}, varied, sampler="euler-a")
    case("sd15-batch", "sd15-tiny", plain, guided | {"number": 2}, lambda *_: {"generator": torch.Generator().manual_seed(9)}, sampler="euler-a")
    case("sd15-preview", "sd15-tiny", plain, guided | {"previews": ["projection", "tiny"], "steps": 2}, sampler="euler")
    case("sdxl-preview", "sdxl-tiny", xl, {"guidanceScale": 5.0, "previews": ["projection"], "steps": 2}, sampler="euler")

    def tile(pipe):
        pipe.vae.enable_tiling()
        pipe.vae.tile_latent_min_size, pipe.vae.tile_sample_min_size = 4, 32

    large = {"picture": "picture-48x32.png", "width": 48, "height": 32, "strength": 0.6, "tile": 4}
    case("sd15-tiled", "sd15-tiny", diffusers.StableDiffusionImg2ImgPipeline, guided | large,
         {"image": opened("picture-48x32.png"), "strength": 0.6}, sampler="euler", before=tile)
    enlarged()


@torch.no_grad()
def enlarged():
    pipe = load("sd15-tiny", diffusers.StableDiffusionPipeline)
    schedule(pipe, "euler")
    second = diffusers.StableDiffusionImg2ImgPipeline(**pipe.components, requires_safety_checker=False)
    second.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(7)
    common = {"prompt": PROMPT, "negative_prompt": NEGATIVE, "guidance_scale": 7.5, "generator": generator, "output_type": "latent"}
    latents = pipe(**common, width=40, height=24, num_inference_steps=4).images
    image = Image.fromarray(decode(pipe, latents).numpy()).resize((64, 40), Image.Resampling.LANCZOS)
    latents = second(**common, image=image, strength=0.6, num_inference_steps=5).images
    note(
        "sd15-hires", "sd15-tiny",
        {"prompt": PROMPT, "negativePrompt": NEGATIVE, "steps": 4, "guidanceScale": 7.5, "seed": 7, "width": 40, "height": 24, "sampler": "euler",
         "enlargement": {"factor": 1.5, "strength": 0.6, "steps": 5}}, latents, pipe)


def texts():
    plain = diffusers.StableDiffusionPipeline
    guided = {"guidanceScale": 7.5, "negativePrompt": NEGATIVE}
    case("sd15-pndm", "sd15-tiny", plain, guided)
    case("sd15-euler", "sd15-tiny", plain, guided, sampler="euler")
    case("sd15-euler-unguided", "sd15-tiny", plain, {"guidanceScale": 1.0}, sampler="euler")
    case("sd15-euler-a", "sd15-tiny", plain, guided | {"steps": 3, "seed": 123}, sampler="euler-a")
    case("sd15-heun", "sd15-tiny", plain, guided, sampler="heun")
    case("sd15-dpm-karras", "sd15-tiny", plain, guided | {"schedule": "karras", "steps": 5, "width": 72}, sampler="dpmpp-2m")
    case("sd20-base", "sd20-base-tiny", plain, {"guidanceScale": 4.0})
    case(
        "sd21-rescaled", "sd21-tiny", plain, guided | {"guidanceRescale": 0.7, "seed": 2**33 + 5}, {"guidance_rescale": 0.7}, sampler="ddim")

    xl = diffusers.StableDiffusionXLPipeline
    case("sdxl", "sdxl-tiny", xl, {"guidanceScale": 5.0})
    case("sdxl-negative", "sdxl-tiny", xl, {"guidanceScale": 6.0, "negativePrompt": NEGATIVE}, sampler="ddim")
    with doubled() as double:
        case("sdxl-vpred", "sdxl-vpred-tiny", xl, {"guidanceScale": 5.0, "negativePrompt": "", "guidanceRescale": 0.7},
             lambda pipe, request, generator: {"guidance_rescale": 0.7, "latents": noise(request, generator).double()}, before=double)

    three = diffusers.StableDiffusion3Pipeline
    large = {"width": 48, "height": 32}
    case("sd3", "sd3-medium-tiny", three, large | {"guidanceScale": 7.0, "negativePrompt": NEGATIVE, "textTokens": 32},
         {"max_sequence_length": 32})
    case("sd35", "sd35-medium-tiny", three, large | {"guidanceScale": 4.5})
    flux = diffusers.FluxPipeline
    case("flux-dev", "flux-dev-tiny", flux, large | {"guidanceScale": 3.5, "textTokens": 32}, {"max_sequence_length": 32})
    case("flux-schnell", "flux-schnell-tiny", flux, large | {"guidanceScale": 1.0}, {"max_sequence_length": 256})


def pictures():
    small = {"picture": "picture-40x24.png"}
    given = {"image": opened("picture-40x24.png")}
    guided = {"guidanceScale": 7.5, "negativePrompt": NEGATIVE}
    case("sd15-image", "sd15-tiny", diffusers.StableDiffusionImg2ImgPipeline, guided | small | {"strength": 0.6, "steps": 5},
         given | {"strength": 0.6}, sampler="euler")
    case("sd15-image-heun", "sd15-tiny", diffusers.StableDiffusionImg2ImgPipeline, guided | small | {"strength": 0.75},
         given | {"strength": 0.75}, sampler="heun")
    case("sdxl-image", "sdxl-tiny", diffusers.StableDiffusionXLImg2ImgPipeline, {"guidanceScale": 5.0} | small | {"strength": 0.5},
         given | {"strength": 0.5})
    masked = {"mask": "mask-40x24.png"}
    hidden = {"mask_image": opened("mask-40x24.png"), "width": 40, "height": 24}
    fill = diffusers.StableDiffusionInpaintPipeline
    case("sd15-inpaint", "sd15-inpaint-tiny", fill, guided | small | masked | {"strength": 1.0}, given | hidden | {"strength": 1.0})
    case("sd15-inpaint-some", "sd15-inpaint-tiny", fill, guided | small | masked | {"strength": 0.75, "steps": 5},
         given | hidden | {"strength": 0.75}, sampler="euler")
    case("sd15-masked", "sd15-tiny", fill, guided | small | masked | {"strength": 0.75}, given | hidden | {"strength": 0.75}, sampler="ddim")
    case("sd15-masked-all", "sd15-tiny", fill, guided | small | masked | {"strength": 1.0}, given | hidden | {"strength": 1.0},
         sampler="euler-a")
    case("ip2p", "ip2p-tiny", diffusers.StableDiffusionInstructPix2PixPipeline, guided | small | {"imageGuidanceScale": 1.3},
         given | {"image_guidance_scale": 1.3}, sampler="euler")
    large = {"picture": "picture-48x32.png", "width": 48, "height": 32}
    given = {"image": opened("picture-48x32.png"), "width": 48, "height": 32}
    case("sd3-image", "sd3-medium-tiny", diffusers.StableDiffusion3Img2ImgPipeline, large | {"guidanceScale": 5.0, "strength": 0.5},
         given | {"strength": 0.5})
    case("flux-image", "flux-dev-tiny", diffusers.FluxImg2ImgPipeline, large | {"guidanceScale": 3.0, "strength": 0.75},
         given | {"strength": 0.75, "max_sequence_length": 512})


@torch.no_grad()
def refined():
    base = load("sdxl-tiny", diffusers.StableDiffusionXLPipeline)
    refiner = load("sdxl-refiner-tiny", diffusers.StableDiffusionXLImg2ImgPipeline)
    common = {"prompt": PROMPT, "negative_prompt": NEGATIVE, "num_inference_steps": 5, "guidance_scale": 5.0, "output_type": "latent"}
    latents = base(**common, width=40, height=24, denoising_end=0.6, generator=torch.Generator().manual_seed(3)).images
    latents = refiner(**common, image=latents, denoising_start=0.6).images
    note(
        "sdxl-refined", "sdxl-tiny",
        {"prompt": PROMPT, "negativePrompt": NEGATIVE, "steps": 5, "guidanceScale": 5.0, "seed": 3, "width": 40, "height": 24,
         "refiner": "sdxl-refiner-tiny", "refinerStart": 0.6}, latents, base)


def filled(net, name):
    """A network with random weights, kept in f16."""
    for index, (_, parameter) in enumerate(sorted(net.named_parameters())):
        generator = torch.Generator().manual_seed(1000 + index)
        parameter.data = torch.randn(parameter.shape, generator=generator) * (0.3 if parameter.ndim > 1 else 0.1)
    net.half().save_pretrained(out / name)
    return type(net).from_pretrained(out / name, torch_dtype=torch.float32)


def controlled():
    unet = diffusers.UNet2DConditionModel.from_pretrained(models / "sd15-tiny" / "unet")
    torch.manual_seed(11)
    net = diffusers.ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 8, 8, 8), load_weights_from_unet=False)
    net = filled(net, "controlnet-tiny")
    guided = {"guidanceScale": 7.5, "negativePrompt": NEGATIVE}
    hint = {"image": opened("hint-40x24.png"), "controlnet_conditioning_scale": 0.8}
    case("control", "sd15-tiny", diffusers.StableDiffusionControlNetPipeline,
         guided | {"controls": [{"picture": "hint-40x24.png", "scale": 0.8}]}, hint, sampler="euler", controlnet=net)
    case("control-two", "sd15-tiny", diffusers.StableDiffusionControlNetPipeline,
         guided | {"controls": [{"picture": "hint-40x24.png", "scale": 0.8, "end": 0.5}, {"picture": "hint2-40x24.png", "scale": 0.4, "start": 0.25}]},
         {"image": [opened("hint-40x24.png"), opened("hint2-40x24.png")], "controlnet_conditioning_scale": [0.8, 0.4],
          "control_guidance_start": [0.0, 0.25], "control_guidance_end": [0.5, 1.0]},
         sampler="euler", controlnet=[net, net])


def flux_transformer(name, width):
    """A transformer for the rest of the tiny Flux, narrower than its own, for tokens of `width` numbers."""
    config = diffusers.FluxTransformer2DModel.load_config(models / "flux-dev-tiny" / "transformer")
    config = config | {"in_channels": width, "num_layers": 1, "num_single_layers": 1, "num_attention_heads": 1}
    return filled(diffusers.FluxTransformer2DModel.from_config(config), name)


def seeing():
    """Flux models that look at a picture."""
    large = {"picture": "picture-48x32.png", "width": 48, "height": 32, "guidanceScale": 3.0, "textTokens": 32}
    given = {"width": 48, "height": 32, "max_sequence_length": 32}
    fill = flux_transformer("flux-fill-tiny", (2 + 2 + 64) * 4)
    hidden = {"image": opened("picture-48x32.png"), "mask_image": opened("mask-48x32.png")}
    for name, strength in [("flux-fill", 1.0), ("flux-fill-some", 0.6)]:
        case(name, "flux-dev-tiny", diffusers.FluxFillPipeline,
             large | {"mask": "mask-48x32.png", "transformer": "flux-fill-tiny", "strength": strength, "steps": 5},
             given | hidden | {"strength": strength}, transformer=fill)
    depth = flux_transformer("flux-depth-tiny", (2 + 2) * 4)
    case("flux-depth", "flux-dev-tiny", diffusers.FluxControlPipeline, large | {"transformer": "flux-depth-tiny"},
         given | {"control_image": opened("picture-48x32.png")}, transformer=depth)
    case("flux-depth-batch", "flux-dev-tiny", diffusers.FluxControlPipeline, large | {"transformer": "flux-depth-tiny", "number": 1},
         given | {"control_image": opened("picture-48x32.png"), "generator": torch.Generator().manual_seed(8)}, transformer=depth)


def adapted():
    plain = diffusers.StableDiffusionPipeline
    guided = {"guidanceScale": 7.5, "negativePrompt": NEGATIVE}

    def add(pipe):
        """The adapter, fused by diffusers at 0.8: adapters.py."""
        for name, tensor in load_file(fixtures / "adapters" / "peft.diffusers.safetensors").items():
            component, name = name.split("/", 1)
            getattr(pipe, component).get_parameter(name).copy_(tensor)

    case("lora", "sd15-tiny", plain, guided | {"adapters": [{"path": "adapters/peft.safetensors", "strength": 0.8}]}, sampler="euler", before=add)
    word = fixtures / "textual-inversion" / "learned_embeds.bin"
    token = next(iter(torch.load(word)))
    case("embedding", "sd15-tiny", plain, guided | {"embeddings": ["textual-inversion/learned_embeds.bin"], "prompt": f"a cat in {token} style"},
         sampler="euler", before=lambda pipe: pipe.load_textual_inversion(word))


save_pictures()
texts()
pictures()
refined()
controlled()
seeing()
adapted()
ruled()
save_file(tensors, out / "results.safetensors")
(out / "cases.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
