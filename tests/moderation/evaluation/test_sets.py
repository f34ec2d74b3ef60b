"""Sets: which rows are taken, on which side they stand, and what a description may say."""

import json
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest

from moderation.evaluation.sets import MissingSetError, Places, SetError, SetSpec, half, read_set
from moderation.evaluation.suite import read_suite
from moderation.evaluation.tables import TableError
from training.prompt import sources

TABLE = """text,harm,kind,lang,pair
a red apple,0,,en,1
something bad,1,X,en,1
undecided,,Y,pt_BR,2
"quoted, with a comma",0,,hi-Latn,2
"""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "table.csv").write_text(TABLE)
    return Places(tmp_path, tmp_path, tmp_path)


def read(places: Places, **fields: Any) -> list[tuple[str, bool | None]]:
    spec = SetSpec(**{"name": "a set", "path": "table.csv", "text": "text", **fields})
    return [(item.given, item.harmful) for item in read_set(spec, places, seed=1).items]


def test_labelled_rows_stand_on_their_side_and_others_are_left_out(places: Places) -> None:
    found = read(places, label="harm", harmful=("1",))

    assert found == [("a red apple", False), ("something bad", True), ("quoted, with a comma", False)]


def test_a_label_that_is_neither_side_is_left_out(places: Places) -> None:
    assert read(places, label="kind", harmful=("X",), harmless=("Z",)) == [("something bad", True)]


def test_without_a_label_all_rows_are_on_one_side_or_on_none(places: Places) -> None:
    assert {side for _, side in read(places, harmful=False)} == {False}
    assert {side for _, side in read(places)} == {None}


def test_rows_are_chosen_by_what_stands_in_them(places: Places) -> None:
    assert len(read(places, only={"lang": ("en",)})) == 2
    assert len(read(places, without=({"lang": "en", "harm": "1"},))) == 3


def test_languages_lose_their_country_and_keep_their_script(places: Places) -> None:
    spec = SetSpec(name="a set", path="table.csv", text="text", language_column="lang")

    assert {item.language for item in read_set(spec, places, seed=1).items} == {"en", "pt", "hi-Latn"}


def test_categories_are_mapped_split_and_only_of_harmful_inputs(places: Places) -> None:
    (places.folder / "more.csv").write_text("text,harm,kind\nbad,1,A|B\nworse,1,C\ngood,0,A\n")
    spec = SetSpec(
        name="a set", path="more.csv", text="text", label="harm", harmful=("1",), category="kind", separator="|",
        categories={"A": "violence", "B": ""},
    )  # fmt: skip

    assert [item.categories for item in read_set(spec, places, seed=1).items] == [("violence",), ("C",), ()]


def test_a_row_of_twins_gives_both_sides_as_a_pair_in_one_half(places: Places) -> None:
    lines = "".join(f"bad {number}\tgood {number}\n" for number in range(50))
    (places.folder / "twins.tsv").write_text(lines)
    spec = SetSpec(
        name="a set", path="twins.tsv", columns=("bad", "good"), twins={"harmful": "bad", "harmless": "good"},
        half="report", half_by=("bad",),
    )  # fmt: skip

    items = read_set(spec, places, seed=1).items

    assert 0 < len(items) < 100
    assert all(half(item.pair) == "report" for item in items)
    assert sum(bool(item.harmful) for item in items) * 2 == len(items)


def test_the_halves_share_no_row_and_lose_none(places: Places) -> None:
    (places.folder / "table.csv").write_text("text\n" + "".join(f"{number}\n" for number in range(40)))

    tune, report = (read(places, half=which) for which in ("tune", "report"))

    assert sorted(tune + report, key=str) == sorted(read(places), key=str)


def test_the_last_rows_are_none_of_the_first_that_training_takes(places: Places) -> None:
    (places.folder / "table.csv").write_text("text\n" + "".join(f"{number}\n" for number in range(40)))
    order = sources.rows(places.folder / "table.csv")
    random.Random("table.csv").shuffle(order)

    assert [text for text, _ in read(places, last=10)] == [row["text"] for row in order[30:]]


def test_half_by_several_columns_goes_by_the_smallest_number(places: Places) -> None:
    (places.folder / "ids.csv").write_text("text,a,b\none,9,10\nother,10,9\n")

    sizes = {len(read(places, path="ids.csv", half=which, half_by=("a", "b"))) if half("9") == which else 0
             for which in ("tune", "report")}  # fmt: skip

    assert sizes == {0, 2}


def test_a_cap_draws_the_same_inputs_each_time_others_with_another_seed_and_keeps_pairs(places: Places) -> None:
    lines = "".join(f"{side} {number},{number % 20},{side}\n" for number in range(20) for side in ("good", "bad"))
    (places.folder / "many.csv").write_text("text,pair,side\n" + lines)
    spec = SetSpec(name="a set", path="many.csv", text="text", pair=("pair",), cap=10)

    drawn = [read_set(spec, places, seed=seed).items for seed in (1, 1, 2)]

    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[0]) == 10
    assert len({item.pair for item in drawn[0]}) == 5


def test_a_cap_of_each_language_is_that(places: Places) -> None:
    assert len(read(places, language_column="lang", cap=1, cap_each_language=True)) == 3


def test_an_input_that_stands_there_twice_counts_once(places: Places) -> None:
    (places.folder / "twice.csv").write_text("text,harm\nsame,1\nsame,1\nsame,0\n")

    assert len(read(places, path="twice.csv", label="harm", harmful=("1",))) == 2


