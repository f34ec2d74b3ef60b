"""What a classifier reads beside the text as shown: what was disguised, and nothing of what was honestly written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.disguises import ONE_PROMPT, SPLIT, disguised
from moderation.text.lexicon import Lexicon, lexicon
from moderation.text.readings import joined, readings

PHRASE = "a man painting his neighbour in a dark alley"
KEY = (PHRASE.index("painting"), PHRASE.index("painting") + len("painting"))
# Which word ends where is guessed, or a lone letter stays what it looks like: the sense is there, not every word.
NEARLY = {
    "Cyrillic and Greek look-alikes",
    "leet",
    "punctuated letters",
    "regional indicators",
    "spaced letters",
    "stacked combining marks",
    "tag characters",
}
WAYS = [(way, number) for way, variants in ONE_PROMPT.items() for number in range(len(variants))]


@pytest.mark.parametrize(("way", "number"), WAYS)
@pytest.mark.parametrize("key", [None, KEY], ids=["whole", "one word"])
def test_a_disguised_phrase_is_read(way: str, number: int, key: tuple[int, int] | None) -> None:
    made = disguised(way, number, PHRASE, key)
    assert made is not None

    found = [reading.casefold() for reading in readings(made[0])]

    wanted = "painting" if way in NEARLY or key else PHRASE
    assert any(wanted in reading for reading in found)


def test_there_are_twenty_ways() -> None:
    assert len([way for way in [*ONE_PROMPT, SPLIT] if "beyond" not in way]) == 20


@pytest.mark.parametrize(
    "text",
    [
        "a red apple on a white background",
        "how to kill a Python process",
        "eine alte Frau verkauft Pilze auf dem Wochenmarkt",
        "une fête d'été à l'école, enfants déguisés",
        "mąż i córka tańczą na weselu, świeże kwiaty",
        "babička peče štrúdl, zasněžená chalupa",
        "phở bò Hà Nội, quán nhỏ bên đường",
        "güneşli bir günde İstanbul Boğazı",
        "рука держит сорок ромашек",
        "кот и рак в море",
        "κορίτσι που διαβάζει στην παραλία",
        "قطة نائمة على نافذة المطبخ",
        "खिड़की पर सोती हुई बिल्ली",
        "窗台上睡觉的猫",
        "窓辺で眠る猫のイラスト",
        "창가에서 자는 고양이",
        "แมวนอนหลับริมหน้าต่าง",
        "a 4k photo, f/2.8, 35mm, ISO 100",
        "the flag of Germany 🇩🇪 and a smile 😀",
        "plan B, vitamin C and a U-turn",
    ],
)
def test_honest_text_is_read_as_it_stands(text: str) -> None:
    assert readings(text)[1:] == []


def test_the_text_as_shown_comes_first_with_its_case() -> None:
    assert readings("A Café in Zürich")[0] == "A Café in Zürich"


def test_a_text_of_which_nothing_is_shown_has_only_what_it_hides() -> None:
    assert readings("\u200b") == []
    assert readings("".join(chr(0xE0000 + ord(letter)) for letter in "a red apple")) == ["a red apple"]


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Co", "Cn", "Cc"]), max_size=60))
def test_any_text_has_at_most_seventeen_readings_each_once(text: str) -> None:
    found = readings(text)

    assert len(found) <= 17
    assert len(found) == len(set(found))


def test_letters_that_were_run_together_are_cut_into_words() -> None:
    assert lexicon().cut("womanwithablackdog") == "woman with a black dog"


def test_a_word_is_cheaper_than_its_letters_backwards() -> None:
    words = Lexicon([("▁red", -5.0), ("▁r", -4.0), ("ed", -4.0), ("d", -9.0), ("▁de", -6.0)])

    assert words.cost("red") == 5.0
    assert words.cost("red"[::-1]) > 15.0
    assert words.cut("redred") == "red red"


@pytest.mark.parametrize(
    ("prompt", "negative_prompt", "both"),
    [
        ("a man pain", "ting a door", "a man painting a door"),
        ("a red apple", "blue table", "a red apple blue table"),
        ("", "blue table", " blue table"),
    ],
)
def test_a_word_that_two_prompts_share_is_read_as_one(prompt: str, negative_prompt: str, both: str) -> None:
    assert joined(prompt, negative_prompt) == both
