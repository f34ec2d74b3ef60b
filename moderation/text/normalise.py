"""What a text really says: the form the generator gets, and the forms in which something may hide from a checker.

The order follows Unicode's own advice (UTS #39, UAX #15): refuse what cannot be text, normalise to NFKC, strip what
nobody sees (keeping what it hid as a view of its own), then fold. A filter and a generator that read different
strings are a hole; so both start from `canonical`.
"""

import codecs
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import disarm
import regex

from moderation.text.encodings import decoded
from moderation.text.letters import has_turned, leet_alike, look_alikes_read, turned_up, unleeted

_TAG_FIRST, _TAG_LAST = 0xE0000, 0xE007F
_INVISIBLE = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\p{Variation_Selector}\p{Cf}]+")
_TAGGED = regex.compile(r"[\U000E0020-\U000E007E]+")
_OVERRIDDEN = regex.compile(r"\u202e([^\u202c\u2069\n]*)")
_COMMON_MARKS = regex.compile(r"[\u0300-\u036f\u0488\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")
# Between letters of scripts that are written without spaces.
_NO_SPACE = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]"
_NEEDLESS_GAP = regex.compile(rf"(?<={_NO_SPACE})[ .*_~|-]{{1,3}}(?={_NO_SPACE})")
_GRAPHEME = regex.compile(r"\X")
_SPACES = regex.compile(r"[^\S\n]+")

_LETTER = r"[\p{L}\p{N}@$!]"
_GAP = r"[^\p{L}\p{N}\p{M}@$!\n]{1,8}"
# Single letters kept apart: "n u d e", "n.u.d.e", "(n)(u)(d)(e)". Marks are parts of letters, not between them.
_SPELT_OUT = regex.compile(
    rf"(?<![\p{{L}}\p{{N}}\p{{M}}]){_LETTER}(?:{_GAP}{_LETTER}){{2,}}(?![\p{{L}}\p{{N}}\p{{M}}])"
)
_GAPS = regex.compile(_GAP)
_INNER_PUNCTUATION = regex.compile(r"(?<=\p{L})[._*~'^`|\\/-](?=\p{L})")


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
    """One reading of a text. `kind` says how it was made: "plain", "skeleton", "leet" and so on.

    Two kinds are not to be compared as they stand: "run" has no borders between words, and "leet-alike" has only "i"
    where a word has "i" or "l".
    """

    kind: str
    text: str


_READ_OTHERWISE = ("run", "leet-alike")

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
    return _SPACES.sub(" ", visible(text)).strip()


def graphemes(text: str) -> int:
    """How many characters a reader counts (UAX #29 extended grapheme clusters)."""
    return sum(1 for _ in _GRAPHEME.finditer(text))


def transliterated(text: str) -> str:
    """The text in ASCII letters by sound, lower case; what has no sound is left out."""
    return str(disarm.transliterate(text, errors="ignore")).casefold()


def hidden(text: str) -> str:
    """What the text's tag characters (U+E0020 to U+E007E) spell; empty if there are none."""
    return "".join(chr(ord(c) - _TAG_FIRST) for c in text if _TAG_FIRST + 0x20 <= ord(c) < _TAG_LAST)


def hidden_shown(text: str) -> str:
    """The text with its tag characters as the ASCII that they spell, in their place."""
    return _TAGGED.sub(lambda match: f" {hidden(match.group(0))} ", text)


def unstruck(text: str) -> str:
    """The text without the marks that compose with no letter and belong to no script: struck out, stacked, stressed."""
    return str(_COMMON_MARKS.sub("", unicodedata.normalize("NFC", text)))


def displayed(text: str) -> str:
    """The text in the order in which a screen shows it, where right-to-left overrides (U+202E) change that."""
    return _OVERRIDDEN.sub(lambda match: match.group(1)[::-1], text)


