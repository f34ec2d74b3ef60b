"""A worker child: its boot id, its row in `workers`, and the heartbeat that keeps its leases.

The beat runs on a thread with a connection of its own, so that loading, compiling or one slow step loses no lease. The
same thread ends the process when work waits and none is taken: a worker that is connected and deaf is a known state.
"""

import logging
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module

from django.conf import settings
from django.db import Error, close_old_connections, connection, transaction

from gateway import leases
from gateway.leases import Lease, Stage
from gateway.local.tether import die_with_parent
from gateway.models import Worker as WorkerRow
from gateway.models.fields import new_id

logger = logging.getLogger(__name__)

STAGES: dict[str, tuple[Stage, ...]] = {
    "screening": ("prompt", "generated"),
    "generation": ("pending",),
    "delivery": ("granted",),
}
SELF_TEST_AGAIN_S = 5.0


class Worker:
    """One living child. Turns hold leases through it; the heartbeat renews them and says which were lost."""

    def __init__(self, kind: str, self_test: Callable[[], Sequence[str]], serves: Sequence[str]) -> None:
        """A worker of this kind.

        Args:
            self_test: makes or judges a known-good item; what is wrong, in words, or nothing.
            serves: names of the models it can make; empty for other kinds.
        """
        self.kind = kind
        self.boot_id = new_id()
        self.serves = tuple(serves)
        self.ready = False
        self._self_test = self_test
        self._next_self_test = 0.0
        self._leases: dict[uuid.UUID, Lease] = {}
        self._lost: set[uuid.UUID] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.stopping = False
        self._waiting_since: float | None = None
        self._turns = 0
        self._turns_seen = -1

    # ---- life

    def begin(self) -> None:
        """Enter the row, start to beat, pass the self-test."""
        WorkerRow.objects.create(
            boot_id=self.boot_id,
            kind=self.kind,
            host=socket.gethostname()[:200],
            pid=os.getpid(),
            serves=list(self.serves),
        )
        threading.Thread(target=self._beat_on, name="heartbeat", daemon=True).start()
        self.pass_self_test()

    def end(self) -> None:
        """Stop beating; what is still leased goes back at once, without a crash."""
        self._stop.set()
        self.let_go()

    def pass_self_test(self) -> bool:
        """Whether this worker is fit to work; asked again at most every few seconds until it is."""
        if self.ready or time.monotonic() < self._next_self_test:
            return self.ready
        problems = list(self._self_test())
        self._next_self_test = time.monotonic() + SELF_TEST_AGAIN_S
        self.ready = not problems
        said = "; ".join(problems)[:1000]
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE workers SET self_test_at = CASE WHEN %s THEN now() END, problem = %s WHERE boot_id = %s",
                [self.ready, said, self.boot_id],
            )
        log = logger.info if self.ready else logger.error
        log(
            "self-test %s", "passed" if self.ready else "failed", extra={"fields": {"kind": self.kind, "problem": said}}
        )
        return self.ready

    def doubt(self, why: str) -> bool:
        """Something that worked does not: test again, at once. False: this worker takes nothing until it is well."""
        logger.warning("in doubt", extra={"fields": {"kind": self.kind, "problem": why}})
        self.ready = False
        self._next_self_test = 0.0
        return self.pass_self_test()

    # ---- leases

    def claim(self, stage: Stage, batch: int, *, model: str | None = None, suspects: bool = True) -> list[Lease]:
        """Lease up to `batch` rows and keep them renewed until they are dropped."""
        taken = leases.claim(stage, boot_id=self.boot_id, batch=batch, model=model, suspects=suspects)
        if taken:
            with self._lock:
                self._turns += 1
                self._leases.update({lease.row_id: lease for lease in taken})
        return taken

    def drop(self, lease: Lease) -> None:
        """This lease is settled, given back, or lost: renew it no more."""
        with self._lock:
            if self._leases.get(lease.row_id) == lease:
                del self._leases[lease.row_id]
            self._lost.discard(lease.row_id)

    def give_back(self, lease: Lease, *, delay_s: float) -> None:
        """Return a row to its queue after a try that failed without a crash."""
        leases.give_back(lease, delay_s=delay_s)
        self.drop(lease)

    def ask_to_stop(self) -> None:
        """End the turn soon: what is not finished goes back to its queue, and costs nobody a crash."""
        self.stopping = True

    def let_go(self, *, delay_s: float = 0) -> None:
        """Return whatever is still leased: a turn is over, however it ended."""
        with self._lock:
            held = list(self._leases.values())
            self._leases.clear()
        for lease in held:
            try:
                leases.give_back(lease, delay_s=delay_s)
            except Error:
                logger.warning("a lease was left to lapse")

    def lost_among(self, ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
        """Those of these rows whose lease is gone: canceled, expired, sealed, or taken by another."""
        with self._lock:
            return self._lost.intersection(ids)

    # ---- the heartbeat thread

    def _beat_on(self) -> None:
        while not self._stop.wait(settings.CONFIGURATION.heartbeat_s):
            close_old_connections()
            try:
                self._beat()
                self._end_if_deaf()
            except Error:
                logger.warning("a heartbeat found no database")
                connection.close()

    def _beat(self) -> None:
        with self._lock:
            held = list(self._leases.values())
        with transaction.atomic(), connection.cursor() as cursor:
            lost = leases.beat(self.boot_id, held, cursor=cursor)
        with self._lock:
            self._lost |= lost & self._leases.keys()

    def _end_if_deaf(self) -> None:
        """Work of this kind has been waiting for long, and no turn took any: end, whatever the reason."""
        with self._lock:
            busy, turns = bool(self._leases), self._turns
        waiting = (
            self.ready
            and not busy
            and any(leases.has_claimable(stage, models=self.serves) for stage in STAGES[self.kind])
        )
        now = time.monotonic()
        if not waiting or self._waiting_since is None or turns != self._turns_seen:
            self._waiting_since = now if waiting else None
            self._turns_seen = turns
        elif now - self._waiting_since > settings.CONFIGURATION.deaf_after_s:
            logger.error("work waits and no nudge arrives: ending", extra={"fields": {"kind": self.kind}})
            os.kill(os.getppid(), signal.SIGTERM)
            os._exit(70)


_worker: Worker | None = None


def begin(kind: str) -> None:
    """Become a worker of this kind: the first thing a pool child does, which dies with its parent from here on."""
    global _worker  # noqa: PLW0603 - a child is one worker
    die_with_parent(os.getppid(), signal.SIGKILL)
    work = import_module(f"gateway.work.{kind}")
    _worker = Worker(kind, work.self_test, work.serves())
    signal.signal(signal.SIGTERM, lambda _number, _frame: current().ask_to_stop())
    _worker.begin()


def end() -> None:
    """The child is asked to stop."""
    if _worker is not None:
        _worker.end()


def current() -> Worker:
    """This child's worker."""
    if _worker is None:
        raise RuntimeError("this process is no worker child")
    return _worker
