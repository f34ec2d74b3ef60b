"""Pictures as pixels and as files: the lossless master, what a client gets, what a reviewer sees first.

Every file is written from a copy of the pixels, so nothing else of what came in can go out: no text, no EXIF, no tail.
"""

import io
import re
import struct
import zlib
from dataclasses import dataclass, field
from typing import Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Pixels = NDArray[np.uint8]  # [height, width, 3], RGB
OutputFormat = Literal["png", "jpeg", "webp"]

MAX_PIXELS = 4096 * 4096
DEFAULT_QUALITY = 90
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
CONTENT_TYPES: dict[OutputFormat, str] = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
# A blurred form keeps this many columns of detail, whatever its size: outlines of things, no features of a person.
BLUR_COLUMNS = 16
DERIVATIVE_QUALITY = 80
DERIVATIVE_METHOD = 0  # of libwebp: a person waits for it, and it is shown once


class PictureError(Exception):
    """Bytes or pixels are not a picture that this gate takes; the message says why."""


class RecipeError(ValueError):
    """A recipe names an unknown format, or a quality that the format does not have."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a master becomes the file a client gets. The text form stands in the grant: `png`, `jpeg:90`, `webp:75`."""

    output_format: OutputFormat
    quality: int | None = None  # 1 to 100; None: 90 where the format has one

    def __post_init__(self) -> None:
        if self.output_format not in get_args(OutputFormat):
            raise RecipeError(f"output_format {self.output_format!r} is none of {', '.join(get_args(OutputFormat))}")
        if self.quality is not None and self.output_format == "png":
            raise RecipeError("png is lossless and has no quality")
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise RecipeError(f"quality {self.quality} is outside 1 to 100")

    @classmethod
    def parse(cls, text: str) -> "Recipe":
        """The recipe of a text form.

        Raises:
            RecipeError: not one.
        """
        match = re.fullmatch(r"([a-z]+)(?::([0-9]{1,3}))?", text)
        if match is None:
            raise RecipeError(f"{text!r} is not of the form FORMAT or FORMAT:QUALITY")
        return cls(cast("OutputFormat", match[1]), int(match[2]) if match[2] else None)

    def __str__(self) -> str:
        return self.output_format if self.output_format == "png" else f"{self.output_format}:{self.lossy_quality}"

    @property
    def lossy_quality(self) -> int:
        """The quality a lossy format is written with."""
        return DEFAULT_QUALITY if self.quality is None else self.quality


@dataclass(frozen=True, slots=True)
class Encoded:
    """One file made from a master."""

    data: bytes = field(repr=False)
    content_type: str
    width: int
    height: int


def decode_master(png: bytes) -> Pixels:
    """The pixels of a PNG: 8-bit RGB, one frame, at most 4096 x 4096 pixels. Nothing but its pixels is looked at.

    Raises:
        PictureError: anything else, or damaged.
    """
    bare = _pixels_only(png)
    try:
        with Image.open(io.BytesIO(bare), formats=["PNG"]) as image:
            image.load()
            pixels = np.asarray(image)
    except (OSError, SyntaxError, ValueError, zlib.error, struct.error) as error:
        raise PictureError(f"the PNG is damaged: {error}") from None
    return np.array(pixels)


def encode(master: Pixels, recipe: Recipe) -> Encoded:
    """The file a recipe makes of the master's pixels: the same bytes every time, with no metadata.

    Raises:
        PictureError: not uint8 [height, width, 3], empty, or more than 4096 x 4096 pixels.
    """
    image = _image(master)
    buffer = io.BytesIO()
    match recipe.output_format:
        case "png":
            image.save(buffer, "PNG", compress_level=6)
        case "jpeg":
            image.save(buffer, "JPEG", quality=recipe.lossy_quality, subsampling="4:4:4", optimize=True)
        case "webp":
            image.save(buffer, "WEBP", quality=recipe.lossy_quality, method=4)
    return Encoded(buffer.getvalue(), CONTENT_TYPES[recipe.output_format], image.width, image.height)


