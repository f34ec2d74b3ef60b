"""The sweeper: brings back what was stranded, carries out due decisions, ends what is overdue, and nudges each stage.

Run two or more: every statement skips what another has locked, and every transition looks again under its locks. It
only clears a lapsed lease and keeps `leased_by`: the next claimer counts the crash, if there was one.
"""

import logging
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TypeVar

from django.conf import settings
from django.db import Error, close_old_connections, connection

from gateway import lifecycle, purge
from gateway.audit.log import Actor
from gateway.errors import GatewayError
from gateway.leases import BEATS_A_LEASE, has_claimable
from gateway.nudges import nudge
from gateway.outages import OUTAGES

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

BATCH = 200
COUNT_EVERY_S = 5.0
COUNT_SHARE = 0.05  # of a sweeper's time at the most: with millions of cases it counts less often
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
# Whatever settles an image derives its generation's status; should that ever have been missed, it is made good here.
WRONG = (
    "SELECT g.id, NULL::uuid FROM generation g WHERE g.status IN ('screening', 'in_review', 'generating') "
    "AND NOT EXISTS (SELECT FROM image i WHERE i.generation_id = g.id "
    "AND i.status IN ('waiting', 'pending', 'generated', 'granted', 'held')) ORDER BY g.id"
)


@dataclass
class Sweeper:
    """One sweeper process."""

    actor: Actor
    no_checker_since: float | None = None
    holding_everything: bool = False
    next_count: float = 0.0
    next_purge: float = 0.0
    next_purge_of_orphans: float = 0.0
    orphans: Iterator[None] = field(default_factory=lambda: iter(()))

    def round(self) -> None:
        """One round: in a healthy system, a dozen short statements that find nothing.

        A row or a step that fails is logged and stops no other.

        Raises:
            OperationalError, InterfaceError: the database is away.
        """
        go_on_after(clear_lapsed)
        self._take(DUE, lambda _generation, case: lifecycle.carry_out(_some(case), actor=self.actor))
        self._see_to_the_unscreened()
        for overdue in (LATE, OLD):
            self._take(overdue, lambda generation, _row: lifecycle.expire(generation, actor=self.actor))
        go_on_after(nudge_what_waits)
        self._keep_house(time.monotonic())

    def _keep_house(self, now: float) -> None:
        if now >= self.next_count:
            go_on_after(count)
            took_s = time.monotonic() - now
            self.next_count = now + max(COUNT_EVERY_S, took_s / COUNT_SHARE)
            self._take(WRONG, lambda generation, _row: lifecycle.derive_again(generation, actor=self.actor))
        if now >= self.next_purge:
            more = [go_on_after(step) for step in purge.STEPS]
            self.next_purge = now + (0.0 if any(more) else PURGE_EVERY_S)
        if now >= self.next_purge_of_orphans:
            self.next_purge_of_orphans = now + PURGE_ORPHANS_EVERY_S
            self.orphans = purge.orphans()
        go_on_after(lambda: sum(1 for _ in islice(self.orphans, BATCH)))

    def _see_to_the_unscreened(self) -> None:
        """While a checker lives it looks again; where none has lived for the whole grace, people are asked.

        The grace is counted here, from the moment this sweeper saw none: a worker's moment of doubt, a database or a
        machine that comes back from a long sleep, put no queue before people.
        """
        if lifecycle.checker_lives(BEATS_A_LEASE * settings.CONFIGURATION.heartbeat_s):
            self.no_checker_since = None
            if self.holding_everything:
                self.holding_everything = False
                logger.warning("a checker judges again")
            for query in (LOOK_AGAIN_PROMPT, LOOK_AGAIN_IMAGE):
                self._take(query, lambda generation, image: lifecycle.look_again(generation, image, actor=self.actor))
            return
        now = time.monotonic()
        self.no_checker_since = now if self.no_checker_since is None else self.no_checker_since
        if now - self.no_checker_since < settings.CONFIGURATION.no_checker_grace_s:
            return
        if not self.holding_everything:
            self.holding_everything = True
            logger.error("no checker judges: everything is held", extra={"fields": {"alarm": "blind"}})
        for query in (UNSCORED, UNSCREENED):
            self._take(
                query, lambda generation, image: lifecycle.hold_without_checker(generation, image, actor=self.actor)
            )

    def _take(self, query: str, transition: Callable[[uuid.UUID, uuid.UUID | None], None]) -> None:
        for generation, row in go_on_after(partial(_find, query)) or ():
            try:
                go_on_after(partial(transition, generation, row))
            except GatewayError:
                continue  # somebody else was first, or it is not for us after all: the next round looks again


def go_on_after(step: Callable[[], Result]) -> Result | None:
    """What this step returns; None if it failed, which is logged.

    Raises:
        OperationalError, InterfaceError: the database is away. GatewayError: a transition that is not for us.
    """
    try:
        return step()
    except (*OUTAGES, GatewayError):
        raise
    except Exception:
        logger.exception("a step of a sweep failed")
        return None


def _find(query: str) -> list[tuple[uuid.UUID, uuid.UUID | None]]:
    with connection.cursor() as cursor:
        cursor.execute(f"{query} LIMIT {BATCH}")
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
        # What somebody could claim now; the predicate is that of the claims' indexes, which alone are read.
        cursor.execute(
            "UPDATE queue q SET depth = coalesce(waiting.depth, 0), oldest_at = waiting.oldest_at, counted_at = now() "
            "FROM queue every LEFT JOIN (SELECT queue_id, count(*) AS depth, "
            "min(uuid_extract_timestamp(id)) AS oldest_at FROM review_case "
            "WHERE status = 'open' AND lease_user_id IS NULL AND claimable_at IS NULL GROUP BY queue_id) waiting "
            "ON waiting.queue_id = every.id WHERE q.id = every.id"
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
            sweeper.no_checker_since = None  # nobody could beat
        time.sleep(max(0.0, settings.CONFIGURATION.sweep_s - (time.monotonic() - began)))
