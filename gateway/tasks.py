"""Celery's way in. A task carries no job: it says that there may be work, and the worker's turn takes what there is."""

import logging
from collections.abc import Callable

from django.db import Error, close_old_connections, connection

from gateway.celery import TASKS, app
from gateway.errors import GatewayError
from gateway.work import worker
from gateway.work.worker import Worker

logger = logging.getLogger(__name__)

TRY_AGAIN_S = 5.0  # what a turn that ended early left undone


def _turn(take: Callable[[Worker], None]) -> None:
    """One turn. A database that is away costs time and no work: what was leased lapses and is taken again."""
    close_old_connections()
    try:
        take(worker.current())
    except Error:
        logger.exception("a turn found no database")
        connection.close()
    except GatewayError:
        logger.exception("a turn ended early")
    except MemoryError:  # Celery would neither acknowledge nor end this one; the lease brings the work back
        logger.critical("out of memory: ending")
        raise SystemExit(70) from None
    finally:
        worker.current().let_go(delay_s=TRY_AGAIN_S)


@app.task(name=TASKS["screening"])
def screen() -> None:
    """Judge prompts and pictures that wait."""
    from gateway.work import screening

    _turn(screening.turn)


@app.task(name=TASKS["generation"])
def generate() -> None:
    """Make pictures that wait."""
    from gateway.work import generation

    _turn(generation.turn)


@app.task(name=TASKS["delivery"])
def deliver() -> None:
    """Publish what was granted."""
    from gateway.work import delivery

    _turn(delivery.turn)
