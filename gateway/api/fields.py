"""Fields that take what they say and nothing near it: no number as text, no true as one, no field that is unknown."""

from collections.abc import Callable, Mapping
from typing import Any

from rest_framework import serializers

from gateway.api.errors import FieldProblem


class RefusedError(Exception):
    """A value that a field does not take."""

    def __init__(self, code: str, message: str, *, value: Any = None, limit: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.value = value
        self.limit = limit


def _wrong_type(value: Any, wanted: str) -> RefusedError:
    return RefusedError("wrong_type", f"must be {wanted}", value=value, limit=wanted)


def _check_range(field: Any, value: float) -> None:
    low, high = field.min_value, field.max_value
    if (low is not None and value < low) or (high is not None and value > high):
        raise RefusedError("out_of_range", f"must be between {low} and {high}", value=value, limit=[low, high])


class StrictInteger(serializers.IntegerField):
    """A JSON number without fraction; `true` is none."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            raise _wrong_type(data, "an integer")
        _check_range(self, data)
        return data


class StrictNumber(serializers.FloatField):
    """A finite JSON number."""

    def to_internal_value(self, data: Any) -> float:
        if type(data) not in (int, float):
            raise _wrong_type(data, "a number")
        _check_range(self, data)
        return float(data)


class StrictChoice(serializers.ChoiceField):
    """One of the words, exactly."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise _wrong_type(data, "a string")
        if data not in self.choices:
            known = list(self.choices)
            raise RefusedError("unknown_value", f"must be one of {', '.join(known)}", value=data, limit=known)
        return data


class StrictText(serializers.CharField):
    """A string, untrimmed. `check` refuses more than its length in code points."""

    def __init__(self, *, check: Callable[[str], None] | None = None, **options: Any) -> None:
        self._check = check
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise _wrong_type(data, "a string")
        if not data and not self.allow_blank:
            raise RefusedError("empty", "must not be empty", value="", limit=1)
        if self.max_length is not None and len(data) > self.max_length:
            raise RefusedError(
                "too_long", f"has {len(data)} characters; at most {self.max_length} are taken",
                value=len(data), limit=self.max_length,
            )  # fmt: skip
        if self._check is not None:
            self._check(data)
        return data


class ClosedSerializer(serializers.Serializer[Any]):
    """An object with these fields and no other; `read` gives the values or every problem at once."""

    def read(self, document: Mapping[str, Any]) -> tuple[dict[str, Any], list[FieldProblem]]:
        """The fields that are there and good, and what is wrong with the others."""
        known = self.fields
        problems = [
            FieldProblem("unknown_field", name[:100], f"{name[:100]} is not a field of this", limit=list(known))
            for name in document
            if name not in known
        ]
        values = {}
        for name, field in known.items():
            if name in document:
                try:
                    values[name] = field.to_internal_value(document[name])
                except RefusedError as refused:
                    problems.append(
                        FieldProblem(
                            refused.code, name, f"{name} {refused.message}", value=refused.value, limit=refused.limit
                        )
                    )
            elif field.required:
                problems.append(FieldProblem("required", name, f"{name} is missing"))
        return values, problems
