"""Final latents and images of diffusers' pipelines on the tiny models, in f32 on the CPU.

    python Tools/Goldens/pipelines.py Fixtures

Reads Fixtures/models and writes Fixtures/pipelines: `cases.json`, one request a line as the tests make it; `results.safetensors` with
`NAME.latents` (f32, channels first) and `NAME.image` (8 bits, [height, width, 3]); the pictures and the ControlNet that the requests name.
Versions in requirements.txt: torch 2.13.0, diffusers 0.42.1, transformers 5.23.0.
"""

import json
import pathlib
import sys

import diffusers
import numpy as np
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file, save_file

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


def decode(pipe, latents):
    config = pipe.vae.config
    image = pipe.vae.decode(latents / config.scaling_factor + (config.get("shift_factor") or 0)).sample
    return (image / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).mul(255).round().to(torch.uint8)[0]


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
        "prompt": request["prompt"], "num_inference_steps": request["steps"], "output_type": "latent",
        "generator": torch.Generator().manual_seed(request["seed"]), "guidance_scale": request["guidanceScale"],
    }
    if "negativePrompt" in request:
        call["negative_prompt"] = request["negativePrompt"]
    if "picture" not in request:
        call |= {"width": request["width"], "height": request["height"]}
    latents = pipe(**call, **(arguments or {})).images
    if "Flux" in cls.__name__:
        latents = pipe._unpack_latents(latents, request["height"], request["width"], pipe.vae_scale_factor)
    note(name, model, request | ({"sampler": sampler} if sampler else {}), latents, pipe)


def note(name, model, request, latents, pipe):
    tensors[f"{name}.latents"] = latents[0].contiguous().float()
    tensors[f"{name}.image"] = decode(pipe, latents.float()).contiguous()
    assert torch.isfinite(tensors[f"{name}.latents"]).all(), name
    cases.append({"name": name, "model": model} | request)
    print(name, tuple(latents.shape), float(latents.abs().max()), tensors[f"{name}.image"].float().std().item())


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
    case("sdxl-vpred", "sdxl-vpred-tiny", xl, {"guidanceScale": 5.0, "negativePrompt": "", "guidanceRescale": 0.7}, {"guidance_rescale": 0.7})

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


def controlled():
    unet = diffusers.UNet2DConditionModel.from_pretrained(models / "sd15-tiny" / "unet")
    torch.manual_seed(11)
    net = diffusers.ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 8, 8, 8), load_weights_from_unet=False)
    for index, (_, parameter) in enumerate(sorted(net.named_parameters())):
        generator = torch.Generator().manual_seed(1000 + index)
        parameter.data = torch.randn(parameter.shape, generator=generator) * (0.3 if parameter.ndim > 1 else 0.1)
    net.half().save_pretrained(out / "controlnet-tiny")
    net = diffusers.ControlNetModel.from_pretrained(out / "controlnet-tiny", torch_dtype=torch.float32)
    guided = {"guidanceScale": 7.5, "negativePrompt": NEGATIVE}
    hint = {"image": opened("hint-40x24.png"), "controlnet_conditioning_scale": 0.8}
    case("control", "sd15-tiny", diffusers.StableDiffusionControlNetPipeline,
         guided | {"controls": [{"picture": "hint-40x24.png", "scale": 0.8}]}, hint, sampler="euler", controlnet=net)
    case("control-two", "sd15-tiny", diffusers.StableDiffusionControlNetPipeline,
         guided | {"controls": [{"picture": "hint-40x24.png", "scale": 0.8, "end": 0.5}, {"picture": "hint2-40x24.png", "scale": 0.4, "start": 0.25}]},
         {"image": [opened("hint-40x24.png"), opened("hint2-40x24.png")], "controlnet_conditioning_scale": [0.8, 0.4],
          "control_guidance_start": [0.0, 0.25], "control_guidance_end": [0.5, 1.0]},
         sampler="euler", controlnet=[net, net])


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
adapted()
save_file(tensors, out / "results.safetensors")
(out / "cases.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
