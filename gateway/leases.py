"""Who works on a row and until when: the one statement that hands out work, the beat that keeps it, giving it back.

Statuses stand as literals in these statements: a server-side prepared `status = $1` loses the partial index. Claims,
beats and sweeps take many rows without their generation's lock, and so skip what is locked and leave it for later.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Literal

from django.conf import settings
from django.db import connection, transaction

Stage = Literal["prompt", "pending", "generated", "granted"]

MAX_CRASHES = 3  # so often may a row take its worker with it
BEATS_A_LEASE = 3  # a worker is gone when it missed as many while the database was up


@dataclass(frozen=True, slots=True)
class _Queue:
    """Where a stage's rows wait: table, the partial index's predicate, the order within it."""

    table: str
    waiting: str
    order: str


QUEUES: dict[Stage, _Queue] = {
    "prompt": _Queue("generation", "status = 'screening'", "id"),
    "pending": _Queue("image", "status = 'pending' AND model = %(model)s", "tag, id"),
    "generated": _Queue("image", "status = 'generated'", "id"),
    "granted": _Queue("image", "status = 'granted'", "id"),
}
CLAIMABLE = "NOT leased AND not_before IS NULL"


@dataclass(frozen=True, slots=True)
class Lease:
    """One leased row: what a settlement needs to name.

    `spent`: it crashed too often and must be settled as that. `suspect`: whoever had it before never said what became
    of it; it is worked on alone.
    """

    stage: Stage
    row_id: uuid.UUID
    generation_id: uuid.UUID
    attempt: int
    crashes: int
    tag: int | None = None
    suspect: bool = False

    @property
    def spent(self) -> bool:
        return self.crashes >= MAX_CRASHES


def claim(
    stage: Stage, *, boot_id: uuid.UUID, batch: int, model: str | None = None, suspects: bool = True
) -> list[Lease]:
    """Lease up to `batch` rows of a stage, those first in its order.

    A row that still names a worker and has no lease is a suspect: it is taken alone, and if that worker is gone a crash
    is counted. A turn that has something under way asks for none (`suspects=False`) and gets only what comes before the
    first of them: under steady load its batch then drains, and the suspect is not kept waiting by who came later.
    """
    queue = QUEUES[stage]
    gone_s = BEATS_A_LEASE * settings.CONFIGURATION.heartbeat_s
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, leased_by IS NOT NULL, leased_by IS NOT NULL "  # noqa: S608 - our own literals
            "AND pg_postmaster_start_time() < now() - make_interval(secs => %(gone_s)s) AND NOT EXISTS "
            "(SELECT FROM workers WHERE boot_id = leased_by AND last_beat > now() - make_interval(secs => %(gone_s)s)) "
            f"FROM {queue.table} WHERE {queue.waiting} AND {CLAIMABLE} "
            f"ORDER BY {queue.order} LIMIT %(batch)s FOR NO KEY UPDATE SKIP LOCKED",
            {"model": model, "batch": batch, "gone_s": gone_s},
        )
        found = cursor.fetchall()
        if not found or (found[0][1] and not suspects):
            return []
        (_, first_is_suspect, crashed), *_ = found
        clear = takewhile(lambda row: not row[1], found)
        taken = [found[0][0]] if first_is_suspect else [row_id for row_id, *_ in clear]
        generation = "id" if queue.table == "generation" else "generation_id"
        tag = "tag" if queue.table == "image" else "NULL"
        cursor.execute(
            f"UPDATE {queue.table} SET lease_until = now() + make_interval(secs => %s), leased_by = %s, "  # noqa: S608
            f"attempt = attempt + 1, crashes = crashes + %s WHERE id = ANY(%s) "
            f"RETURNING id, {generation}, attempt, crashes, {tag}",
            [settings.CONFIGURATION.lease_s, boot_id, int(first_is_suspect and crashed), taken],
        )
        leases = [
            Lease(stage, row_id, generation_id, attempt, crashes, tag, first_is_suspect)
            for row_id, generation_id, attempt, crashes, tag in cursor.fetchall()
        ]
    if stage == "pending" and model is not None:
        _advance_clock(model, max(lease.tag or 0 for lease in leases))
    return sorted(leases, key=lambda lease: (lease.tag or 0, lease.row_id))


def _advance_clock(model: str, tag: int) -> None:
    """The model's virtual time is the largest tag begun; in a statement of its own, so that it holds up no claim."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO model_clock AS c (model, v) VALUES (%s, %s) "
            "ON CONFLICT (model) DO UPDATE SET v = excluded.v WHERE c.v < excluded.v",
            [model, tag],
        )


def beat(boot_id: uuid.UUID, leases: Sequence[Lease], *, cursor: Any) -> set[uuid.UUID]:
    """Say that this worker lives, renew what it knows it works on, in one transaction; the ids of what it has lost.

    Renewed by (id, attempt), never "all of mine": a claim whose reply was lost would stay leased for ever. A row that
    somebody has locked is skipped and is not lost: the plain SELECT sees it.
    """
    cursor.execute("UPDATE workers SET last_beat = now() WHERE boot_id = %s", [boot_id])
    lost: set[uuid.UUID] = set()
    for table in ("generation", "image"):
        mine = [lease for lease in leases if QUEUES[lease.stage].table == table]
        if not mine:
            continue
        parameters = [[lease.row_id for lease in mine], [lease.attempt for lease in mine], boot_id]
        held = (
            f"{table} x JOIN unnest(%s::uuid[], %s::int[]) AS mine(id, attempt) "
            "ON x.id = mine.id AND x.attempt = mine.attempt AND x.leased_by = %s AND x.leased"
        )
        cursor.execute(
            f"UPDATE {table} SET lease_until = now() + make_interval(secs => %s) WHERE id = ANY(ARRAY("  # noqa: S608
            f"SELECT x.id FROM {held} ORDER BY x.id FOR NO KEY UPDATE OF x SKIP LOCKED))",
            [settings.CONFIGURATION.lease_s, *parameters],
        )
        cursor.execute(f"SELECT x.id FROM {held}", parameters)  # noqa: S608
        lost |= {lease.row_id for lease in mine} - {row[0] for row in cursor.fetchall()}
    return lost


def give_back(lease: Lease, *, delay_s: float, blamed: bool = False) -> bool:
    """Return a row to its queue after a try that failed; false if it was no longer this lease's.

    `blamed`: what failed was not foreseen, and may be this row's doing. It counts as a crash, and the row stays a
    suspect: worked on alone from now on, and settled as spent at the third.
    """
    table = QUEUES[lease.stage].table
    left_by = "leased_by" if blamed else "NULL"
    later = "now() + make_interval(secs => %s)" if delay_s > 0 else "NULL"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET lease_until = NULL, leased_by = {left_by}, crashes = crashes + %s, "  # noqa: S608
            f"not_before = {later} WHERE id = %s AND attempt = %s AND leased",
            [int(blamed), *([delay_s] if delay_s > 0 else []), lease.row_id, lease.attempt],
        )
        return bool(cursor.rowcount == 1)


def has_claimable(stage: Stage, *, models: Sequence[str] = ()) -> bool:
    """Whether a row of this stage waits to be claimed (of one of `models`, for `pending`)."""
    queue = QUEUES[stage]
    waiting = queue.waiting.replace("model = %(model)s", "model = ANY(%(models)s)")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT EXISTS (SELECT FROM {queue.table} WHERE {waiting} AND {CLAIMABLE})",  # noqa: S608
            {"models": list(models)},
        )
        return bool(cursor.fetchone()[0])
