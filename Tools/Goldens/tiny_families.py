"""Writes the whole models of the later families into Fixtures/models: SDXL, Stable Diffusion 3 and 3.5, Flux.1, PixArt, each a complete
Diffusers folder of a few hundred kilobytes beside the list of tensors its checkpoint must hold.

    python Tools/Goldens/tiny_families.py Fixtures/models [NAME…]

NAME/                   the folder; DiffusionPipeline opens it offline and runs a step
NAME.checkpoint.txt     golden: `name dtype shape sha256` of every tensor of the all-in-one checkpoint

The golden of each component is diffusers' own conversion inverted by tracing (tiny_components.py). The prefixes are those by which
diffusers, ComfyUI and kohya find the components; before a golden is written, diffusers' `from_single_file` has read the joined checkpoint
and given exactly the folder's tensors.
"""

import gzip
import json
import pathlib
import shutil
import sys
import tempfile
import types
import warnings

import diffusers
import sentencepiece
import torch
import transformers
from diffusers.loaders import single_file_model, single_file_utils

import catalogue
import peers
import published
import tiny_components
from clip_vocabulary import write_json, write_tokenizer
from embedded import DATA
from tensor_lists import write
from tiny_models import MERGES, VOCABULARY, fill, save

HALF = torch.float16
# Pieces of T5's vocabulary that a tiny T5 knows: the marks and the most usual ones.
PIECES = 300


def clip(width, layers, projection=None, large=False):
    config = {
        **(catalogue.BIGG if large else published.CLIP_L), "hidden_size": width, "intermediate_size": 4 * width, "num_attention_heads": 2,
        "num_hidden_layers": layers, "projection_dim": projection or width, "vocab_size": VOCABULARY, "bos_token_id": VOCABULARY - 2,
    }
    return ("CLIPTextModelWithProjection" if projection else "CLIPTextModel"), config


def t5(width, layers=2):
    return "T5EncoderModel", dict(
        d_ff=3 * width, d_kv=4, d_model=width, decoder_start_token_id=0, dropout_rate=0.1, eos_token_id=1, feed_forward_proj="gated-gelu",
        is_encoder_decoder=True, layer_norm_epsilon=1e-06, model_type="t5", num_decoder_layers=layers, num_heads=2, num_layers=layers,
        output_past=True, pad_token_id=0, relative_attention_max_distance=128, relative_attention_num_buckets=32,
        tie_word_embeddings=False, use_cache=True, vocab_size=PIECES,
    )


def write_t5_tokenizer(folder):
    with tempfile.NamedTemporaryFile(suffix=".model") as file:
        file.write(gzip.decompress((DATA / "t5_spiece.model.gz").read_bytes()))
        file.flush()
        pieces = sentencepiece.SentencePieceProcessor(model_file=file.name)
    vocabulary = [(pieces.id_to_piece(number), pieces.get_score(number)) for number in range(PIECES)]
    transformers.T5TokenizerFast(vocab=vocabulary, extra_ids=0, additional_special_tokens=[]).save_pretrained(folder)


EULER = dict(
    _class_name="EulerDiscreteScheduler", **published.BETAS, clip_sample=False, interpolation_type="linear", prediction_type="epsilon",
    sample_max_value=1.0, set_alpha_to_one=False, skip_prk_steps=True, steps_offset=1, timestep_spacing="leading", trained_betas=None,
    use_karras_sigmas=False,
)
FLOW = dict(_class_name="FlowMatchEulerDiscreteScheduler", num_train_timesteps=1000, shift=3.0)


def network(made):
    """A network of tiny_components with its class, configuration, original tensors (no prefix) and conversion."""
    class_name, config, prefix, original, convert = made
    return dict(class_name=class_name, config=config, prefix=prefix, original=original, convert=convert)


def vae_4(scale):
    made = network(tiny_components.autoencoder(4, True))
    made["config"] = {**made["config"], "scaling_factor": scale, "force_upcast": True}
    return made


