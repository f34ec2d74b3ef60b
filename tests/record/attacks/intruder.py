"""Somebody with a role's password, who knows the tables and goes round every function of ours."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import errors, sql

from gateway.models.fields import new_id
from tests.databases import Record
from tests.record.world import PICTURE, World

GETS_THROUGH = "nothing"


@dataclass(frozen=True)
class Attack:
    """`stopped_by`: the constraint or trigger that the database names, or "rights"."""

    name: str
    stopped_by: str
    run: Callable[[World, "Intruder"], None]


ATTACKS: dict[str, Attack] = {}


def attack(stopped_by: str) -> Callable[[Callable[[World, "Intruder"], None]], Callable[[World, "Intruder"], None]]:
    """Register an attack under its function's name."""

    def register(run: Callable[[World, "Intruder"], None]) -> Callable[[World, "Intruder"], None]:
        ATTACKS[run.__name__] = Attack(run.__name__, stopped_by, run)
        return run

    return register


class Intruder:
    """One open transaction a role; `commit` is where the deferred rules speak."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._connections: dict[str, psycopg.Connection[Any]] = {}

    def as_(self, role: str) -> psycopg.Connection[Any]:
        if role not in self._connections:
            self._connections[role] = self._record.connect(role)
        return self._connections[role]

    def do(self, role: str, statement: str, *parameters: Any) -> Any:
        """The first row that the statement returns, if it returns any."""
        cursor = self.as_(role).execute(statement, parameters)  # type: ignore[arg-type]
        return cursor.fetchone() if cursor.description else None

    def entry(self, role: str, target: uuid.UUID, was: str | None, to: str) -> None:
        """The entry that would stand for such a change, its columns and its bytes in agreement."""
        connection = self.as_(role)
        row = connection.execute("SELECT now()").fetchone()
        assert row is not None
        at: datetime = row[0]
        entry_id = new_id()
        body = {
            "id": str(entry_id),
            "organization": None,
            "generation": None,
            "target": str(target),
            "from": was,
            "to": to,
            "at": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
        connection.execute(
            "INSERT INTO audit (id, target_id, from_status, to_status, body) VALUES (%s, %s, %s, %s, %s)",
            [entry_id, target, was, to, json.dumps(body).encode()],
        )

    def move(self, role: str, table: str, row_id: uuid.UUID, was: str, to: str, **columns: Any) -> None:
        """A change of status, with its entry, round every rule of the lifecycle."""
        values = {"status": to, **columns}
        self.as_(role).execute(
            sql.SQL("UPDATE {} SET {} WHERE id = {}").format(
                sql.Identifier(table),
                sql.SQL(", ").join(
                    sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder()) for name in values
                ),
                sql.Placeholder(),
            ),
            [*values.values(), row_id],
        )
        self.entry(role, row_id, was, to)

    def grant(
        self, role: str, image_id: uuid.UUID, case_id: uuid.UUID | None = None, sha256: bytes = PICTURE
    ) -> uuid.UUID:
        grant_id = new_id()
        self.do(
            role,
            "INSERT INTO release_grant (id, image_id, master_sha256, recipe, case_id) VALUES (%s, %s, %s, 'webp', %s)",
            grant_id, image_id, sha256, case_id,
        )  # fmt: skip
        return grant_id

    def commit(self) -> None:
        for connection in self._connections.values():
            connection.commit()

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()


def refusal_of(an_attack: Attack, record: Record) -> str:
    """What stopped the attack in this record: a constraint's or trigger's name, "rights", or `GETS_THROUGH`."""
    world, intruder = World(record), Intruder(record)
    try:
        an_attack.run(world, intruder)
        intruder.commit()
    except errors.InsufficientPrivilege as error:
        return error.diag.constraint_name or "rights"
    except psycopg.Error as error:
        return error.diag.constraint_name or type(error).__name__
    finally:
        intruder.close()
    return GETS_THROUGH
