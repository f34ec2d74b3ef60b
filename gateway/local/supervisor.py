"""Keeps every service of one machine running until it is told to stop, or until that is vain."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

from gateway.local.errors import LocalServiceError
from gateway.local.services import Plan, Service, Stage, stop_in_order

TICK_S = 0.05
PROGRESS_S = 5.0
QUESTION_S = 0.5
STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervisor:
    """Runs in the main thread: the kernel ends every child with the thread that started it."""

    def __init__(
        self,
        plans: Sequence[Plan],
        *,
        log: Path,
        say: Callable[[str], None],
        verbose: bool = False,
        note_pids: Callable[[Mapping[str, int]], None] = lambda _pids: None,
        waits_for: Callable[[], str | None] = lambda: None,
        announce: Callable[[], None] = lambda: None,
    ) -> None:
        """A supervisor of `plans`.

        Args:
            log: the folder of the children's logs.
            say: prints a line for the person at the terminal.
            verbose: whether that person sees all that children print.
            note_pids: told name and pid of all that runs, again whenever one changes.
            waits_for: asked when every service is ready: what the whole still waits for, or None.
            announce: called once, when the whole is ready.
        """
        self.services = [Service(plan, log=log, say=say, verbose=verbose) for plan in plans]
        self._say = say
        self._note_pids = note_pids
        self._waits_for = waits_for
        self._announce = announce
        self._pids: dict[str, int] = {}
        self._stopping = 0
        self._told_by = ""
        self._announced = False
        self._started_at = time.monotonic()
        self._next_question = self._started_at
        self._next_progress = self._started_at + PROGRESS_S

    def run(self) -> int:
        """Start all, keep all running, stop all. 0 after a signal; 1, with the reason said, when it is vain."""
        for number in STOPPING_SIGNALS:
            signal.signal(number, self._stop)
        reason: str | None = None
        try:
            while not self._stopping and reason is None:
                reason = self._tick()
                time.sleep(TICK_S)
        except LocalServiceError as error:
            reason = str(error)
        finally:
            self._say(f"stopping everything: {reason or self._told_by}")
            began = time.monotonic()
            stop_in_order(self.services)
            self._say(f"stopped in {time.monotonic() - began:.1f} s")
        return 0 if reason is None else 1

    def _tick(self) -> str | None:
        """Look after every service once; why everything must stop, or None."""
        for service in self.services:
            if service.child is not None or self._may_start(service):
                service.tick()
            if (reason := service.gave_up()) is not None:
                return reason
        pids = {service.name: service.child.pid for service in self.services if service.child is not None}
        if pids != self._pids:
            self._pids = pids
            self._note_pids({"supervisor": os.getpid(), **pids})
        if not self._announced:
            self._report_progress()
        return None

    def _may_start(self, service: Service) -> bool:
        """Whether the stores run, and all is done that must come first; from the sweepers on all start together."""
        before = min(service.plan.stage, Stage.SWEEPERS)
        return all(
            other.is_ready if other.plan.stage is Stage.STORES else other.was_ever_ready
            for other in self.services
            if other.plan.stage < before
        )

    def _report_progress(self) -> None:
        waiting = [service.name for service in self.services if not service.is_ready and service.has_begun]
        everything = all(service.is_ready for service in self.services)
        if everything and time.monotonic() >= self._next_question:
            self._next_question = time.monotonic() + QUESTION_S
            missing = self._waits_for()
            if missing is None:
                self._announced = True
                self._announce()
                return
            waiting = [missing]
        if waiting and time.monotonic() >= self._next_progress:
            self._next_progress = time.monotonic() + PROGRESS_S
            self._say(f"waiting for {', '.join(waiting)} ({time.monotonic() - self._started_at:.0f} s)")

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self._stopping += 1
        self._told_by = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        if self._stopping > 1:  # whoever asks twice does not want to wait
            for service in self.services:
                with contextlib.suppress(OSError):
                    service.kill()
