"""The canonical bytes of an audit entry (RFC 8785), and commitments to what they must not hold.

A commitment is SHA-256(salt || canonical value) with a fresh 16-byte salt for each value, so that a short value cannot
be guessed from it; deleting the salt erases the value and leaves the entry valid.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import rfc8785

Audience = Literal["operator", "organization", "officer"]

SALT_BYTES = 16


class NotCanonicalError(ValueError):
    """This cannot be written canonically, or these bytes are not canonical."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens one commitment of an entry, and who may see it."""

    field: str
    audience: Audience
    salt: bytes
    value: Any


def commit(salt: bytes, value: Any) -> str:
    """The commitment to a value, in hex."""
    return hashlib.sha256(salt + rfc8785.dumps(value)).hexdigest()


def build(entry: Mapping[str, Any], private: Mapping[str, tuple[Audience, Any]]) -> tuple[bytes, list[Opening]]:
    """The canonical bytes of an entry, and what opens its commitments; each private field stands under `commitments`.

    Raises:
        NotCanonicalError: a float, an integer beyond 2**53 - 1, or what JSON has no form for.
    """
    openings = [
        Opening(field, audience, secrets.token_bytes(SALT_BYTES), value)
        for field, (audience, value) in private.items()
    ]
    body = dict(entry)
    if openings:
        body["commitments"] = {opening.field: commit(opening.salt, opening.value) for opening in openings}
    _refuse_floats(body)
    try:
        return rfc8785.dumps(body), openings
    except rfc8785.CanonicalizationError as error:
        raise NotCanonicalError(str(error)) from error


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise NotCanonicalError(f"{value!r}: an entry holds no floats; write it as text")
    if isinstance(value, Mapping):
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_floats(item)


def verify_line(line: str) -> dict[str, Any]:
    """The entry of one line of an export, whose body is canonical and whose openings fit its commitments.

    Raises:
        NotCanonicalError: the body was altered, or an opening is not what was committed to.
    """
    exported = json.loads(line)
    body: str = exported["body"]
    entry: dict[str, Any] = json.loads(body)
    if rfc8785.dumps(entry).decode() != body:
        raise NotCanonicalError(f"entry {entry.get('id')}: not canonical")
    commitments = entry.get("commitments", {})
    for opening in exported.get("openings", []):
        if commitments.get(opening["field"]) != commit(bytes.fromhex(opening["salt"]), opening["value"]):
            raise NotCanonicalError(f"entry {entry.get('id')}: {opening['field']} is not what was committed to")
    return entry
