"""Writes Fixtures/samplers: what diffusers' schedulers make of a fixed sequence of model outputs.

python Tools/Goldens/samplers.py Fixtures/samplers

The schedulers step in binary64, over the tables of sigmas and alphas that they make in float32 as ever: what they round on the way in float32 is
no part of what they say. How far a run in float32 ends up from this one is printed for each of them, relative to the sample's largest number.

Where diffusers is wrong the golden is what is right, and says so here:
- a scheduler that is told where to begin does not search for its first timestep, which fails where two are the same;
- UniPC's last step is NaN with bh1: it is what was predicted as the image;
- the third-order term of the stochastic DPM-Solvers has the sign of k-diffusion's `sample_dpmpp_3m_sde`.
"""

import gzip
import json
import sys
import warnings
from pathlib import Path

import diffusers
import numpy as np
import torch
from diffusers.pipelines.flux.pipeline_flux import calculate_shift
from diffusers.schedulers.scheduling_dpmsolver_sde import BrownianTreeNoiseSampler
from diffusers.schedulers.scheduling_utils import AysSchedules

CALLS, SIZE = 64, 24
STABLE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}

draws = np.random.RandomState(7)
# The model's outputs, the noise, and the sample to begin with.
fixed = [torch.from_numpy(draws.randn(*shape).astype(np.float32) * scale) for shape, scale in [((CALLS, SIZE), np.float32(0.7)), ((CALLS, SIZE), np.float32(1)), ((SIZE,), np.float32(1))]]


class ThirdOrder(diffusers.DPMSolverMultistepScheduler):
    def multistep_dpm_solver_third_order_update(self, model_output_list, *args, **kwargs):
        moved = super().multistep_dpm_solver_third_order_update(model_output_list, *args, **kwargs)
        if not self.config.algorithm_type.startswith("sde"):
            return moved
        levels = [self._sigma_to_alpha_sigma_t(self.sigmas[self.step_index + 1 - back]) for back in range(4)]
        t, s0, s1, s2 = [torch.log(alpha) - torch.log(sigma) for alpha, sigma in levels]
        r0, r1 = (s0 - s1) / (t - s0), (s1 - s2) / (t - s0)
        m0, m1, m2 = model_output_list[-1], model_output_list[-2], model_output_list[-3]
        return moved + levels[0][0] * ((m0 - m1) / r0 - (m1 - m2) / r1) / (r0 + r1)


class ThirdOrderSingle(diffusers.DPMSolverSinglestepScheduler):
    def singlestep_dpm_solver_third_order_update(self, model_output_list, *args, **kwargs):
        moved = super().singlestep_dpm_solver_third_order_update(model_output_list, *args, **kwargs)
        if not self.config.algorithm_type.startswith("sde") or self.config.solver_type != "heun":
            return moved
        levels = [self._sigma_to_alpha_sigma_t(self.sigmas[self.step_index + 1 - back]) for back in range(4)]
        t, s0, s1, s2 = [torch.log(alpha) - torch.log(sigma) for alpha, sigma in levels]
        r0, r1 = (s0 - s2) / (t - s2), (s1 - s2) / (t - s2)
        m0, m1, m2 = model_output_list[-1], model_output_list[-2], model_output_list[-3]
        return moved + levels[0][0] * 2 * ((m0 - m2) / r0 - (m1 - m2) / r1) / (r0 - r1)


class Path1D:
    """A Brownian path whose increments are drawn one after another, each interval's middle before its end."""

    def __init__(self, draw):
        self.draw, self.begun = draw, None

    def __call__(self, start, end):
        if self.begun is None:
            drawn = self.draw()
            self.begun = (start, end, drawn * (start - end).sqrt())
            return drawn
        first, middle, increment = self.begun
        self.begun = None
        return (increment + self.draw() * (middle - end).sqrt()) / (first - end).sqrt()


STEPS = {"HeunDiscreteScheduler": 2, "KDPM2DiscreteScheduler": 2, "KDPM2AncestralDiscreteScheduler": 2, "DPMSolverSDEScheduler": 2}
rounding = {}


