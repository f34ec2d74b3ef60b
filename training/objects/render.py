"""Stage 2: draw every artwork once and note what its name says it shows.

    python -m training.objects.render

Writes `artwork/HASH.png` and `artwork.jsonl` (family, name, file, label by category; null where the name leaves it
open). What is drawn already is not drawn again.
"""

import hashlib
import json
import math
from collections import Counter
from pathlib import Path

import numpy as np

from training.objects.artwork import Artwork, Labels, artworks
from training.objects.fetch import WORK
from training.pocket.stages import Log, stage_parser, work_folder

MOST_HARMLESS = {"openclipart": 1500, "noto": 400, "fluent": 400, "game-icons": 400}
"""How many pictures without any category are kept of a family; of the others, 120."""

MOST_SHOWING = 60
"""How many pictures of one category are kept of a family: decks of cards have hundreds. Weapons are all kept."""


def _order(artwork: Artwork) -> str:
    return hashlib.sha256(artwork.name.encode()).hexdigest()


def chosen(work: Path) -> list[tuple[Artwork, tuple[float, ...]]]:
    """What to draw: a fixed choice, by the hash of the name."""
    labels = Labels()
    kept: list[tuple[Artwork, tuple[float, ...]]] = []
    counts: Counter[tuple[str, str]] = Counter()
    for artwork in sorted(artworks(work), key=_order):
        shown = labels(artwork.words)
        kind = next((name for name, label in zip(labels.categories, shown, strict=True) if label == 1), "harmless")
        most = MOST_HARMLESS.get(artwork.family, 120) if kind == "harmless" else MOST_SHOWING
        if kind == "weapons" or counts[artwork.family, kind] < most:
            counts[artwork.family, kind] += 1
            kept.append((artwork, shown))
    return kept


def _draw(artwork: Artwork, file: Path) -> bool:
    """Whether there was something to draw, which is now in the file."""
    try:
        image = artwork.drawn()
    except (ValueError, OSError):
        return False
    if np.asarray(image)[:, :, 3].max() < 128:
        return False
    image.save(file, compress_level=1)
    return True


def main() -> None:
    parser = stage_parser(__doc__)
    parser.set_defaults(work=WORK)
    work = work_folder(parser.parse_args())
    log = Log(work, "render")
    folder = work / "artwork"
    folder.mkdir(exist_ok=True)
    lines, blank = [], 0
    for artwork, shown in chosen(work):
        file = folder / f"{_order(artwork)[:16]}.png"
        if not file.exists() and not _draw(artwork, file):
            blank += 1
            continue
        labels = [None if math.isnan(each) else int(each) for each in shown]
        lines.append(json.dumps({"family": artwork.family, "name": artwork.name, "file": file.name, "shows": labels}))
    (work / "artwork.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    log.write(f"{len(lines)} pictures, {blank} that could not be drawn")


if __name__ == "__main__":
    main()
