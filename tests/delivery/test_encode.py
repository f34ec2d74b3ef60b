import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gateway.delivery.encode import (
    MAX_PIXELS,
    PictureError,
    Pixels,
    Recipe,
    RecipeError,
    decode_master,
    derivative,
    encode,
)
from gateway.engine.png import encode_png

CANARY = b"<script>canary-8f1e</script>"
RECIPES = [Recipe("png"), Recipe("jpeg"), Recipe("webp", 80), Recipe("webp", 100)]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def polyglot(pixels: Pixels) -> bytes:
    """A valid PNG that carries the canary in every text chunk, in EXIF, in an unknown chunk and behind its end."""
    info = PngInfo()
    info.add_text("Comment", CANARY.decode())
    info.add_text("zipped", CANARY.decode(), zip=True)
    info.add_itxt("international", CANARY.decode())
    info.add(b"prVt", CANARY)
    exif = Image.Exif()
    exif[0x010E] = CANARY.decode()
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", pnginfo=info, exif=exif, icc_profile=CANARY, dpi=(72, 72))
    return buffer.getvalue() + b"PK\x03\x04" + CANARY


@settings(max_examples=40, deadline=None)
@given(
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 24), st.integers(1, 24), st.just(3)), elements=st.integers(0, 255))
)
def test_a_master_keeps_every_pixel(picture: Pixels) -> None:
    assert np.array_equal(decode_master(encode_png(picture)), picture)


def test_a_polyglot_leaves_nothing_behind_but_its_pixels(pixels: Pixels) -> None:
    png = polyglot(pixels)
    assert CANARY in png

    decoded = decode_master(png)

    assert np.array_equal(decoded, pixels)
    for recipe in RECIPES:
        encoded = encode(decoded, recipe)
        assert encoded == encode(pixels, recipe)
        assert b"canary" not in encoded.data
        with Image.open(io.BytesIO(encoded.data)) as image:
            assert not image.getexif()
            assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "loop", "background"}


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_a_file_is_the_same_every_time_and_has_what_it_says(pixels: Pixels, recipe: Recipe) -> None:
    encoded = encode(pixels, recipe)

    assert encode(pixels.copy(), recipe) == encoded
    assert (encoded.width, encoded.height) == (48, 32)
    with Image.open(io.BytesIO(encoded.data)) as image:
        assert image.get_format_mimetype() == encoded.content_type == f"image/{recipe.output_format}"
        assert image.size == (48, 32)
        difference = np.abs(np.asarray(image.convert("RGB")).astype(int) - pixels)
    assert difference.mean() <= (0 if recipe.output_format == "png" else 8)


def test_a_lower_quality_is_a_smaller_file() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)

    for output_format in ("jpeg", "webp"):
        sizes = [len(encode(noise, Recipe(output_format, quality)).data) for quality in (1, 50, 90, 100)]
        assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("text", ["png", "jpeg:90", "webp:1", "webp:100"])
def test_a_recipe_and_its_text_say_the_same(text: str) -> None:
    assert str(Recipe.parse(text)) == text


def test_a_lossy_recipe_without_a_quality_writes_out_the_default() -> None:
    assert str(Recipe("webp")) == str(Recipe.parse("webp")) == "webp:90"


@pytest.mark.parametrize("text", ["", "gif", "svg:90", "jpeg:0", "jpeg:101", "jpeg:", "png:90", "JPEG", "webp:90:1"])
def test_a_recipe_that_cannot_be_followed_is_refused(text: str) -> None:
    with pytest.raises(RecipeError):
        Recipe.parse(text)


def test_the_pixel_cap_is_known_before_anything_is_decoded() -> None:
    at_the_cap = header(4096, 4096) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    above = header(4096, 4097) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")

    with pytest.raises(PictureError, match="damaged"):
        decode_master(at_the_cap)
    with pytest.raises(PictureError, match=f"4096 x 4097 is not between 1 and {MAX_PIXELS} pixels"):
        decode_master(above)


def test_a_small_file_that_unpacks_to_too_much_stays_within_its_header() -> None:
    bomb = header(16, 16) + chunk(b"IDAT", zlib.compress(bytes(20_000_000))) + chunk(b"IEND", b"")

    assert decode_master(bomb).shape == (16, 16, 3)


def test_a_chunk_that_is_no_pixel_data_is_not_even_unpacked(pixels: Pixels) -> None:
    png = encode_png(pixels)
    bomb = chunk(b"zTXt", b"Comment\x00\x00" + zlib.compress(bytes(80_000_000)))

    # Pillow itself refuses the whole file for this chunk.
    assert np.array_equal(decode_master(png[:33] + bomb + png[33:]), pixels)


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, 0), (2**31, 2**31), (1, MAX_PIXELS + 1)])
def test_impossible_sizes_are_refused(width: int, height: int) -> None:
    with pytest.raises(PictureError, match="is not between 1 and"):
        decode_master(header(width, height) + chunk(b"IEND", b""))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "I;16"])
