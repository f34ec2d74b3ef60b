"""Stage 8: have the judge say how well the exported model draws.

Run: python -m training.pocket.measure

Each thing is drawn on the grounds that it was never trained on, at two settings: the pipeline's own defaults and the
gateway's. Measured: whether the judge's first guess is the thing, whether the border is nearest, in RGB, to the ground
that was asked for, and detail, as the mean absolute Laplacian of luma over that of the artwork, composed in the same
way. Also how well the autoencoder reconstructs every thing on every ground, in decibels. The report is a Markdown file.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import DiffusionPipeline
from numpy.typing import NDArray

from training.pocket.compose import Cutouts, load_cutouts, place
from training.pocket.export import SHIPPED
from training.pocket.judge import as_input, guesses, load_judge
from training.pocket.latents import is_held_out
from training.pocket.stages import Log, be_nice, stage_parser, work_folder
from training.pocket.vocabulary import Vocabulary, load_vocabulary

REPORT = Path("training/pocket/MEASURED.md")
BATCH = 16
BORDER_PX = 4
WORST = 20


@dataclass(frozen=True, slots=True)
class Setting:
    """How pictures are drawn; None leaves it to the pipeline."""

    name: str
    steps: int | None
    guidance: float | None


SETTINGS = (Setting("the gateway's defaults", 12, 3.0), Setting("the pipeline's defaults", None, None))


def pairs_held_out(cutouts: Cutouts, vocabulary: Vocabulary) -> list[tuple[int, int]]:
    """(row of the cutout, row of the plain ground) of every thing as it is drawn, where training never saw the two."""
    plain = [row for row, ground in enumerate(vocabulary.backgrounds) if not ground.floor]
    rows = [
        row for row, (colour, look) in enumerate(zip(cutouts.colour, cutouts.look, strict=True)) if not colour + look
    ]
    return [
        (cutout, ground)
        for cutout in rows
        for ground in plain
        if is_held_out(np.array([cutout]), np.array([ground]))[0]
    ]


def draw(pipeline: DiffusionPipeline, prompts: list[str], setting: Setting) -> NDArray[np.uint8]:
    """uint8 [n, 128, 128, 3], picture i from seed i."""
    options = {"num_inference_steps": setting.steps, "guidance_scale": setting.guidance}
    options = {name: value for name, value in options.items() if value is not None}
    drawn = []
    for start in range(0, len(prompts), BATCH):
        part = prompts[start : start + BATCH]
        seeds = [torch.Generator().manual_seed(start + offset) for offset in range(len(part))]
        drawn.append(pipeline(part, generator=seeds, output_type="np", **options).images)
    return (np.concatenate(drawn) * 255).round().astype(np.uint8)


def detail(pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean absolute Laplacian of luma of each picture, [n]."""
    luma = pictures @ np.array([0.299, 0.587, 0.114])
    middle = luma[:, 1:-1, 1:-1]
    around = luma[:, :-2, 1:-1] + luma[:, 2:, 1:-1] + luma[:, 1:-1, :-2] + luma[:, 1:-1, 2:]
    return np.abs(around - 4 * middle).mean(axis=(1, 2))


def nearest_grounds(pictures: NDArray[np.uint8], vocabulary: Vocabulary) -> NDArray[np.int64]:
    """The row of the plain ground whose colour is nearest to each picture's border, [n]."""
    ring = np.ones(pictures.shape[1:3], bool)
    ring[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX] = False
    borders = np.median(pictures[:, ring], axis=1)
    colours = np.array([ground.rgb for ground in vocabulary.backgrounds if not ground.floor])
    return np.linalg.norm(borders[:, None] - colours, axis=2).argmin(axis=1)


