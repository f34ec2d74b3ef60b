"""Checkers and a policy run over labelled sets: what was said of each input, each input looked at once."""

import hashlib
import io
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from moderation.assessments import Assessment, ImageInput, PromptInput, Stage, text_sha256
from moderation.checkers import CheckerError
from moderation.coverage import not_looked_for
from moderation.evaluation.cache import AssessmentCache, code_sha256
from moderation.evaluation.metrics import Scores
from moderation.evaluation.picture_files import read_picture
from moderation.evaluation.sets import LabelledSet, SetError
from moderation.families import image_plans, prompt_plans
from moderation.pictures import PictureError
from moderation.policy import Policy
from moderation.screens import ImageScreen, PromptScreen
from moderation.taxonomy import CANARIES

WORST = "all checkers"  # the scorer that is the worst of all of a setup's
CANARY_CHECKERS = frozenset({"canary-prompt", "canary-image"})
_BATCH: Mapping[Stage, int] = {"prompt": 32, "image": 8}
_HARMLESS = "a red apple on a white background"

Tell = Callable[[str], None]


_TOPICS = frozenset({"weapons", "drugs", "alcohol", "tobacco", "gambling"})


@dataclass(frozen=True, slots=True)
class Setup:
    """What is evaluated: checkers as a checkers file describes them, None for those that ship, and a policy."""

    name: str
    checkers: Mapping[str, object] | None
    policy: Policy


@dataclass(frozen=True, slots=True)
class CheckerFacts:
    """Which checker it was, as its assessments name it."""

    name: str
    version: str
    weights_sha256: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What was made of one input.

    Attributes:
        scores: by checker, its score by category, the worst over all it looked at; None where it failed.
        outcome: the verdict's; `unscreened` and `unknown` as the verdict and the assessments say.
        by_rule: whether a rule fired; a hold without one is for what could not be judged alone.
    """

    scores: Mapping[str, Mapping[str, float] | None]
    outcome: str
    unscreened: bool
    unknown: tuple[str, ...]
    by_rule: bool

    def top(self, scorer: str) -> tuple[str, float]:
        """The category that this scorer finds likeliest and its score; NaN where it gave none.

        What is no harm by itself, a glass of wine, counts only for a scorer that looks for nothing else.
        """
        named = [scorer] if scorer != WORST else list(self.scores)
        found = [
            (score, category)
            for name in named
            for category, score in (self.scores.get(name) or {}).items()
            if category not in CANARIES
        ]
        if any(self.scores.get(name) is None for name in named):
            return "", math.nan
        harms = [each for each in found if each[1] not in _TOPICS]
        # A checker that lists only what it found, and found nothing, has looked all the same.
        score, category = max(harms or found, default=(0.0, ""))
        return category, score


@dataclass(frozen=True, slots=True)
class Run:
    """One setup over the sets: its answers by set name, in the order of the set's items."""

    setup: str
    policy: str
    checkers: tuple[CheckerFacts, ...]
    unseen: Mapping[Stage, tuple[str, ...]]
    answers: Mapping[str, Sequence[Answer]]

    @property
    def scorers(self) -> tuple[str, ...]:
        """Whose scores can be measured: each checker's but the canaries', and the worst of several."""
        names = tuple(dict.fromkeys(each.name for each in self.checkers if each.name not in CANARY_CHECKERS))
        return (*names, WORST) if len(names) > 1 else names

    def scores(self, set_name: str, scorer: str) -> Scores:
        """float64 [items]: the scorer's worst score of each item; NaN where it gave none."""
        return np.array([answer.top(scorer)[1] for answer in self.answers[set_name]], dtype=np.float64)


def run(setup: Setup, sets: Sequence[LabelledSet], *, cache: Path | None, tell: Tell) -> Run:
    """The setup's answers to every item of every set.

    Raises:
        CheckerConfigurationError: the checkers' document cannot be used.
        CheckerError: one of them does not answer: nothing can be measured of it.
        SetError: a picture of a set cannot be read.
    """
    answers: dict[str, list[Answer]] = {}
    facts: list[CheckerFacts] = []
    unseen: dict[Stage, tuple[str, ...]] = {}
    for stage in ("prompt", "image"):
        chosen = [each for each in sets if each.of_pictures == (stage == "image")]
        if not chosen:
            continue
        checkers = screens_of(setup, stage)
        keys = {item.given: _hash(item.given, stage) for each in chosen for item in each.items}
        said: dict[str, list[Assessment]] = {key: [] for key in keys.values()}
        for name, screen in checkers.items():
            fact = _facts(name, screen)
            facts.append(fact)
            kept = _cache(cache, setup, stage, fact)
            for key, assessments in _assess(screen, keys, kept, partial(_tell_count, tell, f"{setup.name}: {name}")):
                said[key] += assessments
        unseen[stage] = not_looked_for([each for screen in checkers.values() for each in screen.coverages], stage)
        for each in chosen:
            answers[each.name] = [answer_of(said[keys[item.given]], setup.policy, stage) for item in each.items]
    policy = f"{setup.policy.version} ({setup.policy.sha256[:12]})"
    return Run(setup.name, policy, tuple(facts), unseen, answers)


