"""Measures of how well scores tell harmful from harmless, with the uncertainty of each; numpy alone.

Scores are float arrays, higher meaning more likely harmful; a score that is no number must be left out beforehand.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Z_95 = 1.959963984540054
CALIBRATION_BINS = 15


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its two-sided 95 % interval, all in [0, 1]."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of a reliability diagram: how many scores fell in it, their mean, and the harmful share of them."""

    count: int
    mean_score: float
    harmful_share: float


def auroc(harmful: Scores, harmless: Scores) -> float:
    """The chance that a harmful input scores above a harmless one, ties counted half; NaN if either is empty."""
    if not len(harmful) or not len(harmless):
        return math.nan
    return float(_wins(harmful, harmless).mean())


def auroc_interval(harmful: Scores, harmless: Scores) -> Interval:
    """The AUROC with its interval: DeLong's variance, on the logit scale so that it stays in (0, 1).

    Where every harmful input is above every harmless one, that variance is 0 and says nothing; the bound is then the
    exact binomial one for as many independent successes as the smaller side has inputs.

    Source: DeLong, DeLong, Clarke-Pearson 1988; Qin, Hotilovac 2008 for the logit scale.
    """
    if not len(harmful) or not len(harmless):
        return Interval(math.nan, math.nan, math.nan)
    by_harmful = _wins(harmful, harmless)
    value = float(by_harmful.mean())
    if value in (0.0, 1.0):
        bound = 0.025 ** (1 / min(len(harmful), len(harmless)))
        return Interval(value, bound, 1.0) if value == 1.0 else Interval(value, 0.0, 1 - bound)
    by_harmless = 1 - _wins(harmless, harmful)
    variance = _variance_of_mean(by_harmful) + _variance_of_mean(by_harmless)
    spread = Z_95 * math.sqrt(variance) / (value * (1 - value))
    centre = math.log(value / (1 - value))
    return Interval(value, _logistic(centre - spread), _logistic(centre + spread))


def wilson(count: int, total: int) -> Interval:
    """A share with Wilson's score interval; NaN if there is nothing to count.

    Source: Wilson 1927.
    """
    if total == 0:
        return Interval(math.nan, math.nan, math.nan)
    share = count / total
    scale = 1 + Z_95**2 / total
    centre = (share + Z_95**2 / (2 * total)) / scale
    half = Z_95 * math.sqrt(share * (1 - share) / total + Z_95**2 / (4 * total**2)) / scale
    return Interval(share, max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share)))


def roc_curve(harmful: Scores, harmless: Scores) -> tuple[Scores, Scores]:
    """False alarms and hits, each a share, at every threshold from above the highest score to the lowest."""
    hits, alarms = _counts_from_the_top(harmful, harmless)
    return alarms / len(harmless), hits / len(harmful)


def precision_recall_curve(harmful: Scores, harmless: Scores) -> tuple[Scores, Scores]:
    """Recall and precision at every threshold from the highest score to the lowest."""
    hits, alarms = _counts_from_the_top(harmful, harmless)
    return hits[1:] / len(harmful), hits[1:] / (hits[1:] + alarms[1:])


def average_precision(harmful: Scores, harmless: Scores) -> float:
    """The mean precision over the steps of recall; it depends on the share of harmful inputs. NaN without any."""
    if not len(harmful):
        return math.nan
    recall, precision = precision_recall_curve(harmful, harmless)
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def reliability(harmful: Scores, harmless: Scores, *, bins: int = CALIBRATION_BINS) -> list[Bin]:
    """Bins of equal width over [0, 1]; an empty one has NaN for mean and share."""
    scores = np.concatenate((harmful, harmless))
    labels = np.concatenate((np.ones(len(harmful)), np.zeros(len(harmless))))
    places = np.minimum((scores * bins).astype(int), bins - 1)
    found = []
    for place in range(bins):
        here = places == place
        count = int(here.sum())
        mean, share = (float(scores[here].mean()), float(labels[here].mean())) if count else (math.nan, math.nan)
        found.append(Bin(count, mean, share))
    return found


def expected_calibration_error(found: list[Bin]) -> float:
    """The mean distance between score and harmful share, weighted by how many scores a bin holds.

    Source: Naeini, Cooper, Hauskrecht 2015; 15 bins of equal width as in Guo et al. 2017.
    """
    total = sum(each.count for each in found)
    if not total:
        return math.nan
    return sum(each.count * abs(each.mean_score - each.harmful_share) for each in found if each.count) / total


def brier(harmful: Scores, harmless: Scores) -> float:
    """The mean squared distance of scores from 1 for harmful and 0 for harmless inputs; NaN if there are none."""
    total = len(harmful) + len(harmless)
    return float((((1 - harmful) ** 2).sum() + (harmless**2).sum()) / total) if total else math.nan


def _wins(left: Scores, right: Scores) -> Scores:
    """For each of `left`, the share of `right` below it, ties counted half."""
    ordered = np.sort(right)
    below = np.searchsorted(ordered, left, side="left")
    not_above = np.searchsorted(ordered, left, side="right")
    return (below + not_above) / (2 * len(right))


def _variance_of_mean(values: Scores) -> float:
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else 0.25


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _counts_from_the_top(harmful: Scores, harmless: Scores) -> tuple[Scores, Scores]:
    """How many of each score at or above every distinct score, from none to all."""
    thresholds = np.unique(np.concatenate((harmful, harmless)))[::-1]
    hits = len(harmful) - np.searchsorted(np.sort(harmful), thresholds, side="left")
    alarms = len(harmless) - np.searchsorted(np.sort(harmless), thresholds, side="left")
    return np.concatenate(([0.0], hits)), np.concatenate(([0.0], alarms))
