"""Letters that stand for others: by their looks, turned upside down, as digits and signs, in boxes and flags.

Look-alikes are Unicode's own (UTS #39), through `disarm`. What it leaves is read off the characters' names: a letter
with a bar or a hook is the letter, "TURNED A" an "a" upside down.
"""

import re
import unicodedata
from collections.abc import Mapping
from itertools import product

import disarm
import regex

# Capitals A to Z in squares, on black discs and squares, and as flag letters: where each alphabet begins.
_ENCLOSED = {
    first + number: ord("a") + number for first in (0x1F130, 0x1F150, 0x1F170, 0x1F1E6) for number in range(26)
}
# The Latin blocks beyond ASCII: to Extended-B, phonetic letters, and those of later additions.
_LATIN_BLOCKS = (range(0xC0, 0x2B0), range(0x1D00, 0x1DC0), range(0x1E00, 0x1F00), range(0x2C60, 0x2C80),
                 range(0xA720, 0xA800), range(0xAB30, 0xAB70))  # fmt: skip
_BASE_NAME = re.compile(r"LATIN (?:SMALL LETTER|LETTER SMALL CAPITAL|SMALL LETTER SMALL CAPITAL) ([A-Z])(?: WITH .+)?")
_TURNED_NAME = re.compile(r"LATIN (?:SMALL|CAPITAL) LETTER (?:TURNED|REVERSED|INVERTED) ([A-Z])")


def _named(pattern: re.Pattern[str]) -> dict[str, str]:
    """The Latin letters whose names fit, each with the ASCII letter in its name."""
    found = {}
    for character in (chr(number) for block in _LATIN_BLOCKS for number in block):
        if match := pattern.fullmatch(unicodedata.name(character, "")):
            found[character] = match[1].casefold()
    return found


_BASES = str.maketrans(_named(_BASE_NAME))
# Those without such a name that upside-down writing uses, in lower case, and the ASCII letters that turn into others.
_TURNED_ONLY: Mapping[str, str] = {
    **_named(_TURNED_NAME),
    **dict(zip("ɔƃɟɾן∀ᗺᗡℲⅎ⅁⋊˥ᴚ⊥∩⅄", "cgfjlabdffgklrtuy", strict=True)),
}
_TURNED = str.maketrans({**_TURNED_ONLY, **dict(zip("nupdbqmwʌʍ", "undpqbwmvw", strict=True))})
_MARKS = regex.compile(r"[\p{Mn}\p{Me}]+")
_TURNED_SIGN = re.compile("[" + "".join(_TURNED_ONLY) + "]")
_LEET = str.maketrans(dict(zip("034578269@$€+£¢", "oeastbzggasetlc", strict=True)))
_I_OR_L = "1!|"
_ALL_I = str.maketrans(dict.fromkeys(_I_OR_L, "i"))
_MAX_TRIED = 4
_LEET_SIGN = re.compile(r"[0-9@$!|€+£¢]")
_PART = re.compile(r"[\w@$!|€+£¢'\u2019]+")
_LETTER = re.compile(r"[^\W\d_]")
_LEET_TOKEN = re.compile(r"[a-z0-9@$!|€+£¢]{3,}")


def look_alikes_read(text: str) -> str:
    """The text with look-alike letters as the Latin ones they imitate, marks and bars off, in lower case."""
    spelt = text.translate(_ENCLOSED).casefold()
    if spelt.isascii():
        return spelt
    folded = unicodedata.normalize("NFD", str(disarm.skeleton_key(spelt)))
    return "".join(c for c in folded if not unicodedata.combining(c) and unicodedata.category(c) != "Me").translate(
        _BASES
    )


def has_turned(text: str) -> bool:
    """Whether a text has letters that hardly anything but upside-down writing uses."""
    return _TURNED_SIGN.search(text) is not None


def turned_up(text: str) -> str:
    """A text in letters that were turned upside down as the letters they were, in the order they stand in."""
    return text.translate(_TURNED)


def unleeted(text: str) -> str:
    """The text with digits and signs inside words read as the letters they stand for: "h3llo"."""
    return _LEET_TOKEN.sub(lambda match: _as_letters(match.group(0)), text)


def leet_alike(text: str) -> str:
    """The text in a form that it shares with everything it may be as leet: "1", "l" and "!" are all "i".

    Numbers are letters too, if there is a word with both: "011 p41n71ng". Empty for a text without such a word.
    """
    if unleeted(text) == text:
        return ""
    return text.translate(_LEET).translate(_ALL_I).replace("l", "i")


def leet_words(word: str) -> list[str]:
    """What one word may be as leet: each of its first four "1", "!" and "|" as "i" and "l"; none if it has no leet."""
    if not _LEET_SIGN.search(word) or not all(_LETTER.search(part) for part in _PART.findall(word)):
        return []
    letters = list(word.translate(_LEET))
    places = [place for place, letter in enumerate(letters) if letter in _I_OR_L][:_MAX_TRIED]
    found = []
    for choice in product("il", repeat=len(places)):
        for place, letter in zip(places, choice, strict=True):
            letters[place] = letter
        found.append("".join(letters).translate(_ALL_I))
    return found


def leet_number(word: str) -> str:
    """Digits and signs without a letter among them as the letters they stand for: "70" as "to"."""
    return word.translate(_LEET).translate(_ALL_I)


def _as_letters(token: str) -> str:
    """A token's digits and signs as letters, if it has letters too: a number is a number."""
    return token.translate(_LEET).translate(_ALL_I) if any(letter.isalpha() for letter in token) else token
