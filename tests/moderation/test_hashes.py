"""Fingerprints: PDQ as the reference computes it, what survives, what does not collide, and a search that is fast."""

import io
import time

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from moderation.hashes import MAX_COLOUR_STEP, MAX_DISTANCE, MIN_QUALITY, Fingerprint, PdqIndex, distance, fingerprint

Pixels = NDArray[np.uint8]


def waves(height: int = 240, width: int = 320) -> Pixels:
    """A picture with detail of its own, the same on every machine."""
    y, x = np.mgrid[0:height, 0:width]
    y, x = y / height, x / width
    red = 120 * np.sin(9 * x + 5 * y) + 60 * np.sin(31 * x * y)
    green = 120 * np.cos(14 * y - 3 * x) + 40 * np.sin(50 * x)
    blue = 110 * np.sin(20 * (x - 0.4) ** 2 + 17 * y)
    return np.clip(127 + np.stack([red, green, blue], axis=-1), 0, 255).astype(np.uint8)


def noise(height: int, width: int, seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def stripes(*colours: tuple[int, int, int]) -> Pixels:
    """Upright stripes of these colours, 240 x 240, with a dark edge round them, as an emoji's flag has."""
    picture = np.full((240, 240, 3), 255, dtype=np.uint8)
    for number, colour in enumerate(colours):
        begin, end = (20 + 200 * each // len(colours) for each in (number, number + 1))
        picture[60:180, begin:end] = colour
    picture[56:60, 20:220] = picture[180:184, 20:220] = 40
    return picture


def recoded(pixels: Pixels, quality: int) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"), dtype=np.uint8)


def scaled(pixels: Pixels, by: float) -> Pixels:
    height, width = pixels.shape[:2]
    size = (round(width * by), round(height * by))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC), dtype=np.uint8)


def flipped(pdq: bytes, bits: int) -> bytes:
    """The same hash with its first `bits` bits turned over."""
    mask = ((1 << bits) - 1) << (256 - bits)
    return (int.from_bytes(pdq) ^ mask).to_bytes(32)


@pytest.mark.parametrize(
    ("pixels", "pdq", "quality"),
    [
        (waves(), "b65225d76a92d579aa5656dbaad568ab594ae6d38b36aaaf5189063805c35706", 100),
        (waves(400, 130), "b6d225d76a929579aa56d4dbaad548ab534ae6d38b36aaaf5189263811c37606", 100),
        (noise(128, 128, seed=2), "6c3dac1a16c1396a1e884e1ce4f4e106f8caacb13d5ba99c508639b5ff73ee41", 100),
        (noise(70, 900, seed=3), "343af17b6b0b79792f09e705f6214a910d0339cf8d38baac8dbbae11f3323861", 100),
        (noise(600, 600, seed=4) // 16 + 100, "c8f5d106640d5b4cd11ed1afcec87719304f29321ef8c4baea4a9ea30d34ec5f", 0),
    ],
    ids=["waves", "waves upright", "noise", "long noise", "hardly any detail"],
)  # fmt: skip
def test_it_is_the_hash_that_the_reference_implementation_gives(pixels: Pixels, pdq: str, quality: int) -> None:
    own = fingerprint(pixels)

    assert distance(own.pdq, bytes.fromhex(pdq)) <= 2  # a coefficient at the median may fall on either side of it
    assert own.quality == quality


def test_a_picture_of_a_few_pixels_has_no_hash() -> None:
    assert fingerprint(noise(4, 200, seed=1)) == Fingerprint(bytes(32), 0, bytes(48))
    assert fingerprint(noise(5, 200, seed=1)).quality > 0


@pytest.mark.parametrize("quality", [95, 75, 50, 20])
def test_a_recoded_picture_looks_like_itself(quality: int) -> None:
    assert fingerprint(recoded(waves(), quality)).looks_like(fingerprint(waves()))


@pytest.mark.parametrize("by", [0.5, 0.75, 2.0])
def test_a_scaled_picture_looks_like_itself(by: float) -> None:
    assert fingerprint(scaled(waves(), by)).looks_like(fingerprint(waves()))


def test_a_cropped_a_mirrored_and_a_turned_picture_are_not_found() -> None:
    """What docs/checkers.md says that this does not do: were it otherwise, the page would have to say so."""
    own = fingerprint(waves())

    for other in (waves()[24:-24, 32:-32], waves()[:, ::-1], waves().transpose(1, 0, 2)):
        assert not fingerprint(np.ascontiguousarray(other)).looks_like(own)


def test_pictures_of_one_shape_in_other_colours_do_not_look_alike() -> None:
    italy = fingerprint(stripes((0, 140, 70), (245, 245, 240), (205, 35, 45)))
    peru = fingerprint(stripes((205, 35, 45), (245, 245, 240), (205, 35, 45)))

    assert italy.quality >= MIN_QUALITY
    assert distance(italy.pdq, peru.pdq) <= MAX_DISTANCE  # to PDQ they are one
    assert not italy.looks_like(peru)


def test_plain_pictures_look_like_nothing_not_even_themselves() -> None:
    plain = fingerprint(np.full((200, 200, 3), 90, dtype=np.uint8))

    assert plain.quality == 0
    assert not plain.looks_like(plain)


def test_the_limits_of_quality_distance_and_colour_are_each_at_below_and_above() -> None:
    pdq, colours = fingerprint(waves()).pdq, bytes([100] * 48)
    own = Fingerprint(pdq, MIN_QUALITY, colours)

    assert own.looks_like(Fingerprint(pdq, MIN_QUALITY, colours))
    assert not own.looks_like(Fingerprint(pdq, MIN_QUALITY - 1, colours))
    assert not Fingerprint(pdq, MIN_QUALITY - 1, colours).looks_like(own)
    assert own.looks_like(Fingerprint(flipped(pdq, MAX_DISTANCE), 100, colours))
    assert not own.looks_like(Fingerprint(flipped(pdq, MAX_DISTANCE + 1), 100, colours))
    for step in (MAX_COLOUR_STEP, -MAX_COLOUR_STEP):
        assert own.looks_like(Fingerprint(pdq, 100, bytes([100] * 47 + [100 + step])))
        beyond = 100 + step + (1 if step > 0 else -1)
        assert not own.looks_like(Fingerprint(pdq, 100, bytes([100] * 47 + [beyond])))


def test_the_index_finds_what_is_near_and_nothing_else_the_nearest_first() -> None:
    random = np.random.default_rng(5)
    hashes = [random.bytes(32) for _ in range(1000)]
    wanted = random.bytes(32)
    hashes[700], hashes[3], hashes[41] = flipped(wanted, 31), flipped(wanted, 12), flipped(wanted, 32)

    assert PdqIndex(hashes).near(wanted) == [(3, 12), (700, 31)]
    assert PdqIndex([]).near(wanted) == []
    assert len(PdqIndex(hashes)) == 1000


def test_a_hash_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        PdqIndex([bytes(31)])


def test_a_hundred_thousand_hashes_are_searched_in_milliseconds() -> None:
    random = np.random.default_rng(6)
    index = PdqIndex([random.bytes(32) for _ in range(100_000)])
    wanted = random.bytes(32)

    took = []
    for _ in range(10):
        began = time.perf_counter()
        index.near(wanted)
        took.append(time.perf_counter() - began)

    assert min(took) < 0.02  # 2 ms on an idle core
