"""The embedded broker: behind a socket of ours, and back after a kill with nothing kept."""

import os
import signal
import stat
import time
from pathlib import Path

import redis

from gateway.local.broker import Broker
from gateway.local.processes import Child
from tests.servers import short_folder


def start(broker: Broker) -> Child:
    broker.prepare()
    child = Child(broker.program())
    while not broker.ready():
        assert child.exit_status() is None
        time.sleep(0.02)
    return child


def client(broker: Broker) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(broker.socket))


def test_only_its_owner_can_reach_it() -> None:
    with short_folder() as folder, Broker(folder).running() as broker:
        assert stat.S_IMODE(broker.socket.stat().st_mode) == 0o700
        assert stat.S_IMODE(broker.folder.stat().st_mode) == 0o700
        assert client(broker).config_get("port") == {"port": "0"}


def test_it_comes_back_empty_after_a_kill() -> None:
    with short_folder() as folder:
        broker = Broker(folder)
        child = start(broker)
        client(broker).set("nudge", "1")
        os.kill(child.pid, signal.SIGKILL)
        child.wait(5.0)

        again = start(broker)
        assert client(broker).get("nudge") is None
        assert again.stop(grace_s=5.0) == 0
        assert not list(Path(broker.folder).glob("*.rdb"))


def test_one_that_was_left_behind_is_stopped_first() -> None:
    with short_folder() as folder:
        left_behind = start(Broker(folder))

        again = start(Broker(folder))

        assert left_behind.wait(5.0) is not None
        again.stop(grace_s=5.0)
