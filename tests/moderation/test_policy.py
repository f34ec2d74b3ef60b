"""Rules as data: what fires, what wins, and what no policy can be made to do."""

import json
import math
from collections.abc import Mapping
from typing import Any

import pytest

from moderation.assessments import Assessment, Modality
from moderation.policy import Policy, PolicyError, default_policy


def document(**changes: object) -> dict[str, Any]:
    """A small policy: `words` is required at the prompt, `left` and `right` at the image."""
    base: dict[str, Any] = {
        "version": "test-1",
        "required": {"prompt": ["words"], "image": ["left", "right"]},
        "rules": [
            {"name": "minors", "stage": "prompt", "categories": ["sexual/minors"], "at": 0.5, "outcome": "block"},
            {"name": "gore-block", "stage": "prompt", "categories": ["violence/graphic"], "at": 0.9,
             "outcome": "block"},
            {"name": "gore-hold", "stage": "prompt", "categories": ["violence/graphic"], "at": 0.6, "outcome": "hold",
             "approvals": 2, "lane": "severe"},
            {"name": "gore-flag", "stage": "prompt", "categories": ["violence/graphic"], "at": 0.3, "outcome": "flag"},
            {"name": "both", "stage": "image", "categories": ["sexual"], "outcome": "block", "all_of": [
                {"checker": "left", "category": "sexual", "at": 0.5},
                {"checker": "right", "category": "sexual", "at": 0.5}]},
            {"name": "either", "stage": "image", "categories": ["sexual"], "at": 0.5, "outcome": "hold"},
        ],
    }  # fmt: skip
    return base | changes


def parsed(**changes: object) -> Policy:
    return Policy.parse(json.dumps(document(**changes)).encode())


def said(
    scores: Mapping[str, float], *, checker: str = "words", modality: Modality = "prompt", **changes: Any
) -> Assessment:
    return Assessment(checker, "1", "0" * 64, modality, "0" * 64, "whole", scores, **changes)


def prompt(scores: Mapping[str, float], **changes: Any) -> list[Assessment]:
    return [said(scores, **changes), said({}, modality="negative_prompt")]


def picture(left: float, right: float) -> list[Assessment]:
    return [
        said({"sexual": left}, checker="left", modality="image"),
        said({"sexual": right}, checker="right", modality="image"),
    ]


@pytest.mark.parametrize(
    ("score", "outcome"),
    [(0.0, "allow"), (0.299, "allow"), (0.3, "flag"), (0.599, "flag"), (0.6, "hold"), (0.899, "hold"), (0.9, "block"),
     (0.901, "block"), (1.0, "block")],
)  # fmt: skip
def test_a_rule_fires_at_its_threshold_and_not_just_below(score: float, outcome: str) -> None:
    assert parsed().judge(prompt({"violence/graphic": score}), stage="prompt").outcome == outcome


def test_the_worst_outcome_wins_over_all_assessments() -> None:
    assessments = [*prompt({"violence/graphic": 0.4}), said({"violence/graphic": 0.95}, modality="negative_prompt")]

    verdict = parsed().judge(assessments, stage="prompt")

    assert verdict.outcome == "block"
    assert verdict.category == "violence/graphic"
    assert {reason.rule for reason in verdict.reasons} == {"gore-block", "gore-hold", "gore-flag"}


@pytest.mark.parametrize(
    ("left", "right", "outcome"),
    [(0.5, 0.5, "block"), (0.499, 0.5, "hold"), (0.5, 0.499, "hold"), (0.99, 0.0, "hold"), (0.499, 0.499, "allow")],
)
def test_two_families_together_block_and_one_alone_holds(left: float, right: float, outcome: str) -> None:
    assert parsed().judge(picture(left, right), stage="image").outcome == outcome


def test_approvals_and_lane_are_the_strictest_that_fired() -> None:
    verdict = parsed().judge(prompt({"violence/graphic": 0.7}), stage="prompt")

    assert (verdict.approvals_required, verdict.lane) == (2, "severe")


def test_what_is_allowed_needs_no_approval() -> None:
    verdict = parsed().judge(prompt({"violence/graphic": 0.1}), stage="prompt")

    assert (verdict.outcome, verdict.approvals_required, verdict.lane, verdict.category) == (
        "allow",
        0,
        "ordinary",
        None,
    )


def test_a_sealed_category_is_sealed_when_it_blocks() -> None:
    assert parsed().judge(prompt({"sexual/minors": 0.5}), stage="prompt").sealed
    assert not parsed().judge(prompt({"violence/graphic": 1.0}), stage="prompt").sealed


def test_a_sealed_category_that_is_only_held_is_not_sealed() -> None:
    rules = [
        *document()["rules"],
        {"name": "doubt", "stage": "prompt", "categories": ["sexual/minors"], "at": 0.2, "outcome": "hold"},
    ]

    verdict = parsed(rules=rules).judge(prompt({"sexual/minors": 0.3}), stage="prompt")

    assert (verdict.outcome, verdict.sealed) == ("hold", False)


