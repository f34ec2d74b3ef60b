"""JSON Lines, strictly: what a line may hold, and an error that says where and what is wrong."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO

MAX_LINE_BYTES = 4 * 1024 * 1024
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Line:
    """What stands on a good line: the caller's own name for it, and its text fields."""

    id: str | int
    fields: Mapping[str, str]


class BadLineError(ValueError):
    """A line that cannot be used: the message names line, field, value and what is allowed."""

    def __init__(self, number: int, field: str, value: object, allowed: str, *, id_: str | int | None = None) -> None:
        shown = value if isinstance(value, str) else repr(value)
        shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}… ({len(shown)} characters)"
        super().__init__(f"line {number}: {field}: {shown!r}; {allowed}")
        self.id = id_


def lines_of(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file without their ends, none longer than one byte past the limit: memory stays constant."""
    while line := file.readline(MAX_LINE_BYTES + 1):
        yield line.rstrip(b"\r\n")
        while line and not line.endswith(b"\n") and len(line) > MAX_LINE_BYTES:
            line = file.readline(MAX_LINE_BYTES + 1)


def parse(line: bytes, number: int, *, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> Line:
    """What stands on a line: an `id` (text or a whole number), every required field, and no unknown one.

    Raises:
        BadLineError: too long, not UTF-8, not JSON, not an object, a field missing, unknown, empty or of another type.
    """
    record = _object(line, number)
    id_ = record.get("id")
    if not isinstance(id_, (str, int)) or isinstance(id_, bool):
        raise BadLineError(number, "id", id_, "text or a whole number")
    known = ("id", *required, *optional)
    for name, value in record.items():
        if name not in known:
            raise BadLineError(number, name, value, f"known fields: {', '.join(known)}", id_=id_)
    fields: dict[str, str] = {}
    for name in (*required, *optional):
        value = record.get(name, "" if name in optional else None)
        if not isinstance(value, str) or not (value or name in optional):
            raise BadLineError(number, name, value, "text" + " of at least 1 character" * (name in required), id_=id_)
        fields[name] = value
    return Line(id_, fields)


def _object(line: bytes, number: int) -> dict[str, object]:
    if len(line) > MAX_LINE_BYTES:
        raise BadLineError(number, "line", f"{line[:40]!r}…", f"at most {MAX_LINE_BYTES} bytes")
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise BadLineError(number, "line", line.decode("utf-8", "replace"), "one JSON object in UTF-8") from None
    if not isinstance(record, dict):
        raise BadLineError(number, "line", record, "one JSON object in UTF-8")
    return record
