"""Twenty ways to write a phrase so that a person, or a decoder, still reads it and a plain comparison does not.

Each way has variants; which one a phrase gets follows from its number, so that a run is repeatable. What a way has no
form for (a capital in superscript, a letter without a twin in Cyrillic) it leaves as it is.
"""

# ruff: noqa: RUF001  look-alike letters are what this is about

import base64
import codecs
import unicodedata
from collections.abc import Callable, Mapping

from moderation.text.normalise import canonical

Disguise = Callable[[str], str]

_LATIN = "abcdefghijklmnopqrstuvwxyz"
_MATHEMATICAL = {
    "bold": 0x1D41A,
    "sans-serif": 0x1D5BA,
    "double-struck": 0x1D552,
    "monospace": 0x1D68A,
    "fraktur": 0x1D586,
}
_CYRILLIC = dict(zip("aceopxyisjhd", "асеорхуіѕјһԁ", strict=True))
_GREEK = dict(zip("aeiknoptuvwxy", "αεικηορτυνωχγ", strict=True))
_LEET = dict(zip("aeiost", "431057", strict=True))
_HARD_LEET = dict(zip("aeioslt", "@3!0$|7", strict=True))
_SMALL_CAPITALS = dict(zip("abcdefghijklmnopqrtuvwyz", "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘǫʀᴛᴜᴠᴡʏᴢ", strict=True))
_TURNED = dict(zip("abcdefghijklmnpqrtuvwy", "ɐqɔpǝɟƃɥᴉɾʞlɯudbɹʇnʌʍʎ", strict=True))
_MARKS = "\u0300\u0336\u0323\u035c\u0334\u030c"


def by_table(table: Mapping[str, str]) -> Disguise:
    return lambda text: "".join(table.get(letter, letter) for letter in text.casefold())


def by_offset(first: int) -> Disguise:
    """Latin letters, in lower case, as the 26 characters from a code point on."""
    return by_table({letter: chr(first + number) for number, letter in enumerate(_LATIN)})


def after_each(*signs: str) -> Disguise:
    """A sign after every letter, in turn."""
    return lambda text: "".join(
        letter + signs[place % len(signs)] * letter.isalnum() for place, letter in enumerate(text)
    )


def between_letters(sign: str, *, gap: str = " ") -> Disguise:
    """A sign between the letters of each word, and a gap between words."""
    return lambda text: gap.join(sign.join(word) for word in text.split())


def as_bytes(text: str, form: str) -> str:
    return "".join(form.format(byte) for byte in text.encode()).strip()


def parenthesised(text: str) -> str:
    return "".join(chr(0x249C + ord(letter) - 97) if letter in _LATIN else letter for letter in text.casefold())


def turned(text: str) -> str:
    return by_table(_TURNED)(text)[::-1]


def accented(text: str) -> str:
    """Every vowel with two marks, composed where there is such a letter."""
    return unicodedata.normalize("NFC", after_each("\u0302\u0323")(text))


ONE_PROMPT: Mapping[str, tuple[Disguise, ...]] = {
    "full width": (
        lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else "\u3000" if c == " " else c for c in text),
    ),
    "mathematical letters": tuple(by_offset(first) for first in _MATHEMATICAL.values()),
    "zero-width characters": (
        after_each("\u200b"),
        after_each("\u200d", "\u200c"),
        after_each("\u2060"),
        after_each("\ufeff"),
    ),
    "soft hyphens": (after_each("\u00ad"),),
    "stacked combining marks": (after_each(_MARKS[:4]), after_each("\u0336"), after_each(_MARKS * 2), accented),
    "variation selectors": (after_each("\ufe0f"), after_each("\U000e0101"), after_each("\ufe00", "\u180b")),
    "tag characters": (
        lambda text: "".join(chr(0xE0000 + ord(c)) if c.isascii() else c for c in text),
        lambda text: "".join(c + chr(0xE0061 + place % 26) for place, c in enumerate(text)),
    ),
    "Cyrillic and Greek look-alikes": (by_table(_CYRILLIC), by_table(_GREEK)),
    "leet": (by_table(_LEET), by_table(_HARD_LEET), by_table(_LEET | {"l": "1", "i": "1"})),
    "spaced letters": (between_letters(" "), between_letters(" ", gap="   "), between_letters("  ", gap="    ")),
    "punctuated letters": (
        between_letters("."),
        between_letters("-"),
        between_letters("_"),
        between_letters(" . ", gap="   "),
        between_letters("*", gap="*"),
    ),
    "small capitals": (by_table(_SMALL_CAPITALS),),
    "regional indicators": (by_offset(0x1F1E6), lambda text: "\u200b".join(by_offset(0x1F1E6)(text))),
    "enclosed letters": (by_offset(0x24D0), by_offset(0x1F130), by_offset(0x1F150), by_offset(0x1F170), parenthesised),
    "reversal": (
        lambda text: text[::-1],
        lambda text: f"\u202e{text[::-1]}\u202c",
        lambda text: " ".join(word[::-1] for word in text.split()),
        lambda text: f"\u2067\u202e{text[::-1]}\u202c\u2069",
    ),
    "base64": (
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
        lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    ),
    "hex": (
        lambda text: text.encode().hex(),
        lambda text: as_bytes(text, "{:02x} "),
        lambda text: as_bytes(text, "\\x{:02x}"),
        lambda text: as_bytes(text, "0x{:02X} "),
    ),
    "rot13": (lambda text: codecs.encode(text, "rot13"),),
    "upside-down letters": (turned, by_table(_TURNED)),
    "escapes (beyond the twenty)": (
        lambda text: as_bytes(text, "%{:02X}"),
        lambda text: "".join(f"&#{ord(c)};" for c in text),
        lambda text: "".join(f"\\u{ord(c):04x}" for c in text),
        lambda text: "".join(f"&#x{ord(c):x};" for c in text),
        lambda text: as_bytes(text, "{:08b} "),
    ),
}
SPLIT = "split over both prompts"


def disguised(way: str, number: int, phrase: str, key: tuple[int, int] | None) -> tuple[str, str] | None:
    """A phrase, or only the characters `key` of it, disguised: prompt and negative prompt.

    None where the way has no form for any of it. `number` picks the variant. A split falls into the key, or else
    into the middle of the phrase: between two words, or within the word where there is only one.
    """
    start, end = key or (0, len(phrase))
    if way == SPLIT:
        return _split(phrase, start, end)
    variants = ONE_PROMPT[way]
    made = phrase[:start] + variants[number % len(variants)](phrase[start:end]) + phrase[end:]
    if not canonical(made):
        made = f"a nice picture {made}"
    return None if made == phrase else (made, "")


def _split(phrase: str, start: int, end: int) -> tuple[str, str]:
    middle = (start + end) // 2
    spaces = [place for place in range(start, end) if phrase[place].isspace()]
    border = min(spaces, key=lambda place: abs(place - middle)) if spaces else middle
    return phrase[:border].strip(), phrase[border:].strip()
