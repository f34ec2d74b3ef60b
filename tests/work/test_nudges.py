"""Nudges: hints that may be lost, and may never hold anybody up."""

import socket
import time
from collections.abc import Callable

from gateway.celery import app
from gateway.nudges import Nudger
from tests.work.conftest import wait_for


def test_a_hanging_broker_holds_nobody_up(broker: Callable[[str], None]) -> None:
    with socket.socket() as takes_connections_and_says_nothing:
        takes_connections_and_says_nothing.bind(("127.0.0.1", 0))
        takes_connections_and_says_nothing.listen(1)
        broker(f"redis://127.0.0.1:{takes_connections_and_says_nothing.getsockname()[1]}/0")
        nudger = Nudger()

        began = time.monotonic()
        for _ in range(1000):
            nudger.nudge("screening")

        assert time.monotonic() - began < 1.0


def test_after_a_broker_that_was_gone_nudges_arrive_again(broker: Callable[[str], None]) -> None:
    nudger = Nudger()
    broker("redis://127.0.0.1:1/0")
    nudger.nudge("delivery")
    nudger.nudge("a kind that is none")
    time.sleep(0.2)

    broker("memory://")
    nudger.nudge("delivery")

    with app.connection_for_read() as connection:
        channel = connection.channel()
        wait_for(lambda: "delivery" in channel.queues and channel.basic_get("delivery") is not None)


def test_a_burst_is_one_message(broker: Callable[[str], None]) -> None:
    broker("memory://")
    nudger = Nudger()
    with app.connection_for_read() as connection:
        channel = connection.channel()
        channel.queue_delete("generation")  # what other tests of this process have left there

        for _ in range(100):
            nudger.nudge("generation")

        wait_for(lambda: "generation" in channel.queues and channel.basic_get("generation") is not None)
        time.sleep(0.2)
        left = 0
        while channel.basic_get("generation") is not None:
            left += 1
    assert left <= 1
