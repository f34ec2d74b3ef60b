"""Stage 6: train the judge, a small classifier that says which of the things a picture shows.

Run: python -m training.pocket.judge --minutes 12

It learns from sharp renderings alone, at other positions and scales than the denoiser's pictures have, in every colour
and look. It never sees a picture that the model made, nor one that was blurred: so blur counts against the model.
"""

from argparse import Namespace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from training.pocket.compose import Cutouts, load_cutouts, place
from training.pocket.stages import (
    Budget,
    Log,
    be_nice,
    save_checkpoint,
    scale_rates,
    train_together,
    training_device,
    training_parser,
    work_folder,
)
from training.pocket.vocabulary import load_vocabulary

CHECKPOINT = "judge.pt"
BATCH = 48
SPAN = (0.6, 0.95)
SHIFT = 0.1
WIDTHS = (32, 64, 96, 160)
OWN_SEED = 77


class Block(nn.Module):
    """Two convolutions with a residual, the first of which halves the side."""

    def __init__(self, inward: int, outward: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inward, outward, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(outward),
            nn.ReLU(inplace=True),
            nn.Conv2d(outward, outward, 3, padding=1, bias=False),
            nn.BatchNorm2d(outward),
        )
        self.short = nn.Conv2d(inward, outward, 1, stride=2)

    def forward(self, signal: Tensor) -> Tensor:
        """float [n, inward, s, s] to [n, outward, s / 2, s / 2]."""
        return functional.relu(self.body(signal) + self.short(signal))


class Judge(nn.Module):
    """Pictures of 128 px to one score a thing."""

    def __init__(self, things: int) -> None:
        super().__init__()
        first = nn.Conv2d(3, WIDTHS[0], 5, stride=2, padding=2)
        blocks = [Block(inward, outward) for inward, outward in pairwise(WIDTHS)]
        self.features = nn.Sequential(first, nn.ReLU(inplace=True), *blocks)
        self.scores = nn.Linear(WIDTHS[-1] * 16, things)

    def forward(self, pictures: Tensor) -> Tensor:
        """float [n, 3, 128, 128] in [-1, 1] to [n, things]; where in a 4 x 4 grid something lies is kept."""
        return self.scores(functional.adaptive_avg_pool2d(self.features(pictures), 4).flatten(1))


class Renderings:
    """Endless batches of sharp renderings and the rows of their things."""

    def __init__(self, cutouts: Cutouts, *, seed: int) -> None:
        self._cutouts, self._backgrounds = cutouts, load_vocabulary().backgrounds
        self._generator = np.random.default_rng(seed)
        self._by_thing = [np.flatnonzero(cutouts.thing == row) for row in range(int(cutouts.thing.max()) + 1)]

    def batch(self, count: int) -> tuple[Tensor, Tensor]:
        """float32 [count, 3, 128, 128] in [-1, 1] and int64 [count]; half as drawn, half recoloured or in a look."""
        things = self._generator.integers(len(self._by_thing), size=count)
        frames = []
        for thing in things:
            rows = self._by_thing[thing]
            row = rows[0] if self._generator.random() < 0.5 else self._generator.choice(rows)
            ground = self._backgrounds[self._generator.integers(len(self._backgrounds))]
            frames.append(place(self._cutouts.pixels[row], ground, self._generator, span=SPAN, shift=SHIFT))
        return as_input(np.stack(frames)), torch.from_numpy(things)


def as_input(pictures: NDArray[np.uint8]) -> Tensor:
    """uint8 [n, 128, 128, 3] as the judge reads them."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1


def load_judge(work: Path) -> Judge:
    """The trained judge, ready to be asked.

    Raises:
        FileNotFoundError: it has not been trained.
    """
    judge = Judge(len(load_vocabulary().things))
    judge.load_state_dict(torch.load(work / CHECKPOINT, map_location="cpu")["judge"])
    return judge.eval()


@torch.no_grad()
def guesses(judge: Judge, pictures: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Rows of the things, likeliest first, [n, things], for uint8 [n, 128, 128, 3]."""
    scores = torch.cat([judge(as_input(part)) for part in np.array_split(pictures, max(1, len(pictures) // 64))])
    return scores.argsort(dim=1, descending=True).numpy()


def train(worker: int, arguments: Namespace, judge: Judge, used_s: Tensor) -> None:
    """One worker's part of the run; worker 0 also measures, logs and saves."""
    work, device = work_folder(arguments), training_device()
    optimiser = torch.optim.AdamW(judge.parameters(), lr=2e-3, weight_decay=0.02)
    state: dict[str, Any] = {"step": 0}
    if (work / CHECKPOINT).exists():
        state = torch.load(work / CHECKPOINT, map_location=device)
    renderings = Renderings(load_cutouts(work), seed=OWN_SEED + 1 + worker + len(used_s) * state["step"])
    log = Log(work, "judge") if worker == 0 else None
    budget = Budget(arguments.minutes, used_s=used_s, worker=worker, on_gpu=device.type == "cuda")

    def measured() -> str:
        fresh = Renderings(load_cutouts(work), seed=OWN_SEED)
        pictures, things = fresh.batch(512)
        judge.eval()
        with torch.no_grad():
            right = (judge(pictures.to(device)).argmax(dim=1).cpu() == things).float().mean()
        judge.train()
        return f"{float(right):.1%} of 512 other renderings named rightly"

    def save() -> None:
        state.update(used_s=budget.used_s, judge=judge.state_dict())
        save_checkpoint(state, work / CHECKPOINT)

    judge.train()
    for done in budget.shares():
        scale_rates([optimiser], done, decay_over=0.6)
        pictures, things = renderings.batch(BATCH)
        pictures = pictures.to(device).contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16):
            scores = judge(pictures)
        loss = functional.cross_entropy(scores.float(), things.to(device), label_smoothing=0.05)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        state["step"] += 1
        if log and state["step"] % 250 == 0:
            log.write(f"step {state['step']} {done:.0%} loss {loss.item():.3f}, {measured()}")
            save()
    if log:
        save()
        log.write(f"step {state['step']} finished, {measured()}")


def main() -> None:
    arguments = training_parser(__doc__, minutes=12).parse_args()
    work = work_folder(arguments)
    be_nice()
    judge = Judge(len(load_vocabulary().things)).to(training_device(), memory_format=torch.channels_last)
    used_s = torch.zeros(arguments.workers, dtype=torch.float64).share_memory_()
    if (work / CHECKPOINT).exists():
        state = torch.load(work / CHECKPOINT, map_location=training_device())
        judge.load_state_dict(state["judge"])
        used_s += state["used_s"] / arguments.workers
    judge.share_memory()
    train_together(train, arguments.workers, arguments, judge, used_s)


if __name__ == "__main__":
    main()
