"""The whole gateway beside plain diffusers, with the same model and checkers: pictures a second, and POST to 202.

    python -m benchmarks.gateway [--pictures N] [--rounds N] [--model NAME]

Three arms in one run, taking turns, so that a busy machine is busy for all of them:

- loop: for each picture: check the prompt, call diffusers, encode a PNG, check the picture;
- batch: the same in diffusers' static batches of `--batch`, checkers batched too: the best that a script can do;
- gateway: `manage.py up` in a folder of its own; POST every request, wait until every picture is released or held. It
  does more than the other two: it encrypts, stores, records, reads back, re-hashes, publishes.

Figures are medians over the rounds; ratios are medians of each round's ratio.
"""

import argparse
import io
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from statistics import median, quantiles
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.engine import PROMPTS, plain_pipeline
from gateway.engine.families import load
from gateway.engine.png import encode_png
from gateway.engine.registry import load_registry
from gateway.engine.requests import ImageRequest
from moderation.policy import default_policy
from moderation.screens import ImageInput, PromptInput, load_image_screen, load_prompt_screen
from tests.load import Client
from tests.stack import running_stack

THREADS_OF_CLIENT = 4


class Inline:
    """Generator and checkers in this process, called one after the other."""

    def __init__(self, model: str, threads: int) -> None:
        spec = load_registry(None)[model]
        self.spec = spec
        self.pipeline = plain_pipeline(load(spec, device="auto", threads=threads))  # type: ignore[arg-type]
        self.prompts, self.images, self.policy = load_prompt_screen(), load_image_screen(), default_policy()
        problems = [*self.prompts.self_test(), *self.images.self_test()]
        if problems:
            raise SystemExit(f"the checkers are not well: {problems}")

    def draw(self, requests: list[ImageRequest]) -> int:
        """How many of these pictures came out of it, released or held."""
        for each in self.prompts.assess([PromptInput(request.prompt, request.negative_prompt) for request in requests]):
            self.policy.judge(each, stage="prompt")
        pixels = _pictures(self.pipeline, requests)
        masters = [encode_png(picture) for picture in pixels]
        verdicts = [
            self.policy.judge(each, stage="image")
            for each in self.images.assess([ImageInput(data, sha256(data).hexdigest()) for data in masters])
        ]
        for master, verdict in zip(masters, verdicts, strict=True):
            if verdict.outcome == "allow":
                Image.open(io.BytesIO(master)).save(io.BytesIO(), "WEBP", quality=90)
        return len(verdicts)


def _pictures(pipeline: Any, requests: list[ImageRequest]) -> list[Any]:
    first = requests[0]
    drawn = pipeline(
        [request.prompt for request in requests],
        width=first.width,
        height=first.height,
        num_inference_steps=first.steps,
        guidance_scale=first.guidance_scale,
        generator=[torch.Generator().manual_seed(request.seed) for request in requests],
        output_type="np",
    ).images
    return list((np.clip(drawn, 0, 1) * 255).round().astype(np.uint8))


class Gateway:
    """A running installation and its client."""

    def __init__(self, stack: Any, model: str) -> None:
        self.client = lambda: Client(stack.port, stack.local["api_key"])
        self.model = model
        self.accept_s: list[float] = []

    def draw(self, requests: list[ImageRequest]) -> int:
        with ThreadPoolExecutor(THREADS_OF_CLIENT) as pool:
            ids = list(pool.map(self._ask, requests))
        ended = [self._wait(generation_id) for generation_id in ids]
        return sum(image["status"] in ("released", "held") for generation in ended for image in generation["images"])

    def _ask(self, request: ImageRequest) -> str:
        body = {"prompt": request.prompt, "seed": request.seed, "steps": request.steps, "model": self.model}
        began = time.perf_counter()
        status, _, answer = self.client().call("POST", "/v1/generations", body)
        self.accept_s.append(time.perf_counter() - began)
        if status != 202:
            raise SystemExit(f"{status}: {answer!r}")
        return str(json.loads(answer)["id"])

    def _wait(self, generation_id: str) -> dict[str, Any]:
        client = self.client()
        generation = client.generation(generation_id)
        while generation["status"] in ("screening", "generating"):
            generation = client.generation(generation_id, wait=30)
        return generation


def in_batches(inline: Inline, size: int) -> Callable[[list[ImageRequest]], int]:
    return lambda requests: sum(inline.draw(requests[at : at + size]) for at in range(0, len(requests), size))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--model", default="pocket")
    options = parser.parse_args()
    inline = Inline(options.model, threads=len(os.sched_getaffinity(0)))
    spec = inline.spec
    requests = [
        ImageRequest(
            str(n), PROMPTS[n % len(PROMPTS)], "", n, spec.default_width, spec.default_height, spec.default_steps,
            spec.default_guidance_scale,
        )
        for n in range(options.pictures)
    ]  # fmt: skip
    with running_stack(
        workers=1,
        IMPRIMATUR_DEFAULT_MODEL=options.model,
        IMPRIMATUR_MAX_BATCH=str(options.batch),
        IMPRIMATUR_LEASE_S="60",
        IMPRIMATUR_HEARTBEAT_S="15",
        IMPRIMATUR_TURN_S="60",
        IMPRIMATUR_TORCH_THREADS="0",
    ) as stack:
        gateway = Gateway(stack, options.model)
        arms = {"loop": in_batches(inline, 1), "batch": in_batches(inline, options.batch), "gateway": gateway.draw}
        rates: dict[str, list[float]] = {name: [] for name in arms}
        for arm in arms.values():  # once, unmeasured: caches, lazy loading
            arm(requests[: options.batch])
        gateway.accept_s.clear()
        for _ in range(options.rounds):
            for name, arm in arms.items():
                began = time.perf_counter()
                drawn = arm(requests)
                rates[name].append(drawn / (time.perf_counter() - began))
    print(f"{options.model}, {options.pictures} pictures, batches of {options.batch}, {options.rounds} rounds")
    for name, each in rates.items():
        over_loop = median(rate / loop for rate, loop in zip(each, rates["loop"], strict=True))
        over_batch = median(rate / batch for rate, batch in zip(each, rates["batch"], strict=True))
        print(f"{name:8} {median(each):6.2f} pictures/s   {over_loop:5.2f} x loop   {over_batch:5.2f} x batch")
    p95 = quantiles(gateway.accept_s, n=20)[-1]
    print(f"POST to 202 under that load: median {median(gateway.accept_s) * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms")


if __name__ == "__main__":
    main()
