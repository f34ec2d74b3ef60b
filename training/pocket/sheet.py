"""Stage 7: draw a contact sheet with the exported model, and measure colours and grounds.

Run: python -m training.pocket.sheet

Every thing is drawn once, on grounds in turn, then the prompts below. The log tells in how many pictures the border is
nearest, in RGB, to the ground that was asked for.
"""

from pathlib import Path

import numpy as np
import torch
from diffusers import DiffusionPipeline
from numpy.typing import NDArray
from PIL import Image

from training.pocket.architecture import PICTURE_PX
from training.pocket.export import SHIPPED
from training.pocket.stages import Log, be_nice, stage_parser, work_folder
from training.pocket.vocabulary import load_vocabulary

PICTURE = Path("docs/pictures/pocket.png")
COLUMNS = 14
TILE_PX = 72
BATCH = 14
STEPS = 10
GUIDANCE = 3.0
FREE_PROMPTS = (
    "a red apple on a white background", "red apple, white background", "apple", "APPLE!!",
    "photo of an apple, white background, product shot", "a green apple on a blue background", "two cats",
    "a blue balloon on a yellow background", "a purple heart", "green car, pink background", "a dog and a cat",
    "the quick brown zebra", "sunset over the ocean, 8k", "a yellow rose on a black background",
)  # fmt: skip


def draw(pipeline: DiffusionPipeline, prompts: list[str]) -> NDArray[np.uint8]:
    """uint8 [n, 128, 128, 3], picture i from seed i."""
    seeds = [torch.Generator().manual_seed(seed) for seed in range(len(prompts))]
    pictures = pipeline(prompts, num_inference_steps=STEPS, guidance_scale=GUIDANCE, generator=seeds, output_type="np")
    return (pictures.images * 255).round().astype(np.uint8)


def border(pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean RGB of the outermost 4 pixels of each picture, [n, 3]."""
    ring = np.ones((PICTURE_PX, PICTURE_PX), bool)
    ring[4:-4, 4:-4] = False
    return pictures[:, ring].mean(axis=1)


def main() -> None:
    parser = stage_parser(__doc__)
    parser.add_argument("--folder", type=Path, default=SHIPPED)
    parser.add_argument("--picture", type=Path, default=PICTURE)
    arguments = parser.parse_args()
    log = Log(work_folder(arguments), "sheet")
    be_nice()
    vocabulary = load_vocabulary()
    grounds = [row % len(vocabulary.backgrounds) for row in range(len(vocabulary.things))]
    prompts = [
        f"{thing.name} on a {vocabulary.backgrounds[ground].name} background"
        for thing, ground in zip(vocabulary.things, grounds, strict=True)
    ]
    pipeline = DiffusionPipeline.from_pretrained(arguments.folder)
    pipeline.set_progress_bar_config(disable=True)
    asked = [*FREE_PROMPTS, *prompts]
    pictures = np.concatenate([draw(pipeline, asked[start : start + BATCH]) for start in range(0, len(asked), BATCH)])

    colours = np.array([background.rgb for background in vocabulary.backgrounds])
    distances = np.linalg.norm(border(pictures[len(FREE_PROMPTS) :])[:, None] - colours, axis=2)
    right = int((distances.argmin(axis=1) == np.array(grounds)).sum())
    log.write(f"ground as asked in {right} of {len(grounds)} pictures ({STEPS} steps, guidance {GUIDANCE})")

    rows = -(-len(asked) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * TILE_PX, rows * TILE_PX), "white")
    for index, pixels in enumerate(pictures):
        tile = Image.fromarray(pixels).resize((TILE_PX - 2, TILE_PX - 2), Image.Resampling.LANCZOS)
        sheet.paste(tile, (index % COLUMNS * TILE_PX, index // COLUMNS * TILE_PX))
    arguments.picture.parent.mkdir(parents=True, exist_ok=True)
    sheet.quantize(256, dither=Image.Dither.NONE).save(arguments.picture, optimize=True)
    log.write(f"{arguments.picture}: {arguments.picture.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
