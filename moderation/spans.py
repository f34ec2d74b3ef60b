"""Which words of a text drove a score: what the score loses when they are left out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import regex

from moderation.assessments import Span
from moderation.text.emoji_names import spelt
from moderation.text.normalise import canonical

MAX_UNITS = 20
_MAX_SPANS = 6
_SHARE_OF_STRONGEST = 0.35
_GRAPHEME = regex.compile(r"\X")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")


@dataclass(frozen=True, slots=True)
class Unit:
    """Some neighbouring tokens, numbers `first` to `last` - 1, and the characters of the shown text that they cover."""

    first: int
    last: int
    start: int
    end: int


def units(offsets: Sequence[tuple[int, int]], shown: str, *, at_most: int = MAX_UNITS) -> list[Unit]:
    """Words of a text from its tokens' offsets; where there are more than `at_most`, several words at a time."""
    words: list[Unit] = []
    for number, (start, end) in enumerate(offsets):
        text = shown[start:end]
        begin = start + len(text) - len(text.lstrip())
        if words and begin == words[-1].end and not _UNSPACED.match(shown[begin : begin + 1]):
            words[-1] = Unit(words[-1].first, number + 1, words[-1].start, end)
        else:
            words.append(Unit(number, number + 1, begin, end))
    size = -(-len(words) // at_most) if words else 1
    chunks = [words[first : first + size] for first in range(0, len(words), size)]
    return [Unit(chunk[0].first, chunk[-1].last, chunk[0].start, chunk[-1].end) for chunk in chunks]


def spans(
    found: Sequence[Unit], losses: Sequence[float], *, original: str, shown: str, category: str, score: float
) -> tuple[Span, ...]:
    """The units without which the score falls most, as spans of the original text, in reading order.

    Args:
        losses: for each unit how far the logit falls without it.
        shown: what was judged, `named(canonical(original))`; the units count its characters.

    The weight of the strongest is the score; the others' are in proportion. The whole text, where no unit alone makes
    a difference or the shown characters cannot be traced to the original's.
    """
    whole = (Span(0, len(original), category, score),)
    strongest = max(losses, default=0.0)
    places = origins(original, shown)
    if strongest <= 0.0 or places is None:
        return whole
    ranked = sorted(zip(losses, found, strict=True), key=lambda pair: pair[0], reverse=True)[:_MAX_SPANS]
    chosen = [
        (loss, unit) for loss, unit in ranked if loss >= _SHARE_OF_STRONGEST * strongest and unit.end > unit.start
    ]
    return tuple(
        Span(places[unit.start][0], places[unit.end - 1][1], category, score * loss / strongest)
        for loss, unit in sorted(chosen, key=lambda pair: pair[1].start)
    )


def origins(original: str, shown: str) -> list[tuple[int, int]] | None:
    """For each character of what was judged where in the original it came from; None if that cannot be told."""
    trace = _traced(original, lambda piece: spelt(canonical(f"x{piece}x")[1:-1]))
    text = "".join(character for character, _ in trace)
    lead = len(text) - len(text.lstrip())
    places = [place for _, place in trace][lead : lead + len(shown)]
    return places if text.strip() == shown else None


def _traced(original: str, fold: Callable[[str], str]) -> list[tuple[str, tuple[int, int]]]:
    traced: list[tuple[str, tuple[int, int]]] = []
    for match in _GRAPHEME.finditer(original):
        for character in fold(match.group(0)):
            if not (character == " " and traced and traced[-1][0] in " \n"):
                traced.append((character, match.span()))
    return traced