def vae_flow(latent, scale, shift):
    made = network(tiny_components.autoencoder(latent, False))
    made["config"] = {**made["config"], "scaling_factor": scale, "shift_factor": shift, "force_upcast": True}
    return made


def xl(pipeline, channels=4, vector=36, refiner=False, base=catalogue.XL_UNET, **more):
    levels = [4, 8, 12, 12] if refiner else [4, 8, 12]
    width = 12 if refiner else 20
    options = dict(transformer_layers_per_block=2 if refiner else [1, 2, 3], in_channels=channels, cross_attention_dim=width,
                   projection_class_embeddings_input_dim=vector)
    components = {
        "unet": network(tiny_components.xl(base, levels, **options)),
        "vae": vae_4(0.13025),
    }
    index = {}
    if refiner:
        index = {"force_zeros_for_empty_prompt": False, "requires_aesthetics_score": True, "text_encoder": [None, None], "tokenizer": [None, None]}
    else:
        components["text_encoder"] = clip(8, 2)
        index = {"force_zeros_for_empty_prompt": True}
    components["text_encoder_2"] = clip(12, 3, projection=12, large=True)
    return dict(
        pipeline=pipeline, components=components, scheduler={**EULER, **more}, index=index, vae_prefix=peers.VAE_PREFIX,
        tokenizers={} if refiner else {"tokenizer": "<|endoftext|>"}, second="!",
        prefixes={
            "text_encoder": "conditioner.embedders.0.transformer.",
            "text_encoder_2": f"conditioner.embedders.{0 if refiner else 1}.model.",
        },
    )


def sd3(made, with_t5):
    components = {
        "transformer": network(made), "vae": vae_flow(4, 1.5305, 0.0609), "text_encoder": clip(4, 2, projection=4),
        "text_encoder_2": clip(6, 3, projection=6, large=True),
    }
    index = {}
    if with_t5:
        components["text_encoder_3"] = t5(12)
    else:
        index = {"text_encoder_3": [None, None], "tokenizer_3": [None, None]}
    return dict(
        pipeline="StableDiffusion3Pipeline", components=components, scheduler=FLOW, index=index, vae_prefix=peers.VAE_PREFIX,
        tokenizers={"tokenizer": "<|endoftext|>"}, second="!", third="tokenizer_3" if with_t5 else None,
        prefixes={
            "text_encoder": "text_encoders.clip_l.transformer.", "text_encoder_2": "text_encoders.clip_g.transformer.",
            "text_encoder_3": "text_encoders.t5xxl.transformer.",
        },
    )


def flux(made, dynamic):
    components = {
        "transformer": network(made), "vae": vae_flow(2, 0.3611, 0.1159), "text_encoder": clip(10, 2), "text_encoder_2": t5(12),
    }
    scheduler = {
        **FLOW, "base_image_seq_len": 256, "base_shift": 0.5, "max_image_seq_len": 4096, "max_shift": 1.15, "shift": 3.0 if dynamic else 1.0,
        "use_dynamic_shifting": dynamic,
    }
    return dict(
        pipeline="FluxPipeline", components=components, scheduler=scheduler, index={}, vae_prefix="vae.",
        tokenizers={"tokenizer": "<|endoftext|>"}, second=None, third="tokenizer_2",
        prefixes={"text_encoder": "text_encoders.clip_l.transformer.", "text_encoder_2": "text_encoders.t5xxl.transformer."},
    )


def pixart(pipeline, made, scale):
    return dict(
        pipeline=pipeline, components={"transformer": network(made), "vae": vae_4(scale), "text_encoder": t5(14)},
        scheduler=dict(
            _class_name="DPMSolverMultistepScheduler", algorithm_type="dpmsolver++", beta_end=0.02, beta_schedule="linear", beta_start=0.0001,
            num_train_timesteps=1000, prediction_type="epsilon", solver_order=2, timestep_spacing="linspace",
        ),
        index={}, vae_prefix="vae.", tokenizers={}, second=None, third="tokenizer",
        prefixes={"text_encoder": "text_encoders.t5xxl.transformer."},
    )


