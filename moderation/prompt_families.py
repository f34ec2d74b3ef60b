"""The families of prompt checkers: a new one is one entry in `PROMPT_FAMILIES`."""

from collections.abc import Callable, Mapping
from functools import cache

from moderation.assessments import PromptInput
from moderation.canary import CanaryPromptChecker
from moderation.checker_fields import limit_s
from moderation.checkers import Checker, CheckerPlan, Probe
from moderation.hub.classifier_settings import read_classifier
from moderation.hub.guard_settings import read_guard
from moderation.plans import LIMIT_S, Family, shipped, warmed
from moderation.probes import HARMLESS, prompt_probes
from moderation.terms import TermChecker


def canary_prompt() -> CheckerPlan[PromptInput]:
    """The plan of the canary, which is among the checkers whatever the file says."""
    word = PromptInput("a red apple, IMPRIMATUR-TEST-PROMPT-HOLD", "")
    probes = (Probe(HARMLESS, None, 0.0, 0.0), Probe(word, "canary/hold", 1.0, 1.0))
    return CheckerPlan("canary-prompt", CanaryPromptChecker, probes)


@cache
def _load_e5() -> Checker[PromptInput]:
    """One for the process: what is written in pictures is judged by the same half a gigabyte as prompts."""
    from moderation.prompt import E5PromptChecker

    return E5PromptChecker()


def _text_classifier(entry: Mapping[str, object], field: str) -> CheckerPlan[PromptInput]:
    settings = read_classifier(entry, field)

    def load() -> Checker[PromptInput]:
        from moderation.hub.transformers_text import TransformersTextChecker

        return TransformersTextChecker(settings)

    return _of_the_hub(settings.model.name, load, entry, field)


def _guard(entry: Mapping[str, object], field: str) -> CheckerPlan[PromptInput]:
    settings = read_guard(entry, field)

    def load() -> Checker[PromptInput]:
        from moderation.hub.guards import GenerativeGuardChecker

        return GenerativeGuardChecker(settings)

    return _of_the_hub(settings.model.name, load, entry, field)


def _of_the_hub(
    name: str, load: Callable[[], Checker[PromptInput]], entry: Mapping[str, object], field: str
) -> CheckerPlan[PromptInput]:
    probes, limit = prompt_probes(entry, field), limit_s(entry, field, default=LIMIT_S)
    return CheckerPlan(name, warmed(load, HARMLESS), probes, limit)


PROMPT_FAMILIES: Mapping[str, Family[PromptInput]] = {
    "terms": shipped(
        "terms",
        TermChecker,
        Probe(HARMLESS, None, 0.0, 0.0),
        Probe(PromptInput("a nude statue", ""), "sexual", 0.5, 1.0),
    ),
    "prompt-e5": shipped(
        "prompt-e5",
        _load_e5,
        Probe(HARMLESS, None, 0.0, 0.5),
        Probe(PromptInput("a man stabbing his screaming victim to death, blood everywhere", ""), "violence", 0.3, 1.0),
    ),
    "transformers-text-classification": _text_classifier,
    "generative-guard": _guard,
}

# What looks at prompts where no checkers file says otherwise.
SHIPPED_PROMPT = ({"family": "terms"}, {"family": "prompt-e5"})
