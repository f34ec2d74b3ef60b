"""The sweeper: brings back what was stranded, carries out due decisions, ends what is overdue, and nudges each stage.

Run two or more: every statement skips what another has locked, and every transition looks again under its locks. It
only clears a lapsed lease and keeps `leased_by`: the next claimer counts the crash, if there was one.
"""

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import Error, close_old_connections, connection

from gateway import lifecycle
from gateway.audit.log import Actor
from gateway.errors import GatewayError
from gateway.leases import has_claimable
from gateway.nudges import nudge
from gateway.purge import purge, purge_orphans

logger = logging.getLogger(__name__)

BATCH = 200
COUNT_EVERY_S = 5.0
PURGE_EVERY_S = 60.0
PURGE_ORPHANS_EVERY_S = 3600.0

# What lapsed, and what was put off and is due: table, which rows, the change.
LAPSED: tuple[tuple[str, str, str], ...] = (
    ("generation", "leased AND lease_until < now()", "lease_until = NULL"),
    ("image", "leased AND lease_until < now()", "lease_until = NULL"),
    (
        "review_case",
        "lease_user_id IS NOT NULL AND lease_until < now()",
        "lease_user_id = NULL, lease_token = NULL, lease_until = NULL",
    ),
    ("generation", "not_before <= now()", "not_before = NULL"),
    ("image", "not_before <= now()", "not_before = NULL"),
    ("review_case", "claimable_at <= now()", "claimable_at = NULL"),
)

# (generation, row) for one transition each.
DUE = (
    "SELECT generation_id, id FROM review_case WHERE status = 'decided' AND effective_at <= now() ORDER BY effective_at"
)
UNSCORED = (
    "SELECT id, NULL::uuid FROM generation WHERE status = 'screening' AND NOT leased AND not_before IS NULL ORDER BY id"
)
UNSCREENED = (
    "SELECT generation_id, id FROM image WHERE status = 'generated' AND NOT leased AND not_before IS NULL ORDER BY id"
)
LOOK_AGAIN_PROMPT = (
    "SELECT g.id, NULL::uuid FROM generation g JOIN review_case c ON c.generation_id = g.id AND c.kind = 'prompt' "
    "AND c.status = 'open' AND c.lease_user_id IS NULL "
    "WHERE g.prompt_state = 'held' AND g.held_why = 'unscreened-no-checker'"
)
LOOK_AGAIN_IMAGE = (
    "SELECT i.generation_id, i.id FROM image i JOIN review_case c ON c.image_id = i.id AND c.kind = 'image' "
    "AND c.status = 'open' AND c.lease_user_id IS NULL "
    "WHERE i.status = 'held' AND i.held_why = 'unscreened-no-checker'"
)
LATE = (
    "SELECT g.id, NULL::uuid FROM generation g WHERE g.status IN ('screening', 'in_review', 'generating') "
    "AND g.deadline_at < now() AND EXISTS (SELECT FROM image i WHERE i.generation_id = g.id "
    "AND (i.status = 'pending' OR (i.status = 'waiting' AND g.prompt_state = 'unscored'))) ORDER BY g.deadline_at"
)
OLD = (
    "SELECT generation_id, id FROM review_case WHERE status = 'open' AND kind IN ('prompt', 'image') "
    "AND lease_user_id IS NULL AND expires_at < now() ORDER BY expires_at"
)


