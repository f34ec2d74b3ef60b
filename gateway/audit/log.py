"""Appending to the audit log: an entry stands in the transaction of its change, or the change does not commit."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg.types.json import Json

from gateway.audit import canonical
from gateway.audit.actions import ACTIONS, UnknownActionError
from gateway.models.fields import new_id

Audience = Literal["operator", "organization", "officer"]
Private = Mapping[str, tuple[Audience, Any]]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it. A person's identity never stands in the canonical bytes: only a commitment to it does."""

    kind: Literal["api_key", "person", "worker", "system"]
    id: uuid.UUID | str

    def canonical(self) -> dict[str, str]:
        return {"kind": self.kind} if self.kind == "person" else {"kind": self.kind, "id": str(self.id)}

    def private(self) -> dict[str, tuple[Audience, Any]]:
        return {"person": ("operator", str(self.id))} if self.kind == "person" else {}


@dataclass(slots=True)
class Entries:
    """The entries of one transaction, written together at its end."""

    at: datetime
    actor: Actor
    organization_id: uuid.UUID | None
    generation_id: uuid.UUID | None
    _entries: list[tuple[Any, ...]] = field(default_factory=list)
    _openings: list[tuple[Any, ...]] = field(default_factory=list)

    def append(
        self,
        *,
        kind: str,
        target: uuid.UUID,
        was: str | None,
        to: str,
        action: str,
        detail: Mapping[str, Any] | None = None,
        private: Private | None = None,
    ) -> None:
        """Note one change.

        Raises:
            UnknownActionError: the registry does not know `action`.
        """
        if action not in ACTIONS:
            raise UnknownActionError(action)
        entry_id = new_id()
        entry: dict[str, Any] = {
            **(detail or {}),  # first, so that no detail can stand in for what follows
            "v": 1,
            "id": str(entry_id),
            "at": self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "organization": _text(self.organization_id),
            "generation": _text(self.generation_id),
            "kind": kind,
            "target": str(target),
            "from": was,
            "to": to,
            "action": action,
            "actor": self.actor.canonical(),
        }
        body, openings = canonical.build(entry, {**self.actor.private(), **(private or {})})
        self._entries.append((entry_id, self.organization_id, self.generation_id, target, was, to, body))
        self._openings += [(entry_id, o.field, self.generation_id, o.audience, o.salt, Json(o.value)) for o in openings]

    def write(self, cursor: CursorWrapper) -> None:
        """Insert what was noted, in at most two statements."""
        _insert(
            cursor, "audit (id, organization_id, generation_id, target_id, from_status, to_status, body)", self._entries
        )
        _insert(cursor, "audit_private (audit_id, field, generation_id, audience, salt, value)", self._openings)
        self._entries, self._openings = [], []


def _insert(cursor: CursorWrapper, into: str, rows: list[tuple[Any, ...]]) -> None:
    if rows:
        places = ", ".join(["(" + ", ".join(["%s"] * len(rows[0])) + ")"] * len(rows))
        cursor.execute(f"INSERT INTO {into} VALUES {places}", [value for row in rows for value in row])  # noqa: S608


def _text(value: uuid.UUID | None) -> str | None:
    return None if value is None else str(value)


def record(
    *,
    kind: str,
    target: uuid.UUID,
    was: str | None,
    to: str,
    action: str,
    actor: Actor,
    organization_id: uuid.UUID | None = None,
    detail: Mapping[str, Any] | None = None,
    private: Private | None = None,
) -> None:
    """One entry about something that is no generation's (a key, an account, an export), in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        entries = Entries(at=cursor.fetchone()[0], actor=actor, organization_id=organization_id, generation_id=None)
        entries.append(kind=kind, target=target, was=was, to=to, action=action, detail=detail, private=private)
        entries.write(cursor)