MODELS = {
    "sdxl-tiny": lambda: xl("StableDiffusionXLPipeline"),
    "sdxl-inpaint-tiny": lambda: xl("StableDiffusionXLInpaintPipeline", channels=9),
    "sdxl-vpred-tiny": lambda: xl(
        "StableDiffusionXLPipeline", prediction_type="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing"
    ),
    "sdxl-refiner-tiny": lambda: xl("StableDiffusionXLImg2ImgPipeline", vector=32, refiner=True, base=catalogue.REFINER_UNET),
    "sd3-medium-tiny": lambda: sd3(tiny_components.sd3(3, normalized=False), with_t5=True),
    "sd35-medium-tiny": lambda: sd3(tiny_components.sd3(4, normalized=True, dual=2, positions=8), with_t5=False),
    "flux-dev-tiny": lambda: flux(tiny_components.flux(2, 3), dynamic=True),
    "pixart-alpha-tiny": lambda: pixart("PixArtAlphaPipeline", tiny_components.pixart(2, True, 128), 0.18215),
    "pixart-sigma-tiny": lambda: pixart("PixArtSigmaPipeline", tiny_components.pixart(3, False, 16), 0.13025),
    "flux-schnell-tiny": lambda: flux(tiny_components.flux(3, 2, guidance=False), dynamic=False),
}


def class_and_config(part):
    return (part["class_name"], part["config"]) if isinstance(part, dict) else part


def canonical(class_name, config):
    if class_name == "T5EncoderModel":
        return catalogue.t5_encoder(**config)
    if class_name.startswith("CLIP"):
        return catalogue.text_model(config, projection=class_name.endswith("Projection"))
    return catalogue.model(class_name, **config)


def original_of(component, part, weights, recipe):
    """The component's tensors in the checkpoint: traced where diffusers renames, as they are where it does not."""
    class_name, config = class_and_config(part)
    prefix = recipe["prefixes"].get(component, "")
    if isinstance(part, dict):
        original = {part["prefix"] + name: tensor for name, tensor in part["original"].items()}
        found = peers.inverted(original, lambda tensors: {component: part["convert"](tensors)}, {component: weights})
        prefix = recipe["vae_prefix"] if component == "vae" else peers.UNET_PREFIX
        return {prefix + name.removeprefix(part["prefix"]): tensor for name, tensor in found.items()}
    if config.get("hidden_act") == "gelu" and prefix.endswith(".model."):
        model = types.SimpleNamespace(config=types.SimpleNamespace(hidden_size=config["hidden_size"]))
        found = peers.inverted(
            catalogue.openclip(config),
            lambda tensors: {component: single_file_utils.convert_open_clip_checkpoint(model, tensors, prefix="")},
            {component: weights},
        )
        return catalogue.prefixed(prefix, found)
    return catalogue.prefixed(prefix, weights)


def write_folder(folder, recipe, weights):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    index = {"_class_name": recipe["pipeline"], "_diffusers_version": "0.42.1", **recipe["index"]}
    for component, part in recipe["components"].items():
        class_name, config = class_and_config(part)
        target = folder / component
        target.mkdir()
        library = "diffusers" if isinstance(part, dict) else "transformers"
        index[component] = [library, class_name]
        if library == "diffusers":
            write_json(target / "config.json", {"_class_name": class_name, "_diffusers_version": "0.42.1", **config})
        else:
            write_json(
                target / "config.json",
                {"architectures": [class_name], **config, "torch_dtype": "float16", "transformers_version": "4.44.2"},
            )
        save(target / ("diffusion_pytorch_model.safetensors" if library == "diffusers" else "model.safetensors"), weights[component])
    for name, padding in recipe["tokenizers"].items():
        write_tokenizer(folder / name, MERGES, padding)
        index[name] = ["transformers", "CLIPTokenizer"]
    if recipe["second"]:
        write_tokenizer(folder / "tokenizer_2", MERGES, recipe["second"])
        index["tokenizer_2"] = ["transformers", "CLIPTokenizer"]
    if recipe.get("third"):
        write_t5_tokenizer(folder / recipe["third"])
        index[recipe["third"]] = ["transformers", "T5TokenizerFast"]
    (folder / "scheduler").mkdir()
    write_json(folder / "scheduler" / "scheduler_config.json", {"_diffusers_version": "0.42.1", **recipe["scheduler"]})
    index["scheduler"] = ["diffusers", recipe["scheduler"]["_class_name"]]
    write_json(folder / "model_index.json", dict(sorted(index.items())))


