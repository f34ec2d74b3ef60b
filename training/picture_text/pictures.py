"""Pictures with a known text in them, and pictures without any: what the reader is measured on."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
_COLUMN = 26


@dataclass(frozen=True, slots=True)
class Written:
    """A picture with a text in it, and how it was written.

    `height_share`: of a capital letter's font size to the picture's side; `angle`: in degrees, counter-clockwise.
    """

    image: Image.Image
    text: str
    font: str
    height_share: float
    angle: int
    light: bool


def picture_files(folder: Path) -> list[Path]:
    """The pictures of a folder and those under it, in order."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)


def opened(path: Path, side_px: int) -> Image.Image:
    """The middle square of a picture on white, scaled."""
    with Image.open(path) as image:
        layer = image.convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    edge = min(flat.size)
    left, top = (flat.width - edge) // 2, (flat.height - edge) // 2
    square = flat.crop((left, top, left + edge, top + edge))
    return square.resize((side_px, side_px), Image.Resampling.LANCZOS)


def write(text: str, ground: Image.Image, font: Path, chance: random.Random) -> Written:
    """The text on a ground, in lines of some 26 letters, at a size, colour and angle left to chance.

    Letters contrast with what is under them on average; half of them have an outline, as captions have.
    """
    side = ground.width
    share = chance.choice((0.035, 0.045, 0.06, 0.08))
    size_px = max(9, round(share * side))
    face = ImageFont.truetype(str(font), size_px)
    broken = "\n".join(_wrapped(text, _COLUMN))
    light = float(np.asarray(ground.convert("L")).mean()) < 128
    colour = _colour(chance, light=light)
    edge = (0, 0, 0) if light else (255, 255, 255)
    layer = Image.new("RGBA", (side * 2, side * 2))
    draw = ImageDraw.Draw(layer)
    outlined = chance.random() < 0.5
    width = max(1, size_px // 12) if outlined else 0
    draw.multiline_text(
        (side, side), broken, font=face, fill=(*colour, 255), anchor="mm", align="center",
        stroke_width=width, stroke_fill=(*edge, 255),
    )  # fmt: skip
    angle = chance.choice((0, 0, 0, 0, 12, -20, 90, 180))
    layer = layer.rotate(angle, resample=Image.Resampling.BICUBIC)
    box = layer.getbbox()
    if box is not None:
        layer = layer.crop(box)
        if max(layer.size) > 0.98 * side:
            layer.thumbnail((round(0.98 * side), round(0.98 * side)), Image.Resampling.LANCZOS)
    image = ground.copy()
    image.paste(layer, ((side - layer.width) // 2, (side - layer.height) // 2), layer)
    return Written(image, " ".join(broken.split()), font.stem, share, angle, light)


def grounds(folders: Sequence[Path], side_px: int, chance: random.Random) -> Iterator[Image.Image]:
    """Grounds without end: pictures of the folders, noise, flat colours."""
    files = [path for folder in folders for path in picture_files(folder)]
    while True:
        kind = chance.random()
        if kind < 0.6:
            yield opened(chance.choice(files), side_px)
        elif kind < 0.8:
            noise = np.random.default_rng(chance.getrandbits(32)).integers(0, 256, (side_px // 4, side_px // 4, 3))
            yield Image.fromarray((noise // 3 + 80).astype(np.uint8)).resize((side_px, side_px))
        else:
            yield Image.new("RGB", (side_px, side_px), tuple(chance.randrange(256) for _ in range(3)))


def _colour(chance: random.Random, *, light: bool) -> tuple[int, int, int]:
    low, high = (200, 256) if light else (0, 70)
    return chance.randrange(low, high), chance.randrange(low, high), chance.randrange(low, high)


def _wrapped(text: str, column: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > column:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
