"""Asks diffusers whether a Diffusers folder and a checkpoint hold the same model: every tensor of every component, bit by bit.

    python Tools/Goldens/verify_conversion.py FOLDER CHECKPOINT [--variant NAME] [--dtype f32|f16|bf16] [--component NAME…]

FOLDER is opened with DiffusionPipeline.from_pretrained and CHECKPOINT with the same pipeline's from_single_file, both offline;
FOLDER also gives from_single_file its configurations. So the question is answered in both directions: of a checkpoint made from
the folder, and of a folder made from the checkpoint. Both are read at the dtype they are stored in; --dtype casts the folder
first, for a checkpoint that was cast on the way. diffusers cannot read a checkpoint whose text encoder lacks `text_model.`. Exit status: 0 equal, 1 different, 2 one of them does not load.
"""

import argparse
import json
import os
import pathlib
import sys
import warnings

import torch

DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


def stored_dtype(folder, variant):
    """from_pretrained casts to f32 unless told otherwise; the first floating tensor of the UNet says what is stored."""
    import safetensors

    for file in sorted((folder / "unet").iterdir()):
        if variant and variant not in file.name:
            continue
        if file.name.endswith(".safetensors"):
            with safetensors.safe_open(file, "pt") as tensors:
                return next(tensors.get_tensor(name).dtype for name in tensors.keys())
        if file.name.endswith(".bin"):
            return next(iter(torch.load(file, weights_only=True, mmap=True).values())).dtype
    raise FileNotFoundError(f"{folder}/unet holds no weights")


def components(pipeline):
    return {name: part for name, part in pipeline.components.items() if isinstance(part, torch.nn.Module)}


def differences(expected, found):
    for name in sorted(expected.keys() | found.keys()):
        left, right = expected.get(name), found.get(name)
        if left is None or right is None:
            yield f"{name}: only in the {'folder' if right is None else 'checkpoint'}"
        elif left.dtype != right.dtype or left.shape != right.shape:
            yield f"{name}: {left.dtype} {list(left.shape)} and {right.dtype} {list(right.shape)}"
        elif left.is_meta or right.is_meta:
            yield f"{name}: not loaded at all"
        elif not torch.equal(left.contiguous().view(torch.uint8), right.contiguous().view(torch.uint8)):
            worst = (left.double() - right.double()).abs().max().item()
            yield f"{name}: values differ, by {worst:.3g} at most"


def tensors_of(module):
    # A 0-dimensional tensor cannot be viewed as bytes.
    return {name: tensor.reshape(-1) if tensor.dim() == 0 else tensor for name, tensor in module.state_dict().items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("checkpoint")
    parser.add_argument("--variant")
    parser.add_argument("--dtype", choices=DTYPES)
    parser.add_argument("--component", action="append", help="compare only this component; may be repeated")
    arguments = parser.parse_args()

    warnings.simplefilter("ignore")
    os.environ["HF_HUB_OFFLINE"] = "1"
    import diffusers
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    try:
        index = json.loads((arguments.folder / "model_index.json").read_text())
        dtype = stored_dtype(arguments.folder, arguments.variant)
        cast = DTYPES.get(arguments.dtype, dtype)
        pipeline_class = getattr(diffusers, index["_class_name"])
        ours = pipeline_class.from_pretrained(
            arguments.folder, local_files_only=True, torch_dtype=dtype, variant=arguments.variant
        )
        expected = {name: part for name, part in components(ours).items() if not arguments.component or name in arguments.component}
        # A checkpoint has no place for other networks (a depth estimator, a safety checker): they go in as they are.
        others = [name for name in components(ours) if name not in ("unet", "vae", "text_encoder")]
        given = {name: ours.components[name] for name in others}
        if "feature_extractor" in ours.components:
            given["feature_extractor"] = ours.feature_extractor
        reader = pipeline_class
        if not hasattr(reader, "from_single_file"):  # Depth2Img has none; its components are Stable Diffusion's
            reader, given = diffusers.StableDiffusionPipeline, {}
        theirs = reader.from_single_file(
            arguments.checkpoint, config=str(arguments.folder), local_files_only=True, torch_dtype=cast, **given
        )
    except Exception as error:  # whatever the peer raises, it means that a file does not load
        print(f"does not load: {type(error).__name__}: {error}", file=sys.stderr)
        return 2

    failures = 0
    found = components(theirs)
    for name, module in expected.items():
        if name in others:
            continue
        left, right = tensors_of(module), tensors_of(found[name])
        if cast != dtype:
            left = {key: value.to(cast) if value.is_floating_point() else value for key, value in left.items()}
        problems = list(differences(left, right))
        failures += len(problems)
        print(f"{name}: {len(left)} tensors, {f'{len(problems)} differ' if problems else 'equal'}")
        for problem in problems[:20]:
            print(f"  {problem}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