@pytest.mark.parametrize(
    ("assessments", "rule"),
    [
        ([], "missing"),
        ([said({}, modality="negative_prompt")], "missing"),
        ([said({})], "missing"),
        (prompt({}, error="TimeoutError"), "error"),
        (prompt({"violence/graphic": math.nan}), "not-finite"),
        (prompt({"violence/graphic": math.inf}), "not-finite"),
        (prompt({"violence/graphic": 1.5}), "not-finite"),
        (prompt({"violence/graphic": -0.1}), "not-finite"),
        (prompt({}, unknown=("language:am",)), "unknown:language:am"),
    ],
)
def test_what_was_not_looked_at_is_held_as_unscreened(assessments: list[Assessment], rule: str) -> None:
    verdict = parsed().judge(assessments, stage="prompt")

    assert (verdict.outcome, verdict.unscreened, verdict.lane) == ("hold", True, "unscreened")
    assert rule in {reason.rule for reason in verdict.reasons}


def test_only_a_missing_or_failed_checker_is_worth_another_look() -> None:
    assert parsed().judge([], stage="prompt").worth_another_look
    assert not parsed().judge(prompt({}, unknown=("script:Ethiopic",)), stage="prompt").worth_another_look


def test_one_of_two_required_checkers_missing_is_held() -> None:
    verdict = parsed().judge(picture(0.0, 0.0)[:1], stage="image")

    assert (verdict.outcome, verdict.unscreened) == ("hold", True)


def test_what_blocks_is_blocked_although_another_checker_failed() -> None:
    verdict = parsed().judge([*prompt({"violence/graphic": 1.0}), said({}, error="gone")], stage="prompt")

    assert (verdict.outcome, verdict.unscreened) == ("block", True)


def test_a_flag_with_something_unscreened_is_held() -> None:
    assert parsed().judge(prompt({"violence/graphic": 0.4}, unknown=("too-long",)), stage="prompt").outcome == "hold"


def test_rules_of_one_stage_do_not_touch_the_other() -> None:
    assert parsed().judge(prompt({"sexual": 0.9}), stage="prompt").outcome == "allow"


def test_a_rule_for_one_modality_is_deaf_to_others() -> None:
    rules = [
        *document()["rules"],
        {
            "name": "wish",
            "stage": "prompt",
            "categories": ["drugs"],
            "modality": "prompt",
            "at": 0.5,
            "outcome": "hold",
        },
    ]
    policy = parsed(rules=rules)

    assert policy.judge(prompt({"drugs": 0.9}), stage="prompt").outcome == "hold"
    assert policy.judge([said({}), said({"drugs": 0.9}, modality="negative_prompt")], stage="prompt").outcome == "allow"


def test_the_hash_is_of_the_content_and_not_of_the_layout() -> None:
    compact = json.dumps(document()).encode()
    spaced = json.dumps(dict(reversed(document().items())), indent=4).encode()

    assert Policy.parse(compact).sha256 == Policy.parse(spaced).sha256 != parsed(version="test-2").sha256


def with_rule(**changes: object) -> dict[str, object]:
    rule = {"name": "new", "stage": "prompt", "categories": ["drugs"], "at": 0.5, "outcome": "hold"} | changes
    return {"rules": [*document()["rules"], rule]}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"version": ""}, "version"),
        ({"version": 3}, "version"),
        ({"extra": 1}, "extra"),
        ({"required": {"prompt": ["words"]}}, "required.image"),
        ({"required": {"prompt": [], "image": ["left", "right"]}}, "required.prompt"),
        ({"required": {"prompt": ["words"], "image": ["left"]}}, "rules[4].checker"),
        ({"required": {"prompt": ["words"], "image": ["left", "left"]}}, "required.image"),
        ({"rules": []}, "rules"),
        ({"rules": document()["rules"][1:]}, "rules"),
        (with_rule(at=0), "rules[6].at"),
        (with_rule(at=1.01), "rules[6].at"),
        (with_rule(at=True), "rules[6].at"),
        (with_rule(at="0.5"), "rules[6].at"),
        (with_rule(outcome="allow"), "rules[6].outcome"),
        (with_rule(stage="image", outcome="flag"), "rules[6].outcome"),
        (with_rule(stage="upload"), "rules[6].stage"),
        (with_rule(categories=[]), "rules[6].categories"),
        (with_rule(categories=["narcotics"]), "rules[6].categories"),
        (with_rule(modality="image"), "rules[6].modality"),
        (with_rule(checker="nobody"), "rules[6].checker"),
        (with_rule(approvals=0), "rules[6].approvals"),
        (with_rule(approvals=6), "rules[6].approvals"),
        (with_rule(lane="express"), "rules[6].lane"),
        (with_rule(name="minors"), "rules[6].name"),
        (with_rule(treshold=0.5), "rules[6].treshold"),
        ({"unscreened": {"outcome": "allow"}}, "unscreened.outcome"),
    ],
)
def test_a_policy_that_cannot_be_used_is_refused_by_field(changes: dict[str, object], field: str) -> None:
    with pytest.raises(PolicyError) as refused:
        parsed(**changes)

    assert refused.value.field == field
    assert str(refused.value).startswith(f"{field}: ")


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"\xff", b'{"version": NaN}', b'{"version": "a", "version": "b"}', b" " * 300_000],
)
def test_what_is_no_policy_document_is_refused(data: bytes) -> None:
    with pytest.raises(PolicyError):
        Policy.parse(data)


def test_the_default_policy_requires_every_checker_that_ships() -> None:
    assert default_policy().required == {
        "prompt": ("terms", "prompt-e5", "canary-prompt"),
        "image": ("opennsfw", "nsfwjs-mobilenet", "known-pictures", "canary-image"),
    }
