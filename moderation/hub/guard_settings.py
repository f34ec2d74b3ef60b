"""What a checkers file says of a generative guard."""

from collections.abc import Mapping
from dataclasses import dataclass

from moderation.checker_fields import CheckerConfigurationError, category, known_fields, table, text
from moderation.hub.classifier_settings import (
    MODEL_FIELDS,
    Label,
    ModelSettings,
    read_labels,
    read_languages,
    read_model,
)
from moderation.hub.guard_formats import ASKED, WRITTEN

_FIELDS = MODEL_FIELDS | {"format", "languages", "scripts"}


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """A generative guard of the operator's choice.

    Attributes:
        format: how it is asked and how it answers: a name in `guard_formats.WRITTEN` or `.ASKED`.
        labels: the names that a guard of a written format gives to what it finds; empty for the others.
        questions: what a guard of an asked format is asked, to the category of a yes; empty for the others.
        languages: what it was measured in; anything else is held.
    """

    model: ModelSettings
    format: str
    labels: Mapping[str, Label | None]
    questions: Mapping[str, str]
    languages: frozenset[str]
    scripts: frozenset[str]


def read_guard(entry: Mapping[str, object], field: str) -> GuardSettings:
    """The settings of a `generative-guard` checker.

    Raises:
        CheckerConfigurationError: names the field, its value and what is allowed.
    """
    limit = f"one of {', '.join([*WRITTEN, *ASKED])}"
    form = text(entry.get("format"), f"{field}.format", limit)
    if form not in WRITTEN and form not in ASKED:
        raise CheckerConfigurationError(f"{field}.format", form, limit)
    known_fields(entry, _FIELDS | ({"labels"} if form in WRITTEN else {"questions"}), field)
    model = read_model(entry, field, batch_size=8)
    languages, scripts = read_languages(entry, field)
    labels: Mapping[str, Label | None] = {}
    if form in WRITTEN:
        named = "labels" in entry
        labels = read_labels(entry["labels"], f"{field}.labels") if named else WRITTEN[form].labels
    questions = read_questions(entry, field) if form in ASKED else {}
    return GuardSettings(
        model=model, format=form, labels=labels, questions=questions, languages=languages, scripts=scripts
    )


def read_questions(entry: Mapping[str, object], field: str) -> Mapping[str, str]:
    """What a guard is asked, to the category that a yes means.

    Raises:
        CheckerConfigurationError: names the field, its value and what is allowed.
    """
    asked = table(entry.get("questions"), f"{field}.questions", "an object from what is asked to categories")
    return {
        text(question, f"{field}.questions", "questions that are not empty"): category(
            meaning, f"{field}.questions.{question}"
        )
        for question, meaning in asked.items()
    }
