"""What a text really says: the form the generator gets, and the forms in which something may hide from a checker.

The order follows Unicode's own advice (UTS #39, UAX #15): refuse what cannot be text, normalise to NFKC, strip what
nobody sees (keeping what it hid as a view of its own), then fold. A filter and a generator that read different
strings are a hole; so both start from `canonical`.
"""

import base64
import binascii
import codecs
import re
import unicodedata
from dataclasses import dataclass

import disarm
import regex

_TAG_FIRST, _TAG_LAST = 0xE0000, 0xE007F
_INVISIBLE = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\p{Variation_Selector}\p{Cf}]+")
# A mark on its own letter is spelling; three and more on one letter hide it.
_STACKED_MARKS = regex.compile(r"(\p{M}{2})\p{M}+")
_GRAPHEME = regex.compile(r"\X")
_SPACES = re.compile(r"[^\S\n]+")

_LEET = str.maketrans(
    {
        "0": "o",
        "1": "i",
        "3": "e",
        "4": "a",
        "5": "s",
        "7": "t",
        "8": "b",
        "@": "a",
        "$": "s",
        "!": "i",
        "|": "l",
        "€": "e",
        "+": "t",
    }
)
_LEET_TOKEN = re.compile(r"[a-z0-9@$!|€+]{3,}")
# Single letters kept apart by one and the same separator: "n u d e", "n.u.d.e", "n-u-d-e".
_SPACED_OUT = regex.compile(r"(?<![\p{L}\p{N}])[\p{L}\p{N}@$!](?:([ ._\-*/~,'])[\p{L}\p{N}@$!]){2,}(?![\p{L}\p{N}])")
_INNER_PUNCTUATION = regex.compile(r"(?<=\p{L})[._*~'^`|\\/-](?=\p{L})")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}[ :]?){6,}")
_REGIONAL_FIRST, _REGIONAL_LAST = 0x1F1E6, 0x1F1FF
_MAX_LAYERS = 2


class TextError(ValueError):
    """The text has a character that no prompt may have.

    Attributes:
        character: "U+0007", by code point, never the character itself.
        offset: where it stands, in characters from the start.
    """

    def __init__(self, character: str, offset: int, reason: str) -> None:
        super().__init__(f"character {character} at offset {offset} is {reason}; allowed controls: newline and tab")
        self.character = character
        self.offset = offset


@dataclass(frozen=True, slots=True)
class View:
    """One reading of a text. `kind` says how it was made: "plain", "skeleton", "leet" and so on."""

    kind: str
    text: str


_REFUSED = {
    "Cc": "a control character",
    "Cs": "a lone surrogate",
    "Co": "for private use",
    "Cn": "not assigned",
}


def require_text(text: str) -> None:
    """Nothing, if every character can be part of a text.

    Raises:
        TextError: names the first control (other than newline and tab), surrogate, private or unassigned character.
    """
    for offset, character in enumerate(text):
        if character in "\n\t" or (character.isascii() and character.isprintable()):
            continue
        reason = _REFUSED.get(unicodedata.category(character))
        if reason is not None:
            raise TextError(f"U+{ord(character):04X}", offset, reason)


def canonical(text: str) -> str:
    """The text as the generator gets it: NFKC, nothing invisible, case kept, runs of blanks as one, ends trimmed.

    Raises:
        TextError: a character that no prompt may have.
    """
    require_text(text)
    # NFKC can bring an ignorable character forth, and stripping one can let letters compose: twice is stable.
    once = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    twice = _INVISIBLE.sub("", unicodedata.normalize("NFKC", once))
    return _SPACES.sub(" ", twice).strip()


def graphemes(text: str) -> int:
    """How many characters a reader counts (UAX #29 extended grapheme clusters)."""
    return sum(1 for _ in _GRAPHEME.finditer(text))


def skeleton(text: str) -> str:
    """Look-alike letters as the Latin ones they imitate (UTS #39), marks off, lower case."""
    folded = disarm.skeleton_key(text)
    return "".join(c for c in unicodedata.normalize("NFD", folded) if not unicodedata.combining(c))


def transliterated(text: str) -> str:
    """The text in ASCII letters by sound, lower case; what has no sound is left out."""
    return str(disarm.transliterate(_regional_letters(text), errors="ignore")).casefold()


