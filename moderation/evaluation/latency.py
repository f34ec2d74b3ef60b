"""How long checkers take on this machine, in batches and alone."""

import os
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from moderation.assessments import Stage
from moderation.evaluation.runs import WORST, Setup, assess, screens_of
from moderation.evaluation.sets import LabelledSet, half
from moderation.screens import ImageScreen, PromptScreen

_SIZE = {"prompt": 32, "image": 8}
_BATCHES = 3
_ALONE = 16


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds an input: the median of batches of `batch`, and of inputs that came alone."""

    setup: str
    stage: Stage
    checker: str
    batch: int
    batched_ms: float
    alone_ms: float


def measure(setup: Setup, sets: Sequence[LabelledSet]) -> list[Latency]:
    """The latency of every checker of a setup on inputs of these sets, and the sum of all: they run one by one."""
    found: list[Latency] = []
    for stage in ("prompt", "image"):
        inputs = _sample(sets, stage)
        if not inputs:
            continue
        each = []
        for name, screen in screens_of(setup, stage).items():
            assess(screen, inputs[:2])
            each.append(_latency(setup.name, stage, name, screen, inputs))
        batched_ms, alone_ms = sum(one.batched_ms for one in each), sum(one.alone_ms for one in each)
        found += [*each, Latency(setup.name, stage, WORST, each[0].batch, batched_ms, alone_ms)]
    return found


def machine() -> str:
    """What the times were taken on, with every thread named."""
    torch = sys.modules.get("torch")
    threads = f"torch {torch.get_num_threads()} thread(s)" if torch else "torch not loaded"
    openmp = os.environ.get("OMP_NUM_THREADS", "not set")
    return (
        f"{platform.machine()}, {os.cpu_count()} cores; {threads}; ONNX Runtime its default; OMP_NUM_THREADS {openmp}"
    )


def _latency(setup: str, stage: Stage, name: str, screen: PromptScreen | ImageScreen, inputs: list[str]) -> Latency:
    size = min(_SIZE[stage], len(inputs))
    batches = [inputs[first : first + size] for first in range(0, len(inputs) - size + 1, size)]
    return Latency(
        setup,
        stage,
        name,
        size,
        statistics.median(_ms(screen, batch) / size for batch in batches),
        statistics.median(_ms(screen, [each]) for each in inputs[:_ALONE]),
    )


def _ms(screen: PromptScreen | ImageScreen, inputs: list[str]) -> float:
    began_s = time.perf_counter()
    assess(screen, inputs)
    return (time.perf_counter() - began_s) * 1000


def _sample(sets: Sequence[LabelledSet], stage: Stage) -> list[str]:
    """The same inputs each time, of all sets alike."""
    chosen = [each for each in sets if each.of_pictures == (stage == "image")]
    most = _SIZE[stage] * _BATCHES
    share = -(-most // max(len(chosen), 1))
    return [item.given for each in chosen for item in sorted(each.items, key=lambda item: half(item.given))[:share]][
        :most
    ]
