"""What every stage shares: its arguments, its work folder, its log and its checkpoints."""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.optim import Optimizer

DEFAULT_WORK = Path(__file__).with_name("work")


def stage_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser that knows `--work`, the folder for artwork, caches, checkpoints and logs."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=DEFAULT_WORK, help="folder for everything that is not committed")
    return parser


def work_folder(arguments: argparse.Namespace) -> Path:
    """The work folder, made if it is not there; torch is held to one thread.

    Several OpenMP threads wait for each other at every operation: on a busy machine one thread is faster.
    """
    torch.set_num_threads(1)
    work: Path = arguments.work
    work.mkdir(parents=True, exist_ok=True)
    return work


def save_checkpoint(state: dict[str, Any], file: Path) -> None:
    """Write `state` to `file` in one move, so that a run killed half-way leaves the old one."""
    partial = file.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(file)


class Log:
    """Lines to the console and to `work/<stage>.log`, each with the stage's CPU seconds so far."""

    def __init__(self, work: Path, stage: str) -> None:
        self._file = work / f"{stage}.log"
        self._began = time.process_time()

    def write(self, line: str) -> None:
        text = f"{time.strftime('%H:%M:%S')} cpu {time.process_time() - self._began:6.0f}s {line}"
        print(text, flush=True)
        with self._file.open("a", encoding="utf-8") as out:
            out.write(text + "\n")


class Budget:
    """CPU minutes a training run may use, those of the runs it resumes included."""

    def __init__(self, minutes: float, *, used_s: float) -> None:
        self._limit_s = 60 * minutes
        self._used_before_s = used_s
        self._began = time.process_time()

    @property
    def used_s(self) -> float:
        """CPU seconds used so far, all runs together."""
        return self._used_before_s + time.process_time() - self._began

    def shares(self) -> Iterator[float]:
        """The share used, in [0, 1), before each step, until the budget is spent."""
        while (done := self.used_s / self._limit_s) < 1:
            yield done


def scale_rates(optimisers: Sequence[Optimizer], done: float, *, decay_over: float) -> None:
    """Set every learning rate for the share `done` of a run: constant, then linear to a fiftieth over `decay_over`."""
    factor = min(1.0, max(0.02, (1 - done) / decay_over))
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group.setdefault("full_lr", group["lr"])
            group["lr"] = group["full_lr"] * factor


def be_nice() -> None:
    """Let everything else on the machine go first."""
    if sys.platform != "win32":
        os.nice(10)
