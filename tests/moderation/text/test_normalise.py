"""What the generator gets, and the readings in which a word may hide."""

import base64
import codecs
import string
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.text.encodings import decoded
from moderation.text.normalise import TextError, View, canonical, graphemes, hidden, spelt_out, unspaced, views


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
        "h\u0338\u0323\u0300e\u0338\u0323\u0300l\u0338\u0323\u0300l\u0338\u0323\u0300o",
        "ħɇłłø",
        "ɥǝllo",
        "ollǝɥ",
        "⒣⒠⒧⒧⒪",
        "(h)(e)(l)(l)(o)",
        "h . e . l . l . o",
        "h_e-l.l*o",
        "\u202eolleh\u202c",
        "%68%65%6C%6C%6F",
        "&#104;&#101;&#108;&#108;&#111;",
        "\\u0068\\u0065\\u006c\\u006c\\u006f",
        "68 65 6c 6c 6f",
        "\\x68\\x65\\x6c\\x6c\\x6f",
        "0x68 0x65 0x6C 0x6C 0x6F",
        "01101000 01100101 01101100 01101100 01101111",
        base64.b64encode(b"hello").decode(),
    ],
)
def test_a_disguised_word_shows_in_one_of_the_readings(disguised: str) -> None:
    assert any("hello" in reading for reading in readings_of(f"say {disguised} now"))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(alphabet=string.ascii_letters + string.digits + ",.!", min_size=1), min_size=1, max_size=12))
def test_the_plain_reading_comes_first(words: list[str]) -> None:
    text = " ".join(words)

    assert views(text)[0] == View("plain", text.casefold())


ORDINARY = {
    "Latin": "Ça va, Zoë? Łódź, İstanbul, Đà Nẵng, Kraków, Reykjavík",
    "Greek": "Καλημέρα κόσμε, πώς είσαι;",
    "Cyrillic": "Ёжик в тумане, Київ, Београд",
    "Armenian": "Բարև աշխարհ",
    "Georgian": "გამარჯობა მსოფლიო",
    "Hebrew": "שָׁלוֹם עולם",
    "Arabic": "مرحبا بالعالم، كيف حالك؟",
    "Devanagari": "नमस्ते दुनिया",
    "Bengali": "ওহে বিশ্ব",
    "Gurmukhi": "ਸਤ ਸ੍ਰੀ ਅਕਾਲ",
    "Gujarati": "નમસ્તે દુનિયા",
    "Tamil": "வணக்கம் உலகம்",
    "Telugu": "నమస్కారం ప్రపంచం",
    "Kannada": "ನಮಸ್ಕಾರ ಜಗತ್ತು",
    "Malayalam": "നമസ്കാരം ലോകം",
    "Sinhala": "ආයුබෝවන් ලෝකය",
    "Thai": "สวัสดีชาวโลก",
    "Khmer": "សួស្តី\u200bពិភពលោក",
    "Amharic": "ሰላም ልዑል",
    "Han": "你好，世界",
    "Kana": "こんにちは、カタカナの世界",
    "Hangul": "안녕하세요 세계",
}


@pytest.mark.parametrize("text", ORDINARY.values(), ids=ORDINARY.keys())
def test_ordinary_letters_of_any_script_are_left_as_they_are(text: str) -> None:
    letters = [c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c)[0] in "LMN"]

    assert [c for c in canonical(text) if unicodedata.category(c)[0] in "LMN"] == letters


@pytest.mark.parametrize("text", ["कि ता ब", "हिन्दी में लिखा हुआ", "ภาษาไทย", "நான் தமிழ்"])
def test_vowel_signs_are_no_gaps_between_letters(text: str) -> None:
    assert spelt_out(text) == ""


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("n u d e", "nude"),
        ("a n u d e", "a nude"),
        ("k.i.l.l h.i.m", "kill him"),
        ("k i l l   h i m", "kill him"),
        ("k . i . l . l   h . i . m", "kill him"),
        ("plan b or c", "plan b or c"),
        ("2 by 4", "2 by 4"),
    ],
)
def test_the_commonest_gap_stands_between_letters_and_a_wider_one_between_words(written: str, read: str) -> None:
    assert unspaced(written) == read


@pytest.mark.parametrize(
    "text",
    [
        "a decade of facades",
        "in 20241125 and 31415926",
        "password123 sunshine",
        "100% cotton & silk; 50%",
        "room 101 10",
    ],
)
def test_what_only_looks_encoded_stays_as_it_is(text: str) -> None:
    assert decoded(text) == []


def test_what_is_encoded_is_read_in_its_place() -> None:
    inner = base64.b64encode(b"red apples").decode()

    assert decoded(f"three {inner} on a table") == ["three red apples on a table"]


@pytest.mark.parametrize(
    "text",
    [
        "".join("0123456789abcdef"[place * 7 % 16] for place in range(2000)),
        "a b " * 500,
        ".-_*" * 500,
        ("a" + "\u0336" * 12) * 2000,
        "\ufdfa" * 2000,
        "\u202ea\u202c" * 2000,
        "(a" * 1000,
        "%61" * 660,
        "a" + "\U000e0061" * 1999,
    ],
)
def test_a_hostile_text_is_read_in_bounded_time(text: str) -> None:
    started = time.process_time()

    views(text)

    assert time.process_time() - started < 5.0


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
