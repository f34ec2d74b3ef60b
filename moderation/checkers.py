"""What a checker is, and the guard that stands around each: whatever goes wrong becomes an error, never a score."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from moderation.assessments import Assessment, Modality
from moderation.coverage import Coverage
from moderation.taxonomy import CATEGORIES

InputT = TypeVar("InputT")
InputT_contra = TypeVar("InputT_contra", contravariant=True)

_LOAD_AGAIN_AFTER_S = 30.0
_UNKNOWN_VERSION = "not loaded"


class CheckerError(RuntimeError):
    """A checker that cannot be built or cannot answer: weights missing or altered, or an answer that makes no sense."""


@dataclass(frozen=True, slots=True)
class Probe(Generic[InputT]):
    """An input whose answer is known: the score of `category` lies between the bounds, or the checker is blind.

    With `category` None, no score at all may be above `at_most`.
    """

    given: InputT
    category: str | None
    at_least: float
    at_most: float


class Checker(Protocol[InputT_contra]):
    """One way of looking. `assess` answers every input, in order, with one assessment or more."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def weights_sha256(self) -> str: ...
    @property
    def coverage(self) -> Coverage: ...
    def assess(self, inputs: Sequence[InputT_contra], /) -> list[list[Assessment]]: ...


@dataclass(frozen=True, slots=True)
class CheckerPlan(Generic[InputT]):
    """How to get a checker: how it is loaded, how long one batch may take, what it must be able to tell apart."""

    name: str
    load: Callable[[], Checker[InputT]]
    probes: tuple[Probe[InputT], ...]
    limit_s: float = 60.0


class GuardedChecker(Generic[InputT]):
    """A checker that always answers, in time: with its assessments, or with an error for each input.

    A checker that could not be loaded is tried again every 30 s, so that it comes back by itself.
    """

    def __init__(
        self, plan: CheckerPlan[InputT], *, describe: Callable[[InputT], tuple[tuple[Modality, str], ...]]
    ) -> None:
        """`describe` gives the modalities of an input with the hash of what each holds, for errors to name."""
        self.name = plan.name
        self._plan = plan
        self._describe = describe
        self._checker: Checker[InputT] | None = None
        self._load_failure = ""
        self._load_failed_at_s = -math.inf
        self._late: threading.Thread | None = None

    @property
    def coverage(self) -> Coverage | None:
        """What it can judge; None while it is not loaded."""
        checker = self._loaded()
        return checker.coverage if checker else None

    def assess(self, inputs: Sequence[InputT]) -> list[list[Assessment]]:
        """What the checker says of each input; never raises for what a checker does."""
        if not inputs:
            return []
        checker = self._loaded()
        if checker is None:
            return [self._failed(each, self._load_failure) for each in inputs]
        answers, failure = self._answer(checker, inputs)
        if answers is not None:
            return [self._sound(each, answer) for each, answer in zip(inputs, answers, strict=True)]
        if len(inputs) == 1 or self._late is not None:
            return [self._failed(each, failure) for each in inputs]
        # One input that breaks a checker must not leave its neighbours unscreened.
        return [self.assess([each])[0] for each in inputs]

    def self_test(self) -> list[str]:
        """What is wrong with it, in words; empty if every probe gave the answer that is known."""
        self._load_failed_at_s = -math.inf  # whoever asks for a test asks for a try
        faults = []
        for number, probe in enumerate(self._plan.probes, start=1):
            assessments = self.assess([probe.given])[0]
            faults += [f"{self.name}: probe {number}: {each.error}" for each in assessments if each.error]
            faults += [f"{self.name}: probe {number}: {what}" for each in assessments for what in each.unknown]
            scores = {
                name: max(each.scores.get(name, 0.0) for each in assessments)
                for name in {name for each in assessments for name in each.scores}
            }
            looked_at = scores if probe.category is None else {probe.category: scores.get(probe.category, 0.0)}
            faults += [
                f"{self.name}: probe {number}: {name} scored {score:.3f}, not {probe.at_least} to {probe.at_most}"
                for name, score in looked_at.items()
                if not probe.at_least <= score <= probe.at_most
            ]
        return faults

    def _loaded(self) -> Checker[InputT] | None:
        now_s = time.monotonic()
        if self._checker is None and now_s - self._load_failed_at_s >= _LOAD_AGAIN_AFTER_S:
            try:
                self._checker = self._plan.load()
            except Exception as error:  # noqa: BLE001  whatever keeps it from loading, its inputs are held and this says why
                self._load_failure = f"not loaded: {_said(error)}"
                self._load_failed_at_s = now_s
        return self._checker

    def _answer(self, checker: Checker[InputT], inputs: Sequence[InputT]) -> tuple[list[list[Assessment]] | None, str]:
        """The answers, or None and why there are none. A call past its limit goes on alone; nobody waits for it."""
        if self._late is not None and self._late.is_alive():
            return None, "still busy with a batch that took too long"
        self._late = None
        answers: list[list[list[Assessment]]] = []
        failures: list[str] = []

        def call() -> None:
            try:
                answers.append(checker.assess(inputs))
            except Exception as error:  # noqa: BLE001  a checker that fails holds its input and records why
                failures.append(_said(error))

        thread = threading.Thread(target=call, name=f"checker {self.name}", daemon=True)
        thread.start()
        thread.join(self._plan.limit_s)
        if thread.is_alive():
            self._late = thread
            return None, f"took longer than {self._plan.limit_s:g} s"
        if failures:
            return None, failures[0]
        if len(answers[0]) != len(inputs):
            return None, f"answered {len(answers[0])} of {len(inputs)} inputs"
        return answers[0], ""

    def _sound(self, given: InputT, answer: list[Assessment]) -> list[Assessment]:
        """The answer with whatever makes no sense in it turned into errors."""
        if not answer:
            return self._failed(given, "gave no assessment")
        return [
            replace(each, scores={}, error=fault) if (fault := self._fault_of(each)) is not None else each
            for each in answer
        ]

    def _fault_of(self, assessment: Assessment) -> str | None:
        if assessment.error is not None:
            return assessment.error
        if assessment.checker != self.name:
            return f"answered as {assessment.checker!r}"
        for name, score in assessment.scores.items():
            if name not in CATEGORIES:
                return f"scored an unknown category {name!r}"
            if not (math.isfinite(score) and 0.0 <= score <= 1.0):
                return f"scored {name} {score}, not a number from 0 to 1"
        return None

    def _failed(self, given: InputT, why: str) -> list[Assessment]:
        checker = self._checker
        return [
            Assessment(
                checker=self.name,
                version=checker.version if checker else _UNKNOWN_VERSION,
                weights_sha256=checker.weights_sha256 if checker else "",
                modality=modality,
                input_sha256=sha256,
                seen="nothing",
                scores={},
                error=why,
            )
            for modality, sha256 in self._describe(given)
        ]


def _said(error: Exception) -> str:
    """An error in one line, without the text that it may quote: the record keeps it longer than the prompt."""
    return f"{type(error).__name__}: {error}"[:300]
