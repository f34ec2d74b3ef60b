"""The report's plots, as SVG that comes out the same for the same numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from moderation.evaluation.metrics import Scores, auroc, precision_recall_curve, roc_curve
from moderation.evaluation.numbers import BELOW, Numbers, Sides, compared, pooled, sides_of
from moderation.evaluation.runs import Run
from moderation.evaluation.sets import LabelledSet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_POINTS = 300
_MOST_LINES = 12


def draw_all(numbers: Numbers, sets: Sequence[LabelledSet], runs: Sequence[Run], folder: Path) -> dict[str, Path]:
    """Every plot's title and file in this folder, which is made; files of the same names are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {}
    figures = [("All scorers on all pooled sets", "side-by-side", _side_by_side(sets, runs))]
    for run in runs:
        for scorer in run.scorers:
            name, slug = f"{run.setup}: {scorer}", _slug(f"{run.setup}-{scorer}")
            figures.append((f"{name}, set by set", f"{slug}-curves", _by_set(sets, run, scorer)))
    figures.append(("Reliability", "reliability", _reliability(numbers["calibration"])))
    for each in numbers["confusion"]:
        name, slug = f"{each['setup']}: {each['scorer']}", _slug(f"{each['setup']}-{each['scorer']}")
        figures.append((f"{name}, category by category", f"{slug}-confusion", _confusion(each["table"])))
    figures.append(("False alarms by harmless set", "false-alarms", _false_alarms(numbers)))
    figures.append(("Latency", "latency", _latency(numbers.get("latency", []))))
    for title, slug, figure in figures:
        if figure is not None:
            figure.suptitle(title, fontsize=10)
            drawn[title] = folder / f"{slug}.svg"
            _save(figure, drawn[title])
    return drawn


def _side_by_side(sets: Sequence[LabelledSet], runs: Sequence[Run]) -> "Figure | None":
    lines = [(f"{run.setup}: {scorer}", sides_of(pooled(sets), run, scorer)) for run in runs for scorer in run.scorers]
    return _curves(lines)


def _by_set(sets: Sequence[LabelledSet], run: Run, scorer: str) -> "Figure | None":
    lines = []
    for each in sets:
        harmful = sides_of([each], run, scorer).harmful
        harmless = sides_of(compared(each, sets), run, scorer).harmless
        lines.append((each.name, Sides(harmful, harmless)))
    return _curves(lines)


def _curves(lines: Sequence[tuple[str, Sides]]) -> "Figure | None":
    """ROC on the left, precision and recall on the right; None if no line has both sides."""
    whole = [(name, sides) for name, sides in lines if len(sides.harmful) and len(sides.harmless)][:_MOST_LINES]
    if not whole:
        return None
    figure = _figure(11, 4.6)
    roc, precision = figure.subplots(1, 2)
    roc.plot([0, 1], [0, 1], color="0.8", linewidth=0.8)
    for name, sides in whole:
        alarms, hits = _thinned(*roc_curve(sides.harmful, sides.harmless))
        roc.plot(alarms, hits, linewidth=1.1, label=f"{name} ({auroc(sides.harmful, sides.harmless):.3f})")
        precision.plot(*_thinned(*precision_recall_curve(sides.harmful, sides.harmless)), linewidth=1.1)
    _label(roc, "false alarms (share of harmless)", "hits (share of harmful)")
    _label(precision, "recall", "precision")
    figure.legend(*roc.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=7, frameon=False)
    return figure


def _reliability(calibration: Sequence[Numbers]) -> "Figure | None":
    found = [each for each in calibration if each["inputs"]]
    if not found:
        return None
    figure = _figure(5.2, 5.2)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.8", linewidth=0.8)
    for each in found:
        bins = [b for b in each["bins"] if b["count"]]
        name = f"{each['setup']}: {each['scorer']} (ECE {each['ece']:.3f})"
        axes.plot(
            [b["mean_score"] for b in bins], [b["harmful_share"] for b in bins], marker="o", markersize=3, label=name
        )
    _label(axes, "mean score of the bin", "harmful share of the bin")
    axes.legend(fontsize=7, frameon=False)
    return figure


def _confusion(table: Numbers) -> "Figure | None":
    if not table:
        return None
    rows = list(table)
    columns = [*sorted({name for row in table.values() for name in row} - {BELOW}), BELOW]
    counts = np.array([[table[row].get(column, 0) for column in columns] for row in rows], dtype=np.float64)
    shares = counts / counts.sum(axis=1, keepdims=True)
    figure = _figure(3.5 + 0.5 * len(columns), 2.2 + 0.28 * len(rows))
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(columns)), columns, rotation=40, ha="right", fontsize=7)
    axes.set_yticks(range(len(rows)), rows, fontsize=7)
    for row, column in np.ndindex(*counts.shape):
        if counts[row, column]:
            colour = "white" if shares[row, column] > 0.6 else "black"
            axes.text(column, row, f"{counts[row, column]:.0f}", ha="center", va="center", fontsize=6, color=colour)
    return figure


def _false_alarms(numbers: Numbers) -> "Figure | None":
    found = [
        (f"{each['name']}, {v['setup']}", v["stopped"])
        for each in numbers["sets"]
        for v in each["verdicts"]
        if v["side"] == "harmless"
    ]
    if not found:
        return None
    figure = _figure(8, 1.4 + 0.3 * len(found))
    axes = figure.subplots()
    shares = np.array([[100 * part for part in interval] for _, interval in found])
    places = np.arange(len(found))
    spread = [shares[:, 0] - shares[:, 1], shares[:, 2] - shares[:, 0]]
    axes.errorbar(shares[:, 0], places, xerr=np.maximum(spread, 0), fmt="o", markersize=4, capsize=2)
    axes.set_yticks(places, [name for name, _ in found], fontsize=7)
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel("held or blocked, % (95 % interval)", fontsize=8)
    axes.grid(axis="x", linewidth=0.3)
    return figure


def _latency(found: Sequence[Numbers]) -> "Figure | None":
    if not found:
        return None
    figure = _figure(8, 1.4 + 0.4 * len(found))
    axes = figure.subplots()
    places = np.arange(len(found))
    axes.barh(places - 0.2, [each["batched_ms"] for each in found], height=0.35, label="in batches")
    axes.barh(places + 0.2, [each["alone_ms"] for each in found], height=0.35, label="alone")
    axes.set_yticks(places, [f"{each['setup']}: {each['checker']}" for each in found], fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel("milliseconds an input", fontsize=8)
    axes.legend(fontsize=7, frameon=False)
    return figure


def _figure(width_in: float, height_in: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width_in, height_in), layout="constrained")


def _label(axes: "Axes", x: str, y: str) -> None:
    axes.set_xlabel(x, fontsize=8)
    axes.set_ylabel(y, fontsize=8)
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.01)
    axes.tick_params(labelsize=7)


def _save(figure: "Figure", path: Path) -> None:
    import matplotlib as mpl

    # Ids and dates that differ from run to run would make every report a new one.
    with mpl.rc_context({"svg.hashsalt": "imprimatur", "svg.fonttype": "none"}):
        figure.savefig(path, format="svg", metadata={"Date": None})


def _thinned(x: Scores, y: Scores) -> tuple[Any, Any]:
    """The curve with no more points than a page can show, its ends kept."""
    if len(x) <= _MOST_POINTS:
        return x, y
    kept = np.unique(np.linspace(0, len(x) - 1, _MOST_POINTS).round().astype(int))
    return x[kept], y[kept]


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name.casefold())
