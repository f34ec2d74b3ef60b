"""The lossless bytes that quarantine keeps of a picture."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Masters are written once and read a few times: zlib's fastest level is several times cheaper than its best and,
# on generated pictures, a tenth larger.
COMPRESS_LEVEL = 1


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """PNG bytes of a picture, without any metadata: the same pixels give the same bytes.

    Args:
        pixels: uint8 [height, width, 3], RGB.

    Raises:
        ValueError: another shape or type.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f"pixels are {pixels.dtype} {pixels.shape}: they must be uint8 [height, width, 3]")
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels), mode=None).save(buffer, "PNG", compress_level=COMPRESS_LEVEL)
    return buffer.getvalue()
