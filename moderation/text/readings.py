"""Which readings of a text a classifier should see: the text as shown, and what somebody seems to have meant by it.

A word list looks at every reading. A classifier that did so would judge gibberish (every text reversed, every text in
rot13), so it gets the readings that were hidden on purpose, and those that are more like words than the text as
written is: as a whole, or word by word where only some are disguised.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

import regex

from moderation.text.encodings import decoded
from moderation.text.languages import scripts_of
from moderation.text.letters import has_turned, leet_number, leet_words, look_alikes_read, turned_up
from moderation.text.lexicon import Lexicon, lexicon
from moderation.text.normalise import (
    canonical,
    canonical_or_empty,
    displayed,
    hidden,
    hidden_shown,
    spelt_out,
    unpunctuated,
    unspaced,
    unstruck,
    visible,
)

# By how many nats a reading must be likelier than the text as shown. Chosen on the harmless and the disguised texts of
# benchmarks/evasions.py, where other readings of honest texts are hardly ever likelier at all.
_MARGIN = 5.0
# And a word in it: by little where the disguise leaves a trace that honest writing does not; by more where any word can
# be read so, or where an honest word has the same signs.
_TRACED, _IMITATED, _JOINED, _UNTRACED, _ACCENTED = 0.0, 3.0, 4.0, 4.0, 18.0
_MIN_WORD, _MAX_WORD = 4, 40
# Of a longer run of letters the beginning is priced, for all of it.
_MAX_PRICED = 200
# A second guess at what is meant counts if it is nearly as likely as the first.
_MAX_GUESSES, _NEARLY = 2, 1.2

_LETTER = regex.compile(r"\p{L}")
_CAPITALS = regex.compile(r"(?<![\p{L}\p{N}])\p{Lu}{4,}(?![\p{L}\p{N}])")
_TOKEN = regex.compile(r"\S+")
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}\p{So}@$!|€£¢]+")
_CORE = regex.compile(r"[\p{L}\p{M}\p{N}\p{So}@$!|€£¢](?:.*[\p{L}\p{M}\p{N}\p{So}@$€£¢])?")
# Marks that compose with no Latin letter, phonetic letters, and signs where letters should be.
_ODD_LATIN = regex.compile(r"\p{Latin}\p{M}|[\u0250-\u02af\u1d00-\u1dbf\ua720-\ua7ff\p{So}]")
# "35mm", "4k", "mp4", "f1": digits on one side only are honest more often than not.
_MEASURE = regex.compile(r"(?:[$€£]?\p{N}+\p{L}+|\p{L}+\p{N}+)(?![\p{L}\p{N}@$!|€£¢])")
_FLAG = regex.compile(r"[\U0001f1e6-\U0001f1ff]{2}")
_MARKS = regex.compile(r"\p{M}+")
_FOREIGN_WORD = regex.compile(r"[^\W\d_]*[^\p{Latin}\W\d_][^\W\d_]*")


def readings(text: str) -> list[str]:
    """The text as shown, first, and the readings that seem to be meant; empty for a text of which nothing is shown.

    At most seventeen, three as a rule: what was hidden, what was decoded layer by layer, each as it is and with its
    disguised words undone, and the two best guesses at any other disguise.

    Raises:
        TextError: a character that no prompt may have.
        CheckerError: the encoder, whose vocabulary tells words from gibberish, is not installed.
    """
    shown = canonical(text)
    words = _Words(lexicon())
    bases = [each for each in _uncovered(text, shown, words) if each != shown]
    uncovered = [read for base in bases for read in (base, words.mended(base))]
    distinct = dict.fromkeys([shown, *uncovered, *_guesses(text, shown, words)])
    return [reading for reading in distinct if reading]


def joined(prompt: str, negative_prompt: str) -> str:
    """Both prompts as one text, without a blank between them where that makes a word of what the border cut in two."""
    before, after = prompt.split()[-1:], negative_prompt.split()[:1]
    glued = _folded("".join(before + after))
    apart = sum(lexicon().cost(_folded(word)) for word in before + after)
    return f"{prompt}{'' if lexicon().cost(glued) < apart else ' '}{negative_prompt}"


def _uncovered(text: str, shown: str, words: "_Words") -> Iterator[str]:
    """What is there for certain: text in tag characters, overridden directions, encodings, and words in capitals."""
    if secret := hidden(text):
        yield canonical_or_empty(secret)
        yield canonical_or_empty(hidden_shown(text))
    yield canonical(displayed(text))
    yield from (unstruck(shown), words.calmed(shown))
    for inner in decoded(shown):
        yield canonical_or_empty(inner)


def _guesses(text: str, shown: str, words: "_Words") -> list[str]:
    """The likeliest of what may have been spelt out, turned round or disguised word by word."""
    plain = _folded(shown)
    spaced = _folded(visible(text))
    ways = [plain[::-1], " ".join(word[::-1] for word in plain.split()), codecs.encode(plain, "rot13")]
    ways += [canonical(unspaced(base, cut=words.cut)) for base in (spaced, look_alikes_read(spaced)) if spelt_out(base)]
    if has_turned(plain):
        ways += [turned_up(plain), turned_up(plain)[::-1]]
    usual = words.price(shown)
    likelier = [way for way in ways if words.price(way) < usual]
    likelier += [words.mended(way) for way in (shown, *likelier)]
    priced = sorted((words.price(read), read) for read in dict.fromkeys(likelier))
    enough = min(usual - _MARGIN, priced[0][0] * _NEARLY)
    return [read for price, read in priced[:_MAX_GUESSES] if price < enough]


@dataclass(frozen=True, slots=True)
class _Manner:
    """How a text as a whole is written.

    Attributes:
        imitates: every word with letters that are not Latin looks like one in Latin letters.
        mixes: and one of them has Latin letters among them, so that all are imitations.
        leet: two words and more have digits or signs for letters, so that numbers are words as well.
    """

    imitates: bool
    mixes: bool
    leet: bool


class _Words:
    """One text's words, each priced once."""

    def __init__(self, known_words: Lexicon) -> None:
        self._lexicon = known_words
        self._costs: dict[str, float] = {}

    def known(self, word: str) -> bool:
        return word in self._lexicon

    def cut(self, run: str) -> str:
        return self._lexicon.cut(run)

    def price(self, text: str) -> float:
        """How unlikely the words of a text are together, in nats."""
        return sum(self._cost(word) for word in _WORD.findall(_folded(text)))

    def calmed(self, text: str) -> str:
        """The text with words in capitals in lower case, but for names and abbreviations that are known in capitals."""
        return str(_CAPITALS.sub(lambda match: self._calmed_word(match.group(0)), text))

    def _calmed_word(self, word: str) -> str:
        return word if self._cost(word) < self._cost(word.lower()) + _MARGIN else word.lower()

    def mended(self, text: str) -> str:
        """The text with every word that is likelier in another reading in that reading."""
        found = _FOREIGN_WORD.findall(text)
        folds = all(look_alikes_read(word).isascii() for word in found)
        manner = _Manner(
            imitates=folds,
            mixes=folds and any(len(scripts_of(word)) > 1 for word in found),
            leet=sum(bool(leet_words(word)) and not _MEASURE.match(word) for word in _folded(text).split()) >= 2,
        )
        return str(_TOKEN.sub(lambda match: self._mended_token(match.group(0), manner), text))

    def _mended_token(self, token: str, manner: "_Manner") -> str:
        core = _CORE.search(token)
        if core is None or _FLAG.fullmatch(core.group(0)):
            return token
        word = _folded(core.group(0))
        return token[: core.start()] + (self._mended_word(word, manner) or core.group(0)) + token[core.end() :]

    def _mended_word(self, word: str, manner: "_Manner") -> str:
        """What a word seems to be in another reading; empty if it is what it seems."""
        if manner.mixes and _FOREIGN_WORD.fullmatch(word):
            return look_alikes_read(word)
        if manner.leet and not _LETTER.search(word):
            return number if self.known(number := leet_number(word)) else ""
        if self.known(word) or len(_MARKS.sub("", word)) > _MAX_WORD:
            return ""
        found = _readings_of_word(word, manner)
        price, best = min((self.price(read) + margin, read) for read, margin in found)
        return best if price < self.price(word) else ""

    def _cost(self, word: str) -> float:
        if word not in self._costs:
            part = word[:_MAX_PRICED]
            self._costs[word] = self._lexicon.cost(part) * len(word) / len(part)
        return self._costs[word]


