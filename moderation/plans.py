"""How an entry of a checkers file becomes the plan of a checker."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from moderation.checker_fields import CheckerConfigurationError, known_fields, limit_s
from moderation.checkers import Checker, CheckerPlan, Probe

InputT = TypeVar("InputT")

# Reads one entry, whose path in the file is the second argument.
# Raises CheckerConfigurationError, which names the field, its value and what is allowed.
Family = Callable[[Mapping[str, object], str], CheckerPlan[InputT]]

LIMIT_S = 60.0
_FIELDS = frozenset({"family", "limit_s"})


def read_plans(entries: object, field: str, families: Mapping[str, Family[InputT]]) -> list[CheckerPlan[InputT]]:
    """The plan of each entry of a list, whose path in the file is `field`, by the family it names.

    Raises:
        CheckerConfigurationError: names the field, its value and what is allowed.
    """
    if not isinstance(entries, (list, tuple)) or not entries:
        raise CheckerConfigurationError(field, entries, "a list of at least one checker")
    plans = []
    for number, entry in enumerate(entries):
        where = f"{field}[{number}]"
        if not isinstance(entry, Mapping):
            raise CheckerConfigurationError(where, entry, "an object with a `family`")
        name = entry.get("family")
        if not isinstance(name, str) or name not in families:
            raise CheckerConfigurationError(f"{where}.family", name, f"one of {', '.join(families)}")
        plans.append(families[name](entry, where))
    return plans


def shipped(
    name: str, load: Callable[[], Checker[InputT]], *probes: Probe[InputT]
) -> Callable[[Mapping[str, object], str], CheckerPlan[InputT]]:
    """A family of one checker that comes with its weights: its entry has `family` and `limit_s` only."""

    def read(entry: Mapping[str, object], field: str) -> CheckerPlan[InputT]:
        known_fields(entry, _FIELDS, field)
        return CheckerPlan(name, load, probes, limit_s(entry, field, default=LIMIT_S))

    return read


def warmed(load: Callable[[], Checker[InputT]], given: InputT) -> Callable[[], Checker[InputT]]:
    """The same checker, that has looked once before its first real input comes: so that none waits for what is lazy."""

    def load_and_look() -> Checker[InputT]:
        checker = load()
        checker.assess([given])
        return checker

    return load_and_look
