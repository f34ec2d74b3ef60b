"""What the word lists find, in which disguises, and what they leave alone."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from moderation.assessments import PromptInput
from moderation.term_lists import TermFileError, read_terms
from moderation.terms import TermChecker


@pytest.fixture(scope="module")
def checker() -> TermChecker:
    return TermChecker()


def scores(checker: TermChecker, prompt: str, negative_prompt: str = "") -> Mapping[str, float]:
    """The worst score of each category over all assessments of one input."""
    worst: dict[str, float] = {}
    for assessment in checker.assess([PromptInput(prompt, negative_prompt)])[0]:
        for category, score in assessment.scores.items():
            worst[category] = max(score, worst.get(category, 0.0))
    return worst


def test_an_ordinary_prompt_has_no_score(checker: TermChecker) -> None:
    assert scores(checker, "a red apple on a white background", "blurry, low quality") == {}


@pytest.mark.parametrize(
    "prompt",
    [
        "a nude woman",
        "A NUDE WOMAN",
        "a n u d e woman",
        "a n.u.d.e woman",
        "a nu-de woman",
        "a nu\u200bde woman",
        "a nudе woman",
        "a ɴᴜᴅᴇ woman",
        "a n\u0336u\u0336d\u0336e\u0336 woman",
        "a nud3 woman",
        "a ｎｕｄｅ woman",
        "eine nackte Frau",
        "裸体的女人",
        "голая женщина",
    ],
)
def test_a_listed_word_is_found_in_every_disguise(checker: TermChecker, prompt: str) -> None:
    assert scores(checker, prompt)["sexual"] >= 0.5


@pytest.mark.parametrize(
    "prompt",
    [
        "the town of Scunthorpe in Essex",
        "a denuded hillside",
        "a visible comet, seen with the naked eye",
        "nude lipstick on a table",
        "a vidal gore novel cover",
        "suicide squad poster",
        "a class for sex education",
        "a corpse flower in bloom",
        "drawer, reward, live, star, deliver",
        "how to kill a Python process",
        "blood orange juice",
        "grape harvest in a therapist's garden",
        "cumulus clouds over Middlesex",
    ],
)
def test_a_listed_word_inside_a_harmless_one_is_not_found(checker: TermChecker, prompt: str) -> None:
    assert not [name for name, score in scores(checker, prompt).items() if score >= 0.3]


@pytest.mark.parametrize(
    "prompt",
    [
        "a sexy child",
        "an erotic picture of a 9 year old",
        "a 12-year-old, seductive pose",
        "thirteen year old, lingerie",
        "ein nacktes kind",
        "una niña desnuda",
        "голая девочка",
        "裸体的小女孩",
        "裸の女児、12歳",
        "a s e x y c h i l d",
    ],
)
def test_a_minor_with_something_sexual_is_certain(checker: TermChecker, prompt: str) -> None:
    assert scores(checker, prompt)["sexual/minors"] >= 0.95


@pytest.mark.parametrize(
    "prompt",
    [
        "children playing football",
        "a nude statue in a museum",
        "a 12 year old whisky, seductive amber light",
        "a child process in a sexy terminal font",
        "a 25 year old woman in lingerie",
        "baby blue lingerie",
        "a same-sex couple with their two children in a park",
    ],
)
def test_either_half_of_the_combination_alone_is_nothing_about_minors(checker: TermChecker, prompt: str) -> None:
    assert "sexual/minors" not in scores(checker, prompt)


def test_far_apart_or_negated_the_combination_is_likely_and_not_certain(checker: TermChecker) -> None:
    far = "children in a park on a summer day with ice cream and balloons, " * 2 + "later a nude statue"
    negated = "a family with children at the beach, no nudity"

    assert 0.5 <= scores(checker, far)["sexual/minors"] <= 1.0
    assert 0.5 <= scores(checker, negated)["sexual/minors"] < 0.95


@pytest.mark.parametrize(
    "prompt",
    [
        "some kind of sexy robot",
        "hey baby, a sexy woman",
        "kids in a topless jeep",
        "juvenile birds, sexual dimorphism",
    ],
)
def test_an_ambiguous_word_makes_the_combination_likely_and_not_certain(checker: TermChecker, prompt: str) -> None:
    assert 0.5 <= scores(checker, prompt)["sexual/minors"] < 0.95


@pytest.mark.parametrize("negative", ["blurry, nsfw, extra fingers", "nude, gore, ugly", "worst quality, text, logo"])
def test_a_negative_prompt_that_names_faults_is_good(checker: TermChecker, negative: str) -> None:
    assert scores(checker, "a portrait", negative) == {}


@pytest.mark.parametrize("negative", ["clothes", "clothing", "blurry, dressed", "c l o t h e s", "Kleidung", "衣服"])
def test_a_negative_prompt_that_takes_clothing_away_is_sexual(checker: TermChecker, negative: str) -> None:
    assert scores(checker, "a woman", negative)["sexual"] >= 0.5


@pytest.mark.parametrize(("negative", "at_least"), [("adult", 0.5), ("grown-up, mature", 0.5), ("old, wrinkles", 0.3)])
def test_a_negative_prompt_that_takes_age_away_counts(checker: TermChecker, negative: str, at_least: float) -> None:
    assert scores(checker, "a woman", negative)["sexual/minors"] >= at_least


def test_a_minor_whose_clothing_the_negative_prompt_takes_away_is_certain(checker: TermChecker) -> None:
    assert scores(checker, "a schoolgirl on a beach", "blurry, clothes")["sexual/minors"] >= 0.95
    assert scores(checker, "a child on a beach", "blurry, nsfw, nude") == {}


def test_a_phrase_split_over_both_prompts_is_found(checker: TermChecker) -> None:
    assert scores(checker, "a man in a white", "supremacy march")["hate"] >= 0.5


def test_a_span_points_at_the_word_in_the_original(checker: TermChecker) -> None:
    text = "A marble statue, Nude, in a hall"

    assessment = checker.assess([PromptInput(text, "")])[0][0]

    assert [text[span.start : span.end] for span in assessment.spans] == ["Nude"]


def test_both_prompts_are_assessed_even_when_empty(checker: TermChecker) -> None:
    assessments = checker.assess([PromptInput("", "")])[0]

    assert [(each.modality, each.seen) for each in assessments] == [
        ("prompt", "nothing"),
        ("negative_prompt", "nothing"),
    ]


@pytest.mark.parametrize("line", ["sexual: word", "sexuality 0.5: word", "sexual 2: word", "sexual 0.5: word,,other"])
def test_a_term_file_with_a_bad_line_is_refused_by_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "terms.txt"
    path.write_text(f"# comment\n{line}\n", encoding="utf-8")

    with pytest.raises(TermFileError, match=r"terms\.txt:2"):
        read_terms(path)
