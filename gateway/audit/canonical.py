"""The canonical bytes of an audit entry, the commitments in them, and what opens these.

An entry is one JSON object in the form of RFC 8785; its bytes are the same for every reader. A private value stands in
it as SHA-256(salt ‖ canonical value) alone. Salt and value are kept apart, each for one audience, and exports differ in
the openings they carry and in nothing else. Where they were erased the entry still verifies, the field redacted.
"""

import dataclasses
import hashlib
import hmac
import json
import math
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, cast, get_args

import rfc8785

Audience = Literal["operator", "organization", "officer"]

COMMITMENTS = "commitments"
SALT_BYTES = 16
MAX_INTEGER = 2**53 - 1  # RFC 8785 and RFC 7493: beyond it readers disagree
MAX_DEPTH = 16
OPENING_FIELDS = {"audience", "field", "salt", "value"}


class EntryError(ValueError):
    """A value has no canonical form that reader and database give alike. The message says where, never what."""


class LineError(ValueError):
    """An exported line does not hold; the message says why."""


class NotCanonicalError(LineError):
    """The line is not the canonical form of what it says: it was changed or rewritten on its way."""


class OpeningError(LineError):
    """An opening is not that of the commitment in the entry."""


@dataclass(frozen=True, slots=True)
class Opening:
    """The salt and value behind one commitment, and who may see them."""

    field: str
    audience: Audience
    salt: bytes = dataclasses.field(repr=False)
    value: Any = dataclasses.field(repr=False)  # JSON


@dataclass(frozen=True, slots=True)
class Verified:
    """What a line proves: the entry, its bytes, the values that were opened, the names of those that were not."""

    entry: dict[str, Any]
    body: bytes
    opened: dict[str, Any]
    redacted: tuple[str, ...]


def build(entry: Mapping[str, Any], private: Mapping[str, tuple[Audience, Any]]) -> tuple[bytes, list[Opening]]:
    """The canonical bytes of an entry whose private values are committed to, and what opens them.

    Args:
        entry: what every reader sees. No floats, integers within ±(2^53 - 1), strings without NUL.
        private: field to (audience, value). Values may hold finite floats within the same bounds.

    Raises:
        EntryError: a value breaks those rules, an audience is unknown, or the entry has commitments of its own.
    """
    if COMMITMENTS in entry:
        raise EntryError(f"entry.{COMMITMENTS} is written here alone")
    public = _plain(entry, "entry", floats=False)
    openings = [_opening(name, audience, value) for name, (audience, value) in private.items()]
    if openings:
        public[COMMITMENTS] = {o.field: commitment(o.salt, o.value) for o in openings}
    return rfc8785.dumps(public), openings


def commitment(salt: bytes, value: Any) -> str:
    """Hex of SHA-256(salt ‖ canonical value).

    Raises:
        EntryError: the value has no canonical form.
    """
    return hashlib.sha256(salt + rfc8785.dumps(_plain(value, "value", floats=True))).hexdigest()


def to_line(body: bytes, openings: Iterable[Opening]) -> bytes:
    """One line of an export, without its newline: the stored bytes as they are, and what this reader may see opened."""
    shown = [
        {"audience": o.audience, "field": o.field, "salt": o.salt.hex(), "value": _plain(o.value, o.field, floats=True)}
        for o in sorted(openings, key=lambda opening: opening.field)
    ]
    return b'{"entry":' + body + b',"openings":' + rfc8785.dumps(shown) + b"}"


def verify_line(json_line: bytes) -> Verified:
    """What an exported line proves by itself. That no line is missing or was put in is for the sealed log to show.

    Raises:
        NotCanonicalError: not JSON, not of this shape, or not byte for byte its canonical form.
        OpeningError: an opening is doubled, malformed, of nothing committed to, or of another value.
    """
    line = _parsed(json_line.removesuffix(b"\n"))
    if not isinstance(line, dict) or set(line) != {"entry", "openings"} or not isinstance(line["entry"], dict):
        raise NotCanonicalError("a line is an object of entry and openings")
    try:
        entry = _plain(line["entry"], "entry", floats=False)
    except EntryError as error:
        raise NotCanonicalError(str(error)) from None
    committed = _commitments(entry)
    opened: dict[str, Any] = {}
    if not isinstance(line["openings"], list):
        raise OpeningError("openings is not a list")
    for shown in line["openings"]:
        name, value = _opened(shown, committed)
        if name in opened:
            raise OpeningError(f"{name} is opened twice")
        opened[name] = value
    redacted = tuple(sorted(set(committed) - set(opened)))
    return Verified(entry, rfc8785.dumps(entry), opened, redacted)