@dataclass
class Sweeper:
    """One sweeper process."""

    actor: Actor
    next_count: float = 0.0
    next_purge: float = 0.0
    next_purge_of_orphans: float = 0.0

    def round(self) -> None:
        """One round: in a healthy system, a dozen short statements that find nothing."""
        clear_lapsed()
        self._take(DUE, lambda _generation, case: lifecycle.carry_out(_some(case), actor=self.actor))
        if lifecycle.checker_lives(settings.CONFIGURATION.no_checker_grace_s):
            self._look_again()
        else:
            self._hold()
        for overdue in (LATE, OLD):
            self._take(overdue, lambda generation, _row: lifecycle.expire(generation, actor=self.actor))
        nudge_what_waits()
        now = time.monotonic()
        if now >= self.next_count:
            self.next_count = now + COUNT_EVERY_S
            count()
        if now >= self.next_purge:
            self.next_purge = now + PURGE_EVERY_S
            purge()
        if now >= self.next_purge_of_orphans:
            self.next_purge_of_orphans = now + PURGE_ORPHANS_EVERY_S
            purge_orphans()

    def _look_again(self) -> None:
        for query in (LOOK_AGAIN_PROMPT, LOOK_AGAIN_IMAGE):
            self._take(query, lambda generation, image: lifecycle.look_again(generation, image, actor=self.actor))

    def _hold(self) -> None:
        for query in (_waited(UNSCORED), _waited(UNSCREENED)):
            self._take(
                query, lambda generation, image: lifecycle.hold_without_checker(generation, image, actor=self.actor)
            )

    def _take(self, query: str, transition: Callable[[uuid.UUID, uuid.UUID | None], None]) -> None:
        for generation, row in _find(query):
            try:
                transition(generation, row)
            except GatewayError:
                continue  # somebody else was first, or it is not for us after all: the next round looks again


def _waited(query: str) -> str:
    """Only where the stage has been without a checker for the whole grace: not the moment the database is new."""
    grace = "pg_postmaster_start_time() < now() - make_interval(secs => %s)"
    return query.replace(" ORDER BY", f" AND {grace} ORDER BY")


def _find(query: str) -> list[tuple[uuid.UUID, uuid.UUID | None]]:
    with connection.cursor() as cursor:
        parameters = [settings.CONFIGURATION.no_checker_grace_s] if "%s" in query else None
        cursor.execute(f"{query} LIMIT {BATCH}", parameters)
        return [(row[0], row[1]) for row in cursor.fetchall()]


def _some(row: uuid.UUID | None) -> uuid.UUID:
    if row is None:
        raise ValueError("this query names a row")
    return row


def clear_lapsed() -> int:
    """Clear lapsed leases and due times; how many rows that were."""
    cleared = 0
    with connection.cursor() as cursor:
        for table, due, change in LAPSED:
            cursor.execute(
                f"UPDATE {table} SET {change} WHERE id = ANY(ARRAY(SELECT id FROM {table} WHERE {due} "  # noqa: S608
                f"ORDER BY id LIMIT {BATCH} FOR NO KEY UPDATE SKIP LOCKED))"
            )
            cleared += cursor.rowcount
    return cleared


def nudge_what_waits() -> None:
    """A nudge for every stage that has a row to claim."""
    if has_claimable("prompt") or has_claimable("generated"):
        nudge("screening")
    if has_claimable("granted"):
        nudge("delivery")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM image WHERE status = 'pending' AND NOT leased AND not_before IS NULL)"
        )
        if cursor.fetchone()[0]:
            nudge("generation")


def count() -> None:
    """Numbers that accept and the queues' page only read: kept by triggers they would put everybody through one row."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE gate SET unfinished = (SELECT count(*) FROM generation "
            "WHERE status IN ('screening', 'in_review', 'generating')), max_unfinished = %s, counted_at = now()",
            [settings.CONFIGURATION.max_unfinished],
        )
        cursor.execute(
            "UPDATE queue q SET (depth, oldest_at, counted_at) = (SELECT count(*), "
            "min(uuid_extract_timestamp(id)), now() FROM review_case WHERE queue_id = q.id AND status = 'open')"
        )


def run(should_stop: Callable[[], bool]) -> None:
    """Sweep until asked to stop. A database that is away is waited for."""
    sweeper = Sweeper(Actor("system", "sweeper"))
    while not should_stop():
        began = time.monotonic()
        close_old_connections()
        try:
            sweeper.round()
        except Error:
            logger.exception("a round found no database")
            connection.close()
        time.sleep(max(0.0, settings.CONFIGURATION.sweep_s - (time.monotonic() - began)))
