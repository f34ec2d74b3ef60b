"""Measure the shipped prompt checkers on texts that nobody trained on; prints a table and writes it as JSON.

    python -m training.prompt.measure --data FOLDER --out measured.json

Sets are halved by the hash of each text: "tune" chose the thresholds of the default policy, "report" is what
docs/checkers.md shows.
"""

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from moderation.assessments import PromptInput
from moderation.policy import default_policy
from moderation.screens import load_prompt_screen
from training.prompt.sources import half, parti_prompts, rows

_BATCH = 32
_THRESHOLDS = (0.15, 0.3, 0.5, 0.75, 0.94)


class Measure:
    """Scores and verdicts of texts, each text once."""

    def __init__(self) -> None:
        self._screen = load_prompt_screen()
        self._policy = default_policy()

    def __call__(self, texts: Sequence[str]) -> tuple[np.ndarray, list[str], int]:
        """The classifier's highest score of each text, the policy's outcome of each, and how many were unscreened."""
        scores, outcomes, unscreened = [], [], 0
        for first in range(0, len(texts), _BATCH):
            batch = [PromptInput(text, "") for text in texts[first : first + _BATCH]]
            for assessments in self._screen.assess(batch):
                verdict = self._policy.judge(assessments, stage="prompt")
                classified = [each for each in assessments if each.checker == "prompt-e5"]
                scores.append(max((max(each.scores.values(), default=0.0) for each in classified), default=0.0))
                outcomes.append(verdict.outcome)
                unscreened += verdict.unscreened
        return np.array(scores), outcomes, unscreened


def auroc(harmful: np.ndarray, harmless: np.ndarray) -> float:
    """The chance that a harmful text scores above a harmless one."""
    ranks = np.concatenate((harmful, harmless)).argsort().argsort() + 1
    return float((ranks[: len(harmful)].sum() - len(harmful) * (len(harmful) + 1) / 2) / (len(harmful) * len(harmless)))


def sets_of(folder: Path, most: int) -> dict[str, tuple[bool, list[str]]]:
    """Every set by name: whether it is harmful, and at most so many of its texts."""
    parti = parti_prompts(folder)
    sets = {
        "PartiPrompts, tune": (False, [text for text in parti if half(text) == "tune"]),
        "PartiPrompts, report": (False, [text for text in parti if half(text) == "report"]),
        "COCO captions": (False, _untrained(folder, "coco-30k-captions/data/coco_30k.csv")),
        "Stable Diffusion prompts, unlabelled": (False, _untrained(folder, "imagereward-prompts/prompts.csv")),
        "Adversarial Nibbler dev, unsafe": (True, _nibbler_dev(folder)),
        "JailbreakBench behaviours": (True, _texts(folder / "jailbreakbench/jbb_behaviors.csv")),
        "Simple Safety Tests": (True, _texts(folder / "simple-safety-tests/simple_safety_tests.csv")),
    }
    return {name: (harmful, _sample(texts, most)) for name, (harmful, texts) in sets.items()}


def by_language(folder: Path, measure: Measure, most: int) -> dict[str, dict[str, float]]:
    """For each language: false alarms, and how well harmful texts are told from harmless ones where there are any."""
    jail = rows(folder / "multijail/multijail.csv")
    everyday = rows(folder / "xcopa-sentences/sentences.csv") + rows(folder / "mgsm-questions/questions.csv")
    commands = rows(folder / "tldr-commands/sample_multilingual.csv")
    harmless: dict[str, list[str]] = {}
    for row in everyday + commands:
        if half(row["text"]) == "report":
            harmless.setdefault(row["language"].split("_")[0], []).append(row["text"])
    table = {}
    for language in sorted(harmless):
        bad = [row["text"] for row in jail if row["language"] == language and half(row["id"]) == "report"]
        good = _sample(harmless[language], min(most, 200))
        low, _, _ = measure(good)
        entry = {"harmless texts": float(len(good)), "false alarms at 0.3": float((low >= 0.3).mean())}
        if bad:
            high, _, _ = measure(bad)
            entry |= {
                "harmful texts": float(len(bad)),
                "AUROC": auroc(high, low),
                "found at 0.3": float((high >= 0.3).mean()),
            }
        table[language] = entry
        print(language, json.dumps({key: round(value, 3) for key, value in entry.items()}), flush=True)
    return table


def _nibbler_dev(folder: Path) -> list[str]:
    texts = []
    for path in sorted((folder / "adversarial-nibbler").glob("round[14]/submitted/dev.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        for key, prompt in data["prompt"].items():
            answers = [json.loads(answer) for answer in data["validation"][key]]
            unsafe = ["text_unsafe" in each["text_safety_validation"] for each in answers]
            if sum(unsafe) >= 0.6 * len(unsafe) and prompt.strip():
                texts.append(prompt.strip())
    return texts


def _texts(path: Path) -> list[str]:
    return [row["text"].strip() for row in rows(path)]


def _untrained(folder: Path, path: str) -> list[str]:
    """The last prompts of a set in the order in which training takes the first."""
    found = rows(folder / path)
    random.Random(path).shuffle(found)
    return [row["prompt"].strip() for row in found[-600:]]


def _sample(texts: list[str], count: int) -> list[str]:
    return random.Random(11).sample(texts, min(count, len(texts)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--most", type=int, default=1000, help="texts of a set, at most")
    arguments = parser.parse_args()
    measure = Measure()
    table: dict[str, object] = {}
    harmless_scores = []
    for name, (harmful, texts) in sets_of(arguments.data, arguments.most).items():
        scores, outcomes, unscreened = measure(texts)
        entry = {outcome: outcomes.count(outcome) / len(outcomes) for outcome in ("allow", "flag", "hold", "block")}
        entry |= {"texts": len(texts), "unscreened": unscreened / len(texts)}
        entry |= {f"classifier >= {at}": float((scores >= at).mean()) for at in _THRESHOLDS}
        if harmful:
            entry["AUROC against PartiPrompts, report"] = auroc(scores, harmless_scores[1])
        else:
            harmless_scores.append(scores)
        table[name] = entry
        print(name, json.dumps({key: round(value, 4) for key, value in entry.items()}), flush=True)
    table["by language"] = by_language(arguments.data, measure, arguments.most)
    arguments.out.write_text(json.dumps(table, indent=1, sort_keys=True), encoding="utf-8")


if __name__ == "__main__":
    main()
