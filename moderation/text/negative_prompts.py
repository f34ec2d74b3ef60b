"""What a classifier of wishes may read of a negative prompt, which names what is not wanted."""

from functools import cache

import regex

from moderation.term_lists import FOLDER, read_words
from moderation.text.normalise import canonical

_BETWEEN_WORDS = regex.compile(r"[^\p{L}\p{M}\p{N}']+")


def unusual(negative_prompt: str) -> str:
    """A negative prompt without the faults that negative prompts usually name: "nsfw" there is no wish.

    In lower case and without punctuation; empty if nothing else is left.

    Raises:
        TextError: a character that no prompt may have.
    """
    if not negative_prompt:
        return ""
    left = _usual().sub(" ", canonical(negative_prompt).casefold())
    return " ".join(_BETWEEN_WORDS.sub(" ", left).split())


@cache
def _usual() -> regex.Pattern[str]:
    longest_first = sorted(read_words(FOLDER / "usual-negative.txt"), key=len, reverse=True)
    return regex.compile(r"\b(?:" + "|".join(regex.escape(word) for word in longest_first) + r")\b")