def hidden(text: str) -> str:
    """What the text's tag characters (U+E0020 to U+E007E) spell; empty if there are none."""
    return "".join(chr(ord(c) - _TAG_FIRST) for c in text if _TAG_FIRST + 0x20 <= ord(c) < _TAG_LAST)


def views(text: str) -> list[View]:
    """Every distinct reading of a text, the plain one first; whatever judges it judges all, and the worst counts.

    Raises:
        TextError: a character that no prompt may have.
    """
    shown = canonical(text)
    plain = shown.casefold()
    candidates = [View("plain", plain), View("skeleton", _visible_skeleton(shown))]
    if not plain.isascii():
        candidates.append(View("transliterated", transliterated(shown)))
    for base in (plain, candidates[1].text):
        closed = unspaced(base)
        candidates += [View("unspaced", closed), View("leet", unleeted(closed)), View("run", unleeted(runs(base)))]
    candidates.append(View("joined", _INNER_PUNCTUATION.sub("", plain)))
    candidates.append(View("reversed", plain[::-1]))
    if secret := hidden(text):
        candidates.append(View("hidden", canonical(secret).casefold()))
    candidates += [View("decoded", reading) for reading in decoded(shown)]
    candidates.append(View("rot13", codecs.encode(plain, "rot13")))
    distinct: dict[str, View] = {}
    for view in candidates:
        if view.text:
            distinct.setdefault(view.text, view)
    return list(distinct.values())


def unspaced(text: str) -> str:
    """The text with spelt-out words closed up: "n u d e", "n.u.d.e"; an article before one stays apart."""
    return str(_SPACED_OUT.sub(lambda match: _closed(match.group(0), match.group(1)), text))


def runs(text: str) -> str:
    """Only the spelt-out letters of a text, closed up: where one word ends and the next begins, they do not say."""
    return " ".join(match.group(0).replace(match.group(1), "") for match in _SPACED_OUT.finditer(text))


def unleeted(text: str) -> str:
    """The text with digits and signs inside words read as the letters they stand for: "h3llo"."""
    return _LEET_TOKEN.sub(lambda match: _as_letters(match.group(0)), text)


def decoded(text: str) -> list[str]:
    """Readable texts found inside as base64 or hex, two layers deep, in lower case."""
    found: list[str] = []
    layer = [text]
    for _ in range(_MAX_LAYERS):
        layer = [inner for outer in layer for inner in _embedded(outer)]
        found += layer
    return [canonical(inner).casefold() for inner in found]


def _as_letters(token: str) -> str:
    """A token's digits and signs as letters, if it has letters too: a number is a number."""
    return token.translate(_LEET) if any(character.isalpha() for character in token) else token


def _closed(run: str, separator: str) -> str:
    """A spelt-out run as a word, "a" or "i" at its start as a word of its own if enough is left for another."""
    letters = run.replace(separator, "")
    return f"{letters[0]} {letters[1:]}" if letters[0] in "ai" and len(letters) > 3 else letters


def _embedded(text: str) -> list[str]:
    """What the base64 and hex runs of a text decode to, where that is readable."""
    payloads = []
    for match in _BASE64.finditer(text):
        run = match.group(0).rstrip("=").translate(str.maketrans("-_", "+/"))
        try:
            payloads.append(base64.b64decode(run + "=" * (-len(run) % 4), validate=True))
        except binascii.Error:
            continue
    for match in _HEX.finditer(text):
        digits = re.sub(r"[^0-9A-Fa-f]", "", match.group(0))
        payloads.append(bytes.fromhex(digits[: len(digits) // 2 * 2]))
    return [reading for payload in payloads if (reading := _readable(payload))]


def _readable(payload: bytes) -> str:
    """The payload as text if a person could read it, else an empty string."""
    try:
        text = payload.decode("utf-8")
        require_text(text)
    except (UnicodeDecodeError, TextError):
        return ""
    letters = sum(c.isalpha() or c.isspace() for c in text)
    return text if len(text) >= 4 and letters >= 0.8 * len(text) else ""


def _visible_skeleton(text: str) -> str:
    return skeleton(_STACKED_MARKS.sub(r"\1", _regional_letters(text)))


def _regional_letters(text: str) -> str:
    """Flag letters (U+1F1E6 and on) as the plain letters they spell."""
    return "".join(
        chr(ord(c) - _REGIONAL_FIRST + ord("a")) if _REGIONAL_FIRST <= ord(c) <= _REGIONAL_LAST else c for c in text
    )
