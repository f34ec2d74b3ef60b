"""What is done about scores: rules as data, and the one judgement that applies them.

A policy can be as strict as an organization likes. What it cannot do stands in code: make an answer of "I could not
look" read as safe, forget the checkers it relies on, or let sexualised minors pass at the prompt.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import rfc8785

from moderation.assessments import HEARD, MODALITIES, Allowance, Assessment, Modality, Stage
from moderation.policy_document import Condition, PolicyError, Rule, parse_document
from moderation.taxonomy import SEALED

__all__ = ["Outcome", "Policy", "PolicyError", "Reason", "Verdict", "default_policy"]

Outcome = Literal["allow", "flag", "hold", "block"]

_SEVERITY: Mapping[str, int] = {"allow": 0, "flag": 1, "hold": 2, "block": 3}
_LANES = {"ordinary": 0, "unscreened": 1, "severe": 2}

# Reasons that another look may settle, unlike text in a language that nobody here can judge.
_PASSING = ("missing", "error", "not-finite")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a verdict is what it is: a rule that fired, or what could not be looked at (then `category` is empty).

    `rule` is the rule's name, or "missing", "error", "not-finite", or "unknown:" and what is unknown; or "known:" and
    whose decision turned a hold into allow.
    """

    rule: str
    category: str
    checker: str
    score: float | None
    threshold: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policy makes of the assessments of one input.

    Attributes:
        sealed: only an officer may see it; always with "block".
        unscreened: something was not looked at; the outcome is then "hold" at least.
        category: the worst category that fired, for the client's reason; None if nothing did.
        approvals_required: how many people must say release before it goes out; 0 unless held, flagged or `allowed_by`.
        lane: "ordinary", "unscreened" or "severe".
        allowed_by: the decision by which people let these very bytes go before; without it this were a hold.
    """

    outcome: Outcome
    sealed: bool
    unscreened: bool
    category: str | None
    reasons: tuple[Reason, ...]
    approvals_required: int
    lane: str
    policy_version: str
    policy_sha256: str
    allowed_by: str | None = None

    @property
    def worth_another_look(self) -> bool:
        """Whether a checker was missing or failed, so that the same input may be judged fully later."""
        return self.unscreened and any(reason.rule in _PASSING for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class _Firing:
    """A rule that fired, with what made it."""

    rule: Rule
    category: str
    reasons: tuple[Reason, ...]
    score: float


@dataclass(frozen=True, slots=True)
class Policy:
    """An immutable set of rules; `sha256` is over its RFC 8785 bytes, however the file is laid out."""

    version: str
    sha256: str
    document: Mapping[str, object]
    required: Mapping[Stage, tuple[str, ...]]
    rules: tuple[Rule, ...]
    unscreened_approvals: int
    known_allow: bool = False

    @classmethod
    def parse(cls, data: bytes) -> "Policy":
        """The policy that these JSON bytes describe.

        Raises:
            PolicyError: names the field, its value and what is allowed.
        """
        parsed = parse_document(data)
        canonical = rfc8785.dumps(cast(Any, parsed.document))
        return cls(
            version=parsed.version,
            sha256=hashlib.sha256(canonical).hexdigest(),
            document=parsed.document,
            required=parsed.required,
            rules=parsed.rules,
            unscreened_approvals=parsed.unscreened_approvals,
            known_allow=parsed.known_allow,
        )

    def judge(self, assessments: Sequence[Assessment], *, stage: Stage) -> Verdict:
        """The verdict on one input from everything that was said of it; the worst outcome wins."""
        gaps = [*self._missing(assessments, stage), *_unjudged(assessments)]
        usable = [assessment for assessment in assessments if assessment.modality in HEARD[stage]]
        firings = [firing for rule in self.rules if rule.stage == stage for firing in _fire(rule, usable)]
        firings.sort(key=lambda firing: (_SEVERITY[firing.rule.outcome], firing.score), reverse=True)
        outcome: Outcome = firings[0].rule.outcome if firings else "allow"
        if gaps and outcome != "block":
            outcome = "hold"
        waiting = outcome in ("hold", "flag")
        approvals = [firing.rule.approvals for firing in firings] + [self.unscreened_approvals] * bool(gaps)
        lanes = [firing.rule.lane for firing in firings] + ["unscreened"] * bool(gaps)
        lane = max(lanes, key=_LANES.__getitem__, default="ordinary")
        known = None
        if outcome == "hold" and lane == "ordinary" and stage == "image":
            known = self._allowance(usable, approvals=max(approvals))
        reasons = tuple(reason for firing in firings for reason in firing.reasons) + tuple(gaps)
        return Verdict(
            outcome="allow" if known else outcome,
            sealed=any(firing.rule.outcome == "block" and firing.category in SEALED for firing in firings),
            unscreened=bool(gaps),
            category=firings[0].category if firings else None,
            reasons=(_by(known), *reasons) if known else reasons,
            approvals_required=max(approvals) if waiting else 0,
            lane=lane,
            policy_version=self.version,
            policy_sha256=self.sha256,
            allowed_by=known.decision if known else None,
        )

    def _allowance(self, assessments: Sequence[Assessment], *, approvals: int) -> Allowance | None:
        """That as many people as would be asked now let these bytes go, under these very rules; None if they did not.

        Only a hold in the ordinary lane comes here: what nobody looked at, what is severe, and what is blocked is
        asked of people, or refused, every time.
        """
        if not self.known_allow:
            return None
        said = [each.allowed_by for each in assessments if each.allowed_by is not None]
        return next((each for each in said if each.policy_sha256 == self.sha256 and each.approvals >= approvals), None)

    def _missing(self, assessments: Sequence[Assessment], stage: Stage) -> list[Reason]:
        """One reason for each required checker that did not speak about everything it must look at."""
        spoken = {(assessment.checker, assessment.modality) for assessment in assessments}
        return [
            Reason("missing", "", checker, None, None)
            for checker in self.required[stage]
            if any((checker, modality) not in spoken for modality in MODALITIES[stage])
        ]


def default_policy() -> Policy:
    """The policy that ships: it holds the middle band and blocks only at high scores and severe terms."""
    return Policy.parse((Path(__file__).parent / "policies" / "default.json").read_bytes())


def _by(known: Allowance) -> Reason:
    return Reason(f"known: allowed by decision {known.decision}", "", "known-pictures", None, None)


def _unjudged(assessments: Sequence[Assessment]) -> list[Reason]:
    """One reason for each thing that a checker could not judge, or failed to."""
    gaps = []
    for assessment in assessments:
        if assessment.error is not None:
            gaps.append(Reason("error", "", assessment.checker, None, None))
        elif not all(_is_score(score) for score in assessment.scores.values()):
            gaps.append(Reason("not-finite", "", assessment.checker, None, None))
        gaps += [Reason(f"unknown:{what}", "", assessment.checker, None, None) for what in assessment.unknown]
    return gaps


def _is_score(score: float) -> bool:
    return math.isfinite(score) and 0.0 <= score <= 1.0


def _fire(rule: Rule, assessments: Sequence[Assessment]) -> list[_Firing]:
    """The categories of a rule that fire: any one of `categories`, or all conditions of `all_of` together."""
    if rule.all_of:
        hits = [_worst(condition.category, condition.at, condition, rule, assessments) for condition in rule.all_of]
        found = [hit for hit in hits if hit is not None]
        if len(found) < len(rule.all_of):
            return []
        lowest = min(hit.score for hit in found if hit.score is not None)
        return [_Firing(rule, rule.categories[0], tuple(found), lowest)]
    firings = []
    for category in rule.categories:
        hit = _worst(category, rule.at, None, rule, assessments)
        if hit is not None and hit.score is not None:
            firings.append(_Firing(rule, category, (hit,), hit.score))
    return firings


def _worst(
    category: str, at: float, condition: Condition | None, rule: Rule, assessments: Sequence[Assessment]
) -> Reason | None:
    """The highest score at or above the threshold that the rule listens to; None if there is none."""
    checker = condition.checker if condition else rule.checker
    scores = [
        (assessment.scores[category], assessment.checker)
        for assessment in assessments
        if category in assessment.scores
        and _is_score(assessment.scores[category])
        and (checker is None or assessment.checker == checker)
        and _hears(rule.modality, assessment.modality)
    ]
    if not scores:
        return None
    score, name = max(scores)
    return Reason(rule.name, category, name, score, at) if score >= at else None


def _hears(wanted: Modality | None, modality: Modality) -> bool:
    return wanted is None or wanted == modality
