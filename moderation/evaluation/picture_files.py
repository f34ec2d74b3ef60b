"""Picture files as the image checkers take them."""

import hashlib
import io
import warnings
from pathlib import Path

from PIL import Image, ImageOps

from moderation.assessments import ImageInput
from moderation.pictures import MAX_PIXELS, PictureError, decode

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_FILE_BYTES = 128 * 1024 * 1024


def read_picture(path: Path) -> ImageInput:
    """The pixels of a PNG, JPEG or WebP file as PNG bytes, upright as the file says, with the SHA-256 of the file.

    Raises:
        PictureError: no such file, over 128 MiB, over 4096 x 4096 pixels, animated, damaged, or of another format.
    """
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise PictureError(f"size: {size} bytes; at most {MAX_FILE_BYTES}")
        data = path.read_bytes()
    except OSError as error:
        raise PictureError(f"not readable: {error.strerror}") from error
    return ImageInput(_as_png(data), hashlib.sha256(data).hexdigest())


def _as_png(data: bytes) -> bytes:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                _require_modest(image)
                if image.format == "PNG":
                    decode(data)  # damaged further on, it is told here and not by every checker
                    return data
                return _encoded(image)
    except PictureError:
        raise
    except (OSError, ValueError, SyntaxError, Warning, Image.DecompressionBombError) as error:
        raise PictureError(f"not a readable {', '.join(FORMATS)}: {type(error).__name__}") from error


def _require_modest(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PictureError(f"size: {width}x{height} pixels; at most {MAX_PIXELS} pixels")
    if getattr(image, "n_frames", 1) != 1:
        raise PictureError("frames: more than 1; exactly 1")


def _encoded(image: Image.Image) -> bytes:
    upright = ImageOps.exif_transpose(image)
    encoded = io.BytesIO()
    upright.convert("RGBA" if "A" in upright.getbands() else "RGB").save(encoded, "PNG", compress_level=1)
    return encoded.getvalue()
