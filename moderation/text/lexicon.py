"""How much a string of letters looks like words, in about a hundred languages, by the encoder's own vocabulary.

Its pieces come with the logarithm of how often they are used (a unigram language model, Kudo, 2018): a word that people
write costs few nats, the same letters backwards or in rot13 cost many more. So what somebody disguised can be told from
what is merely foreign.
"""

from collections.abc import Iterable
from functools import cache

from moderation.e5 import E5File

_WORD_START = "▁"
_LONGEST_PIECE = 16
# No piece has the letter: as rare as the rarest piece, and a bit.
_UNKNOWN = 20.0


class Lexicon:
    """Prices words, and cuts letters that were run together into words."""

    def __init__(self, pieces: Iterable[tuple[str, float]]) -> None:
        """`pieces` with the natural logarithm of their frequency; those that begin a word are marked by U+2581."""
        self._first: dict[str, float] = {}
        self._inner: dict[str, float] = {}
        for piece, score in pieces:
            text = piece.removeprefix(_WORD_START)
            if text and len(text) <= _LONGEST_PIECE:
                (self._first if piece != text else self._inner)[text] = -score

    def __contains__(self, word: str) -> bool:
        """Whether a word is a piece of its own: common in some language."""
        return word in self._first

    def cost(self, word: str) -> float:
        """How unlikely a word is, in nats."""
        return self._cheapest(word, several=False)[0]

    def cut(self, run: str) -> str:
        """Letters without spaces, as the likeliest words."""
        return self._cheapest(run, several=True)[1]

    def _cheapest(self, letters: str, *, several: bool) -> tuple[float, str]:
        """The cheapest way to make one word, or `several`, of letters: its cost in nats, and the words."""
        length = len(letters)
        costs = [0.0, *[float("inf")] * length]
        steps: list[tuple[int, bool]] = [(0, True)] * (length + 1)
        for start in range(length):
            begins = several or start == 0
            for end in range(start + 1, min(length, start + _LONGEST_PIECE) + 1):
                piece = letters[start:end]
                price, new_word = self._price(piece, begins=begins, inside=start > 0)
                if costs[start] + price < costs[end]:
                    costs[end], steps[end] = costs[start] + price, (start, new_word)
        words, end = [], length
        while end:
            start, new_word = steps[end]
            words.append((" " if new_word and start else "") + letters[start:end])
            end = start
        return costs[length], "".join(reversed(words))

    def _price(self, piece: str, *, begins: bool, inside: bool) -> tuple[float, bool]:
        """What a piece costs, and whether it is cheaper as the beginning of a word than as the continuation of one."""
        unknown = _UNKNOWN if len(piece) == 1 else float("inf")
        first = self._first.get(piece, unknown) if begins else float("inf")
        inner = self._inner.get(piece, unknown) if inside else float("inf")
        return (first, True) if first < inner else (inner, False)


@cache
def lexicon() -> Lexicon:
    """The lexicon of the installed encoder.

    Raises:
        CheckerError: the package is not installed, or its file is another one.
    """
    return Lexicon(E5File().pieces)
