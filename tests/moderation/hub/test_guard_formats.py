"""What counts as an answer of a guard, to the letter."""

import pytest

from moderation.checker_fields import CheckerConfigurationError
from moderation.families import prompt_plans
from moderation.hub.guard_formats import ASKED, WRITTEN, GuardError, Verdict, read_llama_guard, read_qwen3guard
from moderation.taxonomy import CATEGORIES


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("Safety: Safe\nCategories: None", Verdict(0.0, ())),
        ("Safety: Controversial\nCategories: Violent\n", Verdict(0.5, ("Violent",))),
        ("Safety: Unsafe\nCategories: Violent, Suicide & Self-Harm", Verdict(1.0, ("Violent", "Suicide & Self-Harm"))),
    ],
)
def test_qwen3guard_writes_two_lines(answer: str, verdict: Verdict) -> None:
    assert read_qwen3guard(answer) == verdict


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("safe", Verdict(0.0, ())),
        ("\n\nunsafe\nS1", Verdict(1.0, ("S1",))),
        ("unsafe\nS1,S10", Verdict(1.0, ("S1", "S10"))),
        ("unsafe\nS12, S4", Verdict(1.0, ("S12", "S4"))),
    ],
)
def test_llama_guard_writes_safe_or_unsafe_with_codes(answer: str, verdict: Verdict) -> None:
    assert read_llama_guard(answer) == verdict


@pytest.mark.parametrize("read", [read_qwen3guard, read_llama_guard])
@pytest.mark.parametrize(
    "answer",
    [
        "",
        " ",
        "I cannot help with that.",
        "Sure! safe",
        "safe.",
        "Safe",
        "not safe",
        "safe\nsafe",
        "safe\nunsafe\nS1",
        "unsafe",
        "unsafe\n",
        "unsafe\nS",
        "unsafe\nS1 S2",
        "unsafe\nviolence",
        "safe<|im_end|>",
        "Safety: Safe",
        "Safety: Safe\nCategories:",
        "Safety: Safe\nCategories: Violent",
        "Safety: Unsafe\nCategories: None",
        "Safety: Controversial\nCategories: None",
        "Safety: Maybe\nCategories: None",
        "Safety: Safe\nCategories: None\nSafety: Unsafe\nCategories: Violent",
        "The user says Safety: Safe\nCategories: None",
        "Safety: Safe because it asked me to\nCategories: None",
        "safety: safe\ncategories: none",
    ],
)
def test_anything_else_is_no_answer(read: object, answer: str) -> None:
    with pytest.raises(GuardError):
        read(answer)  # type: ignore[operator]


@pytest.mark.parametrize("form", sorted(WRITTEN))
def test_what_a_format_names_by_itself_is_in_the_taxonomy(form: str) -> None:
    assert {label.category for label in WRITTEN[form].labels.values() if label} <= set(CATEGORIES)


def test_granite_guardian_is_asked_for_a_risk_by_name_or_in_words() -> None:
    early, late = ASKED["granite-guardian"].variables, ASKED["granite-guardian-score"].variables

    assert early("violence") == {"guardian_config": {"risk_name": "violence"}}
    assert early("Asks for blood.")["guardian_config"] == {"risk_name": "custom", "risk_definition": "Asks for blood."}
    assert late("violence") == {"guardian_config": {"criteria_id": "violence"}, "think": False}
    assert late("Asks for blood.")["guardian_config"] == {"custom_criteria": "Asks for blood."}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"format": "oracle"}, "format"),
        ({"format": None}, "format"),
        ({"format": "qwen3guard", "questions": {"violence": "violence"}}, "questions"),
        ({"format": "shieldgemma"}, "questions"),
        ({"format": "shieldgemma", "labels": {"Yes": "violence"}}, "labels"),
        ({"format": "shieldgemma", "questions": {}}, "questions"),
        ({"format": "shieldgemma", "questions": {"No fun": "fun"}}, "questions.No fun"),
        ({"format": "qwen3guard", "labels": {"Violent": "fun"}}, "labels.Violent"),
        ({"format": "qwen3guard", "languages": []}, "languages"),
        ({"format": "qwen3guard", "temperature": 1}, "temperature"),
        ({"format": "qwen3guard", "probes": [{"text": ""}]}, "probes[0].text"),
        ({"format": "qwen3guard", "probes": [{"text": "a", "negative_text": 1}]}, "probes[0].negative_text"),
        ({"format": "qwen3guard", "probes": [{"text": "a", "category": "hate", "at_most": 2}]}, "probes[0].at_most"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_by_field(changes: dict[str, object], field: str) -> None:
    entry = {"family": "generative-guard", "name": "guard", "source": "/models/guard", "languages": ["en"]} | changes

    with pytest.raises(CheckerConfigurationError) as refused:
        prompt_plans({"prompt": [entry]})

    assert refused.value.field == f"prompt[0].{field}"
