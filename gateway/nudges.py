"""Telling a stage that there is work. A nudge is a hint: lost, doubled or forged ones cost time, never work.

Sent from one background thread a process, coalesced by kind, so that a hanging broker delays no answer and a burst of
requests is not a burst of messages.
"""

import logging
import threading
from functools import cache

from django.db import transaction

from gateway.celery import EXPIRES_S, TASKS, app

logger = logging.getLogger(__name__)

COALESCE_S = 0.02


class Nudger:
    """The background thread of one process. What it cannot send it drops: the sweeper nudges again."""

    def __init__(self) -> None:
        self._wanted: set[str] = set()
        self._lock = threading.Lock()
        self._awake = threading.Event()
        self._thread: threading.Thread | None = None

    def nudge(self, kind: str) -> None:
        """Wake this kind's workers soon. Returns at once."""
        with self._lock:
            self._wanted.add(kind)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="nudger", daemon=True)
                self._thread.start()
        self._awake.set()

    def _run(self) -> None:
        while True:
            self._awake.wait()
            self._awake.clear()
            threading.Event().wait(COALESCE_S)
            with self._lock:
                wanted, self._wanted = self._wanted, set()
            for kind in wanted:
                self._send(kind)

    def _send(self, kind: str) -> None:
        try:
            app.send_task(TASKS[kind], queue=kind, expires=EXPIRES_S, retry=False, ignore_result=True)
        except Exception as error:  # noqa: BLE001 - a broker fails in many ways, and none of them may matter here
            logger.warning("a nudge was dropped", extra={"fields": {"kind": kind, "error": type(error).__name__}})


@cache
def _nudger() -> Nudger:
    return Nudger()


def nudge(kind: str) -> None:
    """Tell the workers of this kind that there is work."""
    _nudger().nudge(kind)


def nudge_on_commit(kind: str) -> None:
    """The same, once the caller's transaction has committed; at once outside of one."""
    transaction.on_commit(lambda: nudge(kind))
