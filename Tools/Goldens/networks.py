"""What PyTorch makes of small networks: weights, inputs and outputs side by side, for Fixtures/networks.

Each case is NAME.json (the component's config.json) and NAME.safetensors: `weights/...` in canonical names, stored as f16 whose values
PyTorch computed with in f32 (none in `*-wide`); `input/...`; `output/...`; `layer/...`, samples of what submodules give; and `bf16/...`,
what PyTorch's own bf16 run is off by: the largest error relative to the largest output, and the PSNR. Pictures are channels last.

Prints the noise floor: the largest difference among PyTorch's own runs (one thread, no oneDNN, f64), relative to the largest output.

    python Tools/Goldens/networks.py Fixtures/networks [NAME ...]
"""

import copy
import json
import math
import pathlib
import sys

import safetensors.torch
import torch

from network_cases import CASES
from network_runs import inputs, kind, layers, outputs, random_weights


def canonical(name, model):
    """transformers 5 leaves a part of the name out where the model is a text model and nothing else."""
    return name if not kind(model).startswith("CLIP") or name.startswith(("text_model.", "text_projection")) else f"text_model.{name}"


def fill(model, seed, gain):
    """Weights that keep activations near `gain`, none of them zero or one, all of them f16 values; or the wide ones' numbers."""
    generator = torch.Generator().manual_seed(seed)
    tensors = dict(model.named_parameters())
    tensors |= {name: buffer for name, buffer in model.named_buffers() if name.endswith("pos_embed")}
    for name, parameter in sorted(tensors.items()):
        if gain is None:
            parameter.data = random_weights(canonical(name, model), tuple(parameter.shape))
            continue
        values = torch.randn(parameter.shape, generator=generator)
        if parameter.dim() > 1:
            values *= gain * (1.5 / parameter[0].numel()) ** 0.5
        elif name.endswith("weight"):
            values = 1 + 0.2 * values
        else:
            values *= 0.1 * gain
        parameter.data = values.half().float()
    return model.eval()


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
    """What PyTorch's own bf16 run is off by, for each output: relative to the largest number, and in dB below it."""
    run = outputs(name, copy.deepcopy(model).bfloat16(), values)
    result = {}
    for key, wanted in reference.items():
        apart, peak = run[key].float() - wanted, wanted.abs().max()
        noise = 20 * math.log10(peak / apart.square().mean().sqrt()) if apart.any() else 999.0
        result[key] = torch.tensor([(apart.abs().max() / peak).item(), noise])
    return result


def main(target, *names):
    target = pathlib.Path(target)
    target.mkdir(parents=True, exist_ok=True)
    for seed, (name, (make, configuration, gain)) in enumerate(CASES.items()):
        if names and name not in names:
            continue
        torch.manual_seed(0)
        model = fill(make(configuration), seed, gain)
        values = inputs(name, model, configuration, gain)
        made = outputs(name, model, values)
        rough = half_width(name, model, values, made)
        print(
            f"{name}: noise floor {floor(name, model, values, made):.1e}; bf16 {max(float(v[0]) for v in rough.values()):.1e}, "
            f"{min(float(v[1]) for v in rough.values()):.1f} dB", flush=True)
        text = (model if hasattr(model, "to_json_string") else model.config).to_json_string() if hasattr(model, "config") else "{}"
        written = json.loads(text) if not isinstance(text, dict) else text
        written.pop("_name_or_path", None)
        if "_class_name" not in written:
            written["architectures"] = [type(model).__name__]
        (target / f"{name}.json").write_text(json.dumps(written, indent=2, sort_keys=True) + "\n")
        weights = {canonical(k, model): v for k, v in model.state_dict().items() if not k.endswith("position_ids")}
        # One table under two names.
        weights.pop("encoder.embed_tokens.weight", None)
        stored = {} if gain is None else {f"weights/{k}": v.half().contiguous() for k, v in weights.items()}
        found = {f"layer/{k}": v.contiguous() for k, v in layers(name, model, values).items()}
        safetensors.torch.save_file(
            {
                **stored, **found,
                **{f"input/{k}": v.contiguous() for k, v in values.items()},
                **{f"output/{k}": v.float().contiguous() for k, v in made.items()},
                **{f"bf16/{k}": v.contiguous() for k, v in rough.items()},
            },
            target / f"{name}.safetensors",
        )
        (target / f"{name}.safetensors").chmod(0o644)


if __name__ == "__main__":
    main(*sys.argv[1:])
