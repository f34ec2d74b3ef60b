"""Stage 5: measure the shipped checker on pictures that nobody trained on, and its cost.

    python -m training.objects.measure

Prints a table and writes `measured.json`. False alarms: wallpapers, Tux Paint's stamps
(photographs and cartoons of things, animals and signs, without its weapons), and what the pocket model draws. The
pocket model's drinks, dice and knife are counted apart.
"""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import DiffusionPipeline
from PIL import Image

from moderation.assessments import Picture
from moderation.objects import CATEGORIES, ObjectsChecker
from training.objects.compose import Pixels, modest, plain
from training.objects.fetch import WORK
from training.pocket.sheet import draw
from training.pocket.stages import stage_parser, work_folder
from training.pocket.vocabulary import load_vocabulary

POCKET = Path("gateway/engine/pocket")
THRESHOLDS = (0.5, 0.75, 0.9)
_APART = ("champagne", "wine", "cocktail", "beer", "dice", "knife", "bomb", "axe", "sword", "gun")
_WEAPONS = ("military", "sword", "canon", "cannon")


def wallpapers(work: Path) -> dict[str, Pixels]:
    """GNOME's and Plasma's wallpapers by path, at most 1,024 px; not the files of 5,120 px."""
    found = {}
    for package in ("gnome-backgrounds", "plasma-workspace-wallpapers"):
        for path in sorted((work / "debian" / package).rglob("*")):
            if path.suffix in (".webp", ".png", ".jpg") and path.stem not in ("screenshot", "5120x2880"):
                with Image.open(path) as image:
                    found[f"{path.parents[2].name}/{path.name}"] = np.asarray(modest(image))
    return found


def stamps(work: Path) -> dict[str, Pixels]:
    """Tux Paint's stamps by path, each alone on white."""
    found = {}
    root = work / "debian" / "tuxpaint-stamps-default" / "usr" / "share" / "tuxpaint" / "stamps"
    for path in sorted(root.rglob("*.png")):
        name = str(path.relative_to(root))
        if not path.stem.endswith("_mirror") and not any(word in name for word in _WEAPONS):
            with Image.open(path) as image:
                found[name] = plain(image.convert("RGBA"))
    return found


def pocket_pictures() -> dict[str, Pixels]:
    """A picture of everything that the pocket model knows, by name."""
    torch.set_num_threads(1)
    pipeline = DiffusionPipeline.from_pretrained(POCKET)
    pipeline.set_progress_bar_config(disable=True)
    names = [thing.name for thing in load_vocabulary().things]
    pictures: dict[str, Pixels] = {}
    for first in range(0, len(names), 14):
        batch = names[first : first + 14]
        pictures |= dict(zip(batch, draw(pipeline, [f"{name} on a white background" for name in batch]), strict=True))
    return pictures


def scored(checker: ObjectsChecker, pictures: Sequence[Pixels]) -> np.ndarray:
    """Scores, [n, categories]."""
    answers = checker.assess([Picture(pixels, "") for pixels in pictures])
    return np.array([[answer[0].scores[name] for name in CATEGORIES] for answer in answers])


def false_alarms(checker: ObjectsChecker, pictures: Mapping[str, Pixels]) -> dict[str, object]:
    """How many harmless pictures reach each threshold, by category, and which score highest."""
    scores, names = scored(checker, list(pictures.values())), list(pictures)
    found: dict[str, object] = {"pictures": len(pictures), "thresholds": THRESHOLDS}
    for category, column in zip(CATEGORIES, scores.T, strict=True):
        found[category] = {
            "at or over": [int((column >= threshold).sum()) for threshold in THRESHOLDS],
            "highest": {names[row]: round(float(column[row]), 2) for row in column.argsort()[::-1][:6]},
        }
    return found


def cost_ms(checker: ObjectsChecker, side_px: int) -> float:
    """CPU milliseconds a picture, in a batch of 16: the least of three runs."""
    pictures = [
        Picture(np.random.default_rng(n).integers(0, 256, (side_px, side_px, 3), np.uint8), "") for n in range(16)
    ]
    spent = []
    for _ in range(3):
        began = time.process_time()
        checker.assess(pictures)
        spent.append(time.process_time() - began)
    return 1000 * min(spent) / len(pictures)


def main() -> None:
    parser = stage_parser(__doc__)
    parser.set_defaults(work=WORK)
    work = work_folder(parser.parse_args())
    checker = ObjectsChecker()
    pocket = pocket_pictures()
    apart = {name: pixels for name, pixels in pocket.items() if any(word in name for word in _APART)}
    sets = {
        "wallpapers": wallpapers(work),
        "stamps": stamps(work),
        "pocket, harmless": {name: pixels for name, pixels in pocket.items() if name not in apart},
    }
    report: dict[str, object] = {name: false_alarms(checker, pictures) for name, pictures in sets.items()}
    report["pocket, counted apart"] = {
        name: dict(zip(CATEGORIES, row.round(2).tolist(), strict=True))
        for name, row in zip(apart, scored(checker, list(apart.values())), strict=True)
    }
    report["CPU ms a picture"] = {side: round(cost_ms(checker, side), 1) for side in (256, 512)}
    (work / "measured.json").write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
