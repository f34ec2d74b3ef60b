"""Views of artworks: placed, turned, coloured and softened, so that a head does not learn a drawing's crispness.

What is drawn by a generator is softer, sits on a ground and shares the picture with other things; a third of
the views lie on photographs, a third hold other artworks too.
"""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from training.objects.backbone import SIDE_PX

Pixels = NDArray[np.uint8]


def photographs(work: Path) -> list[Image.Image]:
    """Photographs, micrographs and textures inside scikit-image and scikit-learn, at most 1,024 px."""
    found = []
    for wheel in sorted(work.glob("scikit_*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for name in sorted(archive.namelist()):
                if name.endswith((".png", ".jpg")) and ("/data/" in name or "/images/" in name):
                    found.append(modest(Image.open(io.BytesIO(archive.read(name)))))
    return found


def modest(image: Image.Image) -> Image.Image:
    """The picture in RGB, at most 1,024 px."""
    image.draft("RGB", (1024, 1024))
    image = image.convert("RGB")
    image.thumbnail((1024, 1024))
    return image


def crop(photograph: Image.Image, random: Generator) -> Image.Image:
    """A square part of a photograph, at the network's size."""
    edge = int(min(photograph.size) * random.uniform(0.3, 1.0))
    left, top = (int(random.integers(0, length - edge + 1)) for length in photograph.size)
    box = (left, top, left + edge, top + edge)
    return photograph.resize((SIDE_PX, SIDE_PX), Image.Resampling.BILINEAR, box=box)


def view(
    artwork: Image.Image, *, others: Sequence[Image.Image], grounds: Sequence[Image.Image], random: Generator
) -> Pixels:
    """One view of an artwork, uint8 [224, 224, 3]; `others` are harmless artworks to stand beside it."""
    canvas = _ground(grounds, random)
    for other in others:
        _place(canvas, _varied(other, random), share=random.uniform(0.2, 0.5), random=random)
    _place(canvas, _varied(artwork, random), share=random.uniform(0.4, 0.98), random=random)
    return softened(canvas, random)


def plain(artwork: Image.Image) -> Pixels:
    """An artwork as it is, filling nine tenths of a white picture; a drawing in black stays black."""
    canvas = Image.new("RGB", (SIDE_PX, SIDE_PX), "white")
    scale = 0.9 * SIDE_PX / max(artwork.size)
    layer = artwork.resize([max(1, round(side * scale)) for side in artwork.size], Image.Resampling.BILINEAR)
    canvas.paste(layer, ((SIDE_PX - layer.width) // 2, (SIDE_PX - layer.height) // 2), layer)
    return np.asarray(canvas, dtype=np.uint8)


def softened(canvas: Image.Image, random: Generator) -> Pixels:
    """The picture as a small generator might have given it: blurred, noisy, or through JPEG; sometimes untouched."""
    if random.random() < 0.4:
        small = int(random.integers(56, 160))
        canvas = canvas.resize((small, small), Image.Resampling.BILINEAR).resize(
            (SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC
        )
    if random.random() < 0.2:
        canvas = canvas.filter(ImageFilter.GaussianBlur(random.uniform(0.5, 2.0)))
    if random.random() < 0.3:
        file = io.BytesIO()
        canvas.save(file, format="JPEG", quality=int(random.integers(30, 90)))
        canvas = Image.open(file)
    pixels = np.asarray(canvas, dtype=np.float32)
    if random.random() < 0.3:
        pixels = pixels + random.normal(0, random.uniform(2, 14), pixels.shape)
    return np.asarray(pixels.clip(0, 255), dtype=np.uint8)


def _ground(grounds: Sequence[Image.Image], random: Generator) -> Image.Image:
    """A photograph, something like clouds, white, a colour, or one colour turning into another."""
    kind = random.random()
    if kind < 0.35:
        return crop(grounds[int(random.integers(len(grounds)))], random)
    if kind < 0.5:
        specks = random.integers(0, 256, (*random.integers(2, 24, 2), 3), dtype=np.uint8)
        return Image.fromarray(specks).resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)
    if kind < 0.65:
        return Image.new("RGB", (SIDE_PX, SIDE_PX), "white")
    colours = random.integers(0, 256, (2, 3))
    if kind < 0.85:
        return Image.new("RGB", (SIDE_PX, SIDE_PX), tuple(colours[0].tolist()))
    ramp = np.linspace(0, 1, SIDE_PX)[:, None, None]
    rows = colours[0] * (1 - ramp) + colours[1] * ramp
    return Image.fromarray(np.broadcast_to(rows, (SIDE_PX, SIDE_PX, 3)).astype(np.uint8))


def _varied(artwork: Image.Image, random: Generator) -> Image.Image:
    layer = artwork
    if random.random() < 0.5:
        layer = layer.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    pixels = np.asarray(layer)
    visible = pixels[..., :3][pixels[..., 3] > 128]
    if visible.size and visible.max() < 40 and random.random() < 0.8:
        painted = pixels.copy()
        painted[..., :3] = random.integers(0, 256, 3)
        layer = Image.fromarray(painted)
    elif random.random() < 0.6:
        alpha = layer.getchannel("A")
        coloured = ImageEnhance.Color(layer.convert("RGB")).enhance(random.uniform(0.0, 1.6))
        layer = ImageEnhance.Brightness(coloured).enhance(random.uniform(0.6, 1.3))
        layer.putalpha(alpha)
    return layer.rotate(random.normal(0, 15), expand=True, resample=Image.Resampling.BILINEAR)


def _place(canvas: Image.Image, layer: Image.Image, *, share: float, random: Generator) -> None:
    scale = share * SIDE_PX / max(layer.size)
    layer = layer.resize([max(1, round(side * scale)) for side in layer.size], Image.Resampling.BILINEAR)
    left, top = (int(random.integers(-SIDE_PX // 16, max(1, SIDE_PX + SIDE_PX // 16 - side))) for side in layer.size)
    canvas.paste(layer, (left, top), layer)
