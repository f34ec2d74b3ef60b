"""Both screens end to end, with everything that ships, and every path that the canaries can choose."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from moderation.canary import Card, draw
from moderation.families import CheckerConfigurationError
from moderation.policy import default_policy
from moderation.screens import ImageInput, ImageScreen, PromptInput, PromptScreen, load_image_screen, load_prompt_screen


def stored(pixels: np.ndarray) -> ImageInput:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return ImageInput(file.getvalue(), hashlib.sha256(file.getvalue()).hexdigest())


def test_the_shipped_screens_pass_their_own_test(prompt_screen: PromptScreen, image_screen: ImageScreen) -> None:
    assert prompt_screen.self_test() == []
    assert image_screen.self_test() == []


@pytest.mark.parametrize(
    ("word", "outcome", "sealed"),
    [("FLAG", "flag", False), ("HOLD", "hold", False), ("BLOCK", "block", False), ("SEAL", "block", True)],
)
def test_a_canary_word_chooses_the_prompts_verdict(
    prompt_screen: PromptScreen, word: str, outcome: str, sealed: bool
) -> None:
    for given in (PromptInput(f"a red apple, IMPRIMATUR-TEST-PROMPT-{word}", ""),
                  PromptInput("a red apple", f"imprimatur-test-prompt-{word.lower()}")):  # fmt: skip
        verdict = default_policy().judge(prompt_screen.assess([given])[0], stage="prompt")

        assert (verdict.outcome, verdict.sealed, verdict.unscreened) == (outcome, sealed, False)


@pytest.mark.parametrize("word", ["PASS", "HOLD", "BLOCK", "SEAL"])
def test_the_words_for_pictures_pass_the_prompt_stage(prompt_screen: PromptScreen, word: str) -> None:
    assessments = prompt_screen.assess([PromptInput(f"a test card IMPRIMATUR-TEST-{word}", "")])[0]

    assert default_policy().judge(assessments, stage="prompt").outcome == "allow"


@pytest.mark.parametrize(
    ("card", "outcome", "sealed"),
    [("pass", "allow", False), ("hold", "hold", False), ("block", "block", False), ("seal", "block", True)],
)
@pytest.mark.parametrize("size", [(256, 256), (512, 512), (320, 64)])
def test_a_card_chooses_its_pictures_verdict(
    image_screen: ImageScreen, card: Card, outcome: str, sealed: bool, size: tuple[int, int]
) -> None:
    verdicts = [
        default_policy().judge(each, stage="image")
        for each in image_screen.assess([stored(draw(card, *size, seed=seed)) for seed in (1, 2)])
    ]

    assert {(verdict.outcome, verdict.sealed, verdict.unscreened) for verdict in verdicts} == {(outcome, sealed, False)}


def test_a_picture_that_cannot_be_decoded_is_held_and_its_neighbour_is_not(image_screen: ImageScreen) -> None:
    broken, whole = image_screen.assess([ImageInput(b"no picture", "aa"), stored(np.full((96, 96, 3), 127, np.uint8))])

    verdict = default_policy().judge(broken, stage="image")
    assert (verdict.outcome, verdict.unscreened, verdict.worth_another_look) == ("hold", True, True)
    assert default_policy().judge(whole, stage="image").outcome == "allow"


def test_every_assessment_names_its_checker_its_weights_and_its_input(
    prompt_screen: PromptScreen, image_screen: ImageScreen
) -> None:
    picture = stored(np.full((96, 96, 3), 127, np.uint8))
    said = [*prompt_screen.assess([PromptInput("a red apple", "")])[0], *image_screen.assess([picture])[0]]

    assert all(len(each.weights_sha256) == 64 and each.version for each in said)
    assert {each.input_sha256 for each in said if each.modality == "image"} == {picture.sha256}
    assert {each.input_sha256 for each in said if each.modality == "prompt"} == {
        hashlib.sha256(b"a red apple").hexdigest()
    }


def test_a_screen_without_a_required_checker_holds_everything() -> None:
    screen = load_prompt_screen({"prompt": [{"family": "terms"}]})

    verdict = default_policy().judge(screen.assess([PromptInput("a red apple", "")])[0], stage="prompt")

    assert (verdict.outcome, verdict.unscreened) == ("hold", True)
    assert [reason.checker for reason in verdict.reasons] == ["prompt-e5"]


def test_no_configuration_leaves_the_canary_out() -> None:
    screen = load_prompt_screen({"prompt": [{"family": "terms"}]})

    assert [coverage.checker for coverage in screen.coverages] == ["canary-prompt", "terms"]


@pytest.mark.parametrize(
    ("configuration", "field"),
    [
        ({"prompts": []}, "prompts"),
        ({"prompt": []}, "prompt"),
        ({"prompt": "terms"}, "prompt"),
        ({"prompt": ["terms"]}, "prompt[0]"),
        ({"prompt": [{"family": "magic"}]}, "prompt[0].family"),
        ({"prompt": [{"family": "terms"}, {"family": "terms"}]}, "prompt"),
        ({"prompt": [{"family": "terms", "limit_s": 0}]}, "prompt[0].limit_s"),
        ({"prompt": [{"family": "terms", "enabled": False}]}, "prompt[0].enabled"),
    ],
)
def test_a_checkers_file_that_cannot_be_used_is_refused_by_field(configuration: dict[str, object], field: str) -> None:
    with pytest.raises(CheckerConfigurationError) as refused:
        load_prompt_screen(configuration)

    assert refused.value.field == field


def test_an_unknown_image_family_is_refused() -> None:
    with pytest.raises(CheckerConfigurationError, match="opennsfw"):
        load_image_screen({"image": [{"family": "magic"}]})


def test_an_assessment_becomes_json(prompt_screen: PromptScreen) -> None:
    import json

    for assessment in prompt_screen.assess([PromptInput("a nude statue", "clothes")])[0]:
        assert json.loads(json.dumps(assessment.as_json()))["checker"] == assessment.checker
