"""Stage 4: encode many compositions once, so that the denoiser never touches pixels.

Run: python -m training.pocket.latents

Writes `latents.npz`: float16 latents [n, 16, 8, 8] with the row of the cutout (-1: nothing but the ground) and of the
background of each.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from training.pocket.architecture import new_autoencoder
from training.pocket.autoencoder import CHECKPOINT, load_autoencoder
from training.pocket.compose import load_cutouts, place
from training.pocket.stages import Log, be_nice, stage_parser, work_folder
from training.pocket.vocabulary import load_vocabulary

WHITE_TIMES = 3
EMPTY_TIMES = 40
BATCH = 24


@dataclass(frozen=True, slots=True)
class Latents:
    """Encoded compositions and what each shows."""

    values: NDArray[np.float16]
    cutout: NDArray[np.int64]
    background: NDArray[np.int64]


def load_latents(work: Path) -> Latents:
    """What this stage wrote."""
    with np.load(work / "latents.npz") as arrays:
        return Latents(arrays["values"], arrays["cutout"], arrays["background"])


def _times(cutout: int, ground: int, *, views: int) -> int:
    """How many compositions of a cutout (-1: none) on a ground (0: white)."""
    if cutout < 0:
        return EMPTY_TIMES
    return views * (WHITE_TIMES if ground == 0 else 1)


def main() -> None:
    parser = stage_parser(__doc__)
    parser.add_argument("--views", type=int, default=5, help="of each thing on each ground; white three times")
    arguments = parser.parse_args()
    work, log = work_folder(arguments), Log(arguments.work, "latents")
    be_nice()
    if not (work / CHECKPOINT).exists():
        parser.error(f"{work / CHECKPOINT} is not there: train the autoencoder first")
    autoencoder = new_autoencoder().to(memory_format=torch.channels_last).eval()
    load_autoencoder(work, autoencoder)
    cutouts, vocabulary = load_cutouts(work), load_vocabulary()
    plan = [
        (cutout, ground)
        for cutout in range(-1, len(cutouts.pixels))
        for ground in range(len(vocabulary.backgrounds))
        for _ in range(_times(cutout, ground, views=arguments.views))
    ]
    generator = np.random.default_rng(3)
    empty = np.zeros_like(cutouts.pixels[0])
    encoded = []
    for start in range(0, len(plan), BATCH):
        frames = [
            place(empty if cutout < 0 else cutouts.pixels[cutout], vocabulary.backgrounds[ground].rgb, generator)
            for cutout, ground in plan[start : start + BATCH]
        ]
        pixels = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            encoded.append(autoencoder.encode(pixels).latents.half().numpy())
    values = np.concatenate(encoded)
    cutout_rows, background_rows = np.array(plan).T
    np.savez(work / "latents.npz", values=values, cutout=cutout_rows, background=background_rows)
    log.write(f"{len(values)} compositions, deviation of latents {values.astype(np.float32).std():.3f}")


if __name__ == "__main__":
    main()
