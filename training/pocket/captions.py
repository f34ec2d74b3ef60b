"""Captions as people write them, drawn anew each time a picture is shown to the denoiser."""

import random
from collections.abc import Iterable, Iterator, Sequence

from training.pocket.vocabulary import Background, Thing, Vocabulary

IRREGULAR_PLURALS = {"mouse": "mice", "wolf": "wolves", "leaf": "leaves", "fish": "fish", "dice": "dice"}
BARE = ("{n}", "{n}", "{a} {n}", "{a} {n}", "the {n}", "one {n}", "single {n}", "my {n}", "some {n}", "this {n}")
PLURAL = ("{n}", "two {n}", "three {n}", "some {n}", "many {n}")
OPENINGS = (
    "photo of", "a photo of", "picture of", "a picture of", "image of", "an image of", "illustration of", "a render of",
    "3d render of", "an icon of", "icon of", "drawing of", "a drawing of", "a painting of", "draw", "please draw",
    "show me", "i want", "create", "generate", "make", "product photo of", "photograph of", "a close up of", "emoji of",
)  # fmt: skip
ADJECTIVES = (
    "cute", "beautiful", "shiny", "big", "large", "small", "little", "nice", "simple", "fresh", "new", "old", "happy",
    "lovely", "realistic", "cartoon", "glossy", "tiny", "perfect", "colorful",
)  # fmt: skip
GROUNDS = (
    "on a {g} background", "on a {g} background", "on {g} background", "on a {g} backdrop", "with a {g} background",
    "on {g}", "on a plain {g} background", "against a {g} background", "in front of a {g} background",
    "isolated on {g}", "against {g}", "in front of a {g} wall", "on a solid {g} background", "background is {g}",
)  # fmt: skip
GROUND_ALONE = ("{g} background", "{g} background", "plain {g} background", "solid {g} background", "{g} backdrop")
FLOURISHES = (
    "product shot", "studio lighting", "studio light", "high quality", "highly detailed", "8k", "4k", "masterpiece",
    "centered", "minimal", "3d", "soft light", "best quality", "detailed", "digital art", "professional photo", "hd",
    "sharp focus", "stock photo", "clean", "simple", "nothing else", "close up", "full view",
)  # fmt: skip
STRANGER_SHARE = 0.15
"""Captions that also hold a word the model does not know, so that it learns to pass over it."""


def plural(noun: str) -> str:
    """The plural of a noun or of a phrase's last word, by English's common rules."""
    *front, last = noun.split(" ")
    if last in IRREGULAR_PLURALS:
        last = IRREGULAR_PLURALS[last]
    elif last.endswith(("s", "x", "sh", "ch")):
        last = last + "es"
    elif last.endswith("y") and last[-2] not in "aeiou":
        last = last[:-1] + "ies"
    else:
        last = last + "s"
    return " ".join([*front, last])


class CaptionWriter:
    """Writes captions from its own random numbers.

    Args:
        vocabulary: what may be named.
        strangers: ordinary words outside the vocabulary.
        seed: same seed, same captions.
    """

    def __init__(self, vocabulary: Vocabulary, strangers: Sequence[str], *, seed: int) -> None:
        self._vocabulary = vocabulary
        self._strangers = strangers
        self._random = random.Random(seed)

    def write(self, thing: Thing | None, colour: str | None, background: Background) -> str:
        """A caption of `thing` (None: of nothing but its ground).

        Args:
            colour: the colour the thing was turned to; None as drawn, when a natural colour may still be named.
            background: named always, but white, which is what an unnamed ground is, only mostly.
        """
        pick = self._random.choice
        what = self._strange_subject() if thing is None else self._subject(thing, colour)
        parts = [what] if what else []
        if background.name != "white" or self._random.random() < 0.6 or not parts:
            parts = self._with_ground(parts, background)
        while self._random.random() < 0.25:
            parts.append(pick(FLOURISHES))
        if self._random.random() < STRANGER_SHARE:
            parts.insert(self._random.randrange(len(parts) + 1), pick(self._strangers))
        separator = ", " if self._random.random() < 0.85 else " "
        return separator.join(parts) + pick(("", "", "", ".", "!", "!!"))

    def _subject(self, thing: Thing, colour: str | None) -> str:
        pick, chance = self._random.choice, self._random.random
        noun = pick(thing.also) if thing.also and chance() < 0.4 else thing.name
        if colour is None and thing.natural and chance() < 0.3:
            colour = pick(thing.natural)
        many = chance() < 0.06
        words = [colour] if colour else []
        if chance() < 0.12:
            words.insert(self._random.randrange(len(words) + 1), pick(ADJECTIVES))
        words.append(plural(noun) if many else noun)
        phrase = " ".join(words)
        article = "an" if phrase[0] in "aeiou" else "a"
        phrase = pick(PLURAL if many else BARE).format(n=phrase, a=article)
        return f"{pick(OPENINGS)} {phrase}" if chance() < 0.3 else phrase

    def _strange_subject(self) -> str:
        """Words the model does not know, or none at all."""
        pick, chance = self._random.choice, self._random.random
        if chance() < 0.2:
            return ""
        words = [pick(self._strangers) for _ in range(self._random.randint(1, 4))]
        if chance() < 0.15:
            words = ["".join(self._random.choices("abcdefghijklmnopqrstuvwxyz", k=self._random.randint(3, 9)))]
        if chance() < 0.3:
            words.insert(0, pick(list(self._vocabulary.hues)))
        phrase = " ".join(words)
        if chance() < 0.6:
            phrase = f"{pick(('a', 'an', 'the', 'some'))} {phrase}"
        return f"{pick(OPENINGS)} {phrase}" if chance() < 0.4 else phrase

    def _with_ground(self, parts: list[str], background: Background) -> list[str]:
        pick, chance = self._random.choice, self._random.random
        name = pick(background.also) if background.also and chance() < 0.25 else background.name
        alone = pick(GROUND_ALONE).format(g=name)
        if not parts:
            return [alone]
        order = chance()
        if order < 0.6:
            return [f"{parts[0]} {pick(GROUNDS).format(g=name)}"]
        return [*parts, alone] if order < 0.88 else [alone, *parts]


def known_words(vocabulary: Vocabulary) -> list[str]:
    """Every word a caption can hold apart from strangers, sorted; the tokenizer makes each one token."""
    return sorted(set(_words(_phrases(vocabulary))))


def _phrases(vocabulary: Vocabulary) -> Iterator[str]:
    for thing in vocabulary.things:
        for noun in (thing.name, *thing.also):
            yield from (noun, plural(noun))
    for background in vocabulary.backgrounds:
        yield from (background.name, *background.also)
    yield from vocabulary.hues
    for template in (*BARE, *PLURAL, *GROUNDS, *GROUND_ALONE):
        yield template.format(n="", a="an a", g="")
    yield from (*OPENINGS, *ADJECTIVES, *FLOURISHES)


def _words(phrases: Iterable[str]) -> Iterator[str]:
    for phrase in phrases:
        yield from phrase.lower().replace("-", " ").split()
