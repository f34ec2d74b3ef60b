"""Captions as people write them, drawn anew each time a picture is shown to the denoiser."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from training.pocket.vocabulary import Background, Thing, Vocabulary

IRREGULAR_PLURALS = {
    "mouse": "mice", "wolf": "wolves", "leaf": "leaves", "loaf": "loaves", "knife": "knives", "scarf": "scarves",
    "fish": "fish", "dice": "dice",
}  # fmt: skip
BARE = ("{n}", "{n}", "{n}", "{a} {n}", "{a} {n}", "{a} {n}", "the {n}", "one {n}", "single {n}", "my {n}", "some {n}")
PLURAL = ("{n}", "two {n}", "three {n}", "some {n}", "many {n}", "a few {n}", "a pair of {n}")
LOOKS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "": (
        (
            "photo of", "a photo of", "picture of", "a picture of", "image of", "an image of", "a render of", "draw",
            "3d render of", "please draw", "show me", "i want", "create", "generate", "make", "product photo of",
            "photograph of", "a close up of", "emoji of", "a photograph of", "a rendering of", "3d model of", "draw me",
        ),
        ("3d", "3d render", "product shot", "stock photo", "professional photo"),
    ),
    "flat": (
        ("an icon of", "icon of", "a flat icon of", "flat icon of", "a vector of", "a flat picture of", "a logo of"),
        ("flat icon", "flat style", "flat design", "flat", "vector art", "vector", "icon", "in flat style"),
    ),
    "drawing": (
        (
            "a drawing of", "drawing of", "an illustration of", "illustration of", "a cartoon of", "cartoon of",
            "a painting of", "a sketch of", "clip art of",
        ),
        ("drawing", "cartoon style", "cartoon", "illustration", "hand drawn", "comic style", "clip art"),
    ),
}  # fmt: skip
"""By the look of the artwork: what a caption may open with, and what may follow the thing. The first look is the one
that a caption names only sometimes; every other is always named."""

SMALL = ("small", "tiny", "little", "miniature")
ADJECTIVES = (
    "cute", "beautiful", "shiny", "big", "large", "nice", "simple", "fresh", "new", "old", "happy", "lovely", "funny",
    "realistic", "glossy", "perfect", "colorful", "delicious", "modern", "vintage", "wooden", "pretty", "giant",
)  # fmt: skip
GROUNDS = (
    "on a {g} background", "on a {g} background", "on {g} background", "on a {g} backdrop", "with a {g} background",
    "on {g}", "on a plain {g} background", "against a {g} background", "in front of a {g} background",
    "isolated on {g}", "against {g}", "in front of a {g} wall", "on a solid {g} background", "background is {g}",
)  # fmt: skip
GROUND_ALONE = ("{g} background", "{g} background", "plain {g} background", "solid {g} background", "{g} backdrop")
FLOURISHES = (
    "studio lighting", "studio light", "high quality", "highly detailed", "8k", "4k", "masterpiece", "centered",
    "minimal", "soft light", "best quality", "detailed", "digital art", "hd", "sharp focus", "clean", "nothing else",
    "close up", "full view", "sitting", "standing", "trending", "no text", "isolated",
    "very nice", "in the style of a master", "for a catalogue", "for my website", "with soft shadows", "on its own",
)  # fmt: skip
STRANGER_SHARE = 0.15
"""Captions that also hold a word the model does not know, so that it learns to pass over it."""

NATURAL_SHARE = 0.25


def plural(noun: str) -> str:
    """The plural of a noun or of a phrase's last word, by English's common rules."""
    *front, last = noun.split(" ")
    if last in IRREGULAR_PLURALS:
        last = IRREGULAR_PLURALS[last]
    elif last.endswith("s") and not last.endswith(("ss", "us")):
        pass  # as in "cherries": a plural already
    elif last.endswith(("s", "x", "sh", "ch")):
        last = last + "es"
    elif last.endswith("y") and last[-2] not in "aeiou":
        last = last[:-1] + "ies"
    else:
        last = last + "s"
    return " ".join([*front, last])


@dataclass(frozen=True, slots=True)
class Shown:
    """What a picture shows, all of which its caption names.

    Attributes:
        thing: None where there is nothing but the ground.
        colour: the colour the thing was turned to; "" as drawn, when a natural colour may still be named.
        look: a key of `LOOKS`.
        small: the thing takes half of the frame.
    """

    thing: Thing | None
    background: Background
    colour: str = ""
    look: str = ""
    small: bool = False


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

    def write(self, shown: Shown) -> str:
        """A caption of what is shown; a white ground, which is what an unnamed one is, is only mostly named."""
        pick, chance = self._random.choice, self._random.random
        parts = [self._strange_subject() if shown.thing is None else self._subject(shown.thing, shown)]
        openings, sayings = LOOKS[shown.look]
        if shown.thing is not None:
            said = chance()
            if said < (0.5 if shown.look else 0.3):
                parts[0] = f"{pick(openings)} {parts[0]}"
            elif shown.look or said > 0.92:
                parts.append(pick(sayings))
        parts = [part for part in parts if part]
        if shown.background.name != "white" or chance() < 0.6 or not parts:
            parts = self._with_ground(parts, shown.background)
        while chance() < 0.25:
            parts.append(pick(FLOURISHES))
        if chance() < STRANGER_SHARE:
            parts.insert(self._random.randrange(len(parts) + 1), pick(self._strangers))
        separator = ", " if chance() < 0.8 else " "
        return separator.join(parts) + pick(("", "", "", ".", "!", "!!"))

    def _subject(self, thing: Thing, shown: Shown) -> str:
        pick, chance = self._random.choice, self._random.random
        noun = pick(thing.also) if thing.also and chance() < 0.45 else thing.name
        colour = shown.colour
        if not colour and not shown.look and thing.natural and chance() < NATURAL_SHARE:
            colour = pick(thing.natural)
        many = chance() < 0.08
        words = [colour] if colour else []
        if shown.small:
            words.insert(self._random.randrange(len(words) + 1), pick(SMALL))
        if chance() < 0.12:
            words.insert(self._random.randrange(len(words) + 1), pick(ADJECTIVES))
        if chance() < 0.05:
            words.insert(0, pick(self._strangers))
        words.append(plural(noun) if many else noun)
        phrase = " ".join(words)
        article = "an" if phrase[0] in "aeiou" else "a"
        return pick(PLURAL if many else BARE).format(n=phrase, a=article)

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
        return f"{pick(LOOKS[''][0])} {phrase}" if chance() < 0.4 else phrase

    def _with_ground(self, parts: list[str], background: Background) -> list[str]:
        pick, chance = self._random.choice, self._random.random
        if background.floor:
            phrase = pick(background.phrases)
            if not parts or chance() < 0.2:
                return [*parts, phrase]
            return [f"{parts[0]} {phrase}", *parts[1:]]
        name = pick(background.also) if background.also and chance() < 0.25 else background.name
        alone = pick(GROUND_ALONE).format(g=name)
        if not parts:
            return [alone]
        order = chance()
        if order < 0.6:
            return [f"{parts[0]} {pick(GROUNDS).format(g=name)}", *parts[1:]]
        return [*parts, alone] if order < 0.88 else [alone, *parts]


def known_words(vocabulary: Vocabulary) -> list[str]:
    """Every word a caption can hold apart from strangers, sorted; the tokenizer makes each one token."""
    return sorted(set(_words(_phrases(vocabulary))))


def _phrases(vocabulary: Vocabulary) -> Iterator[str]:
    for thing in vocabulary.things:
        for noun in (thing.name, *thing.also):
            yield from (noun, plural(noun))
    for background in vocabulary.backgrounds:
        yield from background.phrases or (background.name, *background.also)
    yield from vocabulary.hues
    for template in (*BARE, *PLURAL, *GROUNDS, *GROUND_ALONE):
        yield template.format(n="", a="an a", g="")
    for openings, sayings in LOOKS.values():
        yield from (*openings, *sayings)
    yield from (*SMALL, *ADJECTIVES, *FLOURISHES)


def _words(phrases: Iterable[str]) -> Iterator[str]:
    for phrase in phrases:
        yield from phrase.lower().replace("-", " ").split()
