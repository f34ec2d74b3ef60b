"""Which checkers there are and how configuration names them; without configuration, those that ship.

A family is one entry in `prompt_families.PROMPT_FAMILIES` or `image_families.IMAGE_FAMILIES`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from moderation.assessments import Picture, PromptInput
from moderation.checker_fields import CheckerConfigurationError
from moderation.checkers import CheckerPlan
from moderation.image_families import IMAGE_FAMILIES, SHIPPED_IMAGE, canary_image
from moderation.known_pictures import KnownPictures, known_pictures_plan
from moderation.plans import read_plans
from moderation.prompt_families import PROMPT_FAMILIES, SHIPPED_PROMPT, canary_prompt

__all__ = ["CheckerConfigurationError", "image_plans", "prompt_plans"]

InputT = TypeVar("InputT")


def prompt_plans(configuration: Mapping[str, object] | None) -> list[CheckerPlan[PromptInput]]:
    """The plans of a prompt screen's checkers, the canary always among them.

    Raises:
        CheckerConfigurationError: names the field, its value and what is allowed.
    """
    entries = _entries(configuration, "prompt", SHIPPED_PROMPT)
    return _unique([canary_prompt(), *read_plans(entries, "prompt", PROMPT_FAMILIES)], "prompt")


def image_plans(
    configuration: Mapping[str, object] | None, known: Callable[[], KnownPictures] = KnownPictures
) -> list[CheckerPlan[Picture]]:
    """The plans of an image screen's checkers, the canary and the known pictures always among them.

    Raises:
        CheckerConfigurationError: names the field, its value and what is allowed.
    """
    entries = _entries(configuration, "image", SHIPPED_IMAGE)
    return _unique([canary_image(), known_pictures_plan(known), *read_plans(entries, "image", IMAGE_FAMILIES)], "image")


def _entries(configuration: Mapping[str, object] | None, stage: str, shipped: Sequence[Mapping[str, object]]) -> object:
    """A stage's list of entries; a stage that the file does not name has those that ship."""
    if configuration is None:
        return shipped
    for name in configuration:
        if name not in ("prompt", "image"):
            raise CheckerConfigurationError(name, configuration[name], "known fields: image, prompt")
    return configuration.get(stage, shipped)


def _unique(plans: list[CheckerPlan[InputT]], stage: str) -> list[CheckerPlan[InputT]]:
    names = [plan.name for plan in plans]
    for name in names:
        if names.count(name) > 1:
            raise CheckerConfigurationError(stage, name, "each checker's name once")
    return plans
