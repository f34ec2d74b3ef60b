"""One service under the supervisor: how it starts, when it is ready, when it starts again, when that is vain."""

import enum
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from gateway.local.errors import explain
from gateway.local.output import Reader, RotatingLog
from gateway.local.processes import Child, Program

FIRST_DELAY_S = 0.5
MAX_DELAY_S = 30.0
ASK_S = 0.25
MAX_EXITS = 5
LOADING_GRACE_S = 1.0
FULL_BYTES = 32 * 1024 * 1024  # two segments of PostgreSQL's log


class Stage(enum.IntEnum):
    """When a service starts, the lowest first, and when it stops, the highest first."""

    STORES = 0
    RECORD = 1
    DEMO = 2
    SWEEPERS = 3
    WORKERS = 4
    DOORS = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """A service as it is meant to run.

    Attributes:
        program: made anew for every start.
        ready: asked while it runs and was not ready yet; may raise LocalServiceError when it never will be.
        prepare: called before every start; clears away what a killed predecessor left.
        once: it is a step: ready when it has ended with status 0; `finished` is called then.
        indispensable: nothing goes on without it; five exits in a row without getting ready end everything.
        grace_s: how long it may take to stop before it is killed.
    """

    name: str
    stage: Stage
    program: Callable[[], Program]
    ready: Callable[[Child], bool] = lambda _child: False
    prepare: Callable[[], None] = lambda: None
    once: bool = False
    finished: Callable[[], None] = lambda: None
    indispensable: bool = False
    grace_s: float = 5.0


class Service:
    """A plan and what became of it. Its owner calls `tick` often."""

    def __init__(self, plan: Plan, *, log: Path, say: Callable[[str], None], verbose: bool = False) -> None:
        self.plan = plan
        self.child: Child | None = None
        self.is_ready = False
        self.was_ever_ready = False
        self.exits_in_a_row = 0
        self._log = RotatingLog(log / f"{plan.name}.log")
        self._say = say
        self._echo = (lambda line: say(f"{plan.name} | {line}")) if verbose else None
        self._reader: Reader | None = None
        self._start_at = 0.0
        self._ask_at = 0.0

    @property
    def name(self) -> str:
        return self.plan.name

    def tick(self) -> None:
        """Start it when its time has come, notice that it got ready, or that it died.

        Raises:
            LocalServiceError: it cannot be prepared, or can never be ready.
        """
        if self.child is None:
            if not (self.plan.once and self.was_ever_ready) and time.monotonic() >= self._start_at:
                self._start()
        elif (status := self.child.exit_status()) is not None:
            self._ended(status)
        elif not self.is_ready and not self.plan.once and time.monotonic() >= self._ask_at:
            self._ask_at = time.monotonic() + ASK_S
            if self.plan.ready(self.child):
                self._became_ready()

    def gave_up(self) -> str | None:
        """Why everything must stop, or None."""
        vain = self.exits_in_a_row >= MAX_EXITS and (self.plan.indispensable or not self.was_ever_ready)
        if not vain:
            return None
        full = "; the disk is full" if shutil.disk_usage(self._log.path.parent).free < FULL_BYTES else ""
        return f"{self.name} ended {self.exits_in_a_row} times before it was ready; its log is {self._log.path}{full}"

    @property
    def has_begun(self) -> bool:
        """Whether it was started, however it went."""
        return self.child is not None or self.exits_in_a_row > 0

    def kill(self) -> None:
        """End it and all that it started, now."""
        if self.child is not None:
            self.child.kill()

    def ask_to_stop(self) -> None:
        if self.child is not None:
            self.child.ask_to_stop()

    def stop(self, *, deadline: float) -> None:
        """Wait until it is gone; by force after `deadline`, a value of time.monotonic()."""
        if self.child is not None:
            self.child.stop(grace_s=max(0.0, deadline - time.monotonic()))
            self.child = None

    def _start(self) -> None:
        try:
            self.plan.prepare()
            self.child = Child(self.plan.program(), output=subprocess.PIPE)
        except OSError as error:
            self._try_again(f"could not be started: {explain(error)}")
            return
        if self.child.output is not None:
            self._reader = Reader(self.child.output, self._log, echo=self._echo)

    def _became_ready(self) -> None:
        self.is_ready = self.was_ever_ready = True
        took_s = time.monotonic() - self.child.started_at if self.child is not None else 0.0
        self._say(f"{self.name} is ready ({took_s:.1f} s)")

    def _ended(self, status: int) -> None:
        lines = self._reader.last_lines() if self._reader is not None else []
        if self.plan.once and status == 0:
            self._became_ready()
            self.child = None
            self.plan.finished()
            return
        if self.is_ready:  # a start that is long enough to get ready is no hot loop
            self.exits_in_a_row = 0
        self.child = None
        self.is_ready = False
        for line in lines if status != -Signals.SIGKILL else ():
            self._say(f"{self.name} | {line[:300]}")
        self._try_again(describe(status))

    def _try_again(self, why: str) -> None:
        self.exits_in_a_row += 1
        delay_s = min(MAX_DELAY_S, FIRST_DELAY_S * 2 ** (self.exits_in_a_row - 1))
        self._start_at = time.monotonic() + delay_s
        again = f"; starting it again in {delay_s:.1f} s" if self.gave_up() is None else ""
        self._say(f"{self.name} {why}{again}")


def describe(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was killed by {Signals(-status).name}"
    except ValueError:  # a real-time signal has no name
        return f"was killed by signal {-status}"


def stop_in_order(services: Sequence[Service]) -> None:
    """Stop every service, the last stage first, those of one stage together."""
    for stage in sorted({service.plan.stage for service in services}, reverse=True):
        together = [service for service in services if service.plan.stage is stage]
        for service in together:
            service.ask_to_stop()
        now = time.monotonic()
        for service in together:
            # What is still loading holds no work; a store may be recovering, and is not cut short.
            loading = not service.is_ready and stage is not Stage.STORES
            service.stop(deadline=now + (LOADING_GRACE_S if loading else service.plan.grace_s))
