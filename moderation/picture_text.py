"""The checker of text in pictures: what is read goes through checkers of prompts.

It says nothing of what a picture shows, only of what is written in it; so its scores are of the modality `image_text`,
and never count as a look at the picture for a harm.
"""

import hashlib
from collections.abc import Mapping, Sequence

from moderation.assessments import Assessment, Modality, Picture, PromptInput
from moderation.canary import CanaryPromptChecker
from moderation.checkers import Checker, CheckerError
from moderation.coverage import Coverage
from moderation.image import package_file
from moderation.text_reader import Line, TextReader

FILES = {
    "PP-OCRv6_det_small.onnx": "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    "PP-OCRv6_rec_small.onnx": "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
}
"""The two networks of the package `rapidocr` 3.10.0, finder and reader, with their SHA-256."""

# What the reader knows letters of. Vietnamese ones with two marks it leaves out.
SCRIPTS = frozenset({"Latin", "Greek", "Han", "Hiragana", "Katakana"})

# Measured (docs/checkers.md): what is read surely is text; a sure line that is not read surely is in a script that the
# reader does not know, or too small or too ornate for it.
_READ_AT = 0.85
_LINE_AT = 0.8
_LINE_ASPECT = 2.5
_MIN_CHARACTERS = 2
UNREADABLE = "writing:unreadable"


class PictureTextChecker:
    """Reads a picture and asks prompt checkers of the text, line by line and as a whole; the worst counts."""

    name = "text-in-picture"
    version = "1"

    def __init__(self, checkers: Sequence[Checker[PromptInput]]) -> None:
        """`checkers`: who judges the text; the canary, which the self-test looks for, is always among them.

        Raises:
            CheckerError: the package `rapidocr` is not installed, or holds other files.
        """
        finder, reader = (_verified(name, sha256) for name, sha256 in FILES.items())
        self.reader = TextReader(finder, reader)
        self._checkers = (CanaryPromptChecker(), *checkers)
        parts = [*FILES.values(), *(f"{each.name} {each.version} {each.weights_sha256}" for each in self._checkers)]
        self.weights_sha256 = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        self.coverage = _coverage(self._checkers)

    def assess(self, pictures: Sequence[Picture]) -> list[list[Assessment]]:
        """That each picture was read, without scores; where words stand in it, a second one with scores of the words.

        The first says how many words were read, never which: they are in the picture. A picture whose model draws no
        text is not read.

        Raises:
            CheckerError: a network gave a number that is not finite, or a checker of the text failed.
        """
        lines = [self.reader.read(picture.pixels) if picture.may_hold_text else [] for picture in pictures]
        texts = [_texts(each) for each in lines]
        said = iter(self._ask([PromptInput(text, "") for each in texts for text in each]))
        return [
            self._assessments(picture, found, [next(said) for _ in own])
            for picture, found, own in zip(pictures, lines, texts, strict=True)
        ]

    def _ask(self, inputs: Sequence[PromptInput]) -> list[list[Assessment]]:
        """What all checkers say of each text."""
        if not inputs:
            return []
        by_checker = [checker.assess(inputs) for checker in self._checkers]
        answers = [[each for own in of_one for each in own] for of_one in zip(*by_checker, strict=True)]
        for each in (each for answer in answers for each in answer):
            if each.error is not None:
                raise CheckerError(f"{self.name}: {each.checker}: {each.error}")
        return answers

    def _assessments(
        self, picture: Picture, lines: Sequence[Line], said: Sequence[Sequence[Assessment]]
    ) -> list[Assessment]:
        words = sum(len(line.text.split()) for line in lines if _is_read(line))
        seen = f"whole, {words} words" if picture.may_hold_text else "not read: its model draws no text"
        unread = (UNREADABLE,) if any(_is_unread(line) for line in lines) else ()
        assessments = [self._assessment(picture, "image", seen, {}, unread)]
        if said:
            scores: dict[str, float] = {}
            for name, score in ((name, score) for each in said for one in each for name, score in one.scores.items()):
                scores[name] = max(score, scores.get(name, 0.0))
            # A line alone is often too short to tell its language; the whole is asked about that.
            unknown = tuple(sorted({what for one in said[0] for what in one.unknown}))
            assessments.append(self._assessment(picture, "image_text", f"{words} words", scores, unknown))
        return assessments

    def _assessment(
        self,
        picture: Picture,
        modality: Modality,
        seen: str,
        scores: Mapping[str, float],
        unknown: tuple[str, ...],
    ) -> Assessment:
        return Assessment(
            checker=self.name,
            version=self.version,
            weights_sha256=self.weights_sha256,
            modality=modality,
            input_sha256=picture.sha256,
            seen=seen,
            scores=scores,
            unknown=unknown,
        )


def _texts(lines: Sequence[Line]) -> list[str]:
    """What the checkers are asked about: all that was read, then each line where there are several."""
    read = [line.text for line in lines if _is_read(line)]
    return [" ".join(read), *(read if len(read) > 1 else ())] if read else []


def _is_read(line: Line) -> bool:
    return line.certainty >= _READ_AT and sum(each.isalnum() for each in line.text) >= _MIN_CHARACTERS


def _is_unread(line: Line) -> bool:
    """Whether this is writing, but not in letters that the reader can make out."""
    length, height = line.box.size
    return line.certainty < _READ_AT and line.likelihood >= _LINE_AT and length >= _LINE_ASPECT * height


def _coverage(checkers: Sequence[Checker[PromptInput]]) -> Coverage:
    covered = [checker.coverage for checker in checkers]
    languages = [each.languages for each in covered if each.languages is not None]
    return Coverage(
        checker=PictureTextChecker.name,
        modalities=("image_text",),
        categories=tuple(dict.fromkeys(name for each in covered for name in each.categories)),
        languages=frozenset.intersection(*languages) if languages else None,
        scripts=SCRIPTS.intersection(*(each.scripts for each in covered if each.scripts is not None)),
        note="Words in the picture, not what it shows. Letters under a fiftieth of its side and lone letters pass it.",
    )


def _verified(name: str, sha256: str) -> bytes:
    data = package_file("rapidocr", f"models/{name}").read_bytes()
    if (found := hashlib.sha256(data).hexdigest()) != sha256:
        raise CheckerError(f"{name}: SHA-256 {found[:12]}…, expected {sha256[:12]}…")
    return data
