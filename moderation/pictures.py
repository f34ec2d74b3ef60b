"""From stored bytes to what a network sees, with nothing of the picture left out."""

import io
import math
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MAX_PIXELS = 4096 * 4096
_MAX_ASPECT = 1.5
_TILE_FROM = 2.0
_TILE_SHARE = 0.6


class PictureError(ValueError):
    """Bytes that are not a picture this project stores, or one too large to look at."""


def decode(data: bytes) -> NDArray[np.uint8]:
    """All pixels of a PNG, uint8 [height, width, 3] RGB; what is transparent is shown on white.

    Raises:
        PictureError: not a PNG, damaged, animated, or over 4096 x 4096 pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
                _require_modest(image)
                image.load()
                return _flattened(image)
    except PictureError:
        raise
    except (OSError, ValueError, SyntaxError, Warning, Image.DecompressionBombError) as error:
        raise PictureError(f"not a readable PNG: {type(error).__name__}") from error


def _require_modest(image: Image.Image) -> None:
    """Nothing, if a picture whose header was read is one frame and small enough to decode."""
    width, height = image.size
    frames = getattr(image, "n_frames", 1)
    if width * height > MAX_PIXELS:
        raise PictureError(f"size: {width}x{height} pixels; at most {MAX_PIXELS} pixels")
    if frames != 1:
        raise PictureError(f"frames: {frames}; exactly 1")


def _flattened(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        image = Image.alpha_composite(ground, layer)
    return np.asarray(image.convert("RGB"), dtype=np.uint8).copy()


def looks(pixels: NDArray[np.uint8], side_px: int) -> list[NDArray[np.uint8]]:
    """The pictures, each uint8 [side_px, side_px, 3], that a square network is shown of one picture.

    First the whole, scaled to fit and centred on grey. Then, where scaling it down makes small things vanish (a side
    twice as long as the network's) or the picture is elongated, square tiles that together cover every pixel.
    """
    height, width = pixels.shape[:2]
    image = Image.fromarray(pixels)
    shown = [_letterboxed(image, side_px)]
    short, long = min(width, height), max(width, height)
    if long < _TILE_FROM * side_px and long <= _MAX_ASPECT * short:
        return shown
    edge = max(math.ceil(_TILE_SHARE * short), side_px) if short >= _TILE_FROM * side_px else short
    for top in starts(height, edge):
        for left in starts(width, edge):
            tile = image.crop((left, top, min(left + edge, width), min(top + edge, height)))
            shown.append(_letterboxed(tile, side_px))
    return shown


def starts(length: int, edge: int) -> list[int]:
    """Where tiles of one edge begin, so that they cover a length and overlap by a fifth or more."""
    if length <= edge:
        return [0]
    count = 1 + math.ceil((length - edge) / (0.8 * edge))
    return [round(index * (length - edge) / (count - 1)) for index in range(count)]


def _letterboxed(image: Image.Image, side_px: int) -> NDArray[np.uint8]:
    scale = side_px / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    ground = Image.new("RGB", (side_px, side_px), (127, 127, 127))
    scaled = image.resize(size, Image.Resampling.BILINEAR)
    ground.paste(scaled, ((side_px - size[0]) // 2, (side_px - size[1]) // 2))
    return np.asarray(ground, dtype=np.uint8)
