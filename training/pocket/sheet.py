"""Stage 9: draw what the exported model draws, to be looked at.

Run: python -m training.pocket.sheet

Writes `docs/pictures/pocket.png` (free prompts) and `docs/pictures/pocket-things.png` (every thing once, on grounds in
turn).
"""

from pathlib import Path

from diffusers import DiffusionPipeline

from training.pocket.contact import write_sheet
from training.pocket.export import SHIPPED
from training.pocket.measure import SETTINGS, draw
from training.pocket.stages import be_nice, stage_parser, work_folder
from training.pocket.vocabulary import load_vocabulary

FOLDER = Path("docs/pictures")
FREE_PROMPTS = (
    "a red apple on a white background", "APPLE!!", "photo of an apple, white background, product shot", "two cats",
    "a lion on the grass", "a green car on a pink background", "flat icon of a castle, orange background",
    "a drawing of an owl on a purple background", "a purple balloon, studio light, 8k", "sailboat on the sea",
    "a cup of coffee on a table", "a snowman in the snow", "a camel in the desert", "a pink dress", "rocket at night",
    "a tiny mushroom on the grass", "blue teapot on a yellow background", "cartoon of a dinosaur on the beach",
    "a guitar, brown background", "a green rose on a black background", "the best pizza of my life",
    "hot air over quarterly earnings", "sunset over the ocean", "a birthday cake on a turquoise background",
)  # fmt: skip


def main() -> None:
    parser = stage_parser(__doc__)
    parser.add_argument("--folder", type=Path, default=SHIPPED)
    parser.add_argument("--pictures", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    work_folder(arguments)
    be_nice()
    vocabulary = load_vocabulary()
    plain = [ground.name for ground in vocabulary.backgrounds if not ground.floor]
    names = [thing.name for thing in vocabulary.things]
    prompts = [f"{name} on a {plain[row % len(plain)]} background" for row, name in enumerate(names)]
    pipeline = DiffusionPipeline.from_pretrained(arguments.folder)
    pipeline.set_progress_bar_config(disable=True)
    free = draw(pipeline, list(FREE_PROMPTS), SETTINGS[0])
    write_sheet(free, arguments.pictures / "pocket.png", columns=8, tile_px=128, labels=FREE_PROMPTS)
    things = draw(pipeline, prompts, SETTINGS[0])
    write_sheet(things, arguments.pictures / "pocket-things.png", columns=20, tile_px=76, labels=names)


if __name__ == "__main__":
    main()
