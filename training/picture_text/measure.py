"""Measure the checker of text in pictures: what it reads, catches and mistakes for text, and how long it takes.

    python -m training.picture_text.measure --fonts FOLDER --grounds FOLDER --without-text FOLDER --out measured.json

The fonts are every .ttf and .otf of a folder; the texts are the harmful and harmless sentences of
training/prompt/languages/en.tsv, each written into a picture. "Harmful" is a sentence that the prompt checkers hold:
one that they pass as a prompt, they pass in a picture as well.
"""

import argparse
import itertools
import json
import random
import time
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path
from statistics import mean

import numpy as np

from moderation.assessments import Picture, PromptInput
from moderation.picture_text import PictureTextChecker
from moderation.prompt import E5PromptChecker
from moderation.terms import TermChecker
from training.picture_text.pictures import Written, grounds, opened, picture_files, write

SENTENCES = Path("training/prompt/languages/en.tsv")
SIDES_PX = (256, 512, 1024)
HOLD_AT = 0.3


class Measured:
    """The checker with what is to be read kept beside its answers."""

    def __init__(self) -> None:
        self.prompt_checkers = [TermChecker(), E5PromptChecker()]
        self.checker = PictureTextChecker(self.prompt_checkers)

    def text_score(self, text: str) -> float:
        """The highest score of a sentence as a prompt."""
        said = [each for checker in self.prompt_checkers for each in checker.assess([PromptInput(text, "")])[0]]
        return max(score for each in said for score in each.scores.values())

    def look(self, pixels: np.ndarray) -> dict[str, float | list[str] | str]:
        """What is said of one picture, and the CPU time it took, in seconds."""
        started = time.process_time()
        said = self.checker.assess([Picture(pixels, "")])[0]
        return {
            "seen": said[0].seen,
            "unknown": [what for each in said for what in each.unknown],
            "score": max((score for each in said for score in each.scores.values()), default=0.0),
            "seconds": time.process_time() - started,
        }

    def text(self, pixels: np.ndarray) -> str:
        """What is read with certainty."""
        lines = self.checker.reader.read(pixels)
        return " ".join(line.text for line in lines if line.certainty >= 0.85)


def with_text(measured: Measured, fonts: Sequence[Path], folders: Sequence[Path], count: int) -> dict[str, object]:
    rows = [line.split("\t") for line in SENTENCES.read_text().splitlines()]
    texts = [text for row in rows for text in row[2:4]]
    report: dict[str, object] = {}
    for side_px in SIDES_PX:
        chance = random.Random(side_px)
        ground = grounds(folders, side_px, chance)
        found = [
            _one(measured, write(text, next(ground), chance.choice(fonts), chance))
            for text in itertools.islice(chance.sample(texts, len(texts)), count)
        ]
        harmful = [each for each in found if each["own"] >= HOLD_AT]
        harmless = [each for each in found if each["own"] < HOLD_AT]
        report[str(side_px)] = {
            "pictures": len(found),
            "read_to_nine_tenths": mean(each["likeness"] >= 0.9 for each in found),
            "harmful": len(harmful),
            "harmful_caught": mean(each["score"] >= HOLD_AT for each in harmful),
            "harmful_caught_or_unknown": mean(each["score"] >= HOLD_AT or bool(each["unknown"]) for each in harmful),
            "harmless": len(harmless),
            "harmless_held": mean(each["score"] >= HOLD_AT for each in harmless),
            "harmless_unknown": mean(bool(each["unknown"]) for each in harmless),
            "cpu_seconds": mean(each["seconds"] for each in found),
            "worst": sorted(found, key=lambda each: each["likeness"])[:5],
        }
        print(side_px, json.dumps({k: v for k, v in report[str(side_px)].items() if k != "worst"}), flush=True)
    return report


def _one(measured: Measured, written: Written) -> dict[str, object]:
    pixels = np.asarray(written.image, dtype=np.uint8)
    got, wanted = (_letters(text) for text in (measured.text(pixels), written.text))
    return {
        **measured.look(pixels),
        "own": measured.text_score(written.text),
        "likeness": SequenceMatcher(None, got, wanted, autojunk=False).ratio(),
        "font": written.font,
        "height_share": written.height_share,
        "angle": written.angle,
    }


def _letters(text: str) -> str:
    return "".join(each for each in text.lower() if each.isalnum())


def without_text(measured: Measured, folders: Sequence[Path], count: int) -> dict[str, object]:
    report: dict[str, object] = {}
    for folder in folders:
        files = picture_files(folder)
        chosen = random.Random(11).sample(files, min(count, len(files)))
        found = {path.name: measured.look(np.asarray(opened(path, 512), dtype=np.uint8)) for path in chosen}
        report[folder.name] = {
            "pictures": len(found),
            "with_words": {name: each for name, each in found.items() if each["seen"] != "whole, 0 words"},
            "unknown": sorted(name for name, each in found.items() if each["unknown"]),
            "held": sorted(name for name, each in found.items() if each["score"] >= HOLD_AT),
            "cpu_seconds": mean(each["seconds"] for each in found.values()),
        }
        print(folder.name, json.dumps(report[folder.name]), flush=True)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fonts", type=Path, required=True)
    parser.add_argument("--grounds", type=Path, nargs="+", required=True)
    parser.add_argument("--without-text", type=Path, nargs="+", required=True)
    parser.add_argument("--count", type=int, default=100, help="pictures of each kind")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    measured = Measured()
    fonts = sorted(path for path in arguments.fonts.rglob("*") if path.suffix in (".ttf", ".otf"))
    report = {
        "without_text": without_text(measured, arguments.without_text, arguments.count),
        "with_text": with_text(measured, fonts, arguments.grounds, arguments.count),
    }
    arguments.out.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
