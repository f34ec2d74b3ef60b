"""`manage.py evaluate`: checkers and policies over labelled sets, and a report of how well they do."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from moderation.checkers import CheckerError
from moderation.evaluation import latency, markdown, plots
from moderation.evaluation.configured import checkers_document, policy_of
from moderation.evaluation.files import written_whole
from moderation.evaluation.numbers import numbers_of, worst_of
from moderation.evaluation.runs import Run, Setup, run
from moderation.evaluation.sets import LabelledSet, MissingSetError, Places, SetError, SetSpec, read_set
from moderation.evaluation.suite import Suite, read_suite
from moderation.evaluation.tables import TableError
from moderation.hub.classifier_settings import CheckerConfigurationError
from moderation.policy import PolicyError

SHIPPED = "shipped"
_MOST_TEXTS = 40
_AT = 0.5
_SEED = 1


@dataclass(frozen=True, slots=True)
class Decided:
    """What people decided, as sets, with what checkers had said of each; `bias`: what such sets cannot tell."""

    sets: Sequence[LabelledSet]
    run: Run
    bias: str


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0; 2 with the reason on standard error if something cannot be used."""
    parser = argparse.ArgumentParser(
        prog="manage.py evaluate",
        description="Measure checkers and policies on labelled prompts or pictures, and write a report with plots.",
    )
    add_options(parser)
    return evaluate(parser.parse_args(arguments))


def evaluate(options: argparse.Namespace, *, decided: Callable[[date | None], Decided] | None = None) -> int:
    """What `main` does, with options that were read; `decided` reads the record, where there is one to read."""
    try:
        if options.decided:
            _report_decided(decided, options)
        else:
            _report_sets(options)
    except (SetError, TableError, CheckerError, CheckerConfigurationError, PolicyError, OSError) as error:
        sys.stderr.write(f"evaluate: {error}\n")
        return 2
    return 0


def _report_sets(options: argparse.Namespace) -> None:
    suite = _suite(options)
    setups = _setups(options)
    sets, missing = _sets(suite, options)
    runs = [run(setup, sets, cache=options.cache, tell=_tell) for setup in setups]
    more: dict[str, Any] = {"title": suite.title, "missing": missing}
    if not options.no_latency:
        more["latency"] = [asdict(each) for setup in setups for each in latency.measure(setup, sets)]
        more["machine"] = latency.machine()
    _write(sets, runs, more, options)


def _report_decided(decided: Callable[[date | None], Decided] | None, options: argparse.Namespace) -> None:
    if decided is None:
        raise SetError("--decided: reads the record; start it as `manage.py evaluate --decided`")
    found = decided(options.since)
    if not found.sets:
        raise SetError("--decided: no case with a final decision and scores")
    _write(found.sets, [found.run], {"title": "Checkers against what people decided", "bias": found.bias}, options)


def add_options(made: argparse.ArgumentParser) -> None:
    """Give a parser the command's options."""
    what = made.add_mutually_exclusive_group(required=True)
    what.add_argument("--suite", type=Path, help="TOML file that lists sets (docs/evaluation.md)")
    what.add_argument("--data", type=Path, help="one labelled .csv, .tsv, .jsonl or .txt file")
    what.add_argument("--decided", action="store_true", help="the record: what people decided; needs the database")
    made.add_argument(
        "--since", type=date.fromisoformat, help="with --decided: decisions from this date on, 2026-01-31"
    )
    _add_columns(made)
    named = "[NAME=]FILE"
    checkers = f"checkers file, or `{SHIPPED}`; repeat it to put several side by side ({SHIPPED})"
    policy = "policy file, for the checkers of that name or for all; the default policy if absent"
    made.add_argument("--checkers", action="append", default=[], metavar=named, help=checkers)
    made.add_argument("--policy", action="append", default=[], metavar=named, help=policy)
    made.add_argument("--folder", type=Path, default=Path(), help="where paths of a suite and of pictures begin (here)")
    made.add_argument("--packages", type=Path, default=Path(), help="where downloaded packages lie that a suite reads")
    made.add_argument("--only", action="append", default=[], metavar="SET", help="of a suite, this set; repeatable")
    made.add_argument("--at", type=float, default=_AT, help=f"score from which a checker alone has fired ({_AT})")
    made.add_argument("--cache", type=Path, help="folder that keeps assessments: the next report is made quickly")
    made.add_argument("--show-texts", action="store_true", help="show the plainest misses and false alarms themselves")
    made.add_argument("--no-latency", action="store_true", help="leave times out: the same report every time")
    made.add_argument(
        "--output", type=Path, required=True, help="the report, .md; its plots go into a folder beside it"
    )
    made.add_argument("--json", type=Path, help="also write all numbers to this file")


