"""Contact sheets: many pictures in one, to be looked at."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw


def write_sheet(
    pictures: NDArray[np.uint8], file: Path, *, columns: int, tile_px: int, labels: Sequence[str] = ()
) -> None:
    """One PNG of all pictures [n, s, s, 3], row by row, each scaled to `tile_px` with its label below."""
    below = 12 if labels else 0
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * (tile_px + 2), rows * (tile_px + 2 + below)), "white")
    pen = ImageDraw.Draw(sheet)
    for index, pixels in enumerate(pictures):
        tile = Image.fromarray(pixels).resize((tile_px, tile_px), Image.Resampling.LANCZOS)
        corner = (index % columns * (tile_px + 2), index // columns * (tile_px + 2 + below))
        sheet.paste(tile, corner)
        if labels:
            pen.text((corner[0], corner[1] + tile_px), labels[index][: tile_px // 5], fill="black", font_size=9)
    file.parent.mkdir(parents=True, exist_ok=True)
    sheet.quantize(256, dither=Image.Dither.NONE).save(file, optimize=True)
