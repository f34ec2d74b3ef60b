"""Which language and script a text is in, and what is therefore outside a checker's coverage."""

import pytest

from moderation.coverage import Coverage
from moderation.text.languages import languages_of, outside, scripts_of

ENGLISH = Coverage("test", ("prompt",), ("sexual",), frozenset({"en"}), frozenset({"Latin"}))


@pytest.mark.parametrize(
    "text",
    [
        "a red apple",
        "a kangaroo",
        "corgi pizza",
        "samurai, octane render",
        "cyberpunk samurai, octane render, 8k",
        "Salvador Dalí",
        "café",
        "a chimpanzee",
        "portrait by Alphonse Mucha",
        "π and an Ω on a blackboard",
    ],
)
def test_a_short_text_in_latin_letters_counts_as_english(text: str) -> None:
    assert outside(text, ENGLISH) == []


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("ein kleiner Hund läuft über die grüne Wiese", "de"),
        ("un perro pequeño corre por el campo verde", "es"),
        ("un petit chien court dans le pré vert", "fr"),
        ("um cachorro pequeno corre pelo campo verde", "pt"),
        ("mały pies biegnie przez zieloną łąkę", "pl"),
        ("маленькая собака бежит по зелёному полю", "ru"),
        ("маленький собака біжить по зеленому полю", "uk"),
        ("一只小狗跑过绿色的田野", "zh"),
        ("小さな犬が緑の野原を走る", "ja"),
        ("작은 개가 초록 들판을 달린다", "ko"),
        ("كلب صغير يركض في الحقل الأخضر", "ar"),
        ("سگ کوچکی در دشت سبز می‌دود", "fa"),
        ("หมาตัวเล็กวิ่งผ่านทุ่งหญ้าสีเขียว", "th"),
        ("একটি ছোট কুকুর সবুজ মাঠে দৌড়াচ্ছে", "bn"),
        ("እንስሳ በአረንጓዴ መስክ ላይ ይሮጣል", "am"),
        ("mbwa mdogo anakimbia kwenye uwanja wa kijani", "sw"),
    ],
)
def test_a_sentence_in_another_language_is_recognised(text: str, language: str) -> None:
    assert languages_of(text) == {language}
    assert f"language:{language}" in outside(text, ENGLISH)


def test_a_foreign_sentence_among_english_ones_is_recognised() -> None:
    text = "A dog runs over the green field in the morning. Ein kleiner Hund läuft über die grüne Wiese. It is sunny."

    assert languages_of(text) == {"en", "de"}


def test_every_script_of_a_text_is_named() -> None:
    assert scripts_of("red красный 红") == {"Latin", "Cyrillic", "Han"}
    assert outside("red ፖም", ENGLISH)[0] == "script:Ethiopic"


def test_letters_of_a_script_without_a_name_are_outside_all_the_same() -> None:
    assert outside("𞤀𞤣𞤤𞤢𞤥", ENGLISH) != []


@pytest.mark.parametrize("text", ["", "1234 + 56 = ?", "🍎🍏", "!!!"])
def test_a_text_without_letters_is_outside_nothing(text: str) -> None:
    assert outside(text, ENGLISH) == []


def test_a_checker_without_languages_is_asked_nothing() -> None:
    anything = Coverage("test", ("prompt",), ("sexual",), None, None)

    assert outside("ein kleiner Hund läuft über die grüne Wiese", anything) == []
