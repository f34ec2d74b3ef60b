"""Measures: known values, and what holds of every input."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from moderation.evaluation.metrics import (
    Bin,
    auroc,
    auroc_interval,
    average_precision,
    brier,
    expected_calibration_error,
    precision_recall_curve,
    reliability,
    roc_curve,
    wilson,
)

# Few distinct values, so that ties are common.
scores = st.lists(st.integers(0, 20).map(lambda step: step / 20), min_size=1, max_size=40).map(np.array)


def test_the_textbook_example_has_the_textbook_area_and_precision() -> None:
    harmful, harmless = np.array([0.35, 0.8]), np.array([0.1, 0.4])

    assert auroc(harmful, harmless) == 0.75
    assert average_precision(harmful, harmless) == pytest.approx(5 / 6)


@given(scores, scores)
def test_the_area_is_the_share_of_pairs_in_order_with_ties_counted_half(
    harmful: np.ndarray, harmless: np.ndarray
) -> None:
    pairs = [(a > b) + 0.5 * (a == b) for a in harmful for b in harmless]

    assert auroc(harmful, harmless) == pytest.approx(sum(pairs) / len(pairs))


@given(scores, scores)
def test_the_area_under_the_drawn_curve_is_the_area_reported(harmful: np.ndarray, harmless: np.ndarray) -> None:
    alarms, hits = roc_curve(harmful, harmless)

    assert (alarms[0], hits[0], alarms[-1], hits[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(hits, alarms) == pytest.approx(auroc(harmful, harmless))


@given(scores, scores)
def test_swapping_the_sides_mirrors_the_area_and_its_interval(harmful: np.ndarray, harmless: np.ndarray) -> None:
    one, other = auroc_interval(harmful, harmless), auroc_interval(harmless, harmful)

    assert 0 <= one.low <= one.value <= one.high <= 1
    assert one.value == pytest.approx(1 - other.value)
    assert one.low == pytest.approx(1 - other.high)


@given(scores, scores)
def test_only_the_order_of_scores_counts(harmful: np.ndarray, harmless: np.ndarray) -> None:
    assert auroc_interval(harmful**3, harmless**3) == auroc_interval(harmful, harmless)


def test_the_interval_covers_the_truth_about_nineteen_times_in_twenty() -> None:
    random = np.random.default_rng(5)
    truth = 0.8413447  # two normal distributions, sqrt(2) apart

    covered = [
        found.low <= truth <= found.high
        for _ in range(400)
        for found in [auroc_interval(random.normal(2**0.5, 1, 60), random.normal(0, 1, 90))]
    ]

    assert 0.92 <= np.mean(covered) <= 0.98


def test_a_perfect_order_of_few_inputs_is_no_certainty() -> None:
    few = auroc_interval(np.full(3, 0.9), np.full(3, 0.1))
    many = auroc_interval(np.full(300, 0.9), np.full(300, 0.1))

    assert (few.value, few.high) == (1, 1)
    assert few.low < 0.3
    assert 0.98 < many.low < 1


def test_without_one_side_there_is_no_area() -> None:
    assert math.isnan(auroc(np.array([]), np.array([0.1])))
    assert math.isnan(auroc_interval(np.array([0.1]), np.array([])).value)
    assert math.isnan(average_precision(np.array([]), np.array([0.1])))


@given(scores, scores)
def test_precision_at_full_recall_is_the_share_of_harmful_inputs_down_to_the_lowest_of_them(
    harmful: np.ndarray, harmless: np.ndarray
) -> None:
    recall, precision = precision_recall_curve(harmful, harmless)

    assert recall[-1] == 1
    assert precision[-1] == pytest.approx(len(harmful) / (len(harmful) + len(harmless)))
    assert np.all(np.diff(recall) >= 0)


@pytest.mark.parametrize(
    ("count", "total", "low", "high"), [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0)]
)
def test_wilson_gives_the_published_intervals(count: int, total: int, low: float, high: float) -> None:
    found = wilson(count, total)

    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


@given(st.integers(0, 500), st.integers(1, 500))
def test_wilson_holds_the_share_and_stays_a_share(count: int, total: int) -> None:
    assume(count <= total)
    found = wilson(count, total)

    assert 0 <= found.low <= found.value <= found.high <= 1


def test_a_share_of_nothing_is_not_a_number() -> None:
    assert math.isnan(wilson(0, 0).value)


def test_scores_that_are_the_harmful_share_have_no_calibration_error() -> None:
    harmful, harmless = np.array([0.75] * 3 + [0.25]), np.array([0.75] + [0.25] * 3)

    assert expected_calibration_error(reliability(harmful, harmless)) == 0


def test_certainty_that_is_wrong_has_the_largest_error() -> None:
    harmful, harmless = np.zeros(5), np.ones(5)

    assert expected_calibration_error(reliability(harmful, harmless)) == 1
    assert brier(harmful, harmless) == 1
    assert brier(harmless, harmful) == 0


@given(scores, scores)
def test_every_score_falls_in_one_bin_and_its_mean_lies_in_it(harmful: np.ndarray, harmless: np.ndarray) -> None:
    found = reliability(harmful, harmless, bins=15)

    assert sum(each.count for each in found) == len(harmful) + len(harmless)
    for place, each in enumerate(found):
        if each.count:
            assert place / 15 - 1e-9 <= each.mean_score <= (place + 1) / 15 + 1e-9


def test_an_empty_bin_weighs_nothing() -> None:
    assert expected_calibration_error([Bin(0, math.nan, math.nan), Bin(4, 0.5, 0.75)]) == 0.25
    assert math.isnan(expected_calibration_error([Bin(0, math.nan, math.nan)]))
