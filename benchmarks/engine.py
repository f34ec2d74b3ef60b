"""The engine beside plain diffusers, on one model in one run: pictures a second, and how long one is waited for.

    python -m benchmarks.engine [--model NAME] [--models-file FILE] [--pictures N] [--batch N] [--rounds N]

Every round runs each way once, one after the other, so that a busy machine is busy for all of them; figures are
medians over the rounds, ratios medians of each round's ratio. CPU ratios are of this process's CPU time, which
neighbours on the machine disturb less.
"""

import argparse
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import mean, median
from typing import Any

import torch
from diffusers import DiffusionPipeline

from gateway.engine.diffusion import DiffusionModel
from gateway.engine.engine import Engine
from gateway.engine.families import load
from gateway.engine.registry import ModelSpec, load_registry
from gateway.engine.requests import ImageRequest

PROMPTS = ("a red apple on a white background", "a green car", "a sailboat on the sea", "a yellow star on black")
MIXED_STEPS = (4, 8, 12, 20)

# Seconds from the start, for each picture, until it was there.
Waits = list[float]
Way = Callable[[list[ImageRequest]], Waits]


def workload(spec: ModelSpec, count: int, steps: Iterable[int]) -> list[ImageRequest]:
    choices = tuple(steps)
    size = (spec.default_width, spec.default_height)
    return [
        ImageRequest(str(n), PROMPTS[n % 4], "", n, *size, choices[n % len(choices)], spec.default_guidance_scale)
        for n in range(count)
    ]


def call(pipeline: Any, requests: list[ImageRequest]) -> None:
    """One call of diffusers for requests of equal size, steps and guidance."""
    first = requests[0]
    pipeline(
        [request.prompt for request in requests],
        width=first.width,
        height=first.height,
        num_inference_steps=first.steps,
        guidance_scale=first.guidance_scale,
        generator=[torch.Generator().manual_seed(request.seed) for request in requests],
        output_type="np",
    )


def one_at_a_time(pipeline: Any) -> Way:
    def run(requests: list[ImageRequest]) -> Waits:
        began, waits = time.perf_counter(), []
        for request in requests:
            call(pipeline, [request])
            waits.append(time.perf_counter() - began)
        return waits

    return run


def static_batches(pipeline: Any, max_batch: int) -> Way:
    """Diffusers' own batches: of requests with equal step counts, which is all that it can join."""

    def run(requests: list[ImageRequest]) -> Waits:
        began, waits = time.perf_counter(), []
        for steps in sorted({request.steps for request in requests}):
            alike = [request for request in requests if request.steps == steps]
            for start in range(0, len(alike), max_batch):
                batch = alike[start : start + max_batch]
                call(pipeline, batch)
                waits += [time.perf_counter() - began] * len(batch)
        return waits

    return run


def engine_batches(model: DiffusionModel, max_batch: int) -> Way:
    def run(requests: list[ImageRequest]) -> Waits:
        engine = Engine(model, max_batch=max_batch)
        began, waits, queue = time.perf_counter(), [], list(reversed(requests))
        while queue or engine.active:
            while queue and engine.free_slots:
                engine.submit(queue.pop())
            for result in engine.step():
                if result.error:
                    raise RuntimeError(result.detail)
                waits.append(time.perf_counter() - began)
        return waits

    return run


def plain_pipeline(model: DiffusionModel) -> Any:
    """The same weights in the same memory format, without anything of ours in between."""
    own = model.pipeline
    plain = DiffusionPipeline.from_pretrained(model.folder, dtype=own.dtype, safety_checker=None).to(own.device)
    for name in ("vae", "unet"):
        if name in plain.components:
            getattr(plain, name).to(memory_format=torch.channels_last)
    plain.set_progress_bar_config(disable=True)
    return plain


def measure(ways: dict[str, Way], requests: list[ImageRequest], rounds: int) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    cpu: dict[str, list[float]] = {name: [] for name in ways}
    waits: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            cpu_before = time.process_time()
            waited = way(requests)
            cpu[name].append(time.process_time() - cpu_before)
            seconds[name].append(waited[-1])
            waits[name].append(mean(waited))
    print(f"{'':<16}{'pictures/s':>12}{'of loop':>10}{'of static':>11}{'CPU of static':>15}{'mean wait, s':>14}")
    for name in ways:
        per_second = median(len(requests) / taken for taken in seconds[name])
        of_loop = median(a / b for a, b in zip(seconds["one at a time"], seconds[name], strict=True))
        of_static = median(a / b for a, b in zip(seconds["static batches"], seconds[name], strict=True))
        of_static_cpu = median(a / b for a, b in zip(cpu["static batches"], cpu[name], strict=True))
        wait = median(waits[name])
        print(f"{name:<16}{per_second:>12.2f}{of_loop:>10.2f}{of_static:>11.2f}{of_static_cpu:>15.2f}{wait:>14.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="pocket")
    parser.add_argument("--models-file", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--pictures", type=int, default=16)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    spec = load_registry(options.models_file)[options.model]
    model = load(spec, device=options.device, threads=options.threads)
    if not isinstance(model, DiffusionModel):
        parser.error(f"--model is {spec.name}: a {spec.family} has no diffusers pipeline to compare with")
    pipeline = plain_pipeline(model)
    ways: dict[str, Way] = {
        "one at a time": one_at_a_time(pipeline),
        "static batches": static_batches(pipeline, options.batch),
        "engine": engine_batches(model, options.batch),
    }
    steps = {"alike": (spec.default_steps,), "mixed": MIXED_STEPS}
    for way in ways.values():
        way(workload(spec, options.batch, [2]))
    for name, choices in steps.items():
        print(
            f"\n{options.pictures} pictures, steps {name} {choices}, batch {options.batch}, {options.threads} threads"
        )
        measure(ways, workload(spec, options.pictures, choices), options.rounds)


if __name__ == "__main__":
    main()
