"""The fields of a checkers file, read and checked one by one."""

import re
from collections.abc import Mapping, Sequence
from typing import cast

from moderation.taxonomy import CATEGORIES


class CheckerConfigurationError(ValueError):
    """A checkers file that cannot be used.

    Attributes:
        field: where, as a path: "prompt[0].family".
        limit: what is allowed there.
    """

    code = "invalid_checkers"

    def __init__(self, field: str, value: object, limit: str) -> None:
        super().__init__(f"{field}: {str(value)[:120]!r} is not allowed; {limit}")
        self.field = field
        self.limit = limit


def known_fields(entry: Mapping[str, object], known: frozenset[str], field: str) -> None:
    """Nothing, if an entry has no other fields.

    Raises:
        CheckerConfigurationError: it has one.
    """
    for name in entry:
        if name not in known:
            raise CheckerConfigurationError(f"{field}.{name}", entry[name], f"known fields: {', '.join(sorted(known))}")


def limit_s(entry: Mapping[str, object], field: str, *, default: float) -> float:
    """How long one batch may take, in seconds.

    Raises:
        CheckerConfigurationError: not a number above 0 and up to 3600.
    """
    value = entry.get("limit_s", default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 3600:
        raise CheckerConfigurationError(f"{field}.limit_s", value, "a number above 0 and up to 3600")
    return float(value)


def text(value: object, field: str, limit: str, *, pattern: re.Pattern[str] | None = None) -> str:
    """A text that is not empty and, where there is a pattern, is like it.

    Raises:
        CheckerConfigurationError: it is not; `limit` says what is allowed.
    """
    if not isinstance(value, str) or not value or (pattern is not None and pattern.fullmatch(value) is None):
        raise CheckerConfigurationError(field, value, limit)
    return value


def words(value: object, field: str, limit: str) -> tuple[str, ...]:
    """A list of at least one text, none of them empty.

    Raises:
        CheckerConfigurationError: it is not; `limit` says what is allowed.
    """
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise CheckerConfigurationError(field, value, limit)
    if not all(isinstance(word, str) and word for word in value):
        raise CheckerConfigurationError(field, value, limit)
    return tuple(value)


def share(value: object, field: str) -> float:
    """A number from 0 to 1.

    Raises:
        CheckerConfigurationError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value <= 1.0:
        raise CheckerConfigurationError(field, value, "a number from 0 to 1")
    return float(value)


def count(value: object, field: str, *, highest: int) -> int:
    """A whole number from 1 to `highest`.

    Raises:
        CheckerConfigurationError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= highest:
        raise CheckerConfigurationError(field, value, f"a whole number from 1 to {highest}")
    return value


def category(value: object, field: str) -> str:
    """A category of the taxonomy.

    Raises:
        CheckerConfigurationError: it is not.
    """
    if not isinstance(value, str) or value not in CATEGORIES:
        raise CheckerConfigurationError(field, value, f"one of {', '.join(CATEGORIES)}")
    return value


def table(value: object, field: str, limit: str) -> Mapping[str, object]:
    """An object with at least one field.

    Raises:
        CheckerConfigurationError: it is not; `limit` says what is allowed.
    """
    if not isinstance(value, Mapping) or not value:
        raise CheckerConfigurationError(field, value, limit)
    return cast(Mapping[str, object], value)