def derivative(master: Pixels, *, width_px: int, blur: bool, grey: bool, columns: int = BLUR_COLUMNS) -> Encoded:
    """A WebP for a reviewer's screen, at most `width_px` wide, never larger than the master.

    The blur is made here, from `columns` columns of detail: the browser never has the bytes behind it.

    Raises:
        PictureError: as for `encode`; or `width_px` or `columns` is below 1.
    """
    if width_px < 1 or columns < 1:
        raise PictureError(f"width_px {width_px} or columns {columns} is below 1")
    image = _image(master)
    width = min(width_px, image.width)
    size = (width, max(1, round(image.height * width / image.width)))
    if blur:
        coarse = (columns, max(1, round(image.height * columns / image.width)))
        image = image.resize(coarse, Image.Resampling.BOX)
    else:
        image = image.resize(size, Image.Resampling.LANCZOS)
    if grey:
        image = image.convert("L")
    if blur:
        image = image.resize(size, Image.Resampling.BICUBIC)
        image = image.filter(ImageFilter.GaussianBlur(width / columns / 2))
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "WEBP", quality=DERIVATIVE_QUALITY, method=DERIVATIVE_METHOD)
    return Encoded(buffer.getvalue(), CONTENT_TYPES["webp"], *image.size)


def _image(pixels: Pixels) -> Image.Image:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise PictureError(f"pixels are {pixels.dtype} {list(pixels.shape)}, needed is uint8 [height, width, 3]")
    if pixels.shape[0] * pixels.shape[1] > MAX_PIXELS:
        raise PictureError(f"{pixels.shape[1]} x {pixels.shape[0]} is more than {MAX_PIXELS} pixels")
    return Image.fromarray(np.ascontiguousarray(pixels))


def _pixels_only(png: bytes) -> bytes:
    """The same PNG, header, pixel data and end alone: no other chunk reaches the decoder, to warn of or to read."""
    if not png.startswith(PNG_SIGNATURE):
        raise PictureError("not a PNG")
    kept = [PNG_SIGNATURE]
    offset, kinds = len(PNG_SIGNATURE), list[bytes]()
    while kinds[-1:] != [b"IEND"]:
        length, kind = _chunk_at(png, offset)
        end = offset + 12 + length
        if zlib.crc32(png[offset + 4 : end - 4]) != int.from_bytes(png[end - 4 : end], "big"):
            raise PictureError(f"the PNG is damaged: checksum of chunk {kind!r}")
        if not kinds:
            _check_header(kind, png[offset + 8 : end - 4])
        elif kind in (b"IHDR", b"acTL"):
            raise PictureError("the PNG has more than one frame or header")
        if kind in (b"IHDR", b"IDAT", b"IEND"):
            kept.append(png[offset:end])
        kinds.append(kind)
        offset = end
    return b"".join(kept)


def _chunk_at(png: bytes, offset: int) -> tuple[int, bytes]:
    if offset + 12 > len(png):
        raise PictureError("the PNG is cut short")
    length, kind = struct.unpack_from(">I4s", png, offset)
    if offset + 12 + length > len(png):
        raise PictureError("the PNG is cut short")
    return length, kind


def _check_header(kind: bytes, header: bytes) -> None:
    if kind != b"IHDR" or len(header) != 13:
        raise PictureError("the PNG does not begin with its header")
    width, height, depth, colour = struct.unpack(">IIBB", header[:10])
    if not width or not height or width * height > MAX_PIXELS:
        raise PictureError(f"{width} x {height} is not between 1 and {MAX_PIXELS} pixels")
    if (depth, colour) != (8, 2):
        raise PictureError(f"the PNG has bit depth {depth} and colour type {colour}, needed is 8-bit RGB (8, 2)")
