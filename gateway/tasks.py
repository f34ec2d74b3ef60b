"""Celery's way in. A task carries no job: it says that there may be work, and the worker's turn takes what there is."""

import logging
from collections.abc import Callable

from django.db import close_old_connections, connection

from gateway.celery import TASKS, app
from gateway.outages import OUTAGES
from gateway.work import worker
from gateway.work.worker import EXIT_CODE, TRY_AGAIN_S, Worker

logger = logging.getLogger(__name__)


def take_turn(me: Worker, turn: Callable[[Worker], None]) -> None:
    """One turn, and what becomes of the rows that it leaves unsettled.

    A database that is away costs time and no work. What broke the turn in a way that nobody foresaw is among its rows:
    they go back as suspects. What breaks the process is left to lapse, and the next claimer counts the crash.

    Raises:
        SystemExit: out of memory, or the device is lost. Celery would neither acknowledge nor end a `MemoryError`.
    """
    close_old_connections()
    try:
        with me.turn():
            turn(me)
        me.let_go()
    except OUTAGES:
        logger.exception("a turn found no database")
        connection.close()
        me.let_go(delay_s=TRY_AGAIN_S)
    except (MemoryError, SystemExit):
        logger.critical("a turn broke this process: ending")
        me.leave_to_lapse()
        raise SystemExit(EXIT_CODE) from None
    except Exception:
        logger.exception("a turn ended early")
        me.let_go(delay_s=TRY_AGAIN_S, blamed=True)


@app.task(name=TASKS["screening"])
def screen() -> None:
    """Judge prompts and pictures that wait."""
    from gateway.work import screening

    take_turn(worker.current(), screening.turn)


@app.task(name=TASKS["generation"])
def generate() -> None:
    """Make pictures that wait."""
    from gateway.work import generation

    take_turn(worker.current(), generation.turn)


@app.task(name=TASKS["delivery"])
def deliver() -> None:
    """Publish what was granted."""
    from gateway.work import delivery

    take_turn(worker.current(), delivery.turn)
