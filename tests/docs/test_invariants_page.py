"""docs/invariants.md names tests and files that exist."""

import re
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
PAGE = (CHECKOUT / "docs" / "invariants.md").read_text()


def test_every_test_of_the_page_exists() -> None:
    there = {
        name
        for file in (CHECKOUT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)
    }

    assert set(re.findall(r"`(test_\w+)`", PAGE)) - there == set()


def test_every_file_of_the_page_exists() -> None:
    named = re.findall(r"`((?:gateway|moderation|review|tests)/[\w/.]+)`", PAGE)

    assert [file for file in named if not (CHECKOUT / file).exists()] == []


def test_all_ten_rules_stand_on_the_page() -> None:
    assert re.findall(r"^\| (\d+)\.", PAGE, re.MULTILINE) == [str(number) for number in range(1, 11)]