def _add_columns(made: argparse.ArgumentParser) -> None:
    made.add_argument("--text", default="", help="column of the prompt")
    made.add_argument("--image", default="", help="instead: column of the picture's path")
    made.add_argument("--label", default="", help="column that says whether an input is harmful")
    made.add_argument("--harmful", nargs="+", default=["1"], help="its values that mean harmful (1); others: harmless")
    made.add_argument("--category", default="", help="column of the kind of harm")
    made.add_argument("--language", default="", help="column of the language")
    made.add_argument("--pair", default="", help="column that two inputs share which differ in harm and little else")
    made.add_argument("--group", default="", help="column of whom an input speaks of")


def _write(
    sets: Sequence[LabelledSet], runs: Sequence[Run], more: Mapping[str, Any], options: argparse.Namespace
) -> None:
    """The report, its plots and its numbers, each file whole or not at all."""
    numbers = {**more, **numbers_of(sets, runs, at=options.at)}
    output: Path = options.output
    output.parent.mkdir(parents=True, exist_ok=True)
    drawn = plots.draw_all(numbers, sets, runs, output.with_name(f"{output.stem}-plots"))
    texts = {each.setup: worst_of(sets, each, most=_MOST_TEXTS) for each in runs} if options.show_texts else {}
    links = {title: f"{path.parent.name}/{path.name}" for title, path in drawn.items()}
    with written_whole(str(output)) as file:
        file.write(markdown.page(numbers, links, texts).encode("utf-8", "backslashreplace"))
    if options.json:
        with written_whole(str(options.json)) as file:
            file.write(json.dumps(numbers, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n")
    _tell(f"{output} and {len(drawn)} plots")


def _suite(options: argparse.Namespace) -> Suite:
    if options.suite:
        return read_suite(options.suite)
    if bool(options.text) == bool(options.image):
        raise SetError("--text, --image: exactly one of them with --data")
    spec = SetSpec(
        name=options.data.stem,
        path=str(options.data.absolute()),
        text=options.text,
        image=options.image,
        label=options.label,
        harmful=tuple(options.harmful) if options.label else None,
        category=options.category,
        language_column=options.language,
        pair=(options.pair,) if options.pair else (),
        group=options.group,
        by_language="all languages" if options.language else "",
    )
    return Suite(f"Checkers on {options.data.name}", _SEED, options.folder, (spec,))


def _sets(suite: Suite, options: argparse.Namespace) -> tuple[list[LabelledSet], list[str]]:
    """The sets that are there, and what is said of those that may be missing and are."""
    known = [spec.name for spec in suite.specs]
    for name in options.only:
        if name not in known:
            raise SetError(f"--only: {name!r}; one of {', '.join(known)}")
    places = Places(options.folder, suite.folder, options.packages)
    sets, missing = [], []
    for spec in suite.specs:
        if options.only and spec.name not in options.only:
            continue
        try:
            sets.append(read_set(spec, places, seed=suite.seed))
        except MissingSetError as error:
            if not spec.optional:
                raise
            missing.append(str(error))
    if not any(each.items for each in sets):
        raise SetError(f"{suite.title}: no input in any set")
    return sets, missing


def _setups(options: argparse.Namespace) -> list[Setup]:
    policies = dict(_named(each, "") for each in options.policy)
    chosen = [_named(each, Path(each).stem) for each in options.checkers or [SHIPPED]]
    names = [name for name, _ in chosen]
    for name in (*policies, *names):
        if name and name not in names:
            raise SetError(f"--policy: {name!r}; the name of checkers: {', '.join(names)}")
        if names.count(name) > 1:
            raise SetError(f"--checkers: {name!r}; each name once, as NAME=FILE")
    return [
        Setup(
            name,
            checkers_document(None if str(path) == SHIPPED else path),
            policy_of(policies.get(name) or policies.get("")),
        )
        for name, path in chosen
    ]


def _named(option: str, otherwise: str) -> tuple[str, Path]:
    name, separator, path = option.partition("=")
    return (name, Path(path)) if separator else (otherwise, Path(option))


def _tell(text: str) -> None:
    sys.stderr.write(f"evaluate: {text}\n")
