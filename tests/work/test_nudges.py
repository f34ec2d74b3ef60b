"""Nudges: hints that may be lost, and may never hold anybody up."""

import socket
import time
from collections.abc import Iterator

import pytest

from gateway.celery import app
from gateway.nudges import Nudger


@pytest.fixture
def a_broker_that_hangs() -> Iterator[str]:
    """It takes connections and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        before = app.conf.broker_url
        app.conf.broker_url = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        app.pool.force_close_all()
        yield app.conf.broker_url
        app.conf.broker_url = before
        app.pool.force_close_all()


def test_a_hanging_broker_holds_nobody_up(a_broker_that_hangs: str) -> None:
    nudger = Nudger()

    began = time.monotonic()
    for _ in range(1000):
        nudger.nudge("screening")

    assert time.monotonic() - began < 1.0
