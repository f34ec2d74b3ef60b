"""Lossless masters."""

import io

import numpy as np
import pytest
from PIL import Image

from gateway.engine.png import encode_png


def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, size=(24, 16, 3), dtype=np.uint8)


def test_a_master_has_exactly_the_pixels() -> None:
    decoded = np.asarray(Image.open(io.BytesIO(encode_png(noise()))))

    assert np.array_equal(decoded, noise())


def test_a_master_says_nothing_but_pixels() -> None:
    data = encode_png(noise())
    names, position = [], 8
    while position < len(data):
        names.append(data[position + 4 : position + 8])
        position += 12 + int.from_bytes(data[position : position + 4], "big")

    assert set(names) == {b"IHDR", b"IDAT", b"IEND"}


def test_equal_pixels_give_equal_bytes() -> None:
    assert encode_png(noise()) == encode_png(np.asfortranarray(noise()))


@pytest.mark.parametrize("shape", [(24, 16), (24, 16, 4), (1, 24, 16, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must be uint8"):
        encode_png(np.zeros(shape, dtype=np.uint8))


def test_floats_are_refused() -> None:
    with pytest.raises(ValueError, match="float32"):
        encode_png(np.zeros((24, 16, 3), dtype=np.float32))
