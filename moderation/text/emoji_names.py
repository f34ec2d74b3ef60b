"""Emoji in words, as Unicode's common locale data names them: the shipped encoder has never seen half of them.

Its word table has no entry for a kitchen knife, a rat or a raised middle finger, so "I would love to 🔪 some of them"
reads like "I would love to ? some of them".
"""

from functools import cache

import emoji
import regex

_EMOJI = regex.compile(r"[\p{Extended_Pictographic}\p{Emoji_Modifier}]")
# Whose skin it is must move no score.
_SKIN_TONE = regex.compile(r"\p{Emoji_Modifier}")
_BLANKS = regex.compile(r" {2,}")
# Letters in boxes and circles spell words: the normaliser reads those.
_LETTERS = regex.compile(r"[\U0001F100-\U0001F1FF]")


def named(text: str) -> str:
    """The canonical text with every emoji as its English name between spaces: "a kitchen knife" for 🔪.

    Skin tones are left out.
    """
    return text if text.isascii() else str(_BLANKS.sub(" ", spelt(text))).strip()


def spelt(piece: str) -> str:
    """The same for a part of a text, which keeps its blanks."""
    return str(_EMOJI.sub(lambda match: _name(match.group(0)), piece))


@cache
def _name(character: str) -> str:
    if _SKIN_TONE.match(character):
        return ""
    known = emoji.EMOJI_DATA.get(character)
    if known is None or _LETTERS.match(character):
        return character
    return f" {known['en'].strip(':').replace('_', ' ')} "
