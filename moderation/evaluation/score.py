"""`manage.py score prompts|images`: JSON Lines in, scores, verdicts and coverage out. No database, no secret."""

import argparse
import json
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from moderation.evaluation.configured import checkers_document, policy_of
from moderation.evaluation.files import opened_for_reading, written_whole
from moderation.evaluation.json_lines import BadLineError, lines_of
from moderation.evaluation.scoring import Scoring, Tally, of_images, of_prompts, score_lines
from moderation.hub.classifier_settings import CheckerConfigurationError
from moderation.policy import Policy, PolicyError
from moderation.screens import load_image_screen, load_prompt_screen

_EVERY_S = 5.0
InputT = TypeVar("InputT")


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0; 2 with the reason on standard error, and no output file, if something cannot be used."""
    parser = argparse.ArgumentParser(
        prog="manage.py score",
        description="Score prompts or pictures with the gate's checkers and policy; no database, no services.",
    )
    add_options(parser)
    return score(parser.parse_args(arguments))


def score(options: argparse.Namespace) -> int:
    """What `main` does, with options that were read."""
    try:
        document = checkers_document(options.checkers)
        policy = policy_of(options.policy)
        if options.what == "prompts":
            tally = _run(of_prompts(load_prompt_screen(document)), policy, options)
        else:
            tally = _run(of_images(load_image_screen(document), folder=options.folder), policy, options)
    except (BadLineError, CheckerConfigurationError, PolicyError, OSError) as error:
        sys.stderr.write(f"score: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("score: interrupted; nothing was written\n")
        return 130
    sys.stderr.write(f"score: {tally.scored} scored, {tally.unscreened} of them unscreened, {tally.bad} bad lines\n")
    return 0


def add_options(made: argparse.ArgumentParser) -> None:
    """Give a parser the command's options."""
    made.add_argument("what", choices=("prompts", "images"))
    lines = 'JSON Lines: {"id", "text"[, "negative_prompt"]}, or {"id", "path"}; "-": standard input'
    made.add_argument("--input", required=True, help=lines)
    made.add_argument("--output", required=True, help='JSON Lines, one a line of the input; "-": standard output')
    made.add_argument("--checkers", type=Path, help="checkers file (docs/checkers.md); those that ship if absent")
    made.add_argument("--policy", type=Path, help="policy file (docs/checkers.md); the default policy if absent")
    made.add_argument("--folder", type=Path, default=Path(), help="where relative paths of pictures begin (here)")
    made.add_argument("--detail", action="store_true", help="add the verdict's reasons and what each checker said")
    made.add_argument("--skip-bad", action="store_true", help='write a bad line as {"id", "error"} and go on')


def _run(scoring: Scoring[InputT], policy: Policy, options: argparse.Namespace) -> Tally:
    tally = Tally()
    with opened_for_reading(options.input) as source, written_whole(options.output) as target:
        scored = score_lines(
            lines_of(source), scoring, policy, detail=options.detail, skip_bad=options.skip_bad, tally=tally
        )
        for each in _with_progress(scored, tally):
            target.write(json.dumps(each, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
    return tally


def _with_progress(scored: Iterable[dict[str, object]], tally: Tally) -> Iterable[dict[str, object]]:
    """The same, with a line on standard error every few seconds."""
    began_s = told_s = time.monotonic()
    for each in scored:
        yield each
        now_s = time.monotonic()
        if now_s - told_s >= _EVERY_S:
            told_s = now_s
            sys.stderr.write(f"score: {tally.scored} scored, {tally.scored / (now_s - began_s):.1f} a second\n")
