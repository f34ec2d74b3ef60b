"""The family `zero-shot-image-classification`, on CLIP and SigLIP models that were taught the names of four colours."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from moderation.checkers import CheckerError
from moderation.families import image_plans
from moderation.hub.classifier_settings import CheckerConfigurationError, read_zero_shot
from moderation.hub.zero_shot import ZeroShotChecker
from moderation.screens import load_image_screen
from tests.moderation.hub.picture_models import (
    GREEN,
    ORANGE,
    RED,
    YELLOW,
    clip,
    graded_classifier,
    green_with_a_red_end,
    plain,
    siglip,
    siglip2,
)

PROMPTS = {"violence": ["a red thing"], "alcohol": ["a yellow thing", "a orange thing"]}
NEUTRAL = {"neutral": ["a green thing"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    made: dict[str, Path] = {}

    def make(kind: str) -> Path:
        if kind not in made:
            build = {"clip": clip, "siglip": siglip, "siglip2": siglip2, "vit": graded_classifier}[kind]
            made[kind] = build(tmp_path_factory.mktemp(kind))
        return made[kind]

    return make


def entry(folder: Path, **changes: Any) -> dict[str, Any]:
    named = {"family": "zero-shot-image-classification", "name": "texts", "source": str(folder), "prompts": PROMPTS}
    return named | changes


def checker(folder: Path, **changes: Any) -> ZeroShotChecker:
    return ZeroShotChecker(read_zero_shot(entry(folder, **changes), "image[0]"))


@pytest.mark.parametrize(("kind", "more"), [("clip", NEUTRAL), ("siglip", {}), ("siglip2", {})])
def test_a_picture_scores_in_the_category_whose_texts_describe_it(
    folder: Callable[[str], Path], kind: str, more: dict[str, Any]
) -> None:
    pictures = [plain(GREEN), plain(RED), plain(YELLOW), plain(ORANGE), green_with_a_red_end()]
    named = {"prompts": {"violence": ["a red thing"], "alcohol": ["a yellow thing"], "tobacco": ["a orange thing"]}}

    said = [each[0] for each in checker(folder(kind), **named, **more).assess(pictures)]

    worst = [max(each.scores, key=each.scores.__getitem__) if max(each.scores.values()) > 0.5 else "" for each in said]
    assert worst == ["", "violence", "alcohol", "tobacco", "violence"]
    assert said[4].seen == "whole and 16 tiles"


def test_another_category_or_text_lowers_no_score(folder: Callable[[str], Path]) -> None:
    few = checker(folder("clip"), prompts={"violence": ["a red thing"]}, **NEUTRAL)
    more = {"violence": ["a red thing", "a thing"], "weapons": ["a red thing"]}
    many = checker(folder("clip"), prompts=more, **NEUTRAL)

    before, after = few.assess([plain(ORANGE)])[0][0].scores, many.assess([plain(ORANGE)])[0][0].scores

    assert after["violence"] >= before["violence"] - 1e-6
    assert after["weapons"] == pytest.approx(before["violence"], abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        ("clip", {}, "`neutral` texts"),
        ("siglip", NEUTRAL, "leave `neutral` out"),
        ("clip", NEUTRAL | {"prompts": {"violence": ["a red thing " * 4]}}, "longer than the 8 tokens"),
        ("siglip", {"prompts": {"violence": ["a red thing " * 4]}}, "longer than the 8 tokens"),
        ("vit", NEUTRAL, "a model of type vit"),
    ],
)
def test_texts_that_do_not_fit_the_model_are_an_error(
    folder: Callable[[str], Path], kind: str, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(CheckerError, match=said):
        checker(folder(kind), **changes)


def test_a_screen_of_it_covers_what_its_texts_describe(folder: Callable[[str], Path]) -> None:
    screen = load_image_screen({"image": [entry(folder("clip"), **NEUTRAL)]})

    assert screen.self_test() == []
    assert screen.coverages[-1].categories == ("alcohol", "violence")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"prompts": {}}, "prompts"),
        ({"prompts": {"rudeness": ["a text"]}}, "prompts.rudeness"),
        ({"prompts": {"violence": "a text"}}, "prompts.violence"),
        ({"prompts": {"violence": [""]}}, "prompts.violence"),
        ({"neutral": []}, "neutral"),
        ({"labels": {"a": "violence"}}, "labels"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_by_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(CheckerConfigurationError) as refused:
        image_plans({"image": [entry(Path("/models/clip"), **changes)]})

    assert refused.value.field == f"image[0].{field}"
