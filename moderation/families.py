"""Which checkers there are and how configuration names them; without configuration, those that ship."""

from collections.abc import Mapping
from typing import TypeVar, cast

import numpy as np

from moderation.assessments import Picture, PromptInput
from moderation.canary import CanaryImageChecker, CanaryPromptChecker, draw
from moderation.checkers import Checker, CheckerPlan, Probe
from moderation.classifier_settings import CheckerConfigurationError, known_fields, limit_s, read_classifier
from moderation.terms import TermChecker

__all__ = ["CheckerConfigurationError", "image_plans", "prompt_plans"]

InputT = TypeVar("InputT")

_HARMLESS = PromptInput("a red apple on a white background", "blurry, low quality")
_SHIPPED_PROMPT = ({"family": "terms"}, {"family": "prompt-e5"})
_SHIPPED_IMAGE = ({"family": "opennsfw"}, {"family": "nsfwjs-mobilenet"})
_LIMIT_S = 60.0
_FIELDS = frozenset({"family", "limit_s"})


def prompt_plans(configuration: Mapping[str, object] | None) -> list[CheckerPlan[PromptInput]]:
    """The plans of a prompt screen's checkers, the canary always among them.

    Raises:
        CheckerConfigurationError: names the field, its value and what is allowed.
    """
    entries = _entries(configuration, "prompt", _SHIPPED_PROMPT)
    return _unique([_canary_prompt(), *(_prompt_plan(entry, field) for field, entry in entries)], "prompt")


def image_plans(configuration: Mapping[str, object] | None) -> list[CheckerPlan[Picture]]:
    """The plans of an image screen's checkers, the canary always among them.

    Raises:
        CheckerConfigurationError: names the field, its value and what is allowed.
    """
    entries = _entries(configuration, "image", _SHIPPED_IMAGE)
    return _unique([_canary_image(), *(_image_plan(entry, field) for field, entry in entries)], "image")


def _entries(
    configuration: Mapping[str, object] | None, stage: str, shipped: tuple[Mapping[str, object], ...]
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


def _unique(plans: list[CheckerPlan[InputT]], stage: str) -> list[CheckerPlan[InputT]]:
    names = [plan.name for plan in plans]
    for name in names:
        if names.count(name) > 1:
            raise CheckerConfigurationError(stage, name, "each checker's name once")
    return plans


def _prompt_plan(entry: Mapping[str, object], field: str) -> CheckerPlan[PromptInput]:
    family = entry.get("family")
    limit = limit_s(entry, field, default=_LIMIT_S)
    if family == "transformers-text-classification":
        return _classifier(entry, field, limit)
    known_fields(entry, _FIELDS, field)
    match family:
        case "terms":
            named = PromptInput("a nude statue", "")
            probes = (Probe(_HARMLESS, None, 0.0, 0.0), Probe(named, "sexual", 0.5, 1.0))
            return CheckerPlan("terms", TermChecker, probes, limit)
        case "prompt-e5":
            named = PromptInput("a man stabbing his screaming victim to death, blood everywhere", "")
            probes = (Probe(_HARMLESS, None, 0.0, 0.5), Probe(named, "violence", 0.3, 1.0))
            return CheckerPlan("prompt-e5", _load_e5, probes, limit)
    raise CheckerConfigurationError(
        f"{field}.family", family, "one of terms, prompt-e5, transformers-text-classification"
    )


def _image_plan(entry: Mapping[str, object], field: str) -> CheckerPlan[Picture]:
    family = entry.get("family")
    limit = limit_s(entry, field, default=_LIMIT_S)
    known_fields(entry, _FIELDS, field)
    match family:
        case "opennsfw":
            probes = (Probe(_grey(), "sexual", 0.15, 0.25), Probe(_speckled(), "sexual", 0.0, 0.05))
            return CheckerPlan("opennsfw", _load_opennsfw, probes, limit)
        case "nsfwjs-mobilenet":
            probes = (Probe(_grey(), "sexual", 0.02, 0.05), Probe(_speckled(), "sexual", 0.0, 0.02))
            return CheckerPlan("nsfwjs-mobilenet", _load_nsfwjs, probes, limit)
    raise CheckerConfigurationError(f"{field}.family", family, "one of opennsfw, nsfwjs-mobilenet")


def _classifier(entry: Mapping[str, object], field: str, limit: float) -> CheckerPlan[PromptInput]:
    settings = read_classifier(entry, field)

    def load() -> Checker[PromptInput]:
        from moderation.transformers_text import TransformersTextChecker

        return TransformersTextChecker(settings)

    return CheckerPlan(settings.name, load, (Probe(_HARMLESS, None, 0.0, 0.5),), limit)


def _load_e5() -> Checker[PromptInput]:
    from moderation.prompt import E5PromptChecker

    return E5PromptChecker()


def _load_opennsfw() -> Checker[Picture]:
    from moderation.image import OpenNsfwChecker

    return OpenNsfwChecker()


def _load_nsfwjs() -> Checker[Picture]:
    from moderation.image import NsfwjsChecker

    return NsfwjsChecker()


def _canary_prompt() -> CheckerPlan[PromptInput]:
    word = PromptInput("a red apple, IMPRIMATUR-TEST-PROMPT-HOLD", "")
    probes = (Probe(_HARMLESS, None, 0.0, 0.0), Probe(word, "canary/hold", 1.0, 1.0))
    return CheckerPlan("canary-prompt", CanaryPromptChecker, probes)


def _canary_image() -> CheckerPlan[Picture]:
    card = Picture(draw("block", 128, 128, seed=1), "")
    probes = (Probe(_grey(), None, 0.0, 0.0), Probe(card, "canary/block", 1.0, 1.0))
    return CheckerPlan("canary-image", CanaryImageChecker, probes)


def _speckled() -> Picture:
    """Noise, the same each time; the grey picture scores higher, which tells a live network from a dead one."""
    return Picture(np.random.default_rng(3).integers(0, 255, (128, 128, 3), dtype=np.uint8), "")


def _grey() -> Picture:
    return Picture(np.full((128, 128, 3), 127, dtype=np.uint8), "")