def check(folder, checkpoint, recipe):
    """diffusers opens the folder and the checkpoint, and both hold the same; a step of the folder's pipeline runs."""
    pipeline = getattr(diffusers, recipe["pipeline"])
    readers = single_file_model.SINGLE_FILE_LOADABLE_CLASSES
    readers["FluxTransformer2DModel"]["checkpoint_mapping_fn"] = tiny_components.any_width_flux_conversion()
    # diffusers opens a folder without T5 only if it is told so.
    absent = {name: None for name, entry in recipe["index"].items() if entry == [None, None] and name.endswith("_3")}
    ours = pipeline.from_pretrained(folder, local_files_only=True, torch_dtype=HALF, **absent)
    # PixArt's pipelines read no single file; diffusers' script reads the transformer alone (originals_transformers.pixart_to_diffusers).
    readable = hasattr(pipeline, "from_single_file")
    theirs = readable and pipeline.from_single_file(
        str(checkpoint), config=str(folder), local_files_only=True, torch_dtype=HALF, **absent
    )
    for component in recipe["components"] if readable else []:
        left, right = dict(getattr(ours, component).state_dict()), dict(getattr(theirs, component).state_dict())
        # T5's embedding under its second name, which diffusers' reader leaves untied.
        left.pop("encoder.embed_tokens.weight", None), right.pop("encoder.embed_tokens.weight", None)
        if recipe["pipeline"] == "StableDiffusion3Pipeline" and component == "text_encoder":
            # diffusers puts the identity here whatever the file says.
            left.pop("text_projection.weight"), right.pop("text_projection.weight")
        different = [name for name in left if name not in right or right[name].is_meta or not torch.equal(left[name], right[name])]
        if left.keys() != right.keys() or different:
            raise SystemExit(f"{folder.name}: diffusers reads another {component} from the checkpoint: {different[:3]}")
    ours.to(torch.float32).set_progress_bar_config(disable=True)
    picture = torch.rand(1, 3, 64, 64)
    inputs = dict(prompt="a cat", num_inference_steps=2, output_type="latent", generator=torch.Generator().manual_seed(0))
    if recipe["pipeline"] == "StableDiffusionXLInpaintPipeline":
        inputs |= dict(image=picture, mask_image=torch.ones(1, 1, 64, 64), height=64, width=64)
    elif recipe["pipeline"] == "StableDiffusionXLImg2ImgPipeline":
        inputs |= dict(image=picture, strength=1.0)
    else:
        inputs |= dict(height=64, width=64)
    if recipe["pipeline"].startswith("PixArt"):
        inputs |= dict(use_resolution_binning=False)
    latents = ours(**inputs).images
    if not torch.isfinite(latents).all():
        raise SystemExit(f"{folder.name}: a step gives no finite numbers")


def main(target, *names):
    target = pathlib.Path(target)
    warnings.simplefilter("ignore")
    transformers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.set_verbosity_error()
    for name in names or MODELS:
        recipe = MODELS[name]()
        weights = {}
        for component, part in recipe["components"].items():
            tensors = canonical(*class_and_config(part))
            weights[component] = {key: value.to(HALF) for key, value in fill(tensors, f"{name}/{component}").items()}
        write_folder(target / name, recipe, weights)
        joined = {}
        for component, part in recipe["components"].items():
            joined |= original_of(component, part, weights[component], recipe)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "model.safetensors"
            save(path, joined)
            check(target / name, path, recipe)
        write(target / f"{name}.checkpoint.txt", joined, digest=True)
        print(name, sum(map(len, weights.values())), "tensors,", len(joined), "in the checkpoint", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
