"""Scores, verdict and coverage of every line of a file, in its order, in constant memory."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Generic, TypeVar

from moderation.assessments import Assessment, ImageInput, PromptInput, Stage
from moderation.coverage import not_looked_for
from moderation.evaluation.json_lines import BadLineError, parse
from moderation.evaluation.picture_files import read_picture
from moderation.pictures import PictureError
from moderation.policy import Policy, Verdict
from moderation.screens import ImageScreen, PromptScreen
from moderation.taxonomy import CANARIES

InputT = TypeVar("InputT")
PROMPT_BATCH = 32
IMAGE_BATCH = 8


@dataclass(frozen=True, slots=True)
class Scoring(Generic[InputT]):
    """One stage's way from a line to assessments.

    Attributes:
        read: the id and the input on a line of this number; raises BadLineError.
        assess: what every checker says of each input, in order.
        not_looked_for: the harms that none of the checkers can see.
    """

    stage: Stage
    batch: int
    read: Callable[[bytes, int], tuple[str | int, InputT]]
    assess: Callable[[Sequence[InputT]], list[list[Assessment]]]
    not_looked_for: Callable[[], tuple[str, ...]]


@dataclass(slots=True)
class Tally:
    """What came out so far."""

    scored: int = 0
    bad: int = 0
    unscreened: int = 0


def of_prompts(screen: PromptScreen) -> Scoring[PromptInput]:
    """Prompts: `{"id", "text"}` on a line, `negative_prompt` where there is one."""

    def read(line: bytes, number: int) -> tuple[str | int, PromptInput]:
        found = parse(line, number, required=("text",), optional=("negative_prompt",))
        return found.id, PromptInput(found.fields["text"], found.fields["negative_prompt"])

    return Scoring("prompt", PROMPT_BATCH, read, screen.assess, lambda: not_looked_for(screen.coverages, "prompt"))


def of_images(screen: ImageScreen, *, folder: Path) -> Scoring[ImageInput]:
    """Pictures: `{"id", "path"}` on a line, a path that is not absolute counted from `folder`."""

    def read(line: bytes, number: int) -> tuple[str | int, ImageInput]:
        found = parse(line, number, required=("path",))
        try:
            return found.id, read_picture(folder / found.fields["path"])
        except PictureError as error:
            raise BadLineError(number, "path", found.fields["path"], str(error), id_=found.id) from error

    return Scoring("image", IMAGE_BATCH, read, screen.assess, lambda: not_looked_for(screen.coverages, "image"))


def score_lines(
    lines: Iterable[bytes],
    scoring: Scoring[InputT],
    policy: Policy,
    *,
    detail: bool = False,
    skip_bad: bool = False,
    tally: Tally | None = None,
) -> Iterator[dict[str, object]]:
    """For each line one JSON object: `id`, `scores`, `verdict`, `coverage`; with `detail`, reasons and each checker.

    With `skip_bad` a line that cannot be used becomes `id` and `error`, in its place; `tally` is kept up to date.

    Raises:
        BadLineError: a line cannot be used, and `skip_bad` is false.
    """
    tally = tally or Tally()
    waiting: list[tuple[str | int | None, InputT | BadLineError]] = []
    for number, line in enumerate(lines, start=1):
        try:
            waiting.append(scoring.read(line, number))
        except BadLineError as error:
            if not skip_bad:
                raise
            waiting.append((error.id, error))
        if len(waiting) == scoring.batch:
            yield from _scored(waiting, scoring, policy, detail=detail, tally=tally)
            waiting = []
    yield from _scored(waiting, scoring, policy, detail=detail, tally=tally)


def _scored(
    waiting: Sequence[tuple[str | int | None, InputT | BadLineError]],
    scoring: Scoring[InputT],
    policy: Policy,
    *,
    detail: bool,
    tally: Tally,
) -> Iterator[dict[str, object]]:
    assessed = iter(scoring.assess([given for _, given in waiting if not isinstance(given, BadLineError)]))
    unseen = list(scoring.not_looked_for()) if waiting else []
    for id_, given in waiting:
        if isinstance(given, BadLineError):
            tally.bad += 1
            yield {"id": id_, "error": str(given)}
            continue
        assessments = next(assessed)
        verdict = policy.judge(assessments, stage=scoring.stage)
        tally.scored += 1
        tally.unscreened += verdict.unscreened
        yield {
            "id": id_,
            "scores": worst_scores(assessments),
            "verdict": verdict.outcome,
            "coverage": {**_gaps(assessments, verdict), "not_looked_for": unseen},
            **({"detail": _detail(assessments, verdict)} if detail else {}),
        }


def worst_scores(assessments: Sequence[Assessment]) -> dict[str, float]:
    """The highest score of each category over all assessments; a canary's stand-in category only where it fired."""
    worst: dict[str, float] = {}
    for each in assessments:
        for name, score in each.scores.items():
            if math.isfinite(score) and (score > 0 or name not in CANARIES):
                worst[name] = max(worst.get(name, 0.0), round(score, 6))
    return worst


def _gaps(assessments: Sequence[Assessment], verdict: Verdict) -> dict[str, object]:
    """What could not be judged, with the checker that says so; and who failed, or was required and is not there."""
    unknown = dict.fromkeys((each.checker, what) for each in assessments for what in each.unknown)
    failed = dict.fromkeys((each.checker, each.error) for each in assessments if each.error is not None)
    missing = dict.fromkeys(reason.checker for reason in verdict.reasons if reason.rule == "missing")
    return {
        "unknown": [{"checker": checker, "what": what} for checker, what in unknown],
        "unscreened": [
            *({"checker": checker, "why": why} for checker, why in failed),
            *({"checker": checker, "why": "missing: the policy requires it"} for checker in missing),
        ],
    }


def _detail(assessments: Sequence[Assessment], verdict: Verdict) -> dict[str, object]:
    return {"verdict": asdict(verdict), "assessments": [each.as_json() for each in assessments]}
