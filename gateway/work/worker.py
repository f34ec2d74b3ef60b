"""A worker child: its boot id, its row in `workers`, and the heartbeat that keeps its leases.

The beat runs on a thread with a connection of its own, so that loading, compiling or one slow step loses no lease. The
same thread ends the process when work waits and no turn begins.
"""

import contextlib
import logging
import math
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module

from django.conf import settings
from django.db import Error, close_old_connections, connection, transaction

from gateway import leases
from gateway.errors import StaleStatusError
from gateway.leases import Lease, Stage
from gateway.local.tether import die_with_parent
from gateway.models.fields import new_id
from gateway.outages import OUTAGES
from gateway.work.hearing import Hearing

logger = logging.getLogger(__name__)

STAGES: dict[str, tuple[Stage, ...]] = {
    "screening": ("prompt", "generated"),
    "generation": ("pending",),
    "delivery": ("granted",),
}
SELF_TEST_AGAIN_S = 5.0
TRY_AGAIN_S = 5.0  # what failed is put off for so long
EXIT_CODE = 70


class Worker:
    """One living child. Turns hold leases through it; the heartbeat renews them and says which were lost."""

    def __init__(
        self,
        kind: str,
        self_test: Callable[[], Sequence[str]],
        serves: Sequence[str],
        *,
        self_test_every_s: float = math.inf,
    ) -> None:
        """A worker of this kind.

        Args:
            self_test: makes or judges a known-good item; what is wrong, each as "NAME: how", or nothing.
            serves: names of the models it can make; empty for other kinds.
            self_test_every_s: how often it is repeated while it passes, in a turn or without one.
        """
        self.kind = kind
        self.boot_id = new_id()
        self.serves = tuple(serves)
        self.ready = False
        self.stopping = False
        self._problem = ""
        self._failing: list[str] = []
        self._self_test = self_test
        self._self_test_every_s = self_test_every_s
        self._next_self_test = 0.0
        self._leases: dict[uuid.UUID, Lease] = {}
        self._lost: set[uuid.UUID] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._hearing = Hearing()
        self._turns = 0
        self._in_turn = False
        self._at_work = threading.Lock()

    # ---- life

    def begin(self) -> None:
        """Start to beat, pass the self-test. A database that is away is waited for by the beat, and by the turns."""
        threading.Thread(target=self._beat_on, name="heartbeat", daemon=True).start()
        try:
            self._beat()
            self.pass_self_test()
        except OUTAGES:
            logger.warning("a worker begins without a database", extra={"fields": {"kind": self.kind}})
            connection.close()
        if math.isfinite(self._self_test_every_s):
            threading.Thread(target=self._test_on, name="self-test", daemon=True).start()

    def end(self) -> None:
        """Stop beating; what is still leased goes back at once, without a crash."""
        self._stop.set()
        self.let_go()

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """A nudge has come: while its turn lasts, loading a model included, nobody takes this worker for deaf."""
        with self._lock:
            self._turns += 1
            self._in_turn = True
        try:
            with self._at_work:
                yield
        finally:
            with self._lock:
                self._in_turn = False

    def pass_self_test(self) -> bool:
        """Whether this worker is fit to work; tested again when it is time, and every few seconds until it is fit."""
        if time.monotonic() < self._next_self_test:
            return self.ready
        problem, failing = self._find_problem()
        fit = not problem
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE workers SET self_test_at = CASE WHEN %s THEN now() END, problem = %s, failing = %s "
                "WHERE boot_id = %s",
                [fit, problem, failing, self.boot_id],
            )
        changed = (fit, problem) != (self.ready, self._problem)
        self._problem, self._failing, self.ready = problem, failing, fit  # only now that the record says the same
        self._next_self_test = time.monotonic() + (self._self_test_every_s if fit else SELF_TEST_AGAIN_S)
        if changed:
            log = logger.info if fit else logger.error
            log(
                "self-test %s", "passed" if fit else "failed", extra={"fields": {"kind": self.kind, "problem": problem}}
            )
        return fit

    def _find_problem(self) -> tuple[str, list[str]]:
        """What is wrong, in words, and the names of what does not work."""
        try:
            faults = list(self._self_test())
        except OUTAGES:
            raise
        except Exception as error:
            logger.exception("a self-test failed in a way of its own")
            return f"{type(error).__name__}: {error}"[:1000], []
        return "; ".join(faults)[:1000], sorted({fault.partition(":")[0][:100] for fault in faults})

    def _test_on(self) -> None:
        """Where no turn comes, nothing else would notice that this worker has gone blind, or sees again."""
        while not self._stop.wait(min(SELF_TEST_AGAIN_S, self._self_test_every_s)):
            if not self._at_work.acquire(blocking=False):
                continue  # a turn tests for itself
            try:
                close_old_connections()
                self.pass_self_test()
            except Error:
                logger.warning("a self-test found no database")
                connection.close()
            except Exception:
                logger.exception("a self-test was not made")
            finally:
                self._at_work.release()

    def doubt(self, why: str) -> bool:
        """Something that worked does not: test again, at once. False: this worker takes nothing until it is well."""
        logger.warning("in doubt", extra={"fields": {"kind": self.kind, "problem": why}})
        self.ready = False
        self._next_self_test = 0.0
        return self.pass_self_test()

    def now_serves(self, models: Sequence[str]) -> None:
        """Which models it can make, from now on: what the others see, and what it is expected to take."""
        if tuple(models) == self.serves:
            return
        self.serves = tuple(models)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE workers SET serves = %s WHERE boot_id = %s", [list(models), self.boot_id])

    # ---- leases

    def claim(self, stage: Stage, batch: int, *, model: str | None = None, suspects: bool = True) -> list[Lease]:
        """Lease up to `batch` rows and keep them renewed until they are dropped."""
        taken = leases.claim(stage, boot_id=self.boot_id, batch=batch, model=model, suspects=suspects)
        with self._lock:
            self._leases.update({lease.row_id: lease for lease in taken})
            self._lost.difference_update(lease.row_id for lease in taken)
        return taken

    def drop(self, lease: Lease) -> None:
        """This lease is settled, given back, or lost: renew it no more."""
        with self._lock:
            if self._leases.get(lease.row_id) == lease:
                del self._leases[lease.row_id]
            self._lost.discard(lease.row_id)

    def give_back(self, lease: Lease, *, delay_s: float, blamed: bool = False) -> None:
        """Return a row to its queue after a try that failed; `blamed` as in `leases.give_back`."""
        leases.give_back(lease, delay_s=delay_s, blamed=blamed)
        self.drop(lease)

    @contextlib.contextmanager
    def settling(self, lease: Lease) -> Iterator[None]:
        """One row's settlement, whose lease is over with it. One that somebody else moved is left to them.

        An error that nobody foresaw is this row's alone: it goes back, blamed, and its neighbours go on.

        Raises:
            OperationalError, InterfaceError: the database is away. MemoryError.
        """
        try:
            yield
        except StaleStatusError:
            logger.info("fenced", extra={"fields": {"row": str(lease.row_id), "attempt": lease.attempt}})
        except (*OUTAGES, MemoryError):
            raise
        except Exception:
            logger.exception("not settled", extra={"fields": {"row": str(lease.row_id), "crashes": lease.crashes + 1}})
            self.give_back(lease, delay_s=TRY_AGAIN_S, blamed=True)
            return
        self.drop(lease)

    def ask_to_stop(self) -> None:
        """End the turn soon: what is not finished goes back to its queue, and costs nobody a crash."""
        self.stopping = True

    def let_go(self, *, delay_s: float = 0, blamed: bool = False) -> None:
        """Return whatever is still leased: a turn is over, however it ended."""
        for lease in self._forget_leases():
            try:
                leases.give_back(lease, delay_s=delay_s, blamed=blamed)
            except Error:
                logger.warning("leases were left to lapse")
                connection.close()
                return

    def leave_to_lapse(self) -> None:
        """This process ends over what it has leased: whoever takes one of these rows next counts a crash."""
        self._forget_leases()

    def _forget_leases(self) -> list[Lease]:
        with self._lock:
            held = list(self._leases.values())
            self._leases.clear()
            self._lost.clear()
        return held

    def lost_among(self, ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
        """Those of these rows whose lease is gone: canceled, expired, sealed, or taken by another."""
        with self._lock:
            return self._lost.intersection(ids)

    # ---- the heartbeat thread

    def _beat_on(self) -> None:
        try:
            while not self._stop.wait(settings.CONFIGURATION.heartbeat_s):
                try:
                    close_old_connections()
                    self._beat()
                    if self.is_deaf(time.monotonic()):
                        logger.error("work waits and no nudge arrives: ending", extra={"fields": {"kind": self.kind}})
                        end_process()
                except Error:
                    logger.warning("a heartbeat found no database")
                    connection.close()
        except Exception:
            logger.exception("the heartbeat failed: ending")  # without it others would take this worker for dead
            os._exit(EXIT_CODE)

    def _beat(self) -> None:
        with self._lock:
            held = list(self._leases.values())
        with transaction.atomic(), connection.cursor() as cursor:
            # Not only at the start: the database may be away then, and a day's sleep has the row swept away.
            cursor.execute(
                "INSERT INTO workers (boot_id, kind, host, pid, serves, self_test_at, problem, failing) "
                "VALUES (%s, %s, %s, %s, %s, CASE WHEN %s THEN now() END, %s, %s) ON CONFLICT (boot_id) DO NOTHING",
                [
                    self.boot_id, self.kind, socket.gethostname()[:200], os.getpid(), list(self.serves), self.ready,
                    self._problem, self._failing,
                ],
            )  # fmt: skip
            lost = leases.beat(self.boot_id, held, cursor=cursor)
        with self._lock:
            # Not one that was given back and claimed anew meanwhile.
            self._lost |= {x.row_id for x in held if x.row_id in lost and self._leases.get(x.row_id) == x}

    def is_deaf(self, now: float) -> bool:
        """Whether work of its kind has waited for long and no turn began; `now` of a monotonic clock, at every beat."""
        with self._lock:
            in_turn, turns = self._in_turn, self._turns
        work_waits = (
            self.ready
            and not in_turn
            and any(leases.has_claimable(stage, models=self.serves) for stage in STAGES[self.kind])
        )
        limit_s = settings.CONFIGURATION.deaf_after_s
        return self._hearing.is_deaf(work_waits=work_waits, turns=turns, now=now, limit_s=limit_s)


def end_process() -> None:
    """End this child and its parent at once; a supervisor starts them anew."""
    os.kill(os.getppid(), signal.SIGTERM)
    os._exit(EXIT_CODE)


_worker: Worker | None = None


def begin(kind: str) -> None:
    """Become a worker of this kind: the first thing a pool child does, which dies with its parent from here on."""
    global _worker  # noqa: PLW0603 - a child is one worker
    die_with_parent(os.getppid(), signal.SIGKILL)
    work = import_module(f"gateway.work.{kind}")
    every_s = settings.CONFIGURATION.self_test_every_s if kind == "screening" else math.inf
    _worker = Worker(kind, work.self_test, work.serves(), self_test_every_s=every_s)
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
