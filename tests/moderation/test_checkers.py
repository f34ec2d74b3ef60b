"""The guard around a checker: whatever goes wrong becomes an error, never a score, and never touches a neighbour."""

import math
import threading
from collections.abc import Callable, Sequence

import pytest

from moderation.assessments import Assessment, Modality
from moderation.checkers import CheckerError, CheckerPlan, GuardedChecker, Probe
from moderation.coverage import Coverage

Answer = Callable[[Sequence[str]], list[list[Assessment]]]


def said(text: str, scores: dict[str, float], *, checker: str = "test") -> Assessment:
    return Assessment(checker, "1", "ab", "prompt", text, "whole", scores)


class ScriptedChecker:
    """A checker that answers as it is told."""

    name = "test"
    version = "1"
    weights_sha256 = "ab"
    coverage = Coverage("test", ("prompt",), ("violence",), None, None)

    def __init__(self, answer: Answer) -> None:
        self.assess = answer


def guarded(answer: Answer, *, probes: tuple[Probe[str], ...] = (), limit_s: float = 5.0) -> GuardedChecker[str]:
    def describe(text: str) -> tuple[tuple[Modality, str], ...]:
        return (("prompt", text),)

    plan = CheckerPlan("test", lambda: ScriptedChecker(answer), probes, limit_s)
    return GuardedChecker(plan, describe=describe)


def test_good_answers_pass_through_in_order() -> None:
    checker = guarded(lambda texts: [[said(text, {"violence": 0.5})] for text in texts])

    assert [answer[0].input_sha256 for answer in checker.assess(["a", "b"])] == ["a", "b"]
    assert checker.assess([]) == []


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf, -0.01, 1.01])
def test_a_score_that_is_no_probability_is_an_error(score: float) -> None:
    answer = guarded(lambda texts: [[said(text, {"violence": score})] for text in texts]).assess(["a"])[0][0]

    assert answer.error is not None
    assert answer.scores == {}


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_the_ends_of_the_scale_are_scores(score: float) -> None:
    answer = guarded(lambda texts: [[said(text, {"violence": score})] for text in texts]).assess(["a"])[0][0]

    assert (answer.error, answer.scores) == (None, {"violence": score})


@pytest.mark.parametrize(
    "answer",
    [
        lambda texts: [[said(text, {"rudeness": 0.5})] for text in texts],
        lambda texts: [[said(text, {"violence": 0.5}, checker="other")] for text in texts],
        lambda texts: [[] for _ in texts],
        lambda _texts: [],
        lambda texts: [[said(text, {})] for text in [*texts, "more"]],
    ],
)
def test_an_answer_that_makes_no_sense_is_an_error(answer: Answer) -> None:
    assert guarded(answer).assess(["a"])[0][0].error is not None


def test_an_input_that_breaks_the_checker_leaves_its_neighbours_screened() -> None:
    def answer(texts: Sequence[str]) -> list[list[Assessment]]:
        if "bad" in texts:
            raise ValueError("cannot read it")
        return [[said(text, {"violence": 0.1})] for text in texts]

    answers = guarded(answer).assess(["a", "bad", "b"])

    assert [each[0].error for each in answers] == [None, "ValueError: cannot read it", None]


def test_a_slow_checker_is_an_error_and_is_not_waited_for_again() -> None:
    release = threading.Event()
    calls = []

    def answer(texts: Sequence[str]) -> list[list[Assessment]]:
        calls.append(len(texts))
        release.wait(10)
        return [[said(text, {})] for text in texts]

    checker = guarded(answer, limit_s=0.05)

    first, second = checker.assess(["a", "b"]), checker.assess(["c"])
    release.set()

    assert [each[0].error for each in first] == ["took longer than 0.05 s"] * 2
    assert second[0][0].error == "still busy with a batch that took too long"
    assert calls == [2]


def test_a_checker_that_was_slow_once_answers_again() -> None:
    release = threading.Event()
    slow = [True]

    def answer(texts: Sequence[str]) -> list[list[Assessment]]:
        if slow.pop() if slow else False:
            release.wait(10)
        return [[said(text, {})] for text in texts]

    checker = guarded(answer, limit_s=0.1)
    assert checker.assess(["a"])[0][0].error
    release.set()
    while checker.assess(["b"])[0][0].error:
        pass

    assert checker.assess(["c"])[0][0].error is None


def test_a_checker_that_cannot_be_loaded_answers_with_why() -> None:
    def load() -> ScriptedChecker:
        raise CheckerError("weights.onnx: missing")

    checker: GuardedChecker[str] = GuardedChecker(
        CheckerPlan("test", load, ()), describe=lambda text: (("prompt", text),)
    )

    answer = checker.assess(["a"])[0][0]

    assert answer.error == "not loaded: CheckerError: weights.onnx: missing"
    assert (answer.checker, answer.modality, answer.input_sha256) == ("test", "prompt", "a")
    assert checker.coverage is None


def test_a_probe_whose_score_is_out_of_bounds_fails_the_self_test() -> None:
    probes = (Probe("calm", None, 0.0, 0.2), Probe("fight", "violence", 0.5, 1.0))

    awake = guarded(lambda texts: [[said(t, {"violence": 0.9 if t == "fight" else 0.1})] for t in texts], probes=probes)
    blind = guarded(lambda texts: [[said(t, {"violence": 0.0})] for t in texts], probes=probes)
    jumpy = guarded(lambda texts: [[said(t, {"violence": 1.0})] for t in texts], probes=probes)
    silent = guarded(lambda texts: [[said(t, {})] for t in texts], probes=probes)

    assert awake.self_test() == []
    assert [len(each.self_test()) for each in (blind, jumpy, silent)] == [1, 1, 1]


def test_a_probe_that_errs_or_is_unknown_fails_the_self_test() -> None:
    def answer(texts: Sequence[str]) -> list[list[Assessment]]:
        return [[Assessment("test", "1", "ab", "prompt", t, "whole", {}, unknown=("language:am",))] for t in texts]

    assert guarded(answer, probes=(Probe("calm", None, 0.0, 1.0),)).self_test() == ["test: probe 1: language:am"]