def run(scheduler_class, config: dict, count: int, **asked) -> dict:
    """One case, in binary64, and how far the same in float32 ends up from it."""
    drawn = []
    single = walk(scheduler_class, config, count, torch.float32, drawn, **asked)
    double = walk(scheduler_class, config, count, torch.float64, drawn, **asked)
    apart = max(abs(a - b) / max(map(abs, y)) for x, y in zip(single["results"], double["results"]) for a, b in zip(x, y))
    rounding.setdefault(double["config"]["_class_name"], []).append((apart, count))
    return double | {"results": [result[:2] for result in double["results"]], "last": double["results"][-1][:8]}


def widen(scheduler) -> None:
    """Makes the tables of a scheduler binary64, each number as it is."""
    for name, value in vars(scheduler).items():
        if isinstance(value, torch.Tensor) and value.dtype == torch.float32 and name != "timesteps":
            setattr(scheduler, name, value.double())


def walk(scheduler_class, config: dict, count: int, dtype, drawn_paths: list, eta=None, tokens=None, unshifted=None, ays=None, strength=None, spacing=None) -> dict:
    case = {"config": {"_class_name": {"ThirdOrder": "DPMSolverMultistepScheduler", "ThirdOrderSingle": "DPMSolverSinglestepScheduler"}.get(scheduler_class.__name__, scheduler_class.__name__)} | config, "count": count}
    case |= {key: value for key, value in dict(eta=eta, tokens=tokens, unshifted=unshifted, ays=ays, strength=strength, spacing=spacing).items() if value is not None}
    scheduler = scheduler_class(**config)
    mu = None if tokens is None else calculate_shift(tokens)
    if mu is not None or unshifted is not None:
        scheduler.set_timesteps(**({"sigmas": unshifted} if unshifted is not None else {"num_inference_steps": count}), **({"mu": mu} if mu is not None else {}))
    elif ays is not None:
        table = AysSchedules["StableDiffusionXLSigmas" if ays == "ays-sdxl" else "StableDiffusionSigmas"][:-1] + [0.029]
        points = np.linspace(0, len(table) - 1, count + 1)
        scheduler.set_timesteps(sigmas=np.exp(np.interp(points, np.arange(len(table)), np.log(table)))[:-1].tolist() + [0.0])
    elif spacing == "compvis":
        # ldm/modules/diffusionmodules/util.py make_ddim_timesteps, models/diffusion/plms.py.
        scheduler.set_timesteps(count)
        steps = np.minimum(np.arange(0, 1000, 1000 // count) + 1, 999)[::-1].copy()
        if scheduler_class is diffusers.PNDMScheduler:
            steps = np.concatenate([steps[:2], steps[1:]])
        scheduler.timesteps = torch.from_numpy(steps)
    else:
        scheduler.set_timesteps(count)
    if dtype == torch.float64:
        widen(scheduler)
    outputs, noises, start = [each.to(dtype) for each in fixed]

    drawn = 0

    def randn_tensor(shape=None, **_):
        nonlocal drawn
        drawn += 1
        return noises[drawn - 1].clone()

    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("diffusers.schedulers.") and hasattr(module, "randn_tensor"):
            module.randn_tensor = randn_tensor
    if scheduler_class is diffusers.DPMSolverSDEScheduler:
        if "noise_sampler_seed" not in config:
            scheduler.noise_sampler = Path1D(randn_tensor)
        elif dtype == torch.float64:
            # The tree's noise follows from the ends of its intervals in float32.
            scheduler.noise_sampler = lambda start, end, left=iter(drawn_paths): next(left).double()
        else:
            levels = scheduler.sigmas[scheduler.sigmas > 0]
            tree = BrownianTreeNoiseSampler(start[None, None], levels.min().item(), levels.max().item(), config["noise_sampler_seed"])

            def sampler(start, end):
                drawn_paths.append(tree(start, end))
                return drawn_paths[-1].clone()

            scheduler.noise_sampler = sampler
    initial = float(getattr(scheduler, "init_noise_sigma", 1.0))
    begin = 0
    if strength is not None:
        kept = min(count * strength, count)
        begin = int(count - kept) if hasattr(scheduler, "scale_noise") else count - int(kept)
        begin *= scheduler.order

    def mixed(image, noise, call):
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(call)
        at = scheduler.timesteps[call:call + 1]
        return scheduler.scale_noise(image, at, noise) if hasattr(scheduler, "scale_noise") else scheduler.add_noise(image, noise, at)

    # How much noise there is where a step begins.
    nothing = torch.zeros(1, dtype=dtype)
    levels = [float(mixed(nothing, nothing + 1, call)) for call in range(0, len(scheduler.timesteps), STEPS.get(scheduler_class.__name__, 1))]
    sample, inputs, results = start * initial, [], []
    if strength is not None:
        sample = mixed(start, noises[-1], begin)
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(begin)
    arguments = {} if eta is None else {"eta": eta}
    real, torch.float32 = torch.float32, dtype
    torch.set_default_dtype(dtype)
    for call, timestep in enumerate(scheduler.timesteps[begin:]):
        shown = scheduler.scale_model_input(sample, timestep) if hasattr(scheduler, "scale_model_input") else sample
        inputs.append(float(shown[0]))
        # Some look for a second axis of the output.
        sample = scheduler.step(outputs[call][None, None], timestep, sample[None, None], return_dict=False, **arguments)[0][0, 0]
        if sample.isnan().any() and config.get("solver_type") == "bh1":
            sample = scheduler.model_outputs[-1][0, 0]
        assert sample.isfinite().all(), case
        results.append([float(x) for x in sample])
    torch.float32 = real
    torch.set_default_dtype(real)
    timesteps = [float(x) for x in scheduler.timesteps]
    return case | {"timesteps": timesteps, "levels": levels, "initial": initial, "inputs": inputs, "results": results}


def cases():
    d = diffusers
    spacings = ("leading", "linspace", "trailing")

    def common(spacing, prediction="epsilon", sigmas="schedule", **more):
        return STABLE | {"timestep_spacing": spacing, "prediction_type": prediction} | ({"steps_offset": 1} if spacing == "leading" else {}) | (
            {} if sigmas == "schedule" else {f"use_{sigmas}_sigmas": True}) | more

    for count in (1, 4, 20, 33):
        for spacing in spacings:
            for prediction in ("epsilon", "v_prediction", "sample"):
                for ztsnr in (False, True) if prediction == "v_prediction" else (False,):
                    for eta in (0.0, 0.7):
                        yield run(d.DDIMScheduler, common(spacing, prediction, rescale_betas_zero_snr=ztsnr, clip_sample=False, set_alpha_to_one=False), count, eta=eta)
    for count in (1, 5, 20):
        for spacing in spacings:
            for sigmas in ("schedule", "karras", "exponential"):
                for prediction in ("epsilon", "v_prediction"):
                    config = common(spacing, prediction, sigmas)
                    for ztsnr in (False, True) if prediction == "v_prediction" and spacing == "trailing" else (False,):
                        yield run(d.EulerDiscreteScheduler, config | {"rescale_betas_zero_snr": ztsnr}, count)
                    yield run(d.HeunDiscreteScheduler, config, count)
                    if sigmas == "schedule":
                        yield run(d.EulerAncestralDiscreteScheduler, config, count)
                    for kind in ("dpmsolver++", "sde-dpmsolver++"):
                        yield run(d.DPMSolverMultistepScheduler, config | {"algorithm_type": kind}, count)

    # Defaults and the other schedules.
    for schedule in ("linear", "squaredcos_cap_v2", "sigmoid"):
        yield run(d.DDPMScheduler, {"beta_schedule": schedule}, 6)
    yield run(d.DDIMScheduler, {}, 6, eta=0.0)
    yield run(d.HeunDiscreteScheduler, {"beta_schedule": "exp", "clip_sample": True}, 6)
    yield run(d.DPMSolverMultistepScheduler, {"beta_schedule": "squaredcos_cap_v2", "lambda_min_clipped": -5.1}, 7)
    yield run(d.DPMSolverMultistepScheduler, {"beta_schedule": "squaredcos_cap_v2", "use_karras_sigmas": True}, 7)
    yield run(d.DPMSolverSinglestepScheduler, {"beta_schedule": "squaredcos_cap_v2", "lambda_min_clipped": -5.1}, 7)
    yield run(d.EulerDiscreteScheduler, {"num_train_timesteps": 8, "trained_betas": [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5]}, 4)

    for count in (1, 9, 20):
        for spacing in spacings:
            for prediction in ("epsilon", "v_prediction"):
                yield run(d.DDPMScheduler, common(spacing, prediction, clip_sample=False), count)
                for skip in (True, False):
                    if skip or count >= 4:
                        yield run(d.PNDMScheduler, common(spacing, prediction, skip_prk_steps=skip), count)
            for sigmas in ("schedule", "karras", "exponential", "beta"):
                if spacing == "linspace" or sigmas in ("schedule", "karras"):
                    config = common(spacing, "v_prediction" if sigmas == "karras" else "epsilon", sigmas)
                    for scheduler in (d.LMSDiscreteScheduler, d.KDPM2DiscreteScheduler, d.KDPM2AncestralDiscreteScheduler, d.DPMSolverSDEScheduler, d.UniPCMultistepScheduler):
                        yield run(scheduler, config, count)
    for seed in (0, 42, 2**40 + 3):
        for sigmas in ("schedule", "karras"):
            for count in (2, 9):
                yield run(d.DPMSolverSDEScheduler, common("linspace", "epsilon", sigmas, noise_sampler_seed=seed), count)
    for variance in ("fixed_small_log", "fixed_large"):
        yield run(d.DDPMScheduler, STABLE | {"variance_type": variance}, 9)
    yield run(d.PNDMScheduler, STABLE | {"set_alpha_to_one": True, "skip_prk_steps": True}, 9)

    # Solvers.
    for sigmas in ("schedule", "karras", "exponential", "beta"):
        for order in (1, 2, 3):
            for count in (1, 2, 8, 9, 10, 21):
                if sigmas != "schedule" and count != 9:
                    continue
                for way in ("midpoint", "heun"):
                    if order == 1 and way == "heun":
                        continue
                    config = common("linspace", "epsilon", sigmas, solver_order=order, solver_type=way)
                    single = {key: value for key, value in config.items() if key not in ("timestep_spacing", "steps_offset")}
                    yield run(d.DPMSolverSinglestepScheduler, single, count)
                    if sigmas == "schedule" and count in (9, 21):
                        yield run(ThirdOrderSingle, single | {"algorithm_type": "sde-dpmsolver++"}, count)
                        yield run(ThirdOrder, config, count)
                        yield run(ThirdOrder, config | {"algorithm_type": "sde-dpmsolver++"}, count)
    for kind in ("dpmsolver", "sde-dpmsolver"):
        for order in (1, 2, 3):
            for way in ("midpoint", "heun"):
                config = STABLE | {"algorithm_type": kind, "solver_order": order, "solver_type": way, "final_sigmas_type": "sigma_min"}
                if kind == "dpmsolver":
                    yield run(d.DPMSolverSinglestepScheduler, config, 9)
                if order < 3 or kind == "dpmsolver":
                    yield run(d.DPMSolverMultistepScheduler, config, 16)
    for config in ({"euler_at_final": True, "final_sigmas_type": "sigma_min"}, {"lower_order_final": False}, {"use_lu_lambdas": True}):
        yield run(d.DPMSolverMultistepScheduler, STABLE | config, 16)
    for count in (20, 50):
        yield run(d.DPMSolverMultistepScheduler, common("leading", "epsilon", "beta"), count)
    for order in (1, 2, 3):
        for way in ("bh1", "bh2"):
            for count in (2, 9, 16):
                yield run(d.UniPCMultistepScheduler, STABLE | {"solver_order": order, "solver_type": way}, count)
            yield run(d.UniPCMultistepScheduler, STABLE | {"solver_order": order, "solver_type": way, "predict_x0": False, "final_sigmas_type": "sigma_min", "lower_order_final": False}, 9)
    yield run(d.UniPCMultistepScheduler, STABLE | {"disable_corrector": [0, 3]}, 9)
    yield run(d.UniPCMultistepScheduler, common("trailing", "v_prediction", rescale_betas_zero_snr=True), 9)
    yield run(d.UniPCMultistepScheduler, common("linspace", "epsilon", "karras", sigma_min=0.05, sigma_max=10.0), 9)
    yield run(d.EulerDiscreteScheduler, common("linspace", "epsilon", "exponential", sigma_min=0.05, sigma_max=10.0, final_sigmas_type="sigma_min"), 9)
    yield run(d.EulerDiscreteScheduler, common("linspace", "v_prediction", "karras", timestep_type="continuous"), 9)
    for count in (7, 10, 20):
        for ays in ("ays", "ays-sdxl"):
            yield run(d.EulerDiscreteScheduler, common("linspace"), count, ays=ays)

    # Distilled models.
    for count in (1, 2, 4, 7):
        for prediction in ("epsilon", "v_prediction", "sample"):
            yield run(d.LCMScheduler, {"prediction_type": prediction}, count)
            for eta in (0.0, 0.3, 1.0):
                yield run(d.TCDScheduler, {"prediction_type": prediction}, count, eta=eta)
    yield run(d.LCMScheduler, {"original_inference_steps": 100, "timestep_scaling": 8.0, "clip_sample": True, "rescale_betas_zero_snr": True, "prediction_type": "v_prediction"}, 11)

    # Flows.
    for count in (1, 4, 28):
        levels = np.linspace(1.0, 1 / count, count).tolist()
        for shift in (1.0, 3.0):
            yield run(d.FlowMatchEulerDiscreteScheduler, {"shift": shift}, count, unshifted=levels)
            yield run(d.FlowMatchEulerDiscreteScheduler, {"shift": shift}, count)
        for tokens in (256, 1_000, 4_096):
            yield run(d.FlowMatchEulerDiscreteScheduler, {"use_dynamic_shifting": True}, count, unshifted=levels, tokens=tokens)
        yield run(d.FlowMatchEulerDiscreteScheduler, {"use_dynamic_shifting": True, "time_shift_type": "linear"}, count, tokens=2_000)
        for solver in (d.UniPCMultistepScheduler, d.DPMSolverMultistepScheduler, d.DPMSolverSinglestepScheduler):
            for shift in (1.0, 3.0):
                yield run(solver, {"use_flow_sigmas": True, "prediction_type": "flow_prediction", "flow_shift": shift}, count)
    for sigmas in ("karras", "exponential", "beta"):
        yield run(d.FlowMatchEulerDiscreteScheduler, {"shift": 3.0, f"use_{sigmas}_sigmas": True}, 9)
    yield run(d.FlowMatchEulerDiscreteScheduler, {"shift": 3.0, "shift_terminal": 0.02, "stochastic_sampling": True}, 9)
    yield run(d.UniPCMultistepScheduler, {"use_flow_sigmas": True, "prediction_type": "flow_prediction", "use_dynamic_shifting": True, "shift_terminal": 0.02}, 9, tokens=1_500)

    # Image to image.
    for strength in (0.25, 0.6, 0.99):
        for scheduler in (d.DDIMScheduler, d.EulerDiscreteScheduler, d.EulerAncestralDiscreteScheduler, d.HeunDiscreteScheduler, d.KDPM2DiscreteScheduler, d.KDPM2AncestralDiscreteScheduler, d.DPMSolverSDEScheduler,
                          d.DPMSolverMultistepScheduler, d.DPMSolverSinglestepScheduler, d.UniPCMultistepScheduler, d.DDPMScheduler, d.PNDMScheduler):
            more = {"clip_sample": False} if scheduler in (d.DDIMScheduler, d.DDPMScheduler) else {"skip_prk_steps": True} if scheduler is d.PNDMScheduler else {}
            yield run(scheduler, STABLE | more, 9, strength=strength)
        yield run(d.FlowMatchEulerDiscreteScheduler, {"shift": 3.0}, 9, strength=strength)

    # CompVis' rules. Its step is the deterministic one of DDIM in both.
    for count in (1, 6, 20, 33):
        yield run(d.DDIMScheduler, STABLE | {"clip_sample": False, "set_alpha_to_one": False}, count, eta=0.5, spacing="compvis")
        yield run(d.PNDMScheduler, STABLE | {"skip_prk_steps": True}, count, spacing="compvis")

    # Models of pixels: the image is predicted, and what is predicted is bounded by what is in it.
    bounded = {"thresholding": True, "dynamic_thresholding_ratio": 0.9, "sample_max_value": 1.7}
    for scheduler in (d.DDIMScheduler, d.DDPMScheduler, d.DPMSolverMultistepScheduler, d.DPMSolverSinglestepScheduler, d.UniPCMultistepScheduler, d.LCMScheduler):
        for prediction in ("epsilon", "v_prediction", "sample"):
            yield run(scheduler, STABLE | bounded | {"prediction_type": prediction}, 4)
    yield run(d.DDIMScheduler, STABLE | {"thresholding": True, "clip_sample": True, "clip_sample_range": 0.3}, 4, eta=0.7)
    yield run(d.TCDScheduler, bounded, 4, eta=0.3)
    for kind in ("dpmsolver", "sde-dpmsolver"):
        yield run(d.DPMSolverMultistepScheduler, STABLE | bounded | {"algorithm_type": kind, "final_sigmas_type": "sigma_min"}, 4)
    yield run(d.UniPCMultistepScheduler, STABLE | bounded | {"predict_x0": False, "final_sigmas_type": "sigma_min"}, 4)
    for solver in (d.DPMSolverMultistepScheduler, d.UniPCMultistepScheduler):
        yield run(solver, {"use_flow_sigmas": True, "prediction_type": "flow_prediction", "flow_shift": 3.0} | bounded, 4)
    image = STABLE | {"prediction_type": "sample"}
    yield run(d.LMSDiscreteScheduler, image, 6)
    yield run(d.EulerDiscreteScheduler, image | {"use_karras_sigmas": True}, 4)
    yield run(d.HeunDiscreteScheduler, image | {"clip_sample": True, "clip_sample_range": 1.2}, 4)
    for solver in (d.DPMSolverMultistepScheduler, d.DPMSolverSinglestepScheduler):
        yield run(solver, image | {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min"}, 4)
    yield run(d.UniPCMultistepScheduler, image | {"predict_x0": False, "solver_type": "bh1", "final_sigmas_type": "sigma_min", "lower_order_final": False}, 4)


def short(number: float):
    return int(number) if number == int(number) and abs(number) < 1e6 else float(f"{number:.8g}")


def main(folder: Path) -> None:
    warnings.simplefilter("ignore")
    folder.mkdir(parents=True, exist_ok=True)
    np.concatenate([each.numpy().ravel() for each in fixed]).astype("<f4").tofile(folder / "inputs.bin")
    every = list(cases())
    with gzip.GzipFile(folder / "cases.jsonl.gz", "wb", mtime=0) as file:
        for case in every:
            # The numbers after each call are the same ones as the last, so that they are enough to find the call that went wrong.
            case["results"] = [short(x) for result in case["results"] for x in result]
            case["last"] = [short(x) for x in case["last"]]
            for key in ("inputs", "timesteps", "levels"):
                case[key] = [short(x) for x in case[key]]
            file.write((json.dumps(case, separators=(",", ":")) + "\n").encode())
    print(len(every), "cases; apart in float32: median, greatest")
    for name, all in sorted(rounding.items()):
        print(f"{name:36} {np.median([apart for apart, _ in all]):.1e} {max(all)[0]:.1e} (of {len(all)}: above 1e-6 {sum(apart > 1e-6 for apart, _ in all)})")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
