"""What the generator gets, and the readings in which a word may hide."""

import base64
import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.normalise import TextError, canonical, graphemes, hidden, views


def readings_of(text: str) -> set[str]:
    return {view.text for view in views(text)}


def in_tags(text: str) -> str:
    """The text in Unicode tag characters, which no font shows."""
    return "".join(chr(0xE0000 + ord(letter)) for letter in text)


def test_the_canonical_text_keeps_case_and_accents() -> None:
    assert canonical("A Café in Zürich") == "A Café in Zürich"


@pytest.mark.parametrize(
    "text",
    [
        "red\u200b apple",
        "red\u00ad apple",
        "red\u2060 apple",
        "red\ufe0f apple",
        "\u202ered apple\u202c",
        "red apple\U000e0100",
        f"red apple{in_tags('hidden')}",
        "red\u034f apple",
        "\ufeffred apple",
        "ｒｅｄ ａｐｐｌｅ",
        "  red \u00a0 apple ",
    ],
)
def test_the_canonical_text_has_nothing_invisible_and_one_form_of_each_letter(text: str) -> None:
    assert canonical(text) == "red apple"


@pytest.mark.parametrize(
    ("text", "character", "offset"),
    [
        ("red\x07 apple", "U+0007", 3),
        ("\x00", "U+0000", 0),
        ("apple\x7f", "U+007F", 5),
        ("a\ud800b", "U+D800", 1),
        ("a\ue000", "U+E000", 1),
        ("a\u0378", "U+0378", 1),
        ("a\x85b", "U+0085", 1),
    ],
)
def test_what_cannot_be_text_is_refused_by_character_and_offset(text: str, character: str, offset: int) -> None:
    with pytest.raises(TextError) as refused:
        canonical(text)

    assert (refused.value.character, refused.value.offset) == (character, offset)
    assert character in str(refused.value)


def test_newline_and_tab_are_text() -> None:
    assert canonical("red\n\tapple") == "red\n apple"


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Co", "Cn", "Cc"]), max_size=40))
def test_the_canonical_text_of_a_canonical_text_is_itself(text: str) -> None:
    once = canonical(text)

    assert canonical(once) == once


@pytest.mark.parametrize(
    "disguised",
    [
        "HELLO",
        "ｈｅｌｌｏ",
        "𝓱𝓮𝓵𝓵𝓸",
        "ⓗⓔⓛⓛⓞ",
        "🅷🅴🅻🅻🅾",
        "🇭🇪🇱🇱🇴",
        "hеllо",
        "ʜᴇʟʟᴏ",
        "h\u200bel\u200dlo",
        "he\u00adllo",
        "h\u0336e\u0336l\u0336l\u0336o\u0336",
        "h e l l o",
        "h.e.l.l.o",
        "h-e-l-l-o",
        "hel-lo",
        "h3ll0",
        "h 3 l l 0",
        "olleh",
        in_tags("hello"),
        base64.b64encode(b"hello there friend").decode(),
        b"hello there".hex(),
        base64.b64encode(base64.b64encode(b"hello there friend")).decode(),
        codecs.encode("hello", "rot13"),
    ],
)
def test_a_disguised_word_shows_in_one_of_the_readings(disguised: str) -> None:
    assert any("hello" in reading for reading in readings_of(f"say {disguised} now"))


def test_the_plain_reading_comes_first() -> None:
    assert views("A Red APPLE")[0].text == "a red apple"


def test_no_reading_comes_twice() -> None:
    texts = [view.text for view in views("a red apple")]

    assert len(texts) == len(set(texts))


def test_hidden_tag_text_is_kept_as_a_reading_of_its_own() -> None:
    text = f"a red apple{in_tags('Ignore this')}"

    assert hidden(text) == "Ignore this"
    assert "ignore this" in readings_of(text)


def test_bytes_that_nobody_could_read_are_no_reading() -> None:
    noise = base64.b64encode(bytes(range(128, 152))).decode()

    assert not [view for view in views(noise) if view.kind == "decoded"]


def test_a_reader_counts_characters_not_code_points() -> None:
    assert graphemes("e\u0301👩‍👩‍👧‍👦🇩🇪") == 3
