"""The report as a page: tables from the numbers, pictures from the folder beside it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from moderation.evaluation.numbers import BELOW, OUTCOMES
from moderation.evaluation.sets import Item

Numbers = Mapping[str, Any]
Found = tuple[str, Item, float]

_MOST_CHARACTERS = 300


def page(
    numbers: Numbers, plots: Mapping[str, str], texts: Mapping[str, tuple[Sequence[Found], Sequence[Found]]]
) -> str:
    """The page; `plots`: title to path, as the page links it; `texts`: by setup, misses and false alarms to show."""
    parts = [
        _head(numbers),
        _verdicts(numbers),
        _false_alarms(numbers),
        _comparisons(numbers),
        _pairs(numbers),
        _languages(numbers),
        _groups(numbers),
        _calibration(numbers),
        _confusion(numbers),
        _misses(numbers),
        _texts(texts),
        _latency(numbers),
        _plots(plots),
    ]
    return "\n\n".join("\n".join(part) for part in map(list, parts) if part) + "\n"


def _head(numbers: Numbers) -> Iterator[str]:
    yield f"# {numbers['title']}"
    yield ""
    yield "Made by `manage.py evaluate`; docs/evaluation.md says how each figure is counted. Intervals are 95 %."
    if numbers.get("bias"):
        yield ""
        yield f"**{numbers['bias']}**"
    yield ""
    yield from _table(
        ("setup", "checker", "version", "weights"),
        (
            (setup["name"], c["name"], c["version"], f"`{c['weights_sha256'][:12]}`")
            for setup in numbers["setups"]
            for c in setup["checkers"]
        ),
    )
    for setup in numbers["setups"]:
        yield ""
        yield f"Policy of {setup['name']}: {setup['policy']}."
        for stage, names in setup["not_looked_for"].items():
            yield f"Nothing in it looks for, in a {stage}: {', '.join(names) or 'no category is left out'}."
    if numbers.get("missing"):
        yield ""
        yield "**Not measured, because the files are not there:**"
        yield ""
        yield from (f"- {each}" for each in numbers["missing"])


def _verdicts(numbers: Numbers) -> Iterator[str]:
    yield "## Verdicts by set"
    yield ""
    yield "Held and blocked inputs go nowhere without a person; of flagged ones every picture is held."
    yield ""
    yield from _table(
        ("set", "inputs", "side", "setup", *OUTCOMES, "held only because nobody could judge it"),
        (
            (
                each["name"], v["inputs"], v["side"], v["setup"],
                *(_percent(v[outcome]) for outcome in OUTCOMES), _percent(v["only_unjudged"]),
            )
            for each in numbers["sets"]
            for v in each["verdicts"]
        ),
    )  # fmt: skip
    notes = [f"- {each['name']}: {each['note']}" for each in numbers["sets"] if each["note"]]
    if notes:
        yield ""
        yield from notes


def _false_alarms(numbers: Numbers) -> Iterator[str]:
    rows = [
        (each["name"], v["setup"], v["inputs"], _percent(v["flag"]), _share(v["stopped"]), _share(v["stopped_by_rule"]))
        for each in numbers["sets"]
        for v in each["verdicts"]
        if v["side"] == "harmless"
    ]
    if rows:
        yield "## False alarms by harmless set"
        yield ""
        yield from _table(("set", "setup", "inputs", "flagged", "held or blocked", "of them by a rule"), rows)
        yield ""
        yield f"A checker alone, at {numbers['at']} or above:"
        yield ""
        yield from _table(
            ("set", "setup", "scorer", "harmless at or above"),
            (
                (each["name"], s["setup"], s["scorer"], _share(s["harmless_at_or_above"]))
                for each in numbers["sets"]
                if each["harmless"]
                for s in each["scorers"]
                if s["harmless_at_or_above"][0] is not None
            ),
        )


def _comparisons(numbers: Numbers) -> Iterator[str]:
    if not numbers["comparisons"]:
        return
    scorers = _scorers(numbers["comparisons"])
    rows: dict[tuple[str, str], dict[tuple[str, str], Numbers]] = {}
    for each in numbers["comparisons"]:
        rows.setdefault((each["set"], each["against"]), {})[(each["setup"], each["scorer"])] = each
    yield "## Harmful told from harmless (AUROC)"
    yield ""
    yield "1 is perfect, 0.5 is chance. A scorer's score of an input is its worst over all categories."
    yield ""
    yield from _table(
        ("harmful inputs of", "harmless inputs of", "harmful", "harmless", *(f"{a}: {b}" for a, b in scorers)),
        (
            (
                name, against, next(iter(found.values()))["harmful"], next(iter(found.values()))["harmless"],
                *(_auroc(found[scorer]["auroc"]) if scorer in found else "" for scorer in scorers),
            )
            for (name, against), found in rows.items()
        ),
    )  # fmt: skip


def _pairs(numbers: Numbers) -> Iterator[str]:
    rows = [
        (each["name"], s["setup"], s["scorer"], s["pairs"]["pairs"], _share(s["pairs"]["in_order"]))
        for each in numbers["sets"]
        for s in each["scorers"]
        if s.get("pairs", {}).get("pairs")
    ]
    if rows:
        yield "## Pairs that differ in harm and little else"
        yield ""
        yield from _table(("set", "setup", "scorer", "pairs", "harmful one scored higher"), rows)


def _languages(numbers: Numbers) -> Iterator[str]:
    for title in dict.fromkeys(each["table"] for each in numbers["languages"]):
        chosen = [each for each in numbers["languages"] if each["table"] == title]
        names = list(dict.fromkeys(s["scorer"] for each in chosen for s in each["scorers"]))
        yield f"## By language: {title}"
        yield ""
        yield from _table(
            (
                "language", "setup", "harmful", "harmless", *(f"AUROC, {name}" for name in names), "harmful stopped",
                "harmless stopped", "of them by a rule",
            ),
            (
                (
                    each["language"], each["setup"], each["harmful"]["inputs"], each["harmless"]["inputs"],
                    *(_auroc(auroc.get(name, (None,) * 3)) for name in names), _share(each["harmful"]["stopped"]),
                    _share(each["harmless"]["stopped"]), _share(each["harmless"]["stopped_by_rule"]),
                )
                for each in chosen
                for auroc in [{s["scorer"]: s["auroc"] for s in each["scorers"]}]
            ),
        )  # fmt: skip
        yield ""


def _groups(numbers: Numbers) -> Iterator[str]:
    for name in dict.fromkeys(each["set"] for each in numbers["groups"]):
        chosen = [(each, each["scorers"][-1]) for each in numbers["groups"] if each["set"] == name]
        yield f"## Groups in {name}"
        yield ""
        yield "Of the harmless inputs' scores; the gap is to the mean of all groups, the widest first."
        yield ""
        yield from _table(
            ("group", "setup", "scorer", "gap", "mean", "highest", "harmless", "stopped", "harmful", "stopped"),
            (
                (
                    each["group"], each["setup"], s["scorer"],
                    _score(s["gap"]), _score(s["mean"]), _score(s["highest"]),
                    each["harmless"]["inputs"], _share(each["harmless"]["stopped"]),
                    each["harmful"]["inputs"], _share(each["harmful"]["stopped"]),
                )
                for each, s in sorted(chosen, key=lambda found: -(found[1]["gap"] or 0.0))
            ),
        )  # fmt: skip
        yield ""


def _calibration(numbers: Numbers) -> Iterator[str]:
    found = [each for each in numbers["calibration"] if each["inputs"]]
    if not found:
        return
    yield "## Calibration"
    yield ""
    yield "ECE: expected calibration error, 15 bins of equal width. It and Brier's score depend on the harmful share."
    yield ""
    yield from _table(
        ("setup", "scorer", "inputs", "harmful", "of", "ECE", "Brier"),
        (
            (each["setup"], each["scorer"], of["inputs"], of["harmful"], name, _score(of["ece"]), _score(of["brier"]))
            for each in found
            for name, of in [("all pooled sets", each), *((s["set"], s) for s in each["sets"])]
        ),
    )


def _confusion(numbers: Numbers) -> Iterator[str]:
    found = [each for each in numbers["confusion"] if each["table"]]
    if found:
        yield "## Which category scored highest"
        yield ""
        yield f"Rows: what the source says; columns: the likeliest category, if its score is {numbers['at']} or above."
    for each in found:
        columns = [*sorted({name for row in each["table"].values() for name in row} - {BELOW}), BELOW]
        yield ""
        yield f"{each['setup']}: {each['scorer']}"
        yield ""
        yield from _table(
            ("labelled", *columns),
            ((name, *(row.get(column, 0) for column in columns)) for name, row in each["table"].items()),
        )


def _misses(numbers: Numbers) -> Iterator[str]:
    missed = sorted(
        numbers["misses"], key=lambda each: (-each["share"][0], -each["harmful"], each["set"], each["category"])
    )
    if missed:
        yield "## Misses: harmful inputs that would pass, worst first"
        yield ""
        yield from _table(
            ("set", "category", "setup", "harmful", "missed", "share"),
            (
                (m["set"], m["category"], m["setup"], m["harmful"], m["missed"], _share(m["share"]))
                for m in missed
                if m["missed"]
            ),
        )


def _texts(texts: Mapping[str, tuple[Sequence[Found], Sequence[Found]]]) -> Iterator[str]:
    for setup, (missed, alarms) in texts.items():
        for title, found in ((f"Plainest misses of {setup}", missed), (f"Plainest false alarms of {setup}", alarms)):
            yield f"## {title}"
            yield ""
            yield from _table(
                ("score", "set", "category", "input"),
                (
                    (_score(score), name, ", ".join(item.categories), f"`{_plain(item.given)}`")
                    for name, item, score in found
                ),
            )
            yield ""


def _latency(numbers: Numbers) -> Iterator[str]:
    if numbers.get("latency"):
        yield "## Latency"
        yield ""
        yield f"On {numbers['machine']}. Medians of this run; the one part of this page that differs from run to run."
        yield ""
        yield from _table(
            ("setup", "stage", "checker", "ms an input, in batches", "batch", "ms alone"),
            (
                (e["setup"], e["stage"], e["checker"], f"{e['batched_ms']:.1f}", e["batch"], f"{e['alone_ms']:.1f}")
                for e in numbers["latency"]
            ),
        )


def _plots(plots: Mapping[str, str]) -> Iterator[str]:
    if plots:
        yield "## Plots"
    for title, path in plots.items():
        yield ""
        yield f"![{title}]({path})"


def _scorers(entries: Iterable[Numbers]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((each["setup"], each["scorer"]) for each in entries))


def _table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield _row(head)
    yield "|" + "---|" * len(head)
    yield from (_row(row) for row in rows)


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def _share(found: Sequence[float | None]) -> str:
    value, low, high = found
    if value is None or low is None or high is None:
        return ""
    return f"{100 * value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def _auroc(found: Sequence[float | None]) -> str:
    value, low, high = found
    return "" if value is None or low is None or high is None else f"{value:.3f} ({low:.3f} to {high:.3f})"


def _score(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _plain(text: str) -> str:
    """A text as one line of code, so that nothing in it is markup."""
    line = " ".join(text.split()).replace("`", "'")
    return line if len(line) <= _MOST_CHARACTERS else line[:_MOST_CHARACTERS] + "…"
