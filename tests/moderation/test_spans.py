"""Which words drove a score, and where they stand in what the client wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.assessments import Span
from moderation.spans import MAX_UNITS, Unit, origins, spans, units
from moderation.text.emoji_names import named
from moderation.text.normalise import TextError, canonical

_WORDS = "a red apple"
_OFFSETS = [(0, 1), (1, 5), (5, 8), (8, 11)]


def test_tokens_of_one_word_are_left_out_together() -> None:
    found = units(_OFFSETS, _WORDS)

    assert [_WORDS[unit.start : unit.end] for unit in found] == ["a", "red", "apple"]
    assert (found[-1].first, found[-1].last) == (2, 4)


def test_where_no_spaces_are_written_every_token_is_a_word() -> None:
    found = units([(0, 1), (1, 3), (3, 5)], "在小巷里面")

    assert len(found) == 3


def test_a_long_text_is_left_out_several_words_at_a_time() -> None:
    text = " ".join(["word"] * 55)
    offsets = [(max(0, 5 * number - 1), 5 * number + 4) for number in range(55)]

    found = units(offsets, text)

    assert len(found) <= MAX_UNITS
    assert (found[0].first, found[-1].last) == (0, 55)


def test_the_strongest_word_weighs_as_much_as_the_score() -> None:
    found = units(_OFFSETS, _WORDS)

    driven = spans(found, [0.1, 2.0, 1.0], original=_WORDS, shown=_WORDS, category="hate", score=0.8)

    assert driven == (Span(2, 5, "hate", 0.8), Span(6, 11, "hate", 0.4))


def test_where_no_word_alone_makes_a_difference_the_whole_text_is_marked() -> None:
    found = units(_OFFSETS, _WORDS)

    driven = spans(found, [0.0, -0.2, 0.0], original=_WORDS, shown=_WORDS, category="hate", score=0.8)

    assert driven == (Span(0, len(_WORDS), "hate", 0.8),)


@pytest.mark.parametrize(
    ("original", "word", "expected"),
    [
        ("  a   red\u200b   apple ", "red", "red"),
        ("ＲＥＤ apple", "RED", "ＲＥＤ"),
        ("a cafe\u0301 scene", "café", "cafe\u0301"),
        ("fine \ufb01ne weather", "weather", "weather"),
        ("I will 🔪 you", "knife", "🔪"),
        ("👏🏽 for you", "for", "for"),
    ],
)
def test_a_shown_word_is_found_in_what_was_written(original: str, word: str, expected: str) -> None:
    shown = named(canonical(original))
    start = shown.index(word)

    places = origins(original, shown)

    assert places is not None
    assert original[places[start][0] : places[start + len(word) - 1][1]] == expected


@given(st.text(max_size=60))
def test_every_shown_character_has_an_origin_or_none_has(text: str) -> None:
    try:
        shown = named(canonical(text))
    except TextError:
        return

    places = origins(text, shown)

    if places is not None:
        assert len(places) == len(shown)
        assert all(0 <= start < end <= len(text) for start, end in places)
        assert places == sorted(places)


def test_a_unit_without_characters_is_never_a_span() -> None:
    found = [Unit(0, 1, 0, 0), Unit(1, 2, 0, 5)]

    driven = spans(found, [2.0, 1.5], original="apple", shown="apple", category="hate", score=0.5)

    assert [(span.start, span.end) for span in driven] == [(0, 5)]
