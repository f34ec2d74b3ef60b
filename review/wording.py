"""A client's words as a reviewer can trust them: what is invisible, reorders the line or imitates a letter is shown.

A prompt can fool the reviewer as well as the checker. What comes out are plain pieces of text, to be escaped like any
other; no character that steers the page's own layout is among them.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import regex

_INVISIBLE = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\p{Cf}\p{Cc}\p{Co}\p{Cs}\p{Zl}\p{Zp}]")
_ODD_SPACE = regex.compile(r"[\p{Zs}--\ ]", flags=regex.VERSION1)
_WORD = regex.compile(r"[\p{L}\p{M}]+")
_LATIN = regex.compile(r"\p{Script=Latin}")
_IMITATING = regex.compile(r"[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}]")

# What people who handle text call these; all others are shown by code point.
_SHORT_NAMES = {
    "\u00ad": "SHY", "\u00a0": "NBSP", "\u200b": "ZWSP", "\u200c": "ZWNJ", "\u200d": "ZWJ", "\u2060": "WJ",
    "\ufeff": "BOM", "\u200e": "LRM", "\u200f": "RLM", "\u061c": "ALM", "\u202a": "LRE", "\u202b": "RLE",
    "\u202c": "PDF", "\u202d": "LRO", "\u202e": "RLO", "\u2066": "LRI", "\u2067": "RLI", "\u2068": "FSI",
    "\u2069": "PDI",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of the text. `label` is set where a character is named instead of shown as it is.

    Attributes:
        text: what is read here: the characters themselves, or the letter that a named one looks like; never invisible.
        label: "ZWSP", "U+0430"; empty for ordinary text.
        name: Unicode's name of a named character.
        matched: a checker's span covers it.
    """

    text: str
    label: str = ""
    name: str = ""
    matched: bool = False


def pieces(text: str, spans: Iterable[tuple[int, int]] = ()) -> list[Piece]:
    """The text cut so that every hidden or imitating character is a piece of its own.

    Args:
        spans: [start, end) in characters of what drove a score; may overlap or point past the end.
    """
    matched = _covered(len(text), spans)
    named = _imitations(text)
    cut: list[Piece] = []
    run = ""
    for offset, character in enumerate(text):
        label = _label(character, imitates=offset in named)
        if run and (label or matched[offset] != matched[offset - 1]):
            cut.append(Piece(run, matched=matched[offset - 1]))
            run = ""
        if label:
            cut.append(_named(character, label, imitates=offset in named, matched=matched[offset]))
        else:
            run += character
    if run:
        cut.append(Piece(run, matched=matched[-1]))
    return cut


def hidden_characters(cut: Sequence[Piece]) -> list[Piece]:
    """Every named character once, in the order of its first appearance, for a legend."""
    return list({piece.label: piece for piece in cut if piece.label}.values())


def _covered(length: int, spans: Iterable[tuple[int, int]]) -> list[bool]:
    covered = [False] * length
    for start, end in spans:
        for offset in range(max(0, start), min(length, end)):
            covered[offset] = True
    return covered


def _imitations(text: str) -> set[int]:
    """Offsets of letters that stand among Latin ones of the same word and are none."""
    found = set()
    for word in _WORD.finditer(text):
        if _LATIN.search(word[0]):
            found |= {word.start() + match.start() for match in _IMITATING.finditer(word[0])}
    return found


def _label(character: str, *, imitates: bool) -> str:
    if character == "\n" or " " <= character <= "~":
        return ""
    if character == "\t":
        return "TAB"
    if character in _SHORT_NAMES:
        return _SHORT_NAMES[character]
    if imitates or _INVISIBLE.match(character) or _ODD_SPACE.match(character):
        return f"U+{ord(character):04X}"
    return ""


def _named(character: str, label: str, *, imitates: bool, matched: bool) -> Piece:
    name = unicodedata.name(character, "no name").lower()
    return Piece(character if imitates else "", label, name, matched)
