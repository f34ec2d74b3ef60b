"""Which readings of a text a classifier should see: the text as shown, and what somebody seems to have meant by it.

A word list looks at every reading. A classifier that did so would judge gibberish (every text reversed, every text in
rot13), so it gets the readings that make more sense than the text as written, or that were hidden on purpose.
"""

import regex

from moderation.languages import scripts_of
from moderation.normalise import View, canonical, skeleton, views

# Words so common that a reading with them, where the text as written has none, is what was meant.
_COMMON_TEXT = "a an the of and with in on to is for how at by from she he they her his who"
_COMMON = frozenset(_COMMON_TEXT.split())
_LATIN_WORD = regex.compile(r"[a-z]{1,24}")
_LEET_INSIDE = regex.compile(r"[a-z][013457@$!|€+]+[a-z]")
_ODD_WORD = regex.compile(r"[^\W\d_]*[^\x00-\x7F\W\d_][^\W\d_]*")


def readings(text: str) -> list[str]:
    """The text as shown, first, and the readings that seem to be meant; empty for a text of which nothing is shown.

    Raises:
        TextError: a character that no prompt may have.
    """
    shown = canonical(text)
    found = views(text)
    meant = [view.text for view in found[1:] if _is_meant(view, found[0].text)]
    return [shown, *meant] if shown else meant


def _is_meant(view: View, plain: str) -> bool:
    match view.kind:
        case "hidden" | "decoded" | "unspaced":
            return True
        case "skeleton":
            return _imitates(plain)
        case "leet":
            return _LEET_INSIDE.search(plain) is not None
        case "rot13" | "reversed":
            return _common_words(view.text) >= 2 and _common_words(view.text) > 2 * _common_words(plain)
        case _:
            return False


def _imitates(plain: str) -> bool:
    """Whether words in other letters look like Latin ones, and none of them is honestly foreign."""
    odd = [word for word in _ODD_WORD.findall(plain) if scripts_of(word) != {"Latin"}]
    return bool(odd) and all(skeleton(word).isascii() for word in odd)


def _common_words(text: str) -> int:
    return sum(word in _COMMON for word in _LATIN_WORD.findall(text))
