"""docs/evaluation.md and the code name the same options, fields and readers."""

import argparse
import dataclasses
import re
from pathlib import Path

from moderation.evaluation import evaluate, score
from moderation.evaluation.readers import READERS
from moderation.evaluation.sets import SetSpec

PAGE = (Path(__file__).parents[3] / "docs" / "evaluation.md").read_text()


def options() -> set[str]:
    parser = argparse.ArgumentParser(add_help=False, conflict_handler="resolve")
    evaluate.add_options(parser)
    score.add_options(parser)
    return {name for action in parser._actions for name in action.option_strings}


def test_every_option_stands_on_the_page_and_every_option_of_the_page_exists() -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", PAGE))

    assert named == options()


def test_every_field_of_a_set_and_every_reader_stands_on_the_page() -> None:
    fields = {field.name for field in dataclasses.fields(SetSpec)} | set(READERS)

    assert {name for name in fields if f"`{name}`" not in PAGE} == set()
