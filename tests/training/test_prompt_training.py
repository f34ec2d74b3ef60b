"""How the prompt classifier is trained: what is held back, and that slices make one run."""

import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from moderation.evaluation.metrics import expected_calibration_error, reliability
from moderation.prompt_network import CATEGORIES, PromptNetwork
from training.prompt.calibrate import platt
from training.prompt.contrasts import sentences
from training.prompt.sources import Example, everyday_texts, half, pairs_in_our_languages, withheld
from training.prompt.train import Corpus, Run, targets, train


@pytest.fixture
def texts() -> Corpus:
    examples = [
        Example(f"text {number}", harmful=number % 3 == 0, categories=("hate",) if number % 3 == 0 else (), source="s")
        for number in range(200)
    ]
    ids = [[5 + number % 40, 6 + number % 3, 9] for number in range(200)]
    return Corpus(ids, *targets(examples))


def network() -> PromptNetwork:
    torch.manual_seed(1)
    shape = {"hidden_size": 16, "num_hidden_layers": 12, "num_attention_heads": 2, "intermediate_size": 16}
    config = BertConfig(
        vocab_size=64, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, attn_implementation="sdpa", **shape
    )
    made = PromptNetwork(BertModel(config, add_pooling_layer=False), trained_layers=12)
    made.head[2] = torch.nn.Identity()
    return made.train()


def test_a_run_in_slices_gives_the_weights_of_a_run_in_one_go(texts: Corpus, tmp_path: Path) -> None:
    steps = 2 * texts.steps_an_epoch
    whole = Run(network(), steps=steps)
    train(whole, texts, checkpoint=tmp_path / "whole.pt", minutes=10)

    checkpoint = tmp_path / "sliced.pt"
    for _ in range(steps):
        sliced = Run(network(), steps=steps)
        if checkpoint.exists():
            sliced.resume(checkpoint)
        train(sliced, texts, checkpoint=checkpoint, minutes=0)

    assert sliced.step == whole.step == steps
    for name, value in whole.weights().items():
        torch.testing.assert_close(sliced.weights()[name], value)


def test_another_number_of_steps_is_another_run(texts: Corpus, tmp_path: Path) -> None:
    run = Run(network(), steps=8)
    run.save(tmp_path / "checkpoint.pt")

    with pytest.raises(SystemExit, match="made for 8 steps"):
        Run(network(), steps=9).resume(tmp_path / "checkpoint.pt")


def test_an_epoch_shows_every_text_once(texts: Corpus) -> None:
    for epoch in range(2):
        batches = list(texts.batches(epoch))

        assert sorted(np.concatenate(batches)) == list(range(len(texts.ids)))
        assert len(batches) == texts.steps_an_epoch


def test_a_harmful_text_says_little_of_the_categories_its_source_does_not_name() -> None:
    wanted, weights = targets([Example("a", harmful=True, categories=("hate",), source="s")])

    hate = 1 + CATEGORIES.index("hate")
    assert wanted[0, [0, hate]].tolist() == pytest.approx([0.98, 0.98])
    assert weights[0, hate] == 1.0
    assert weights[0, 1 + CATEGORIES.index("sexual")] == pytest.approx(0.3)


def test_calibration_finds_the_slope_and_offset_that_made_the_labels() -> None:
    random = np.random.default_rng(4)
    logits = random.normal(0, 2, 40_000)
    harmful = random.random(40_000) < 1 / (1 + np.exp(-(0.5 * logits - 1.0)))

    slope, offset = platt(logits, harmful, np.ones(40_000))

    assert slope == pytest.approx(0.5, abs=0.03)
    assert offset == pytest.approx(-1.0, abs=0.05)
    shares = 1 / (1 + np.exp(-slope * logits - offset))
    raw = 1 / (1 + np.exp(-logits))
    assert expected_calibration_error(reliability(shares[harmful], shares[~harmful])) < 0.01
    assert expected_calibration_error(reliability(raw[harmful], raw[~harmful])) > 0.05


def test_texts_that_can_be_told_apart_perfectly_still_give_finite_numbers() -> None:
    slope, offset = platt(np.array([-5.0, -4.0, 4.0, 5.0]), np.array([False, False, True, True]), np.ones(4))

    assert math.isfinite(slope)
    assert math.isfinite(offset)


def by_language() -> Iterator[tuple[str, list[str]]]:
    languages: dict[str, list[str]] = {}
    for language, number, _, _, _ in pairs_in_our_languages():
        languages.setdefault(language, []).append(number)
    yield from languages.items()


def test_every_language_has_the_same_pairs_so_that_no_translation_of_a_measured_one_is_learnt() -> None:
    numbers = dict(by_language())

    assert len(numbers) >= 27
    assert all(first == second for first, second in pairwise(numbers.values()))
    assert 0.4 < sum(half(number) == "report" for number in numbers["en"]) / len(numbers["en"]) < 0.6


def test_every_language_has_everyday_texts() -> None:
    languages = [language for language, _ in everyday_texts()]

    assert {language: languages.count(language) for language in set(languages)} == {
        language: 60 for language, _ in by_language()
    }


def test_one_text_in_sixteen_is_kept_from_the_network() -> None:
    kept = sum(withheld(f"text {number}") for number in range(8000)) / 8000

    assert kept == pytest.approx(1 / 16, rel=0.15)


def test_no_sentence_of_ours_is_harmful_and_harmless_at_once() -> None:
    found = {(sentence.text, sentence.harmful) for sentence in sentences()}

    assert len({text for text, _ in found}) == len(found)
    assert {True, False} == {harmful for _, harmful in found}
