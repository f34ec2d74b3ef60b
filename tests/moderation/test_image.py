"""The two nudity classifiers with their real weights, on harmless pictures."""

from pathlib import Path

import numpy as np
import pytest

from moderation.assessments import Picture
from moderation.checkers import CheckerError
from moderation.image import NsfwjsChecker, OnnxImageChecker, OpenNsfwChecker


@pytest.fixture(scope="module", params=[OpenNsfwChecker, NsfwjsChecker])
def checker(request: pytest.FixtureRequest) -> OnnxImageChecker:
    return request.param()


def grey(height: int, width: int) -> Picture:
    return Picture(np.full((height, width, 3), 127, np.uint8), "aa")


def apple() -> Picture:
    """A red disc with a stalk on white."""
    y, x = np.mgrid[0:256, 0:256]
    pixels = np.full((256, 256, 3), 255, np.uint8)
    pixels[(x - 128) ** 2 + (y - 140) ** 2 < 80**2] = (200, 20, 30)
    pixels[40:70, 124:132] = (90, 60, 20)
    return Picture(pixels, "bb")


def test_harmless_pictures_score_below_the_threshold(checker: OnnxImageChecker) -> None:
    assessments = checker.assess([grey(128, 128), apple()])

    assert all(answer[0].scores["sexual"] < 0.5 for answer in assessments)
    assert [answer[0].input_sha256 for answer in assessments] == ["aa", "bb"]


def test_a_picture_scores_the_same_alone_and_in_company(checker: OnnxImageChecker) -> None:
    alone = checker.assess([apple()])[0][0].scores["sexual"]
    company = checker.assess([grey(500, 500), apple(), grey(90, 400)])[1][0].scores["sexual"]

    assert company == pytest.approx(alone, abs=1e-5)


def test_what_was_seen_is_said(checker: OnnxImageChecker) -> None:
    seen = [answer[0].seen for answer in checker.assess([grey(128, 128), grey(512, 512), grey(100, 400)])]

    assert seen[0] == "whole"
    assert seen[1] == "whole and 4 tiles"
    assert seen[2].startswith("whole and ")


def test_the_worst_look_counts(checker: OnnxImageChecker) -> None:
    classes = 2 if checker.name == "opennsfw" else 5
    harmless, harmful = np.zeros(classes, np.float32), np.zeros(classes, np.float32)
    harmless[0] = 1.0
    harmful[1] = 0.9

    assert checker.scores(np.stack([harmless, harmful]))["sexual"] == pytest.approx(0.9)


def test_what_is_wholly_suggestive_reaches_the_threshold() -> None:
    outputs = np.array([[0.0, 0.0, 0.0, 0.0, 1.0]], np.float32)

    assert NsfwjsChecker().scores(outputs)["sexual"] == 0.5


def test_missing_weights_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckerError, match="cannot be read"):
        NsfwjsChecker(tmp_path / "mobilenet-v2.onnx")


def test_altered_weights_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "mobilenet-v2.onnx"
    path.write_bytes(b"something else")

    with pytest.raises(CheckerError, match="expected"):
        NsfwjsChecker(path)