def _folded(text: str) -> str:
    """The text in lower case, a Turkish capital's dot gone with it."""
    return text.casefold().replace("i\u0307", "i")


def _readings_of_word(word: str, manner: _Manner) -> Iterator[tuple[str, float]]:
    """What a word may have been, and by how many nats likelier that must be; first the word itself."""
    yield word, 0.0
    closed = word if "'" in word else unpunctuated(word)
    yield closed, _JOINED
    leet_margin = _UNTRACED if _MEASURE.fullmatch(closed) else _TRACED
    yield from ((read, leet_margin) for read in (*leet_words(word), *leet_words(closed)))
    latin = look_alikes_read(word)
    if latin != word and latin.isascii():
        margin = _look_alike_margin(word, manner)
        yield from ((read, margin) for read in (latin, *leet_words(latin)))
    if has_turned(word):
        upright = look_alikes_read(turned_up(word))
        yield from ((read, _TRACED) for read in (upright, upright[::-1]))
    if len(word) >= _MIN_WORD and word.isascii():
        yield word[::-1], _UNTRACED
        yield codecs.encode(word, "rot13"), _UNTRACED


def _look_alike_margin(word: str, manner: _Manner) -> float:
    """How sure one must be that a word with look-alike letters or marks is the Latin one that it looks like."""
    if _ODD_LATIN.search(word):
        return _TRACED
    if "Latin" in scripts_of(word):
        return _ACCENTED
    return _IMITATED if manner.imitates else float("inf")