def _opening(name: str, audience: Audience, value: Any) -> Opening:
    if audience not in get_args(Audience):
        raise EntryError(f"private.{name} is for {audience!r}, which is none of {', '.join(get_args(Audience))}")
    plain = _plain(value, f"private.{name}", floats=True)
    _plain(name, "the name of a private field", floats=False)
    return Opening(name, audience, secrets.token_bytes(SALT_BYTES), plain)


def _plain(value: Any, where: str, *, floats: bool, depth: int = 0) -> Any:
    """The value in JSON's own types, checked. PostgreSQL's jsonb must take it and give the same back, hence no NUL."""
    if depth > MAX_DEPTH:
        raise EntryError(f"{where} is nested deeper than {MAX_DEPTH}")
    match value:
        case None | bool():
            return value
        case str():
            return _text(value, where)
        case int() | float():
            return _number(value, where, floats=floats)
        case list() | tuple():
            return [_plain(item, f"{where}[{i}]", floats=floats, depth=depth + 1) for i, item in enumerate(value)]
        case Mapping():
            if not all(isinstance(key, str) for key in value):
                raise EntryError(f"{where} has a key that is no string")
            return {
                _text(key, f"a key of {where}"): _plain(item, f"{where}.{key}", floats=floats, depth=depth + 1)
                for key, item in value.items()
            }
        case _:
            raise EntryError(f"{where} is a {type(value).__name__}, which JSON does not have")


def _text(value: str, where: str) -> str:
    if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise EntryError(f"{where} has a NUL or half a surrogate pair in it")
    return value[:]  # of a str subclass, an enumeration for one, the plain text


def _number(value: float, where: str, *, floats: bool) -> float:
    if isinstance(value, float) and not floats:
        raise EntryError(f"{where} is a float: say it in an integer unit, or commit to it")
    if not math.isfinite(value) or abs(value) > MAX_INTEGER:
        raise EntryError(f"{where} is not a finite number within ±{MAX_INTEGER}")
    return float(value) if isinstance(value, float) else int(value)


def _parsed(text: bytes) -> Any:
    try:
        parsed = json.loads(text.decode("utf-8"), parse_constant=_refused_constant)
        canonical = rfc8785.dumps(parsed)
    except (ValueError, RecursionError) as error:
        raise NotCanonicalError(f"not JSON that has a canonical form ({type(error).__name__})") from None
    if canonical != text:
        raise NotCanonicalError("the bytes are not the canonical form of what they say")
    return parsed


def _refused_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _commitments(entry: Mapping[str, Any]) -> dict[str, str]:
    committed = entry.get(COMMITMENTS, {})
    if not isinstance(committed, dict) or not all(_is_hex(value, 32) for value in committed.values()):
        raise NotCanonicalError(f"entry.{COMMITMENTS} is not an object of SHA-256 values in hex")
    return cast("dict[str, str]", committed)


def _opened(shown: Any, committed: Mapping[str, str]) -> tuple[str, Any]:
    if not isinstance(shown, dict) or set(shown) != OPENING_FIELDS or not isinstance(shown["field"], str):
        raise OpeningError(f"an opening is an object of {', '.join(sorted(OPENING_FIELDS))}")
    name = shown["field"]
    if shown["audience"] not in get_args(Audience) or not _is_hex(shown["salt"], SALT_BYTES):
        raise OpeningError(f"the opening of {name} has an unknown audience or no {SALT_BYTES}-byte salt in hex")
    if name not in committed:
        raise OpeningError(f"{name} is opened and nothing in the entry commits to it")
    if not hmac.compare_digest(_commitment_of(name, bytes.fromhex(shown["salt"]), shown["value"]), committed[name]):
        raise OpeningError(f"the opening of {name} is not what the entry commits to")
    return name, shown["value"]


def _commitment_of(name: str, salt: bytes, value: Any) -> str:
    try:
        return commitment(salt, value)
    except EntryError as error:
        raise OpeningError(f"the opening of {name}: {error}") from None


def _is_hex(value: Any, num_bytes: int) -> bool:
    return isinstance(value, str) and re.fullmatch(rf"[0-9a-f]{{{2 * num_bytes}}}", value) is not None
