"""The harmless words and pictures that take every path on request."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from moderation.assessments import Picture, PromptInput
from moderation.canary import CARDS, CanaryImageChecker, CanaryPromptChecker, Card, card_for, draw, read


@pytest.mark.parametrize(
    ("prompt", "card"),
    [
        ("a red apple", "pass"),
        ("IMPRIMATUR-TEST-PASS", "pass"),
        ("an apple, IMPRIMATUR-TEST-HOLD", "hold"),
        ("imprimatur-test-block", "block"),
        ("(Imprimatur-Test-Seal)", "seal"),
        ("IMPRIMATUR-TEST-HOLD IMPRIMATUR-TEST-SEAL", "seal"),
        ("IMPRIMATUR-TEST-PROMPT-BLOCK", "pass"),
        ("IMPRIMATUR-TEST-HOLDING", "pass"),
    ],
)
def test_a_word_in_the_prompt_chooses_the_card(prompt: str, card: Card) -> None:
    assert card_for(prompt) == card


@settings(max_examples=60, deadline=None)
@given(
    card=st.sampled_from(CARDS),
    width=st.integers(64, 520),
    height=st.integers(64, 520),
    seed=st.integers(-(2**40), 2**64 - 1),
)
def test_a_card_of_any_size_and_seed_is_read_back(card: Card, width: int, height: int, seed: int) -> None:
    pixels = draw(card, width, height, seed)

    assert pixels.shape == (height, width, 3)
    assert read(pixels) == card


def test_a_card_survives_being_stored_as_png() -> None:
    file = io.BytesIO()
    Image.fromarray(draw("hold", 256, 192, seed=4)).save(file, format="PNG")

    with Image.open(file) as image:
        assert read(np.asarray(image.convert("RGB"))) == "hold"


def test_the_same_seed_draws_the_same_card_and_another_seed_another() -> None:
    assert np.array_equal(draw("pass", 128, 128, seed=1), draw("pass", 128, 128, seed=1))
    assert not np.array_equal(draw("pass", 128, 128, seed=1), draw("pass", 128, 128, seed=2))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), kind=st.sampled_from(["noise", "flat", "stripes", "black and white"]))
def test_no_other_picture_is_taken_for_a_card(seed: int, kind: str) -> None:
    random = np.random.default_rng(seed)
    pixels = {
        "noise": random.integers(0, 256, (96, 96, 3), dtype=np.uint8),
        "flat": np.full((96, 96, 3), random.integers(256), dtype=np.uint8),
        "stripes": np.repeat(random.integers(0, 256, (1, 96, 3), dtype=np.uint8), 96, axis=0),
        "black and white": np.kron(random.integers(0, 2, (24, 24, 1)), np.full((4, 4, 3), 255)).astype(np.uint8),
    }[kind]

    assert read(pixels) is None


def test_a_card_whose_code_was_painted_over_is_no_card() -> None:
    pixels = draw("block", 128, 128, seed=1)
    pixels[-12:] = 128

    assert read(pixels) is None


@pytest.mark.parametrize(("width", "height"), [(63, 64), (64, 63)])
def test_a_card_too_small_for_its_code_is_refused(width: int, height: int) -> None:
    with pytest.raises(ValueError, match="at least 64"):
        draw("pass", width, height, seed=1)


@pytest.mark.parametrize("path", ["flag", "hold", "block", "seal"])
def test_the_prompt_checker_finds_its_word_in_either_prompt(path: str) -> None:
    word = f"imprimatur-test-prompt-{path}"

    in_prompt, in_negative = CanaryPromptChecker().assess([PromptInput(word, ""), PromptInput("", word)])

    assert in_prompt[0].scores[f"canary/{path}"] == in_negative[1].scores[f"canary/{path}"] == 1.0
    assert sum(in_prompt[0].scores.values()) == 1.0
    assert sum(in_prompt[1].scores.values()) == 0.0


def test_the_prompt_checker_leaves_the_words_for_pictures_alone() -> None:
    assessments = CanaryPromptChecker().assess([PromptInput("IMPRIMATUR-TEST-BLOCK", "")])[0]

    assert not any(score for each in assessments for score in each.scores.values())


@pytest.mark.parametrize("card", CARDS)
def test_the_image_checker_scores_only_its_card(card: Card) -> None:
    assessment = CanaryImageChecker().assess([Picture(draw(card, 128, 128, seed=9), "")])[0][0]

    assert {name for name, score in assessment.scores.items() if score} == ({f"canary/{card}"} - {"canary/pass"})
