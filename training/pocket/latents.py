"""Stage 4: compose and encode many pictures once, so that the denoiser never touches pixels.

Run: python -m training.pocket.latents

Writes `latents.npz`: float16 latents [n, 8, 16, 16] with the row of the cutout (-1: nothing but the ground), the row of
the background, and whether the thing is small. One in twelve pairs of picture and ground is never composed, so that
what is measured on those pairs was never seen.
"""

import os
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from training.pocket.architecture import new_autoencoder
from training.pocket.autoencoder import CHECKPOINT, load_autoencoder
from training.pocket.compose import SMALL_SPAN, SPAN, Cutouts, load_cutouts, place
from training.pocket.stages import Log, be_nice, stage_parser, training_device, work_folder
from training.pocket.vocabulary import Background, load_vocabulary

BATCH = 24
BARE_SHARE = 0.03
SCENE_SHARE = 0.08
WHITE_SHARE = 0.22
SMALL_SHARE = 0.05
RECOLOURED_WEIGHT = 0.16
DRAWN_WEIGHT = 0.18
"""How often a recoloured picture, and one of each further look, is drawn for each time that the thing itself is."""


@dataclass(frozen=True, slots=True)
class Latents:
    """Encoded compositions and what each shows."""

    values: NDArray[np.float16]
    cutout: NDArray[np.int64]
    background: NDArray[np.int64]
    small: NDArray[np.bool_]


def load_latents(work: Path) -> Latents:
    """What this stage wrote."""
    with np.load(work / "latents.npz") as arrays:
        return Latents(arrays["values"], arrays["cutout"], arrays["background"], arrays["small"])


def is_held_out(cutout: NDArray[np.int64], background: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Pairs that training never sees: one in twelve, none on white, no bare ground."""
    return (cutout >= 0) & (background > 0) & ((5 * cutout + background) % 12 == 0)


def draw_plan(count: int, cutouts: Cutouts, backgrounds: tuple[Background, ...]) -> Latents:
    """What `count` compositions show, by the shares above; the latents themselves are empty."""
    generator = np.random.default_rng(3)
    weights = np.array(
        [
            RECOLOURED_WEIGHT if colour else DRAWN_WEIGHT if look else 1.0
            for colour, look in zip(cutouts.colour, cutouts.look, strict=True)
        ]
    )
    plain = np.array([row for row, ground in enumerate(backgrounds) if row and not ground.floor])
    scenes = np.array([row for row, ground in enumerate(backgrounds) if ground.floor])
    cutout = generator.choice(len(weights), size=count, p=weights / weights.sum())
    cutout[generator.random(count) < BARE_SHARE] = -1
    kind = generator.random(count)
    background = np.where(kind < WHITE_SHARE, 0, generator.choice(plain, size=count))
    background = np.where(kind > 1 - SCENE_SHARE, generator.choice(scenes, size=count), background)
    small = (cutout >= 0) & (generator.random(count) < SMALL_SHARE)
    seen = ~is_held_out(cutout, background)
    return Latents(np.empty(0, np.float16), cutout[seen], background[seen], small[seen])


def _encode(work: Path, count: int, part: int, parts: int) -> NDArray[np.float16]:
    """The latents of every `parts`-th composition, [n, 8, 16, 16]."""
    torch.set_num_threads(1)
    device = training_device()
    autoencoder = new_autoencoder().to(device, memory_format=torch.channels_last).eval()
    load_autoencoder(work, autoencoder)
    cutouts, backgrounds = load_cutouts(work), load_vocabulary().backgrounds
    plan = draw_plan(count, cutouts, backgrounds)
    nothing = np.zeros_like(cutouts.pixels[0])
    generator = np.random.default_rng(4 + part)
    rows = np.arange(part, len(plan.cutout), parts)
    encoded = []
    for start in range(0, len(rows), BATCH):
        frames = [
            place(
                nothing if plan.cutout[row] < 0 else cutouts.pixels[plan.cutout[row]],
                backgrounds[plan.background[row]],
                generator,
                span=SMALL_SPAN if plan.small[row] else SPAN,
            )
            for row in rows[start : start + BATCH]
        ]
        pixels = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float() / 127.5 - 1
        pixels = pixels.to(device).contiguous(memory_format=torch.channels_last)
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
            encoded.append(autoencoder.encode(pixels).latents.half().cpu().numpy())
    return np.concatenate(encoded)


def main() -> None:
    parser = stage_parser(__doc__)
    parser.add_argument("--count", type=int, default=32_000, help="compositions, those held out included")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    arguments = parser.parse_args()
    work, log = work_folder(arguments), Log(arguments.work, "latents")
    be_nice()
    if not (work / CHECKPOINT).exists():
        parser.error(f"{work / CHECKPOINT} is not there: train the autoencoder first")
    plan = draw_plan(arguments.count, load_cutouts(work), load_vocabulary().backgrounds)
    parts = arguments.workers
    with get_context("spawn").Pool(parts) as pool:
        encoded = pool.starmap(_encode, [(work, arguments.count, part, parts) for part in range(parts)])
    values = np.empty((len(plan.cutout), *encoded[0].shape[1:]), np.float16)
    for part in range(parts):
        values[part::parts] = encoded[part]
    np.savez(work / "latents.npz", values=values, cutout=plan.cutout, background=plan.background, small=plan.small)
    log.write(f"{len(values)} compositions, deviation of latents {values.astype(np.float32).std():.3f}")


if __name__ == "__main__":
    main()
