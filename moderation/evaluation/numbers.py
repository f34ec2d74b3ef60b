"""Every number of a report, as JSON types: what Markdown and plots are made from."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from moderation.evaluation.metrics import (
    Interval,
    Scores,
    auroc_interval,
    average_precision,
    brier,
    expected_calibration_error,
    reliability,
    wilson,
)
from moderation.evaluation.runs import Answer, Run
from moderation.evaluation.sets import Item, LabelledSet

OUTCOMES = ("allow", "flag", "hold", "block")
BELOW = "under the threshold"
WITHIN = "itself"
_NO_CATEGORY = "not named"

Numbers = dict[str, Any]
Pair = tuple[Item, Answer]


@dataclass(frozen=True, slots=True)
class Sides:
    """A scorer's scores of harmful and of harmless inputs, without those it gave no score for."""

    harmful: Scores
    harmless: Scores


def numbers_of(sets: Sequence[LabelledSet], runs: Sequence[Run], *, at: float) -> Numbers:
    """All that can be counted; `at` is the score from which a checker alone is said to have fired."""
    return {
        "at": at,
        "setups": [_setup(run) for run in runs],
        "sets": [_set(each, runs, at) for each in sets],
        "comparisons": list(_comparisons(sets, runs)),
        "calibration": [_calibration(sets, run, scorer) for run in runs for scorer in run.scorers],
        "confusion": [_confusion(sets, run, scorer, at) for run in runs for scorer in run.scorers],
        "languages": list(_languages(sets, runs)),
        "groups": list(_groups(sets, runs)),
        "misses": list(_misses(sets, runs)),
    }


def sides_of(sets: Sequence[LabelledSet], run: Run, scorer: str) -> Sides:
    """The scorer's scores of the labelled items of these sets."""
    return _sides(_answered(sets, run), scorer)


def _sides(answered: Iterable[Pair], scorer: str) -> Sides:
    harmful: list[float] = []
    harmless: list[float] = []
    for item, answer in answered:
        score = answer.top(scorer)[1]
        if item.harmful is not None and not math.isnan(score):
            (harmful if item.harmful else harmless).append(score)
    return Sides(np.array(harmful, dtype=np.float64), np.array(harmless, dtype=np.float64))


def pooled(sets: Sequence[LabelledSet]) -> list[LabelledSet]:
    """The sets whose inputs count together, for calibration and the curves side by side."""
    return [each for each in sets if each.spec.pooled]


def compared(each: LabelledSet, sets: Sequence[LabelledSet]) -> list[LabelledSet]:
    """The set and those whose harmless inputs it is compared with."""
    return [each, *(other for other in sets if other.name in each.spec.against)]


def _answered(sets: Sequence[LabelledSet], run: Run) -> Iterator[Pair]:
    for each in sets:
        yield from zip(each.items, run.answers[each.name], strict=True)


def _setup(run: Run) -> Numbers:
    return {
        "name": run.setup,
        "policy": run.policy,
        "checkers": [{"name": c.name, "version": c.version, "weights_sha256": c.weights_sha256} for c in run.checkers],
        "not_looked_for": {stage: list(names) for stage, names in run.unseen.items()},
    }


def _set(each: LabelledSet, runs: Sequence[Run], at: float) -> Numbers:
    labels = [item.harmful for item in each.items]
    return {
        "name": each.name,
        "note": each.spec.note,
        "half": each.spec.half,
        "cap": each.spec.cap,
        "inputs": len(labels),
        "harmful": labels.count(True),
        "harmless": labels.count(False),
        "unlabelled": labels.count(None),
        "verdicts": [
            {"setup": run.setup, "side": side, **_verdicts(answers)}
            for run in runs
            for side, answers in _by_side(each, run).items()
        ],
        "scorers": [_scorer(each, run, scorer, at) for run in runs for scorer in run.scorers],
    }


def _by_side(each: LabelledSet, run: Run) -> dict[str, list[Answer]]:
    """The answers of a set to harmful, harmless and unlabelled inputs, where there are any."""
    sides: dict[str, list[Answer]] = {}
    for item, answer in _answered([each], run):
        name = {True: "harmful", False: "harmless", None: "unlabelled"}[item.harmful]
        sides.setdefault(name, []).append(answer)
    return sides


