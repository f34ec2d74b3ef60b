"""A whole installation under test: `manage.py up` in a folder of its own, on a fault profile of short leases."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg.rows import dict_row

from gateway.local.keyring import SUPERUSER_PASSWORD
from gateway.local.postgres import Server
from gateway.local.state import State

CHECKOUT = Path(__file__).parents[1]
LEASE_S = 3.0
RECOVERY_S = LEASE_S + 10.0
READY_WITHIN_S = 180.0
PROFILE = {
    "IMPRIMATUR_LEASE_S": str(LEASE_S),
    "IMPRIMATUR_HEARTBEAT_S": "1",
    "IMPRIMATUR_DEFAULT_MODEL": "test-card",
    "IMPRIMATUR_TURN_S": "10",
    "IMPRIMATUR_TORCH_THREADS": "1",
    "IMPRIMATUR_CASE_LEASE_S": "30",
}


@dataclass
class Stack:
    """A running installation."""

    process: subprocess.Popen[bytes]
    state: State
    output: Path
    port: int
    _admin_url: str = field(default="")

    @property
    def local(self) -> dict[str, Any]:
        """`local.json` as it stands now."""
        return dict(json.loads(self.state.local_json.read_text()))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def pids(self) -> dict[str, int]:
        return dict(self.local["pids"])

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """What the record holds, seen by the superuser; waits while PostgreSQL recovers."""
        ends_at = time.monotonic() + 60.0
        while True:
            try:
                with psycopg.connect(self._admin_url, autocommit=True, row_factory=dict_row, connect_timeout=5) as c:
                    return c.execute(query, parameters).fetchall()  # type: ignore[arg-type]
            except psycopg.OperationalError:
                if time.monotonic() > ends_at:
                    raise
                time.sleep(0.1)

    def kill(self, name: str, *, child: bool = False) -> int:
        """kill -9 a process by its name in `local.json`, or the pool child below it; the pid that died."""
        pid = self.pids()[name]
        if child:
            below = psutil.Process(pid).children(recursive=True)
            pid = max(below, key=lambda process: process.memory_info().rss).pid
        os.kill(pid, signal.SIGKILL)
        return pid

    def stop(self) -> int:
        """Ctrl-C, and the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


@contextlib.contextmanager
def running_stack(*, workers: int = 2, **more: str) -> Iterator[Stack]:
    """`manage.py up`, ready; stopped and removed at the end, its output shown if the test failed."""
    folder = Path(tempfile.mkdtemp(prefix="imprimatur-faults-"))
    folder.chmod(0o711)
    port = free_port()
    ours = ("IMPRIMATUR_", "DATABASE_URL_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    for name in ("CELERY_BROKER_URL", "QUARANTINE_URL", "RELEASED_URL"):
        environment.pop(name, None)
    environment |= {**PROFILE, **more, "IMPRIMATUR_STATE": str(folder), "PORT": str(port), "OMP_NUM_THREADS": "1"}
    output = folder / "up.log"
    with output.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--workers", str(workers)],
            cwd=CHECKOUT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    stack = Stack(process, State(folder), output, port)
    try:
        wait_for(lambda: "Imprimatur is ready" in output.read_text() or process.poll() is not None, READY_WITHIN_S)
        assert process.poll() is None, output.read_text()[-3000:]
        server = Server(folder, password=stack.state.keyring.read(SUPERUSER_PASSWORD), sockets=stack.state.sockets)
        stack._admin_url = server.admin_url("imprimatur")
        yield stack
    except BaseException:
        sys.stderr.write(output.read_text()[-6000:])
        raise
    finally:
        if process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                stack.stop()
            process.kill()
        shutil.rmtree(folder, ignore_errors=True)


def wait_for(condition: Callable[[], bool], seconds: float, *, every_s: float = 0.1) -> float:
    """Wait until it is so; how long that took.

    Raises:
        AssertionError: it was not so in time.
    """
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not so within {seconds} s: {condition}"
        time.sleep(every_s)
    return time.monotonic() - began


def free_port() -> int:
    """A port that is free, as is the next one."""
    for _ in range(50):
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            with contextlib.suppress(OSError):
                second.bind(("127.0.0.1", port + 1))
                return port
    raise AssertionError("no two free ports beside each other")
