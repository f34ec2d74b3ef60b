"""Fingerprints of pictures, nearly the same when a picture is recoded or scaled, and an index to search them.

PDQ sees brightness alone and forgets how strong a contrast is: an orange square is a purple one to it, and the flags
of Italy, Peru and Nigeria are one. Its quality measure does not help, since their edges are strong. So sixteen mean
colours stand beside it, and pictures look alike when both agree. docs/checkers.md has what was measured.

Source: "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm", Facebook, 2019. Written from that
paper; tests/moderation/test_hashes.py compares it with hashes that the reference implementation gave.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

PDQ_BYTES = 32
MIN_QUALITY = 50  # the paper's: under it a picture is too plain for its hash to mean anything
MAX_DISTANCE = 31  # the paper's: bits, of 256, that two versions of one picture may differ in
MIN_SIDE_PX = 5
MAX_COLOUR_STEP = 32  # ours: of 255, in any of the sixteen cells and three channels
COLOUR_BYTES = 48

_SMALL, _COEFFICIENTS, _CELLS = 64, 16, 4
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is kept of a picture to know it again.

    Attributes:
        pdq: its PDQ hash, 32 bytes.
        quality: of the hash, 0 (a plain surface) to 100 (detail everywhere).
        colours: 48 bytes: mean RGB of the cells of a 4 x 4 grid, row by row.
    """

    pdq: bytes
    quality: int
    colours: bytes

    @property
    def tells_apart(self) -> bool:
        """Whether the picture has enough detail for its hash to be its own."""
        return self.quality >= MIN_QUALITY

    def looks_like(self, other: "Fingerprint") -> bool:
        """Whether both are detailed enough to tell, and agree in shape and in colour."""
        steps = np.frombuffer(self.colours, np.uint8).astype(int) - np.frombuffer(other.colours, np.uint8)
        return (
            self.tells_apart
            and other.tells_apart
            and distance(self.pdq, other.pdq) <= MAX_DISTANCE
            and int(np.abs(steps).max()) <= MAX_COLOUR_STEP
        )


def fingerprint(pixels: NDArray[np.uint8]) -> Fingerprint:
    """The fingerprint of a picture, uint8 [height, width, 3] RGB. PDQ's bytes are in the order of its usual hex form.

    A picture with a side under 5 pixels has none: zero bytes at quality 0.
    """
    height, width = pixels.shape[:2]
    if min(height, width) < MIN_SIDE_PX:
        return Fingerprint(bytes(PDQ_BYTES), 0, bytes(COLOUR_BYTES))
    rgb = pixels.astype(np.float32)
    small = _shrinking(height) @ (rgb @ _LUMA) @ _shrinking(width).T
    coefficients = _cosines() @ small @ _cosines().T
    # The median of an even number is the lower of the middle two, so that half of the bits or fewer are set.
    median = np.partition(coefficients, coefficients.size // 2 - 1, axis=None)[coefficients.size // 2 - 1]
    bits = (coefficients > median).reshape(-1)[::-1]
    cells = np.einsum("ih,hwc,jw->ijc", _cells(height), rgb, _cells(width), optimize=True)
    return Fingerprint(np.packbits(bits).tobytes(), _quality(small), np.rint(cells).astype(np.uint8).tobytes())


def distance(one: bytes, other: bytes) -> int:
    """In how many of their 256 bits two hashes differ."""
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


class PdqIndex:
    """Hashes to be searched by nearness. A search over 100,000 takes about 2 ms."""

    def __init__(self, hashes: Sequence[bytes]) -> None:
        """`hashes`: 32 bytes each.

        Raises:
            ValueError: one is of another length.
        """
        if any(len(each) != PDQ_BYTES for each in hashes):
            raise ValueError(f"a PDQ hash has {PDQ_BYTES} bytes")
        self._words = _words(b"".join(hashes))

    def __len__(self) -> int:
        return len(self._words)

    def near(self, pdq: bytes, *, within: int = MAX_DISTANCE) -> list[tuple[int, int]]:
        """(position, distance) of every hash at most `within` bits away, the nearest first."""
        distances = np.bitwise_count(self._words ^ _words(pdq)).sum(axis=1, dtype=np.int64)
        found = np.flatnonzero(distances <= within)
        return sorted(((int(each), int(distances[each])) for each in found), key=lambda hit: (hit[1], hit[0]))


def _words(hashes: bytes) -> NDArray[np.uint64]:
    """uint64 [hashes, 4]."""
    return np.frombuffer(hashes, dtype=np.uint64).reshape(-1, PDQ_BYTES // 8)


@lru_cache(maxsize=64)
def _shrinking(length: int) -> NDArray[np.float32]:
    """float32 [64, length]: two passes of a box filter (a tent, nearly), then one sample for each of 64 cells."""
    window = -(-length // (2 * _SMALL))
    to_the_right = (window + 2) // 2 - 1
    places = np.arange(length)
    first = np.maximum(places - (window - 1 - to_the_right), 0)
    after = np.minimum(places + to_the_right, length - 1) + 1
    sampled = ((np.arange(_SMALL) + 0.5) * length / _SMALL).astype(int)[:, None]
    once = ((places >= first[sampled]) & (places < after[sampled])) / (after - first)[sampled]
    # A box around every place, weighted: what each begins is added where it begins and taken off where it ends.
    edges = np.zeros((length + 1, _SMALL))
    weights = (once / (after - first)).T
    np.add.at(edges, first, weights)
    np.subtract.at(edges, after, weights)
    return edges.cumsum(axis=0)[:length].T.astype(np.float32)


@lru_cache(maxsize=64)
def _cells(length: int) -> NDArray[np.float32]:
    """float32 [4, length]: the mean of each quarter."""
    ours = np.arange(length) * _CELLS // length == np.arange(_CELLS)[:, None]
    means: NDArray[np.float32] = (ours / ours.sum(axis=1, keepdims=True)).astype(np.float32)
    return means


@lru_cache(maxsize=1)
def _cosines() -> NDArray[np.float32]:
    """float32 [16, 64]: the discrete cosine transform's rows 1 to 16; the mean, row 0, is left out."""
    row, place = np.arange(1, _COEFFICIENTS + 1)[:, None], np.arange(_SMALL)
    angles = np.pi / (2 * _SMALL) * row * (2 * place + 1)
    cosines: NDArray[np.float32] = (np.sqrt(2 / _SMALL) * np.cos(angles)).astype(np.float32)
    return cosines


def _quality(small: NDArray[np.float32]) -> int:
    """0 to 100 from the steps between neighbours, in whole hundredths of the range, so that faint noise is none."""
    steps = (np.diff(small, axis=axis) * 100 / 255 for axis in (0, 1))
    return min(100, int(sum(np.abs(np.trunc(each)).sum() for each in steps) / 90))