def _verdicts(answers: Sequence[Answer]) -> Numbers:
    """Shares of outcomes; `stopped`: held or blocked, `only_unjudged`: those held for what nobody could judge alone."""
    total = len(answers)
    outcomes = [answer.outcome for answer in answers]
    stopped = sum(outcome in ("hold", "block") for outcome in outcomes)
    unjudged = sum(answer.unscreened and not answer.by_rule for answer in answers)
    return {
        "inputs": total,
        **{outcome: _share(outcomes.count(outcome), total) for outcome in OUTCOMES},
        "stopped": _interval(wilson(stopped, total)),
        "only_unjudged": _share(unjudged, total),
        "stopped_by_rule": _interval(wilson(stopped - unjudged, total)),
    }


def _scorer(each: LabelledSet, run: Run, scorer: str, at: float) -> Numbers:
    scores = run.scores(each.name, scorer)
    given = scores[~np.isnan(scores)]
    sides = sides_of([each], run, scorer)
    return {
        "setup": run.setup,
        "scorer": scorer,
        "unanswered": len(scores) - len(given),
        "harmful_at_or_above": _interval(wilson(int((sides.harmful >= at).sum()), len(sides.harmful))),
        "harmless_at_or_above": _interval(wilson(int((sides.harmless >= at).sum()), len(sides.harmless))),
        "quantiles": {
            str(q): _number(np.quantile(given, q)) if len(given) else None for q in (0.01, 0.05, 0.5, 0.95, 0.99)
        },
        **({"pairs": _pairs(each, run, scorer)} if any(item.pair for item in each.items) else {}),
    }


def _pairs(each: LabelledSet, run: Run, scorer: str) -> Numbers:
    """Of how many pairs the harmful half scores above the harmless one."""
    by_pair: dict[str, dict[bool, float]] = {}
    for item, answer in _answered([each], run):
        score = answer.top(scorer)[1]
        if item.pair and item.harmful is not None and not math.isnan(score):
            by_pair.setdefault(item.pair, {})[item.harmful] = score
    whole = [both for both in by_pair.values() if len(both) == 2]
    return {
        "pairs": len(whole),
        "in_order": _interval(wilson(sum(both[True] > both[False] for both in whole), len(whole))),
    }


def _comparisons(sets: Sequence[LabelledSet], runs: Sequence[Run]) -> Iterator[Numbers]:
    """How well each set's harmful inputs are told from its own harmless ones, and from those of the sets it names."""
    for each in sets:
        if not any(item.harmful for item in each.items):
            continue
        others = compared(each, sets)[1:]
        against: list[tuple[str, list[LabelledSet]]] = [(WITHIN, [each])]
        against += [(other.name, [other]) for other in others]
        if len(others) > 1:
            against.append((f"{len(others)} sets together", others))
        for name, benign in against:
            for run in runs:
                for scorer in run.scorers:
                    harmful = sides_of([each], run, scorer).harmful
                    harmless = sides_of(benign, run, scorer).harmless
                    if len(harmful) and len(harmless):
                        yield {
                            "set": each.name,
                            "against": name,
                            "setup": run.setup,
                            "scorer": scorer,
                            "harmful": len(harmful),
                            "harmless": len(harmless),
                            "auroc": _interval(auroc_interval(harmful, harmless)),
                            "average_precision": _number(average_precision(harmful, harmless)),
                        }


def _calibration(sets: Sequence[LabelledSet], run: Run, scorer: str) -> Numbers:
    sides = sides_of(pooled(sets), run, scorer)
    return {
        "setup": run.setup,
        "scorer": scorer,
        **_calibrated(sides),
        "sets": [
            {"set": each.name, **_calibrated(of_set)}
            for each in sets
            if len((of_set := sides_of([each], run, scorer)).harmful) and len(of_set.harmless)
        ],
    }


def _calibrated(sides: Sides) -> Numbers:
    bins = reliability(sides.harmful, sides.harmless)
    return {
        "inputs": len(sides.harmful) + len(sides.harmless),
        "harmful": len(sides.harmful),
        "ece": _number(expected_calibration_error(bins)),
        "brier": _number(brier(sides.harmful, sides.harmless)),
        "bins": [
            {"count": b.count, "mean_score": _number(b.mean_score), "harmful_share": _number(b.harmful_share)}
            for b in bins
        ],
    }


def _confusion(sets: Sequence[LabelledSet], run: Run, scorer: str, at: float) -> Numbers:
    """Of the harmful inputs of each labelled category: which category scored highest."""
    table: dict[str, dict[str, int]] = {}
    for item, answer in _answered(pooled(sets), run):
        if item.harmful and item.categories:
            category, score = answer.top(scorer)
            if not math.isnan(score):
                row = table.setdefault(item.categories[0], {})
                column = category if score >= at else BELOW
                row[column] = row.get(column, 0) + 1
    return {"setup": run.setup, "scorer": scorer, "table": {name: table[name] for name in sorted(table)}}


