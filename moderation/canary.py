"""The gate's own EICAR file: harmless words and a harmless picture that take every path on request.

A word in a prompt chooses what the test-card model's picture carries, or what the prompt stage says. Operators and
tests can so see each outcome at any time, and a checker that stops finding its canary is known to be blind.
A canary can only make a verdict stricter: "pass" gives no score at all.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from moderation.assessments import Assessment, Picture, PromptInput, Span, text_sha256
from moderation.coverage import Coverage

Card = Literal["pass", "hold", "block", "seal"]
CARDS: tuple[Card, ...] = ("pass", "hold", "block", "seal")

PROMPT_WORDS: Mapping[str, str] = {
    f"IMPRIMATUR-TEST-PROMPT-{path.upper()}": f"canary/{path}" for path in ("flag", "hold", "block", "seal")
}
CARD_WORDS: Mapping[str, Card] = {f"IMPRIMATUR-TEST-{card.upper()}": card for card in CARDS}

_WORD = re.compile(
    r"(?<![\w-])IMPRIMATUR-TEST-(?:PROMPT-(?:FLAG|HOLD|BLOCK|SEAL)|PASS|HOLD|BLOCK|SEAL)(?![\w-])", re.IGNORECASE
)

VERSION = "1"
MIN_SIDE_PX = 64
_COLUMNS, _CODE_ROWS, _GRID_ROWS = 32, 2, 16
_MAX_WRONG_BITS = 2
_DARK, _LIGHT, _TOLERANCE = 16, 240, 24
_BARS = np.array(
    [[235, 235, 235], [235, 235, 16], [16, 235, 235], [16, 235, 16], [235, 16, 235], [235, 16, 16], [16, 16, 235]],
    dtype=np.uint8,
)


def card_for(prompt: str) -> Card:
    """The card that a prompt asks the test-card model for: the strictest of its words, "pass" without one."""
    asked = [CARD_WORDS[word] for word in _words(prompt) if word in CARD_WORDS]
    return max(asked, key=CARDS.index, default="pass")


def draw(card: Card, width: int, height: int, seed: int) -> NDArray[np.uint8]:
    """A test card, uint8 [height, width, 3] RGB: colour bars, turned by the seed, above the card's code.

    Raises:
        ValueError: a side under 64 pixels, or a card that does not exist.
    """
    if card not in CARDS:
        raise ValueError(f"card: {card!r} is not one of {', '.join(CARDS)}")
    if min(width, height) < MIN_SIDE_PX:
        raise ValueError(f"size: {width}x{height} is too small; each side at least {MIN_SIDE_PX} pixels")
    random = np.random.default_rng(seed & 0xFFFFFFFFFFFFFFFF)
    bars = np.roll(_BARS, int(random.integers(len(_BARS))), axis=0)
    stretch = random.uniform(0.6, 1.0, size=(1, len(_BARS), 1))
    colours = (bars[None] * stretch).astype(np.uint8)[0]
    columns = np.arange(width) * len(_BARS) // width
    bars_px = np.broadcast_to(colours[columns][None], (height, width, 3))
    wave = 8 * np.sin(np.arange(height) * float(random.uniform(0.02, 0.2)))
    pixels: NDArray[np.uint8] = np.clip(bars_px + wave[:, None, None], 0, 255).astype(np.uint8)
    for value, rows, cells in _cells(card, width, height):
        pixels[rows, cells] = _LIGHT if value else _DARK
    return pixels


def read(pixels: NDArray[np.uint8]) -> Card | None:
    """The card whose code a picture, uint8 [height, width, 3], carries; None for every other picture."""
    height, width = pixels.shape[:2]
    if min(width, height) < MIN_SIDE_PX:
        return None
    bits = []
    for _, rows, cells in _cells("pass", width, height):
        cell = pixels[rows, cells].astype(np.int16)
        light, dark = np.abs(cell - _LIGHT).max() <= _TOLERANCE, np.abs(cell - _DARK).max() <= _TOLERANCE
        bits.append(1 if light else 0 if dark else -1)
    found = np.array(bits)
    for card in CARDS:
        if int((found != _code(card)).sum()) <= _MAX_WRONG_BITS:
            return card
    return None


def _code(card: Card) -> NDArray[np.int64]:
    """The 64 bits that stand for a card; any two cards differ in some thirty."""
    digest = hashlib.sha256(f"imprimatur test card: {card}".encode()).digest()[:8]
    return np.unpackbits(np.frombuffer(digest, dtype=np.uint8)).astype(np.int64)


def _cells(card: Card, width: int, height: int) -> list[tuple[int, slice, slice]]:
    """Each bit of the code with the rows and columns of its cell: two rows of 32 at the bottom of the picture."""
    top = height - _CODE_ROWS * (height // _GRID_ROWS)
    cell_height, cell_width = height // _GRID_ROWS, width // _COLUMNS
    return [
        (
            int(bit),
            slice(top + index // _COLUMNS * cell_height, top + (index // _COLUMNS + 1) * cell_height),
            slice(index % _COLUMNS * cell_width, (index % _COLUMNS + 1) * cell_width),
        )
        for index, bit in enumerate(_code(card))
    ]


def _words(text: str) -> list[str]:
    return [match.group(0).upper() for match in _WORD.finditer(text)]


class CanaryPromptChecker:
    """Finds the prompt stage's canary words, in either prompt."""

    name = "canary-prompt"
    version = VERSION
    weights_sha256 = hashlib.sha256(_WORD.pattern.encode()).hexdigest()
    coverage = Coverage(
        checker=name,
        modalities=("prompt", "negative_prompt"),
        categories=tuple(PROMPT_WORDS.values()),
        languages=None,
        scripts=None,
    )

    def assess(self, inputs: Sequence[PromptInput]) -> list[list[Assessment]]:
        """Two assessments an input: its prompt and its negative prompt; a score is 1 or 0."""
        return [
            [self._assess(each.prompt, "prompt"), self._assess(each.negative_prompt, "negative_prompt")]
            for each in inputs
        ]

    def _assess(self, text: str, modality: Literal["prompt", "negative_prompt"]) -> Assessment:
        spans = tuple(
            Span(match.start(), match.end(), PROMPT_WORDS[match.group(0).upper()], 1.0)
            for match in _WORD.finditer(text)
            if match.group(0).upper() in PROMPT_WORDS
        )
        fired = {span.category for span in spans}
        return Assessment(
            checker=self.name,
            version=self.version,
            weights_sha256=self.weights_sha256,
            modality=modality,
            input_sha256=text_sha256(text),
            seen="whole" if text else "nothing",
            scores={category: float(category in fired) for category in PROMPT_WORDS.values()},
            spans=spans,
        )


class CanaryImageChecker:
    """Finds the code of a test card in a picture."""

    name = "canary-image"
    version = VERSION
    weights_sha256 = hashlib.sha256(b"".join(_code(card).tobytes() for card in CARDS)).hexdigest()
    coverage = Coverage(
        checker=name,
        modalities=("image",),
        categories=tuple(f"canary/{card}" for card in CARDS if card != "pass"),
        languages=None,
        scripts=None,
    )

    def assess(self, pictures: Sequence[Picture]) -> list[list[Assessment]]:
        """One assessment a picture; a score is 1 or 0."""
        return [[self._assess(picture)] for picture in pictures]

    def _assess(self, picture: Picture) -> Assessment:
        card = read(picture.pixels)
        return Assessment(
            checker=self.name,
            version=self.version,
            weights_sha256=self.weights_sha256,
            modality="image",
            input_sha256=picture.sha256,
            seen="whole",
            scores={f"canary/{each}": float(each == card) for each in CARDS[1:]},
        )
