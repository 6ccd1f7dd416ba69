"""Writes Fixtures/samplers: what diffusers' schedulers make of a fixed sequence of model outputs.

python Tools/Goldens/samplers.py Fixtures/samplers
"""

import gzip
import json
import sys
from pathlib import Path

import numpy as np
import torch
from diffusers import (
    DDIMScheduler, DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler, EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler,
    HeunDiscreteScheduler,
)
from diffusers.utils import torch_utils

CALLS, SIZE = 64, 24
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}

draws = np.random.RandomState(7)
outputs = torch.from_numpy(draws.randn(CALLS, SIZE).astype(np.float32) * 0.7)
noises = torch.from_numpy(draws.randn(CALLS, SIZE).astype(np.float32))
start = torch.from_numpy(draws.randn(SIZE).astype(np.float32))


def run(case: dict, scheduler, **set_timesteps) -> dict:
    scheduler.set_timesteps(**({"num_inference_steps": case["count"]} | set_timesteps))
    drawn = 0

    def randn_tensor(shape, **_):
        nonlocal drawn
        drawn += 1
        return noises[drawn - 1].clone()

    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("diffusers.schedulers.") and hasattr(module, "randn_tensor"):
            module.randn_tensor = randn_tensor
    initial = float(scheduler.init_noise_sigma) if hasattr(scheduler, "init_noise_sigma") else 1.0
    sample, results, inputs = start * initial, [], []
    step_arguments = {"eta": case["eta"]} if "eta" in case else {}
    for call, timestep in enumerate(scheduler.timesteps):
        shown = scheduler.scale_model_input(sample, timestep) if hasattr(scheduler, "scale_model_input") else sample
        inputs.append([float(x) for x in shown[:4]])
        sample = scheduler.step(outputs[call], timestep, sample, return_dict=False, **step_arguments)[0]
        results.append([float(x) for x in sample])
    return case | {
        "timesteps": [float(x) for x in scheduler.timesteps], "initial": initial, "inputs": inputs, "results": results,
    }


def cases():
    for count in (1, 4, 20, 33):
        for spacing in ("leading", "linspace", "trailing"):
            for prediction in ("epsilon", "v_prediction", "sample"):
                for ztsnr in (False, True) if prediction == "v_prediction" else (False,):
                    for eta in (0.0, 0.7):
                        case = {"sampler": "ddim", "count": count, "spacing": spacing, "prediction": prediction, "ztsnr": ztsnr, "eta": eta}
                        yield run(case, DDIMScheduler(
                            **BETAS, timestep_spacing=spacing, prediction_type=prediction, rescale_betas_zero_snr=ztsnr, steps_offset=1 if spacing == "leading" else 0,
                            clip_sample=False, set_alpha_to_one=False))
    for count in (1, 5, 20):
        for spacing in ("leading", "linspace", "trailing"):
            for sigmas in ("schedule", "karras", "exponential"):
                for prediction in ("epsilon", "v_prediction"):
                    flags = {"use_karras_sigmas": sigmas == "karras", "use_exponential_sigmas": sigmas == "exponential"}
                    common = BETAS | {"timestep_spacing": spacing, "prediction_type": prediction, "steps_offset": 1 if spacing == "leading" else 0}
                    case = {"count": count, "spacing": spacing, "sigmas": sigmas, "prediction": prediction}
                    for ztsnr in (False, True) if prediction == "v_prediction" and spacing == "trailing" else (False,):
                        yield run({"sampler": "euler", "ztsnr": ztsnr} | case, EulerDiscreteScheduler(**common, **flags, rescale_betas_zero_snr=ztsnr))
                    yield run({"sampler": "heun"} | case, HeunDiscreteScheduler(**common, **flags))
                    if sigmas == "schedule":
                        yield run({"sampler": "euler_ancestral"} | case, EulerAncestralDiscreteScheduler(**common))
                    for kind in ("dpmsolver++", "sde-dpmsolver++"):
                        yield run(
                            {"sampler": kind} | case,
                            DPMSolverMultistepScheduler(**common, **flags, algorithm_type=kind))
    for count in (1, 4, 28):
        for shift in (1.0, 3.0):
            levels = np.linspace(1.0, 1 / count, count)
            yield run(
                {"sampler": "flow", "count": count, "shift": shift}, FlowMatchEulerDiscreteScheduler(shift=shift),
                num_inference_steps=None, sigmas=levels.tolist())
        for exponent in (0.5, 1.15):
            levels = np.linspace(1.0, 1 / count, count)
            yield run(
                {"sampler": "flow", "count": count, "exponent": exponent}, FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
                num_inference_steps=None, sigmas=levels.tolist(), mu=exponent)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.concatenate([outputs.numpy().ravel(), noises.numpy().ravel(), start.numpy()]).astype("<f4").tofile(folder / "inputs.bin")
    every = list(cases())
    with gzip.GzipFile(folder / "cases.jsonl.gz", "wb", mtime=0) as file:
        for case in every:
            # Nine digits tell every float32; only the last sample is kept whole.
            case["results"] = [[float(f"{x:.9g}") for x in (result if index == len(case["results"]) - 1 else result[:4])] for index, result in enumerate(case["results"])]
            case["inputs"] = [[float(f"{x:.9g}") for x in values] for values in case["inputs"]]
            file.write((json.dumps(case) + "\n").encode())
    print(len(every), "cases")


main(Path(sys.argv[1]))
