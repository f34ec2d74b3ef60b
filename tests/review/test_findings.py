"""Why a case is here: what is said of scores, of thresholds, and of what nobody looked for."""

import json

import pytest

from gateway.models import Generation, Image, Verdict
from moderation.policy import Policy, default_policy
from moderation.taxonomy import HARMS
from review.findings import Bar, findings, lead, not_looked_for

ASSESSMENT = {
    "checker": "opennsfw", "version": "1", "modality": "image", "seen": "whole", "scores": {"sexual": 0.61},
    "unknown": [], "error": None, "spans": [],
}  # fmt: skip


def verdict(*assessments: dict[str, object], reasons: tuple[dict[str, object], ...] = ()) -> Verdict:
    return Verdict(assessments=[{**ASSESSMENT, **each} for each in assessments], reasons=list(reasons))


def reason(rule: str, category: str = "", checker: str = "", score: float | None = None) -> dict[str, object]:
    return {"rule": rule, "category": category, "checker": checker, "score": score, "threshold": score and 0.5}


@pytest.mark.parametrize(
    ("score", "level", "against"),
    [
        (0.44, "under", "< 0.45"),
        (0.45, "hold", "≥ 0.45"),
        (0.89, "hold", "≥ 0.45"),
        (0.90, "block", "≥ 0.90"),
        (None, "none", "no score"),
    ],
)
def test_equal_to_a_threshold_counts_as_over(score: float | None, level: str, against: str) -> None:
    bar = Bar("violence", score, hold_at=0.45, block_at=0.90)

    assert (bar.level, bar.against) == (level, against)


def test_scores_stand_against_the_thresholds_of_the_policy_that_judged_them() -> None:
    (finding,) = findings(verdict({}), default_policy())

    (bar,) = finding.bars
    assert (bar.category, bar.score, bar.hold_at, bar.level) == ("sexual", 0.61, 0.5, "hold")


def test_a_threshold_of_another_checker_is_not_shown_for_this_one() -> None:
    document = json.dumps(
        {
            "version": "t", "description": "t",
            "required": {"prompt": ["terms"], "image": ["opennsfw", "nsfwjs-mobilenet"]},
            "unscreened": {"approvals": 1},
            "rules": [
                {"name": "minors", "stage": "prompt", "categories": ["sexual/minors"], "at": 0.5, "outcome": "block"},
                {"name": "one", "stage": "image", "categories": ["sexual"], "checker": "nsfwjs-mobilenet",
                 "at": 0.2, "outcome": "hold"},
            ],
        }
    )  # fmt: skip

    (finding,) = findings(verdict({}), Policy.parse(document.encode()))

    assert finding.bars[0].hold_at is None
    assert finding.bars[0].against == "no rule"


def test_low_scores_are_folded_away_and_not_lost() -> None:
    (finding,) = findings(verdict({"scores": {"sexual": 0.61, "hate": 0.049, "violence": 0.05}}), None)

    assert [bar.category for bar in finding.bars] == ["sexual", "violence"]
    assert [bar.category for bar in finding.low] == ["hate"]


def test_a_checker_that_failed_or_cannot_judge_says_so() -> None:
    (finding,) = findings(verdict({"scores": {}, "error": "timeout", "unknown": ["language:am"]}), default_policy())

    assert "opennsfw failed" in finding.problems[0]
    assert "language am" in finding.problems[1]


def test_every_harm_without_a_score_is_named_once() -> None:
    assert not_looked_for(verdict({"scores": dict.fromkeys(HARMS, 0.0)})) == []
    assert not_looked_for(verdict({"scores": dict.fromkeys(set(HARMS) - {"weapons"}, 0.0)})) == ["weapons"]
    unseen = not_looked_for(verdict({"scores": {"sexual": 0.1}}))
    assert "sexual/minors" in unseen
    assert "violence" in unseen
    assert "violence/graphic" not in unseen


def test_words_in_a_picture_are_no_look_at_what_it_shows() -> None:
    assert "violence" in not_looked_for(verdict({"modality": "image_text", "scores": {"violence": 0.1}}))


@pytest.mark.parametrize(
    ("held_why", "reasons", "words"),
    [
        (
            "score",
            (reason("r", "sexual", "opennsfw", 0.61),),
            "sexual scored 0.61, at or over the hold threshold of 0.50",
        ),
        ("unscreened", (reason("missing", checker="opennsfw"),), "opennsfw was missing"),
        ("unscreened", (reason("unknown:language:am", checker="e5"),), "e5 cannot judge it (language am)"),
        ("unscreened", (), "No checker could judge this image"),
        ("unscreened-no-checker", (), "No checker was there"),
        ("flagged", (), "Its prompt was flagged or approved by a person"),
        ("unsealed", (), "A seal was lifted"),
    ],
)
def test_the_first_sentence_says_why(held_why: str, reasons: tuple[dict[str, object], ...], words: str) -> None:
    said = lead(Generation(), Image(held_why=held_why), verdict(reasons=reasons), second=False)

    assert words in f"{said.strong} {said.rest}"


def test_a_second_approver_reads_no_score_first() -> None:
    shown = verdict(reasons=(reason("r", "sexual", "opennsfw", 0.61),))

    said = lead(Generation(), Image(held_why="score"), shown, second=True)

    assert "second approval" in said.strong
    assert "0.61" not in f"{said.strong} {said.rest}"


@pytest.mark.parametrize(
    ("said", "quiet"),
    [
        ({"scores": {}}, True),
        ({"scores": {"sexual": 0.04}}, True),
        ({"scores": {"sexual": 0.05}}, False),
        ({"scores": {}, "error": "timeout"}, False),
        ({"scores": {}, "unknown": ["language:xx"]}, False),
    ],
)
def test_a_checker_is_quiet_only_if_it_worked_and_found_nothing(said: dict[str, object], *, quiet: bool) -> None:
    (finding,) = findings(verdict(said), default_policy())

    assert finding.quiet is quiet
