"""How the families of generative guards are asked, and what their answers say.

Two kinds. Some write a verdict in a fixed form: it is read to the letter, and anything else is no answer. Others answer
one question with yes or no: what counts is the probability of the first token. A guard that says neither has failed.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from moderation.checkers import CheckerError
from moderation.hub.classifier_settings import Label


class GuardError(CheckerError):
    """A text that cannot be shown to a guard, or an answer that is none: what it was asked about is held."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a guard wrote: how bad, in [0, 1], and its own names of what it found."""

    severity: float
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WrittenFormat:
    """A guard that writes its verdict.

    Attributes:
        read: the verdict in an answer. Raises GuardError.
        labels: what the guard's names mean unless the settings say otherwise.
        max_new_tokens: how long an answer may be; a longer one is no answer.
    """

    read: Callable[[str], Verdict]
    labels: Mapping[str, Label | None]
    max_new_tokens: int


@dataclass(frozen=True, slots=True)
class AskedFormat:
    """A guard that answers yes or no to one question at a time.

    Attributes:
        variables: what its chat template is given for a question.
        lead: what stands before its answer, written for it.
    """

    variables: Callable[[str], Mapping[str, object]]
    lead: str = ""


_QWEN3GUARD = re.compile(r"Safety: (Safe|Controversial|Unsafe)\nCategories: ([^\n]+)")
_SEVERITY = {"Safe": 0.0, "Controversial": 0.5, "Unsafe": 1.0}
_LLAMA_GUARD = re.compile(r"safe|unsafe\n(S[0-9]{1,2}(?:, ?S[0-9]{1,2})*)")
_RISK_NAME = re.compile(r"[a-z0-9_]+")


def read_qwen3guard(answer: str) -> Verdict:
    """Safe 0, controversial 0.5, unsafe 1, with the categories that the second line names.

    Raises:
        GuardError: not these two lines, or lines that contradict each other.

    Source: model card of Qwen/Qwen3Guard-Gen, "Moderating User Prompt"; Qwen3Guard Technical Report, section 3.
    """
    found = _QWEN3GUARD.fullmatch(answer.strip())
    if found is None:
        raise GuardError("answered out of form")
    names = () if found[2] == "None" else tuple(name.strip() for name in found[2].split(","))
    severity = _SEVERITY[found[1]]
    if (severity > 0) != bool(names):
        raise GuardError("named a verdict and no category, or a category and no verdict")
    return Verdict(severity, names)


def read_llama_guard(answer: str) -> Verdict:
    """Safe 0, unsafe 1 with the codes on the second line.

    Raises:
        GuardError: neither.

    Source: model cards and prompt formats of Llama Guard 3 and 4.
    """
    found = _LLAMA_GUARD.fullmatch(answer.strip())
    if found is None:
        raise GuardError("answered out of form")
    return Verdict(1.0, tuple(code.strip() for code in found[1].split(","))) if found[1] else Verdict(0.0, ())


def _granite(question: str) -> Mapping[str, object]:
    """A risk that Granite Guardian 3.0 to 3.2 knows by name, or one in words."""
    known = _RISK_NAME.fullmatch(question) is not None
    risk = {"risk_name": question} if known else {"risk_name": "custom", "risk_definition": question}
    return {"guardian_config": risk}


def _granite_score(question: str) -> Mapping[str, object]:
    """A criterion that Granite Guardian 3.3 and later knows by name, or one in words; without its thinking aloud."""
    key = "criteria_id" if _RISK_NAME.fullmatch(question) else "custom_criteria"
    return {"guardian_config": {key: question}, "think": False}


def _meaning(**categories: str | None) -> Mapping[str, Label | None]:
    return {name.replace("_", " "): Label(category) if category else None for name, category in categories.items()}


_QWEN3GUARD_LABELS = {
    **_meaning(Violent="violence", Sexual_Content_or_Sexual_Acts="sexual", Unethical_Acts="hate"),
    **_meaning(Copyright_Violation="ip", Jailbreak="illicit", PII="public-figure"),
    "Non-violent Illegal Acts": Label("illicit"),
    "Suicide & Self-Harm": Label("self-harm"),
    "Politically Sensitive Topics": None,
}
# Llama Guard 3 and 4 follow the MLCommons hazards: S1 violent crimes, S2 other crimes, S3 sex crimes, S4 child sexual
# exploitation, S5 defamation, S6 specialised advice, S7 privacy, S8 intellectual property, S9 indiscriminate weapons,
# S10 hate, S11 suicide and self-harm, S12 sexual content, S13 elections, S14 code interpreter abuse.
_LLAMA_GUARD_LABELS = _meaning(
    S1="illicit/violent", S2="illicit", S3="sexual", S4="sexual/minors", S5="public-figure", S6=None,
    S7="public-figure", S8="ip", S9="weapons", S10="hate", S11="self-harm", S12="sexual", S13=None, S14="illicit",
)  # fmt: skip

WRITTEN: Mapping[str, WrittenFormat] = {
    "qwen3guard": WrittenFormat(read_qwen3guard, _QWEN3GUARD_LABELS, max_new_tokens=64),
    "llama-guard": WrittenFormat(read_llama_guard, _LLAMA_GUARD_LABELS, max_new_tokens=48),
}

# Sources: model cards of google/shieldgemma ("guideline" of its chat template, probability of Yes against No) and of
# ibm-granite/granite-guardian-3.0 to 3.2 (Yes or No) and 3.3 (<score> yes </score>).
ASKED: Mapping[str, AskedFormat] = {
    "shieldgemma": AskedFormat(lambda question: {"guideline": question}),
    "granite-guardian": AskedFormat(_granite),
    "granite-guardian-score": AskedFormat(_granite_score, lead="<score>"),
}