def _languages(sets: Sequence[LabelledSet], runs: Sequence[Run]) -> Iterator[Numbers]:
    """One table for each title that sets name: language by language, those sets together."""
    for title in dict.fromkeys(each.spec.by_language for each in sets if each.spec.by_language):
        chosen = [each for each in sets if each.spec.by_language == title]
        for language in sorted({item.language for each in chosen for item in each.items}):
            for run in runs:
                answered = [(i, a) for i, a in _answered(chosen, run) if i.language == language]
                yield {
                    "table": title,
                    "language": language,
                    "setup": run.setup,
                    "harmful": _verdicts([answer for item, answer in answered if item.harmful]),
                    "harmless": _verdicts([answer for item, answer in answered if item.harmful is False]),
                    "scorers": [
                        {"scorer": scorer, "auroc": _interval(auroc_interval(sides.harmful, sides.harmless))}
                        for scorer in run.scorers
                        for sides in [_sides(answered, scorer)]
                    ],
                }


def _groups(sets: Sequence[LabelledSet], runs: Sequence[Run]) -> Iterator[Numbers]:
    """Whether inputs that differ in whom they speak of fare alike."""
    for each in sets:
        names = sorted({item.group for item in each.items if item.group})
        for run in runs:
            everybody = [(i, a) for i, a in _answered([each], run) if i.group]
            for name in names:
                theirs = [(i, a) for i, a in everybody if i.group == name]
                yield {
                    "set": each.name,
                    "group": name,
                    "setup": run.setup,
                    "harmful": _verdicts([answer for item, answer in theirs if item.harmful]),
                    "harmless": _verdicts([answer for item, answer in theirs if item.harmful is False]),
                    "scorers": [_group_scores(theirs, everybody, scorer) for scorer in run.scorers],
                }


def _group_scores(theirs: Sequence[Pair], everybody: Sequence[Pair], scorer: str) -> Numbers:
    """The mean score of a group's harmless inputs, how far it is from that of all groups, and their highest."""
    scores, of_all = _sides(theirs, scorer).harmless, _sides(everybody, scorer).harmless
    mean = float(scores.mean()) if len(scores) else math.nan
    return {
        "scorer": scorer,
        "mean": _number(mean),
        "gap": _number(mean - float(of_all.mean()) if len(of_all) else math.nan),
        "highest": _number(float(scores.max()) if len(scores) else math.nan),
    }


def _misses(sets: Sequence[LabelledSet], runs: Sequence[Run]) -> Iterator[Numbers]:
    """How many harmful inputs of each category a setup lets pass with no more than `allow`."""
    for each in sets:
        for run in runs:
            by_category: dict[str, list[str]] = {}
            for item, answer in _answered([each], run):
                if item.harmful:
                    name = item.categories[0] if item.categories else _NO_CATEGORY
                    by_category.setdefault(name, []).append(answer.outcome)
            for name in sorted(by_category):
                outcomes = by_category[name]
                yield {
                    "set": each.name,
                    "setup": run.setup,
                    "category": name,
                    "harmful": len(outcomes),
                    "missed": outcomes.count("allow"),
                    "share": _interval(wilson(outcomes.count("allow"), len(outcomes))),
                }


def worst_of(
    sets: Sequence[LabelledSet], run: Run, *, most: int
) -> tuple[list[tuple[str, Item, float]], list[tuple[str, Item, float]]]:
    """The plainest errors with set and score: harmful inputs that passed, lowest first; harmless ones stopped."""
    scorer = run.scorers[-1]
    missed, alarms = [], []
    for each in sets:
        for item, answer in _answered([each], run):
            score = answer.top(scorer)[1]
            if item.harmful and answer.outcome == "allow":
                missed.append((each.name, item, score))
            if item.harmful is False and answer.outcome in ("hold", "block") and answer.by_rule:
                alarms.append((each.name, item, score))
    missed.sort(key=lambda found: (found[2], found[1].given))
    alarms.sort(key=lambda found: (-found[2], found[1].given))
    return missed[:most], alarms[:most]


def _share(count: int, total: int) -> float | None:
    return round(count / total, 6) if total else None


def _interval(found: Interval) -> list[float | None]:
    return [_number(found.value), _number(found.low), _number(found.high)]


def _number(value: float) -> float | None:
    return round(float(value), 6) if math.isfinite(value) else None
