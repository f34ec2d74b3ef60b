"""The checker for things with its real weights, on pictures drawn here."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image, ImageDraw, ImageFont

from moderation.assessments import Picture
from moderation.checkers import CheckerError, GuardedChecker
from moderation.families import image_plans
from moderation.objects import CATEGORIES, ObjectsChecker


@pytest.fixture(scope="module")
def checker() -> ObjectsChecker:
    return ObjectsChecker()


def picture(image: Image.Image) -> Picture:
    return Picture(np.asarray(image, np.uint8), "aa")


def playing_card() -> Image.Image:
    """The five of diamonds, on white."""
    image = Image.new("RGB", (256, 256), "white")
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((48, 8, 208, 248), 12, outline="black", width=2)
    for corner in ((58, 14), (180, 206)):
        draw.text(corner, "5", font=ImageFont.load_default(34), fill=(210, 20, 40))
    for x, y in ((96, 70), (160, 70), (128, 128), (96, 186), (160, 186)):
        draw.polygon([(x, y - 24), (x + 17, y), (x, y + 24), (x - 17, y)], fill=(210, 20, 40))
    return image


def house() -> Image.Image:
    image = Image.new("RGB", (256, 256), (170, 210, 240))
    draw = ImageDraw.Draw(image)
    draw.rectangle((60, 110, 196, 220), fill=(220, 180, 130))
    draw.polygon([(45, 110), (128, 45), (211, 110)], fill=(150, 50, 40))
    draw.rectangle((112, 160, 144, 220), fill=(90, 60, 30))
    return image


def test_a_playing_card_scores_as_gambling_and_a_house_does_not(checker: ObjectsChecker) -> None:
    card, home = (answer[0].scores for answer in checker.assess([picture(playing_card()), picture(house())]))

    assert card["gambling"] >= 0.5
    assert max(home.values()) < 0.5


def test_every_category_that_is_declared_is_scored_and_no_other(checker: ObjectsChecker) -> None:
    assessment = checker.assess([picture(house())])[0][0]

    assert tuple(assessment.scores) == checker.coverage.categories == CATEGORIES


def test_a_thing_in_the_corner_of_a_large_picture_is_seen_by_a_tile(checker: ObjectsChecker) -> None:
    large = Image.new("RGB", (512, 512), "white")
    large.paste(playing_card(), (256, 256))

    assessment = checker.assess([picture(large)])[0][0]

    assert assessment.seen == "whole and 4 tiles"
    assert assessment.scores["gambling"] >= 0.5


def test_the_worst_look_counts(checker: ObjectsChecker) -> None:
    assert checker.scores(np.array([[0.1], [0.8], [0.3]], np.float32)) == pytest.approx({"gambling": 0.8})


def test_the_weights_stay_small_enough_to_ship() -> None:
    folder = Path("moderation/weights/objects")

    assert sum(path.stat().st_size for path in folder.iterdir()) < 8_000_000
    session = onnxruntime.InferenceSession(folder / "efficientnet-lite0.onnx", providers=["CPUExecutionProvider"])
    assert session.get_outputs()[0].shape == ["n", len(CATEGORIES)]


def test_altered_weights_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "efficientnet-lite0.onnx"
    path.write_bytes(b"something else")

    with pytest.raises(CheckerError, match="expected"):
        ObjectsChecker(path)


def test_configuration_names_it_and_its_self_test_passes() -> None:
    plan = next(plan for plan in image_plans({"image": [{"family": "objects"}]}) if plan.name == "objects")

    assert GuardedChecker(plan, describe=lambda given: (("image", given.sha256),)).self_test() == []
