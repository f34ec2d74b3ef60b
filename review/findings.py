"""Why a case is here: scores against the thresholds of the policy that judged them, and what nobody looked for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import rfc8785

from gateway.models import Generation, Image, PolicyVersion, Verdict
from moderation.assessments import HEARD
from moderation.policy import Policy
from moderation.policy_document import Rule
from moderation.taxonomy import HARMS

BAR_WIDTH = 112  # units of the drawing; a score of 1 fills it
SHOWN_FROM = 0.05  # scores under it, and under their threshold, are folded away

_MODALITY_TITLES = {
    "image": "Image",
    "prompt": "Prompt",
    "negative_prompt": "Negative prompt",
    "image_text": "Words in the image",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One score. `score` None: there is none, and the bar is hatched, never empty."""

    category: str
    score: float | None
    hold_at: float | None
    block_at: float | None

    @property
    def level(self) -> str:
        """`none`, `under`, `hold` or `block`; equal counts as over."""
        if self.score is None:
            return "none"
        if self.block_at is not None and self.score >= self.block_at:
            return "block"
        return "hold" if self.hold_at is not None and self.score >= self.hold_at else "under"

    @property
    def against(self) -> str:
        """The comparison in words: "≥ 0.45"."""
        if self.score is None:
            return "no score"
        if self.level == "block":
            return f"≥ {self.block_at:.2f}"
        if self.hold_at is None:
            return f"< {self.block_at:.2f}" if self.block_at is not None else "no rule"
        return f"{'≥' if self.level == 'hold' else '<'} {self.hold_at:.2f}"

    @property
    def filled(self) -> int:
        return round((self.score or 0.0) * BAR_WIDTH)

    @property
    def hold_x(self) -> int | None:
        return None if self.hold_at is None else round(self.hold_at * BAR_WIDTH)

    @property
    def block_x(self) -> int | None:
        return None if self.block_at is None else round(self.block_at * BAR_WIDTH)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one checker said of one input."""

    of: str
    checker: str
    version: str
    seen: str
    bars: tuple[Bar, ...]
    low: tuple[Bar, ...]
    problems: tuple[str, ...]

    @property
    def quiet(self) -> bool:
        """Whether there is nothing to read: no score worth showing, and nothing that went wrong."""
        return not (self.bars or self.problems)


@dataclass(frozen=True, slots=True)
class Lead:
    """The sentence that comes before everything else: its strong part, and the rest."""

    strong: str
    rest: str


def policy_of(verdict: Verdict | None) -> Policy | None:
    """The policy version that a verdict names."""
    if verdict is None:
        return None
    try:
        return _policy(verdict.policy_sha256)
    except PolicyVersion.DoesNotExist:
        return None


@lru_cache(maxsize=64)  # a policy version never changes
def _policy(sha256: str) -> Policy:
    return Policy.parse(rfc8785.dumps(PolicyVersion.objects.get(pk=sha256).document))


def findings(verdict: Verdict | None, policy: Policy | None) -> list[Finding]:
    """One finding an assessment, those with something to say first."""
    if verdict is None:
        return []
    rules = [] if policy is None else [rule for rule in policy.rules if not rule.all_of]
    found = [_finding(assessment, rules) for assessment in verdict.assessments if assessment["seen"] != "nothing"]
    return sorted(found, key=lambda finding: finding.quiet)


def _finding(assessment: Mapping[str, Any], rules: Sequence[Rule]) -> Finding:
    bars = [
        _bar(category, score, checker=assessment["checker"], modality=assessment["modality"], rules=rules)
        for category, score in assessment["scores"].items()
    ]
    bars.sort(key=lambda bar: (bar.level in ("under", "none"), -(bar.score or 0.0)))
    shown = [bar for bar in bars if bar.level != "under" or (bar.score or 0.0) >= SHOWN_FROM]
    return Finding(
        of=_MODALITY_TITLES[assessment["modality"]],
        checker=assessment["checker"],
        version=assessment["version"],
        seen=assessment["seen"],
        bars=tuple(shown),
        low=tuple(bar for bar in bars if bar not in shown),
        problems=tuple(_problems(assessment)),
    )


def _bar(category: str, score: float | None, *, checker: str, modality: str, rules: Iterable[Rule]) -> Bar:
    stage = "image" if modality in HEARD["image"] else "prompt"
    heard = [
        rule
        for rule in rules
        if rule.stage == stage
        and category in rule.categories
        and rule.checker in (None, checker)
        and rule.modality in (None, modality)
    ]
    return Bar(
        category,
        score,
        hold_at=_lowest(heard, "hold") if _lowest(heard, "hold") is not None else _lowest(heard, "flag"),
        block_at=_lowest(heard, "block"),
    )


def _lowest(rules: Iterable[Rule], outcome: str) -> float | None:
    return min((rule.at for rule in rules if rule.outcome == outcome), default=None)


def _problems(assessment: Mapping[str, Any]) -> Iterable[str]:
    if assessment["error"]:
        yield f"{assessment['checker']} failed. That counts as held, whatever the other scores say."
    for what in assessment["unknown"]:
        yield f"{assessment['checker']} cannot judge this: {what.replace(':', ' ')}."


def not_looked_for(verdict: Verdict | None) -> list[str]:
    """The harms that no checker gave a score for: nothing is known of them. A parent stands for what is under it.

    What is written in a picture says nothing of what it shows.
    """
    said = [] if verdict is None else verdict.assessments
    assessments = [assessment for assessment in said if assessment["modality"] != "image_text"]
    unseen = [harm for harm in HARMS if not any(harm in assessment["scores"] for assessment in assessments)]
    return [harm for harm in unseen if harm.partition("/")[0] == harm or harm.partition("/")[0] not in unseen]


def lead(generation: Generation, image: Image | None, verdict: Verdict | None, *, second: bool) -> Lead:
    """Why a person is asked, in one sentence."""
    what = "prompt" if image is None else "image"
    why = generation.held_why if image is None else image.held_why
    if second:
        return Lead("It needs a second approval.", f"One person would let this {what} go; their reasons are not shown.")
    if why == "unscreened":
        return _unscreened(verdict, what)
    return {
        "unscreened-no-checker": Lead("No checker was there", f"to look at this {what}. Nobody has looked at it yet."),
        "flagged": Lead(
            "Its prompt was flagged or approved by a person,", "so its images are held whatever they score."
        ),
        "unsealed": Lead("A seal was lifted.", "The image is judged anew, by people."),
        "requester": Lead("An officer holds this requester's further work.", f"No score lets this {what} go."),
    }.get(str(why)) or _scored(verdict, what)


def _unscreened(verdict: Verdict | None, what: str) -> Lead:
    gaps = [reason for reason in ([] if verdict is None else verdict.reasons) if not reason["category"]]
    if not gaps or not gaps[0]["checker"]:
        return Lead("No checker could judge", f"this {what}. That counts as held, never as safe.")
    rule = gaps[0]["rule"]
    said = {"missing": "was missing", "error": "failed", "not-finite": "gave no finite score"}.get(
        rule, f"cannot judge it ({rule.removeprefix('unknown:').replace(':', ' ')})"
    )
    return Lead(f"{gaps[0]['checker']} {said}.", f"This {what} was not fully looked at.")


def _scored(verdict: Verdict | None, what: str) -> Lead:
    fired = [reason for reason in ([] if verdict is None else verdict.reasons) if reason["score"] is not None]
    if not fired:
        return Lead(f"This {what} was held", "by the policy; its scores are no longer kept.")
    worst = fired[0]
    return Lead(
        f"{worst['category']} scored {worst['score']:.2f},",
        f"at or over the hold threshold of {worst['threshold']:.2f}.",
    )