@torch.no_grad()
def reconstruct(pipeline: DiffusionPipeline, pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The pictures through the autoencoder and back."""
    back = []
    for part in np.array_split(pictures, max(1, len(pictures) // BATCH)):
        latents = pipeline.vae.encode(as_input(part)).latents
        back.append(pipeline.vae.decode(latents).sample.clamp(-1, 1).permute(0, 2, 3, 1).numpy())
    return ((np.concatenate(back) + 1) * 127.5).round().astype(np.uint8)


def decibels(pictures: NDArray[np.uint8], back: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio over all pictures together."""
    error = np.mean((pictures.astype(np.float64) - back) ** 2)
    return float(10 * np.log10(255**2 / error))


def renderings(pairs: list[tuple[int, int]], cutouts: Cutouts, vocabulary: Vocabulary) -> NDArray[np.uint8]:
    """The artwork itself, composed as the training pictures were."""
    generator = np.random.default_rng(8)
    return np.stack(
        [place(cutouts.pixels[cutout], vocabulary.backgrounds[ground], generator) for cutout, ground in pairs]
    )


def main() -> None:
    parser = stage_parser(__doc__)
    parser.add_argument("--folder", type=Path, default=SHIPPED)
    parser.add_argument("--report", type=Path, default=REPORT)
    arguments = parser.parse_args()
    work, log = work_folder(arguments), Log(arguments.work, "measure")
    be_nice()
    vocabulary, cutouts, judge = load_vocabulary(), load_cutouts(work), load_judge(work)
    pipeline = DiffusionPipeline.from_pretrained(arguments.folder)
    pipeline.set_progress_bar_config(disable=True)
    pairs = pairs_held_out(cutouts, vocabulary)
    things = np.array([cutouts.thing[cutout] for cutout, _ in pairs])
    grounds = np.array([ground for _, ground in pairs])
    prompts = [
        f"{vocabulary.things[thing].name} on a {vocabulary.backgrounds[ground].name} background"
        for thing, ground in zip(things, grounds, strict=True)
    ]
    artwork = renderings(pairs, cutouts, vocabulary)
    lines = [
        "# How well the pocket model draws\n",
        f"Written by `python -m training.pocket.measure`: {len(pairs)} pairs of {len(vocabulary.things)} things and",
        "grounds that training never saw together, judged by a classifier trained on sharp renderings only, which",
        f"names {np.mean(guesses(judge, artwork)[:, 0] == things):.1%} of the artwork itself rightly.\n",
        "| drawn with | first guess right | among first five | ground right | detail, of the artwork's | s a picture |",
        "|---|---|---|---|---|---|",
    ]
    hits = np.zeros(len(vocabulary.things))
    for setting in SETTINGS:
        began = time.perf_counter()
        pictures = draw(pipeline, prompts, setting)
        seconds = (time.perf_counter() - began) / len(prompts)
        said = guesses(judge, pictures)
        right = said[:, 0] == things
        hits += np.bincount(things, weights=right, minlength=len(hits)) / np.bincount(things) / len(SETTINGS)
        lines.append(
            f"| {setting.name} | {right.mean():.1%} | {(said[:, :5] == things[:, None]).any(axis=1).mean():.1%} | "
            f"{np.mean(nearest_grounds(pictures, vocabulary) == grounds):.1%} | "
            f"{detail(pictures).mean() / detail(artwork).mean():.2f} | {seconds:.2f} |"
        )
        log.write(lines[-1])
    everything = [(pair[0], row) for pair in dict(pairs).items() for row in range(len(vocabulary.backgrounds))]
    whole = renderings(everything, cutouts, vocabulary)
    back = reconstruct(pipeline, whole)
    lines += [
        f"\nThe autoencoder gives back {len(everything)} renderings, every thing on every ground and scene, with",
        f"{decibels(whole, back):.1f} dB and {detail(back).mean() / detail(whole).mean():.2f} of their detail.\n",
        f"## The {WORST} that are named worst\n",
        "| thing | named rightly, both settings |",
        "|---|---|",
        *(f"| {vocabulary.things[row].name} | {hits[row]:.0%} |" for row in hits.argsort(kind="stable")[:WORST]),
        "\n## Every thing\n",
        ", ".join(f"{thing.name} {hits[row]:.0%}" for row, thing in enumerate(vocabulary.things)) + ".",
    ]
    arguments.report.write_text("\n".join(lines) + "\n", encoding="utf-8")
    log.write(str(arguments.report))


if __name__ == "__main__":
    main()
