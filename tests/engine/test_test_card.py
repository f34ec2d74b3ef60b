"""The model that draws what a word in the prompt says, so that every path of the gate can be walked."""

import dataclasses
import time

import numpy as np
import pytest

from gateway.engine.engine import Engine
from gateway.engine.registry import TEST_CARD
from gateway.engine.test_card import TestCardModel
from moderation import canary
from tests.engine.requesting import ask_for, draw_together


@pytest.mark.parametrize(("word", "card"), sorted(canary.CARD_WORDS.items()))
def test_a_word_in_the_prompt_chooses_the_card(word: str, card: canary.Card) -> None:
    request = ask_for("a", prompt=f"a kite, {word}", width=200, height=136, steps=2)

    result = draw_together(Engine(TestCardModel(TEST_CARD), max_batch=1), [request])["a"]

    assert result.pixels is not None
    assert result.pixels.shape == (136, 200, 3)
    assert canary.read(result.pixels) == card
    assert result.steps == 2


def test_the_seed_changes_the_card_and_its_company_does_not() -> None:
    first, second = (ask_for(name, seed=seed, width=64, height=64) for seed, name in enumerate(("first", "second")))

    together = draw_together(Engine(TestCardModel(TEST_CARD), max_batch=2), [first, second])
    alone = draw_together(Engine(TestCardModel(TEST_CARD), max_batch=1), [first])

    assert np.array_equal(together["first"].pixels, alone["first"].pixels)
    assert not np.array_equal(together["first"].pixels, together["second"].pixels)


def test_a_step_takes_as_long_as_the_entry_says_whatever_the_batch() -> None:
    model = TestCardModel(dataclasses.replace(TEST_CARD, step_delay_s=0.1))
    began = time.monotonic()

    draw_together(Engine(model, max_batch=8), [ask_for(str(n), width=64, height=64, steps=2) for n in range(8)])

    assert 0.2 <= time.monotonic() - began < 1.2
