"""The section "Another checker" of docs/checkers.md says what the code reads."""

import json
import re
from pathlib import Path

from moderation.families import image_plans, prompt_plans
from moderation.hub.guard_formats import ASKED, WRITTEN

PAGE = (Path(__file__).parents[2] / "docs" / "checkers.md").read_text()
SECTION = PAGE.split("## Another checker\n")[1].split("\n## ")[0]


def test_the_file_that_it_shows_is_read() -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", SECTION, re.DOTALL)
    configuration = json.loads(shown)

    prompts = {plan.name for plan in prompt_plans(configuration)}
    pictures = {plan.name for plan in image_plans(configuration)}

    assert prompts >= {"canary-prompt", "terms", "prompt-e5", "my-classifier", "qwen", "granite"}
    assert pictures >= {"canary-image", "opennsfw", "nsfwjs-mobilenet", "graded", "texts"}


def test_it_names_every_format_of_a_guard() -> None:
    assert set(re.findall(r"^\| `([a-z0-9-]+)` \| [A-Z]", SECTION, re.MULTILINE)) == {*WRITTEN, *ASKED}


def test_it_tells_what_the_names_of_guards_mean() -> None:
    rows = dict(re.findall(r"^\| ([a-z/-]+) \| ([^|]*\|[^|]*) \|$", SECTION, re.MULTILINE))

    for format_, column in (("qwen3guard", 0), ("llama-guard", 1)):
        for name, label in WRITTEN[format_].labels.items():
            cell = rows[label.category if label else "none"].split("|")[column]
            assert name in [each.strip() for each in cell.split(",")], name
