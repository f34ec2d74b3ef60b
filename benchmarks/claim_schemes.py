"""Three ways to hand each reviewer the next case: ours, and two that peers of this program use, over the same cases.

Each is measured by itself; ours and the faster peer also with the entry in the audit log, which no peer writes and
ours never goes without; and at last what the desk really calls. Peers have one order for all cases and no lanes, and so
one index of it, made by `TABLES`: each of their looks is one probe, where ours looks at every lane of every queue.
"""

import uuid
from collections.abc import Callable

from django.conf import settings
from django.db import connection, transaction

from gateway.audit.log import Actor, Entries
from gateway.models import User
from gateway.models.fields import new_id
from review import claims

Scheme = Callable[[User], tuple[uuid.UUID, ...]]

TABLES = """
    CREATE TABLE peer_claim (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, case_id uuid NOT NULL,
        user_id uuid NOT NULL, until timestamptz NOT NULL DEFAULT now() + interval '5 minutes');
    CREATE INDEX ON peer_claim (case_id);
    CREATE INDEX peer_order ON review_case (priority DESC, due_at, id) WHERE status = 'open';
    GRANT ALL ON peer_claim TO people"""

_FIRST_WITHOUT_CLAIM = (
    "SELECT c.id FROM review_case c WHERE c.status = 'open' AND NOT EXISTS (SELECT FROM peer_claim k "
    "WHERE k.case_id = c.id AND k.until > now()) ORDER BY c.priority DESC, c.due_at, c.id LIMIT 1"
)


def one_statement(user: User) -> tuple[uuid.UUID, ...]:
    """Ours: the lease on the case itself, SKIP LOCKED, one person for a whole request."""
    with connection.cursor() as cursor:
        cursor.execute(
            claims.CLAIM,
            {
                "user": user.pk, "lanes": list(claims.LANES["reviewer"]), "severes": None, "categories": None,
                "queue": None, "passed_over": [], "oldest": False, "token": new_id(),
                "lease_s": settings.CONFIGURATION.case_lease_s,
            },
        )  # fmt: skip
        return tuple(case_id for case_id, *_ in cursor.fetchall() if case_id is not None)


def check_then_insert(user: User) -> tuple[uuid.UUID, ...]:
    """As Ozone does: look for the first that has no claim, look whether somebody has it after all, insert a claim.

    Nothing stops two people between the look and the insert.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_WITHOUT_CLAIM)
        case_id = cursor.fetchone()[0]
        cursor.execute("SELECT FROM peer_claim WHERE case_id = %s AND until > now()", [case_id])
        if cursor.fetchone() is not None:
            return ()
        cursor.execute("INSERT INTO peer_claim (case_id, user_id) VALUES (%s, %s)", [case_id, user.pk])
    return (case_id,)


def row_walk(user: User) -> tuple[uuid.UUID, ...]:
    """As Label Studio does: fetch the ids of all that waits, walk them, lock the row, count its locks, add one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM review_case WHERE status = 'open' ORDER BY priority DESC, due_at, id")
        ids = [row[0] for row in cursor.fetchall()]
    for case_id in ids:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT FROM review_case WHERE id = %s FOR NO KEY UPDATE SKIP LOCKED", [case_id])
            if cursor.fetchone() is None:
                continue
            cursor.execute("SELECT count(*) FROM peer_claim WHERE case_id = %s AND until > now()", [case_id])
            if cursor.fetchone()[0]:
                continue
            cursor.execute("INSERT INTO peer_claim (case_id, user_id) VALUES (%s, %s)", [case_id, user.pk])
            return (case_id,)
    return ()


def one_statement_logged(user: User) -> tuple[uuid.UUID, ...]:
    """Ours with its entry in the log, in one transaction."""
    with transaction.atomic():
        case_ids = one_statement(user)
        if case_ids:
            _note(user, case_ids[0])
    return case_ids


def check_then_insert_logged(user: User) -> tuple[uuid.UUID, ...]:
    """As `check_then_insert`, with the same entry by the same code."""
    with transaction.atomic():
        case_ids = check_then_insert(user)
        if case_ids:
            _note(user, case_ids[0])
    return case_ids


def _note(user: User, case_id: uuid.UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT g.id, g.organization_id, now() FROM review_case c JOIN generation g ON g.id = c.generation_id "
            "WHERE c.id = %s",
            [case_id],
        )
        generation_id, organization_id, at = cursor.fetchone()
        entries = Entries(
            at=at, actor=Actor("person", user.pk), organization_id=organization_id, generation_id=generation_id
        )
        entries.append(kind="case", target=case_id, was="open", to="open", action="case.claimed")
        entries.write(cursor)


def as_shipped(user: User) -> tuple[uuid.UUID, ...]:
    """What the desk calls: ours with its entry, and with a look at the person's breaks, limits and opt-outs."""
    claim = claims.take(user)
    return () if claim is None else claim.case_ids


SCHEMES: dict[str, Scheme] = {
    "one statement": one_statement,
    "check, then insert": check_then_insert,
    "row walk": row_walk,
    "ours, with entry": one_statement_logged,
    "check, insert, entry": check_then_insert_logged,
    "what the desk calls": as_shipped,
}