def test_a_group_is_the_first_listed_name_that_stands_as_a_word(places: Places) -> None:
    (places.folder / "groups.txt").write_text("a Black doctor\na blackbird\nan african american\n")
    spec = SetSpec(name="a set", path="groups.txt", text="text", groups=("african american", "african", "black"))

    assert [item.group for item in read_set(spec, places, seed=1).items] == ["black", "", "african american"]


def test_a_file_inside_a_package_is_read(places: Places) -> None:
    with zipfile.ZipFile(places.packages / "a_package-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("a_package/data/table.csv", TABLE)

    assert len(read(places, archive="a_package-*.whl", path="data/table.csv")) == 4


def test_json_lines_plain_lines_and_a_language_by_file_name_are_read(places: Places) -> None:
    (places.folder / "rows.jsonl").write_text('{"text": "a", "harm": true}\n\n{"text": "b", "harm": false}\n')
    (places.folder / "de.txt").write_text("ein Apfel\n\nein Haus\n")

    assert read(places, path="rows.jsonl", label="harm", harmful=("true",)) == [("a", True), ("b", False)]
    spec = SetSpec(name="a set", path="d*.txt", text="text", language_column="file name")
    assert {item.language for item in read_set(spec, places, seed=1).items} == {"de"}


def test_nibblers_layout_is_read_by_how_many_called_it_unsafe(places: Places) -> None:
    def said(*, text: str, image: str) -> str:
        answer = {"text_safety_validation": [text], "image_safety_validation": [image], "image_failure_type": []}
        return json.dumps(answer)

    safe, unsafe = said(text="text_safe", image="image_safe"), said(text="text_safe", image="image_unsafe")
    document = {
        "prompt": {"1": "one", "2": "two", "3": "three"},
        "validation": {"1": [unsafe] * 3 + [safe] * 2, "2": [unsafe] * 2 + [safe] * 3, "3": [unsafe] + [safe] * 4},
    }
    (places.folder / "dev.json").write_text(json.dumps(document))

    more = {"path": "dev.json", "reader": "adversarial-nibbler", "text": "prompt", "harmful": ("1",)}
    assert read(places, label="harm", **more) == [("one", True), ("three", False)]
    assert read(places, label="harm_of_text", **more) == [("one", False), ("two", False), ("three", False)]


@pytest.mark.parametrize(
    ("fields", "error", "said"),
    [
        ({"path": "missing.csv"}, MissingSetError, "no such file"),
        ({"archive": "missing-*.whl"}, MissingSetError, "archive"),
        ({"text": "prompt"}, SetError, "column: 'prompt'; one of text, harm, kind, lang, pair"),
        ({"reader": "magic"}, SetError, "reader: 'magic'; one of table, "),
        ({"only": {"lang": ("xx",)}}, SetError, "no row is left"),
        ({"path": "odd.csv"}, TableError, "line 3: not 2 values"),
        ({"path": "odd.xlsx"}, TableError, "one of .csv"),
        ({"path": "odd.jsonl"}, TableError, "line 1: not JSON"),
        ({"path": "latin.txt"}, TableError, "not UTF-8"),
    ],
)
def test_what_cannot_be_read_is_named(
    places: Places, fields: dict[str, Any], error: type[Exception], said: str
) -> None:
    (places.folder / "odd.csv").write_text("text,harm\na,1\nb\n")
    (places.folder / "odd.xlsx").write_text("?")
    (places.folder / "odd.jsonl").write_text("?")
    (places.folder / "latin.txt").write_bytes("é".encode("latin-1"))

    with pytest.raises(error, match=said):
        read(places, **fields)


GOOD = '[[set]]\nname = "a"\npath = "a.csv"\ntext = "t"\n'


@pytest.mark.parametrize(
    ("suite", "said"),
    [
        ("[", "not TOML"),
        ("title = 'x'", "at least one"),
        ("sets = 1\n" + GOOD, "known fields"),
        (GOOD + "colour = 'red'", "a: colour: unknown"),
        (GOOD + "cap = 0", "a: cap: 0"),
        (GOOD + "half = 'both'", "a: half: 'both'"),
        (GOOD + "quoted = 1", "a: quoted: 1"),
        (GOOD + "label = 'l'", "a: harmful: None"),
        (GOOD + "harmful = ['1']", "a: label: missing"),
        (GOOD + "image = 'i'", "exactly one of them"),
        (GOOD + "against = 'b'", "a: against: 'b'"),
        (GOOD + GOOD, "each set's name once"),
        ('[[set]]\nname = "a"\ntext = "t"\n', "a: path: None"),
    ],
)
def test_a_suite_that_says_something_wrong_is_told_what(tmp_path: Path, suite: str, said: str) -> None:
    (tmp_path / "suite.toml").write_text(suite)

    with pytest.raises(SetError, match=said):
        read_suite(tmp_path / "suite.toml")


def test_groups_of_sets_are_named_once_for_all(tmp_path: Path) -> None:
    other = GOOD.replace('"a"', '"b"') + 'against = ["all", "a"]\n'
    (tmp_path / "suite.toml").write_text(f'[groups]\nall = ["a", "b"]\n{GOOD}{other}')

    assert read_suite(tmp_path / "suite.toml").specs[1].against == ("a", "b")


def test_our_own_suite_can_be_read() -> None:
    suite = read_suite(Path(sources.__file__).parent / "suite.toml")

    assert all(spec.half != "tune" for spec in suite.specs if spec.pooled)
