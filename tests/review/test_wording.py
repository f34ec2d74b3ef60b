"""A client's words as a reviewer is shown them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.wording import Piece, hidden_characters, pieces
from tests.review.desk_world import DeskWorld
from tests.review.visitor import Visitor

HOSTILE = "<script>alert(1)</script> \u202egnp.exe\u202c <img src=x onerror=alert(2)> {{ 7 }} p\u0430ypal \U000e0041"


@pytest.mark.parametrize(
    ("character", "label"),
    [
        ("\u200b", "ZWSP"),
        ("\u202e", "RLO"),
        ("\u2066", "LRI"),
        ("\u00ad", "SHY"),
        ("\u00a0", "NBSP"),
        ("\ufe0f", "U+FE0F"),
        ("\U000e0041", "U+E0041"),
        ("\u3164", "U+3164"),
        ("\u2028", "U+2028"),
        ("\u2003", "U+2003"),
        ("\t", "TAB"),
    ],
)
def test_what_nobody_sees_is_named(character: str, label: str) -> None:
    named = pieces(f"a{character}b")[1]

    assert (named.label, named.text) == (label, "")


def test_a_letter_that_imitates_a_latin_one_is_named_and_still_read() -> None:
    assert pieces("p\u0430y") == [
        Piece("p"),
        Piece("\u0430", "U+0430", "cyrillic small letter a"),
        Piece("y"),
    ]


@pytest.mark.parametrize("text", ["Привет, мир", "مرحبا", "你好", "ñandú élan", "a\nb"])
def test_writing_in_another_script_is_left_as_it_is(text: str) -> None:
    assert pieces(text) == [Piece(text)]


def test_what_drove_a_score_is_marked_across_named_characters() -> None:
    cut = pieces("see bl\u200bood", [(4, 10)])

    assert [(piece.text or piece.label, piece.matched) for piece in cut] == [
        ("see ", False),
        ("bl", True),
        ("ZWSP", True),
        ("ood", True),
    ]


def test_the_legend_names_each_character_once() -> None:
    assert [piece.label for piece in hidden_characters(pieces("a\u200bb\u200bc\u202e"))] == ["ZWSP", "RLO"]


@given(st.text(), st.lists(st.tuples(st.integers(-3, 30), st.integers(-3, 30)), max_size=3))
def test_no_piece_holds_an_invisible_character_and_none_is_lost(text: str, spans: list[tuple[int, int]]) -> None:
    cut = pieces(text, spans)

    shown = "".join(piece.text for piece in cut)
    assert not [c for c in shown if unicodedata.category(c) in ("Cf", "Cc", "Co", "Cs", "Zl", "Zp") and c != "\n"]
    assert sum(len(piece.text) if not piece.label else 1 for piece in cut) == len(text)


@pytest.mark.parametrize("matched", [(0, 0), (0, len(HOSTILE))])
def test_a_hostile_prompt_is_text_on_the_page_and_nothing_else(
    world: DeskWorld, rita: Visitor, matched: tuple[int, int]
) -> None:
    case = world.held_prompt(HOSTILE, matched=matched, negative_prompt="</textarea><script>alert(3)</script>")
    rita.take()

    page = rita.get(f"/review/cases/{case.pk}/").content.decode()

    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "RLO" in page
    assert "\u202e" not in page
    assert "\U000e0041" not in page
