"""From bytes to what a network sees: all of it, or a typed refusal."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from moderation.pictures import PictureError, decode, looks


def png(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format="PNG", **options)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def claimed(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is this large."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def test_the_pixels_come_back_as_they_were() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (40, 30, 3), dtype=np.uint8)

    assert np.array_equal(decode(png(Image.fromarray(pixels))), pixels)


@pytest.mark.parametrize("mode", ["L", "P", "1", "RGBA", "LA", "I;16"])
def test_every_kind_of_png_becomes_rgb(mode: str) -> None:
    assert decode(png(Image.new(mode, (20, 10)))).shape == (10, 20, 3)


def test_what_is_transparent_is_seen_on_white() -> None:
    assert decode(png(Image.new("RGBA", (4, 4), (0, 0, 0, 0)))).min() == 255


@pytest.mark.parametrize("size", [(4097, 4096), (20000, 20000), (65535, 2000)])
def test_a_picture_with_too_many_pixels_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(PictureError, match=r"size: |DecompressionBomb"):
        decode(claimed(*size))


@pytest.mark.parametrize("form", ["JPEG", "GIF", "WEBP", "BMP", "TIFF"])
def test_only_png_is_read(form: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, format=form)

    with pytest.raises(PictureError, match="not a readable PNG"):
        decode(file.getvalue())


def test_an_animation_is_refused() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]

    with pytest.raises(PictureError, match="frames: 2"):
        decode(png(frames[0], save_all=True, append_images=frames[1:]))


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", png(Image.new("RGB", (64, 64)))[:60], claimed(64, 64)])
def test_damaged_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(PictureError):
        decode(data)


@pytest.mark.parametrize("size", [(64, 64), (224, 224), (300, 256), (447, 447)])
def test_a_picture_of_ordinary_size_is_looked_at_once(size: tuple[int, int]) -> None:
    width, height = size

    assert len(looks(np.zeros((height, width, 3), np.uint8), 224)) == 1


@pytest.mark.parametrize("size", [(448, 448), (1024, 768), (640, 100), (100, 640), (1200, 512), (1600, 64)])
def test_every_pixel_of_a_large_or_elongated_picture_is_in_a_tile(size: tuple[int, int]) -> None:
    # Given a black picture with one light square of a tenth of the short side, in every place by turns.
    width, height = size
    spot = max(min(size) // 10, 4)
    for top in np.linspace(0, height - spot, 3).astype(int):
        for left in np.linspace(0, width - spot, 5).astype(int):
            pixels = np.zeros((height, width, 3), np.uint8)
            pixels[top : top + spot, left : left + spot] = 255

            # When it is shown to a network, then one of the tiles shows the square at a tenth of its side or so.
            tiles = looks(pixels, 224)[1:]
            assert max(int((tile > 200).all(-1).sum()) for tile in tiles) >= 150


def test_looks_have_the_networks_size_and_the_whole_picture_comes_first() -> None:
    pixels = np.zeros((100, 640, 3), np.uint8)
    pixels[:, :320] = 255

    shown = looks(pixels, 224)

    assert {look.shape for look in shown} == {(224, 224, 3)}
    assert (shown[0][112, 10] == 255).all()
    assert (shown[0][112, 213] == 0).all()