def views(text: str) -> list[View]:
    """Every distinct reading of a text, the plain one first; whatever judges it judges all, and the worst counts.

    Raises:
        TextError: a character that no prompt may have.
    """
    shown = canonical(text)
    plain = shown.casefold()
    candidates = [View("plain", plain), View("skeleton", look_alikes_read(plain))]
    if not plain.isascii():
        candidates.append(View("transliterated", transliterated(shown)))
    spaced = visible(text).casefold()
    for base in (spaced, look_alikes_read(spaced)):
        closed, run = unspaced(base), spelt_out(base)
        candidates += [View("unspaced", closed), View("run", run), View("run", unleeted(run))]
        for read in (closed, unpunctuated(closed)):
            candidates += [View("leet", unleeted(read)), View("leet-alike", leet_alike(read))]
    candidates.append(View("joined", unpunctuated(candidates[1].text)))
    for base in (plain, candidates[1].text):
        candidates += [View("reversed", base[::-1]), View("reversed", " ".join(w[::-1] for w in base.split()))]
    candidates += [View("unstruck", unstruck(plain)), View("unspaced", _NEEDLESS_GAP.sub("", plain))]
    candidates.append(View("displayed", canonical(displayed(text)).casefold()))
    if has_turned(plain):
        upright = look_alikes_read(turned_up(plain))
        candidates += [View("turned", upright), View("turned", upright[::-1])]
    if secret := hidden(text):
        candidates.append(View("hidden", canonical(secret).casefold()))
    candidates += [View("decoded", canonical_or_empty(reading).casefold()) for reading in decoded(shown)]
    candidates.append(View("rot13", codecs.encode(candidates[1].text, "rot13")))
    return _distinct(candidates)


def _distinct(candidates: Iterable[View]) -> list[View]:
    """The views that say something, each once, in order; but what is to be looked at in another way stays."""
    found: dict[tuple[str, bool], View] = {}
    for view in candidates:
        if text := _SPACES.sub(" ", view.text).strip():
            found.setdefault((text, view.kind in _READ_OTHERWISE), View(view.kind, text))
    return list(found.values())


def unspaced(text: str, *, cut: Callable[[str], str] | None = None) -> str:
    """The text with spelt-out words closed up: "n u d e", "n.u.d.e".

    Where nothing says where one word of a run ends and the next begins, `cut` does; without it only an article at the
    start is set apart.
    """
    return str(_SPELT_OUT.sub(lambda match: _closed(match.group(0), cut or _article_apart), text))


def spelt_out(text: str) -> str:
    """Only the spelt-out letters of a text, closed up, without what may stand between words."""
    runs = (_GAPS.sub("", match.group(0)) for match in _SPELT_OUT.finditer(text))
    return " ".join(run for run in runs if _are_letters(run))


def unpunctuated(text: str) -> str:
    """The text without the signs that stand between two letters: "nu-de"."""
    return str(_INNER_PUNCTUATION.sub("", text))


def canonical_or_empty(text: str) -> str:
    """The canonical text, or nothing where a character that no prompt may have came out of a decoder."""
    try:
        return canonical(text)
    except TextError:
        return ""


def visible(text: str) -> str:
    """NFKC, without what nobody sees; blanks as they stand.

    Raises:
        TextError: a character that no prompt may have.
    """
    require_text(text)
    # NFKC can bring an ignorable character forth, and stripping one can let letters compose: twice is stable.
    once = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return str(_INVISIBLE.sub("", unicodedata.normalize("NFKC", once)))


def _closed(run: str, cut: Callable[[str], str]) -> str:
    """A spelt-out run as words: the commonest separator stands between letters, another with a blank between words."""
    usual = Counter(_GAPS.findall(run)).most_common(1)[0][0]
    letters = str(_GAPS.sub(lambda gap: " " if gap.group(0) != usual and " " in gap.group(0) else "", run))
    if not _are_letters(letters):
        return run
    return letters if " " in letters else cut(letters)


def _are_letters(run: str) -> bool:
    """Whether a run spells something out: "f/2.8" and "1, 2, 3" do not."""
    return 2 * sum(character.isalpha() for character in run) >= len(run)


def _article_apart(letters: str) -> str:
    return f"{letters[0]} {letters[1:]}" if letters[0] in "ai" and len(letters) > 3 else letters
