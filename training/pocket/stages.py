"""What every stage shares: its arguments, its work folder, its log and its checkpoints."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing import get_context
from torch.optim import Optimizer

DEFAULT_WORK = Path(__file__).with_name("work")


def stage_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser that knows `--work`, the folder for artwork, caches, checkpoints and logs."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=DEFAULT_WORK, help="folder for everything that is not committed")
    return parser


def training_parser(description: str | None, *, minutes: float) -> argparse.ArgumentParser:
    """A stage's parser that also knows how long and with how many workers to train."""
    parser = stage_parser(description)
    parser.add_argument(
        "--minutes", type=float, default=minutes, help="core-minutes of all workers, earlier runs included"
    )
    parser.add_argument("--workers", type=int, default=2, help="one core each; 1 on a GPU")
    return parser


def work_folder(arguments: argparse.Namespace) -> Path:
    """The work folder, made if it is not there; torch is held to one thread."""
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
    """Core-minutes that all workers of a training run may use together, those of the runs it resumes included.

    On a GPU, where a core's time says nothing, minutes of the clock.
    """

    def __init__(self, minutes: float, *, used_s: Tensor, worker: int, on_gpu: bool) -> None:
        """`used_s`: float64 [workers], shared; each worker writes its own."""
        self._limit_s = 60 * minutes
        self._used_s, self._worker = used_s, worker
        self._clock = time.monotonic if on_gpu else time.process_time
        self._before_s, self._began = float(used_s[worker]), self._clock()

    @property
    def used_s(self) -> float:
        """Seconds used so far, by all workers in all runs."""
        self._used_s[self._worker] = self._before_s + self._clock() - self._began
        return float(self._used_s.sum())

    def shares(self) -> Iterator[float]:
        """The share used, in [0, 1), before each step, until the budget is spent."""
        while (done := self.used_s / self._limit_s) < 1 and not self._left_alone():
            yield done

    def _left_alone(self) -> bool:
        """Worker 0 was killed, so nobody saves what this one does."""
        first = parent_process()
        return first is not None and not first.is_alive()


def train_together(work_of: Callable[..., None], workers: int, *arguments: object) -> None:
    """Run `work_of(worker, *arguments)` in `workers` processes of one torch thread each, this one being worker 0.

    What they train is in shared memory and has no locks (Niu et al., "Hogwild!", 2011): a worker that other work on the
    machine holds up loses only its own share, where threads would wait for each other at every operation.

    Raises:
        RuntimeError: a worker failed.
    """
    context = get_context("spawn")
    others = [context.Process(target=work_of, args=(worker, *arguments)) for worker in range(1, workers)]
    for process in others:
        process.start()
    try:
        work_of(0, *arguments)
    except BaseException:
        for process in others:
            process.terminate()
        raise
    finally:
        for process in others:
            process.join()
    if any(process.exitcode for process in others):
        raise RuntimeError(f"a worker ended with {[process.exitcode for process in others]}")


def training_device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def scale_rates(optimisers: Sequence[Optimizer], done: float, *, decay_over: float) -> None:
    """Set every learning rate for the share `done` of a run: constant, then linear to a fiftieth over `decay_over`."""
    factor = min(1.0, max(0.02, (1 - done) / decay_over))
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group.setdefault("full_lr", group["lr"])
            group["lr"] = group["full_lr"] * factor


def restore_optimisers(optimisers: Sequence[Optimizer], saved: Sequence[dict[str, Any]]) -> None:
    """Load the optimisers' states but not their rates: those are what the stage says today."""
    for optimiser, state in zip(optimisers, saved, strict=True):
        rates = [group["lr"] for group in optimiser.param_groups]
        optimiser.load_state_dict(state)
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["full_lr"] = rate


def be_nice() -> None:
    """Let everything else on the machine go first."""
    if sys.platform != "win32":
        os.nice(10)
