import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from moderation.assessments import Assessment, Picture, PromptInput
from moderation.canary import CanaryPromptChecker
from moderation.checkers import CheckerError, GuardedChecker
from moderation.coverage import Coverage, not_looked_for
from moderation.families import CheckerConfigurationError, image_plans
from moderation.image import package_file
from moderation.picture_text import FILES, UNREADABLE, PictureTextChecker
from moderation.policy import Policy
from moderation.probes import GREY, SPECKLED
from moderation.terms import TermChecker
from moderation.text.normalise import canonical
from moderation.text_reader import TextReader

CARD = {"family": "text-in-picture", "prompt": [{"family": "terms"}]}


def picture(text: str, *, size_px: int = 30, angle: int = 0, light: bool = False, side_px: int = 512) -> Picture:
    ground, ink = ((20, 20, 60), (250, 250, 240)) if light else ((230, 225, 215), (20, 20, 60))
    image = Image.new("RGB", (side_px, side_px), ground)
    middle = (side_px // 2, side_px // 2)
    font = ImageFont.load_default(size_px)
    ImageDraw.Draw(image).multiline_text(middle, text, font=font, fill=ink, anchor="mm", align="center")
    turned = image.rotate(angle, resample=Image.Resampling.BICUBIC, fillcolor=ground)
    return Picture(np.asarray(turned, dtype=np.uint8), "0" * 64)


class FailingChecker(CanaryPromptChecker):
    """Answers every text with an error."""

    def assess(self, inputs: list[PromptInput]) -> list[list[Assessment]]:  # type: ignore[override]
        fine = super().assess(inputs)
        return [[Assessment("broken", "1", "", "prompt", "", "nothing", {}, error="out of order")] for _ in fine]


@pytest.fixture(scope="module")
def checker() -> PictureTextChecker:
    return PictureTextChecker([TermChecker()])


def words(checker: PictureTextChecker, given: Picture) -> Assessment:
    """What is said of the words in a picture."""
    _, of_words = checker.assess([given])[0]
    return of_words


@pytest.mark.parametrize("angle", [0, 20, 90, 180, -90])
def test_words_are_judged_at_any_angle(checker: PictureTextChecker, angle: int) -> None:
    assert words(checker, picture("a nude statue\nin the garden", angle=angle)).scores["sexual"] >= 0.5


def test_light_words_on_a_dark_ground_are_judged(checker: PictureTextChecker) -> None:
    assert words(checker, picture("a nude statue", light=True)).scores["sexual"] >= 0.5


def test_words_that_only_make_sense_over_two_lines_are_read_as_one(checker: PictureTextChecker) -> None:
    assert words(checker, picture("IMPRIMATUR-TEST-PROMPT-HOLD\nand more", size_px=24)).scores["canary/hold"] == 1.0
    apart = words(checker, picture("a naked\nten year old", size_px=40))

    assert apart.scores["sexual/minors"] == 1.0


def test_small_words_at_the_edge_of_a_large_picture_are_read(checker: PictureTextChecker) -> None:
    pixels = np.full((1536, 1536, 3), 220, dtype=np.uint8)
    corner = picture("a nude statue", size_px=22, side_px=256).pixels[100:156]
    pixels[-56:, -256:] = corner

    assert words(checker, Picture(pixels, "")).scores["sexual"] >= 0.5


def test_harmless_words_score_nothing(checker: PictureTextChecker) -> None:
    assert max(words(checker, picture("fresh bread every day")).scores.values()) == 0.0


@pytest.mark.parametrize("pixels", [GREY.pixels, SPECKLED.pixels, np.zeros((64, 300, 3), dtype=np.uint8)])
def test_a_picture_without_words_gets_no_score_and_no_doubt(
    checker: PictureTextChecker, pixels: NDArray[np.uint8]
) -> None:
    (only,) = checker.assess([Picture(pixels, "")])[0]

    assert (only.modality, only.seen, only.scores, only.unknown) == ("image", "whole, 0 words", {}, ())


def test_writing_that_cannot_be_read_is_unknown(checker: PictureTextChecker) -> None:
    assert checker.assess([picture("clear words")])[0][0].unknown == ()
    assert checker.assess([picture("ᚠᛇᚻ᛫ᛒᛦᚦ᛫ᚠᚱᚩᚠᚢᚱ᛫ᚠᛁᚱᚪ")])[0][0].unknown == (UNREADABLE,)


def test_the_words_themselves_are_not_in_what_is_recorded(checker: PictureTextChecker) -> None:
    recorded = str([each.as_json() for each in checker.assess([picture("a nude statue")])[0]])

    assert "statue" not in recorded
    assert "3 words" in recorded


def test_a_picture_whose_model_draws_no_text_is_not_read(checker: PictureTextChecker) -> None:
    drawn = picture("a nude statue")

    (only,) = checker.assess([Picture(drawn.pixels, drawn.sha256, may_hold_text=False)])[0]

    assert (only.seen, only.scores) == ("not read: its model draws no text", {})


def test_words_are_no_look_at_what_the_picture_shows(checker: PictureTextChecker) -> None:
    assert "violence" in not_looked_for([checker.coverage], "image")
    assert checker.coverage.modalities == ("image_text",)


def test_what_is_written_is_heard_by_the_rules_for_pictures(checker: PictureTextChecker) -> None:
    policy = Policy.parse(
        b"""{"version": "t", "required": {"prompt": ["terms"], "image": ["text-in-picture"]}, "rules": [
        {"name": "minors", "stage": "prompt", "categories": ["sexual/minors"], "checker": "terms", "at": 0.5,
         "outcome": "block"},
        {"name": "words", "stage": "image", "modality": "image_text", "checker": "text-in-picture",
         "categories": ["sexual"], "at": 0.5, "outcome": "hold"}]}"""
    )
    judged = {
        text: policy.judge(checker.assess([picture(text)])[0], stage="image").outcome
        for text in ("a nude statue", "fresh bread", "")
    }

    assert judged == {"a nude statue": "hold", "fresh bread": "allow", "": "allow"}


def test_a_failing_checker_of_the_text_fails_the_look() -> None:
    with pytest.raises(CheckerError, match="out of order"):
        PictureTextChecker([FailingChecker()]).assess([picture("fresh bread")])


def test_every_character_it_can_read_may_stand_in_a_prompt() -> None:
    reader = TextReader(*(package_file("rapidocr", f"models/{name}").read_bytes() for name in FILES))

    assert len(reader.characters) > 18000
    assert canonical("".join(reader.characters))


def test_the_self_test_reads_the_canary() -> None:
    plan = next(plan for plan in image_plans({"image": [CARD]}) if plan.name == "text-in-picture")

    assert GuardedChecker(plan, describe=lambda _: (("image", ""),)).self_test() == []


def test_its_checkers_of_prompts_are_named_like_any_other() -> None:
    with pytest.raises(CheckerConfigurationError, match=r"image\[0\]\.prompt\[0\]\.family"):
        image_plans({"image": [{"family": "text-in-picture", "prompt": [{"family": "nobody"}]}]})


def test_its_coverage_is_that_of_the_checkers_it_asks() -> None:
    coverage = PictureTextChecker([TermChecker()]).coverage

    assert isinstance(coverage, Coverage)
    assert "hate" in coverage.categories
    assert coverage.scripts is not None
    assert "Cyrillic" not in coverage.scripts
