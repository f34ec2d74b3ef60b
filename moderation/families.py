"""Which checkers there are and how configuration names them; without configuration, those that ship."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from moderation.assessments import Picture, PromptInput
from moderation.canary import CanaryImageChecker, CanaryPromptChecker, draw
from moderation.checkers import Checker, CheckerPlan, Probe
from moderation.terms import TermChecker

InputT = TypeVar("InputT")

_HARMLESS = PromptInput("a red apple on a white background", "blurry, low quality")


class CheckerConfigurationError(ValueError):
    """A checkers file that cannot be used.

    Attributes:
        field: where, as a path: "prompt.checkers[0].family".
    """

    code = "invalid_checkers"

    def __init__(self, field: str, value: object, limit: str) -> None:
        super().__init__(f"{field}: {value!r} is not allowed; {limit}")
        self.field = field


def prompt_plans(configuration: Mapping[str, object] | None) -> list[CheckerPlan[PromptInput]]:
    """The plans of a prompt screen's checkers, the canary always among them."""
    return [_canary_prompt(), _terms()]


def image_plans(configuration: Mapping[str, object] | None) -> list[CheckerPlan[Picture]]:
    """The plans of an image screen's checkers, the canary always among them."""
    return [_canary_image()]


def _canary_prompt() -> CheckerPlan[PromptInput]:
    word = PromptInput("a red apple, IMPRIMATUR-TEST-PROMPT-HOLD", "")
    probes = (Probe(_HARMLESS, None, 0.0, 0.0), Probe(word, "canary/hold", 1.0, 1.0))
    return CheckerPlan("canary-prompt", CanaryPromptChecker, probes)


def _canary_image() -> CheckerPlan[Picture]:
    card = Picture(draw("block", 128, 128, seed=1), "")
    probes = (Probe(_grey(), None, 0.0, 0.0), Probe(card, "canary/block", 1.0, 1.0))
    return CheckerPlan("canary-image", CanaryImageChecker, probes)


def _terms() -> CheckerPlan[PromptInput]:
    named = PromptInput("a nude statue", "")
    probes = (Probe(_HARMLESS, None, 0.0, 0.0), Probe(named, "sexual", 0.5, 1.0))
    return CheckerPlan("terms", TermChecker, probes)


def _grey() -> Picture:
    import numpy as np

    return Picture(np.full((128, 128, 3), 127, dtype=np.uint8), "")