def test_a_png_that_is_not_8_bit_rgb_is_refused(mode: str) -> None:
    buffer = io.BytesIO()
    Image.new(mode, (4, 4)).save(buffer, "PNG")

    with pytest.raises(PictureError, match="needed is 8-bit RGB"):
        decode_master(buffer.getvalue())


def test_a_second_frame_is_refused_because_nobody_would_have_looked_at_it(pixels: Pixels) -> None:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", save_all=True, append_images=[Image.fromarray(255 - pixels)])

    with pytest.raises(PictureError, match="more than one frame"):
        decode_master(buffer.getvalue())


@pytest.mark.parametrize("file_format", ["JPEG", "WEBP", "GIF", "BMP"])
def test_another_format_is_refused(pixels: Pixels, file_format: str) -> None:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, file_format)

    with pytest.raises(PictureError, match="not a PNG"):
        decode_master(buffer.getvalue())


def test_a_master_cut_anywhere_is_refused(pixels: Pixels) -> None:
    png = encode_png(pixels)

    for length in range(len(png)):
        with pytest.raises(PictureError):
            decode_master(png[:length])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_any_flipped_bit_of_a_master_is_refused(pixels: Pixels, place: int, bit: int) -> None:
    png = bytearray(encode_png(pixels))
    png[place % len(png)] ^= 1 << bit

    with pytest.raises(PictureError):
        decode_master(bytes(png))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_whatever_comes_as_pixel_data_is_a_picture_or_a_typed_error(data: bytes) -> None:
    png = header(4, 4) + chunk(b"IDAT", data) + chunk(b"IEND", b"")

    try:
        decoded = decode_master(png)
    except PictureError:
        return
    assert decoded.shape == (4, 4, 3)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((1, MAX_PIXELS + 1, 3), np.uint8),
    ],
    ids=["flat", "with alpha", "float", "empty", "too large"],
)
def test_pixels_of_another_shape_are_refused(pixels: Pixels) -> None:
    for make in (
        lambda p: encode(p, Recipe("png")),
        lambda p: derivative(p, width_px=8, blur=True, grey=True),
    ):
        with pytest.raises(PictureError):
            make(pixels)


def picture_of(data: bytes) -> Pixels:
    with Image.open(io.BytesIO(data), formats=["WEBP"]) as image:
        return np.asarray(image.convert("RGB"))


def test_a_small_form_keeps_its_proportions_and_never_grows(pixels: Pixels) -> None:
    small = derivative(pixels, width_px=24, blur=False, grey=False)
    not_larger = derivative(pixels, width_px=512, blur=True, grey=True)

    assert (small.width, small.height, small.content_type) == (24, 16, "image/webp")
    assert picture_of(small.data).shape == (16, 24, 3)
    assert (not_larger.width, not_larger.height) == (48, 32)
    assert derivative(np.zeros((1, 4000, 3), np.uint8), width_px=10, blur=True, grey=False).height == 1
    with pytest.raises(PictureError, match="width_px 0"):
        derivative(pixels, width_px=0, blur=False, grey=False)


def test_a_grey_form_has_no_colour(pixels: Pixels) -> None:
    grey = picture_of(derivative(pixels, width_px=48, blur=False, grey=True).data).astype(int)
    coloured = picture_of(derivative(pixels, width_px=48, blur=False, grey=False).data).astype(int)

    assert np.ptp(grey, axis=2).max() <= 4
    assert np.ptp(coloured, axis=2).max() > 100


@pytest.mark.parametrize("size", [128, 512])
def test_fine_detail_does_not_survive_the_blur(size: int) -> None:
    stripes = np.zeros((size, size, 3), np.uint8)
    stripes[:, np.arange(size) // 2 % 2 == 0] = 255

    blurred = picture_of(derivative(stripes, width_px=size, blur=True, grey=False).data)
    clear = picture_of(derivative(stripes, width_px=size, blur=False, grey=False).data)

    assert np.ptp(blurred) < 16
    assert np.ptp(clear) > 200


def test_a_large_shape_survives_the_blur() -> None:
    halves = np.zeros((128, 128, 3), np.uint8)
    halves[:, 64:] = 255

    blurred = picture_of(derivative(halves, width_px=128, blur=True, grey=False).data)

    assert blurred[:, :40].max() < 40
    assert blurred[:, 88:].min() > 215