def screens_of(setup: Setup, stage: Stage) -> dict[str, PromptScreen | ImageScreen]:
    """A screen for each single checker of the setup, by its name."""
    if stage == "prompt":
        return {plan.name: PromptScreen([plan]) for plan in prompt_plans(setup.checkers)}
    return {plan.name: ImageScreen([plan]) for plan in image_plans(setup.checkers)}


def answer_of(assessments: Sequence[Assessment], policy: Policy, stage: Stage) -> Answer:
    """What the policy and each checker make of one input."""
    verdict = policy.judge(assessments, stage=stage)
    return Answer(
        scores_by_checker(assessments),
        verdict.outcome,
        verdict.unscreened,
        tuple(dict.fromkeys(what for each in assessments for what in each.unknown)),
        verdict.category is not None,
    )


def scores_by_checker(assessments: Iterable[Assessment]) -> dict[str, dict[str, float] | None]:
    """Each checker's worst score by category over its assessments; None for one that failed at any of them."""
    found: dict[str, dict[str, float] | None] = {}
    for each in assessments:
        worst = found.setdefault(each.checker, {})
        if worst is None or each.error is not None or not all(map(math.isfinite, each.scores.values())):
            found[each.checker] = None
            continue
        for category, score in each.scores.items():
            worst[category] = max(worst.get(category, 0.0), score)
    return found


def _assess(
    screen: PromptScreen | ImageScreen,
    keys: Mapping[str, str],
    kept: AssessmentCache | None,
    told: Callable[[str], None],
) -> Iterable[tuple[str, list[Assessment]]]:
    """Each input's key with what the one checker of this screen says, from the cache where it is there."""
    known = kept.get(list(dict.fromkeys(keys.values()))) if kept else {}
    yield from known.items()
    # Texts of like length share a batch: less of it is padding.
    missing = sorted({key: given for given, key in keys.items() if key not in known}.items(), key=lambda at: len(at[1]))
    size = _BATCH["prompt" if isinstance(screen, PromptScreen) else "image"]
    for first in range(0, len(missing), size):
        batch = missing[first : first + size]
        assessed = dict(zip([key for key, _ in batch], assess(screen, [given for _, given in batch]), strict=True))
        if kept:
            kept.put(assessed)
        yield from assessed.items()
        if first // size % 20 == 0:
            told(f"{first + len(batch)} of {len(missing)}")


def _tell_count(tell: Tell, what: str, count: str) -> None:
    tell(f"{what}: {count}")


def assess(screen: PromptScreen | ImageScreen, given: Sequence[str]) -> list[list[Assessment]]:
    """What a screen says of texts, or of the pictures at these paths."""
    if isinstance(screen, PromptScreen):
        return screen.assess([PromptInput(text, "") for text in given])
    return screen.assess([_picture(path) for path in given])


def _picture(path: str) -> ImageInput:
    try:
        return read_picture(Path(path))
    except PictureError as error:
        raise SetError(f"{path}: {error}") from error


def _hash(given: str, stage: Stage) -> str:
    if stage == "prompt":
        return text_sha256(given)
    try:
        return hashlib.sha256(Path(given).read_bytes()).hexdigest()
    except OSError as error:
        raise SetError(f"{given}: not readable: {error.strerror}") from error


def _facts(name: str, screen: PromptScreen | ImageScreen) -> CheckerFacts:
    """What a checker says of itself, asked about something harmless.

    Raises:
        CheckerError: it does not answer.
    """
    if isinstance(screen, PromptScreen):
        told = screen.assess([PromptInput(_HARMLESS, "")])[0][0]
    else:
        told = screen.assess([_grey()])[0][0]
    if told.error is not None:
        raise CheckerError(f"{name}: {told.error}")
    return CheckerFacts(name, told.version, told.weights_sha256)


def _grey() -> ImageInput:
    data = io.BytesIO()
    Image.new("RGB", (64, 64), (127, 127, 127)).save(data, "PNG")
    return ImageInput(data.getvalue(), hashlib.sha256(data.getvalue()).hexdigest())


def _cache(folder: Path | None, setup: Setup, stage: Stage, fact: CheckerFacts) -> AssessmentCache | None:
    """Where this checker's answers are kept: they depend on its weights, its settings, and our code around it."""
    if folder is None:
        return None
    entries = (setup.checkers or {}).get(stage, [])
    settings = [
        {name: value for name, value in entry.items() if name != "limit_s"}
        for entry in (entries if isinstance(entries, list) else [])
        if entry.get("name", entry.get("family")) == fact.name and set(entry) - {"family", "limit_s"}
    ]
    key = [stage, fact.name, fact.version, fact.weights_sha256, settings, code_sha256()]
    return AssessmentCache(folder, hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest())
