"""Which checkers there are and how configuration names them; without configuration, those that ship.

A family is one entry in `prompt_families.PROMPT_FAMILIES` or `image_families.IMAGE_FAMILIES`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar, cast

from moderation.assessments import Picture, PromptInput
from moderation.checker_fields import CheckerConfigurationError
from moderation.checkers import CheckerPlan
from moderation.image_families import IMAGE_FAMILIES, SHIPPED_IMAGE, canary_image
from moderation.known_pictures import KnownPictures, known_pictures_plan
from moderation.plans import Family
from moderation.prompt_families import PROMPT_FAMILIES, SHIPPED_PROMPT, canary_prompt

__all__ = ["CheckerConfigurationError", "image_plans", "prompt_plans"]

InputT = TypeVar("InputT")


def prompt_plans(configuration: Mapping[str, object] | None) -> list[CheckerPlan[PromptInput]]:
    """The plans of a prompt screen's checkers, the canary always among them.

    Raises:
        CheckerConfigurationError: names the field, its value and what is allowed.
    """
    entries = _entries(configuration, "prompt", SHIPPED_PROMPT)
    return _unique([canary_prompt(), *_plans(entries, PROMPT_FAMILIES)], "prompt")


def image_plans(
    configuration: Mapping[str, object] | None, known: Callable[[], KnownPictures] = KnownPictures
) -> list[CheckerPlan[Picture]]:
    """The plans of an image screen's checkers, the canary and the known pictures always among them.

    Raises:
        CheckerConfigurationError: names the field, its value and what is allowed.
    """
    entries = _entries(configuration, "image", SHIPPED_IMAGE)
    return _unique([canary_image(), known_pictures_plan(known), *_plans(entries, IMAGE_FAMILIES)], "image")


def _entries(
    configuration: Mapping[str, object] | None, stage: str, shipped: Sequence[Mapping[str, object]]
) -> list[tuple[str, Mapping[str, object]]]:
    """Each checker's entry with its path in the file; a stage that the file does not name has those that ship."""
    if configuration is not None:
        for name in configuration:
            if name not in ("prompt", "image"):
                raise CheckerConfigurationError(name, configuration[name], "known fields: image, prompt")
    entries = shipped if configuration is None else configuration.get(stage, shipped)
    if not isinstance(entries, (list, tuple)) or not entries:
        raise CheckerConfigurationError(stage, entries, "a list of at least one checker")
    for number, entry in enumerate(entries):
        if not isinstance(entry, Mapping):
            raise CheckerConfigurationError(f"{stage}[{number}]", entry, "an object with a `family`")
    return [(f"{stage}[{number}]", cast(Mapping[str, object], entry)) for number, entry in enumerate(entries)]


def _plans(
    entries: Sequence[tuple[str, Mapping[str, object]]], families: Mapping[str, Family[InputT]]
) -> list[CheckerPlan[InputT]]:
    plans = []
    for field, entry in entries:
        name = entry.get("family")
        if not isinstance(name, str) or name not in families:
            raise CheckerConfigurationError(f"{field}.family", name, f"one of {', '.join(families)}")
        plans.append(families[name](entry, field))
    return plans


def _unique(plans: list[CheckerPlan[InputT]], stage: str) -> list[CheckerPlan[InputT]]:
    names = [plan.name for plan in plans]
    for name in names:
        if names.count(name) > 1:
            raise CheckerConfigurationError(stage, name, "each checker's name once")
    return plans
