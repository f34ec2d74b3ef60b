"""`manage.py up` with every real process: what it tells, what it hands out, what is left of it."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from gateway.local.state import CHECKOUT, SUPERVISED
from tests.stack import READY_WITHIN_S, Stack, running_stack, wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

WORKERS = {"delivery", "screening", "generation"}
PROCESSES = WORKERS | {"supervisor", "postgres", "broker", "sweeper", "sweeper-2", "clients", "people"}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running_stack(workers=1) as running:
        yield running


def left_over(stack: Stack) -> list[psutil.Process]:
    """Every living process that `up` started on this state, however deep below it."""
    return [process for process in psutil.process_iter() if _belongs(process, str(stack.state.folder))]


def _belongs(process: psutil.Process, folder: str) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return process.environ().get(SUPERVISED) == folder or process.cwd().startswith(folder)
    except psutil.Error:
        return False


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_local_json_names_every_process_for_its_owner_alone(stack: Stack) -> None:
    assert stat.S_IMODE(stack.state.local_json.stat().st_mode) == 0o600
    assert set(stack.local) == {"url", "review_url", "api_key", "reviewer", "password", "pids"}
    assert set(stack.pids()) == PROCESSES
    assert all(psutil.pid_exists(pid) for pid in stack.pids().values())
    assert stack.local["review_url"].endswith(str(stack.port + 1))


def test_a_process_is_given_its_own_key_files_and_database_alone(stack: Stack) -> None:
    for name in ("clients", "people", "screening", "generation", "delivery", "sweeper"):
        environment = psutil.Process(stack.pids()[name]).environ()
        private = "IMPRIMATUR_QUARANTINE_PRIVATE_KEY_FILE" in environment
        databases = [variable for variable in environment if variable.startswith("DATABASE_URL_")]
        assert private == (name in {"people", "screening", "delivery"})
        assert databases == [f"DATABASE_URL_{name.upper()}"]


def test_no_log_holds_the_demo_s_key_or_password(stack: Stack) -> None:
    logs = "".join(path.read_text(errors="replace") for path in stack.state.log.iterdir())

    assert "self-test passed" in logs
    assert stack.local["api_key"] not in logs
    assert stack.local["password"] not in logs


def test_a_killed_door_leaves_no_worker_on_its_port(stack: Stack) -> None:
    old = stack.pids()["clients"]
    its_workers = psutil.Process(old).children(recursive=True)
    assert its_workers

    stack.kill("clients")

    wait_for(lambda: stack.pids().get("clients", old) != old, 15.0)
    assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in its_workers)
    wait_for(lambda: not is_free(stack.port), 30.0)


def test_a_killed_supervisor_leaves_nothing_and_the_next_start_puts_all_right(stack: Stack) -> None:
    key = stack.local["api_key"]
    assert left_over(stack)

    os.kill(stack.pids()["supervisor"], signal.SIGKILL)
    stack.process.wait(10)

    wait_for(lambda: not left_over(stack), 10.0)
    assert is_free(stack.port)
    assert is_free(stack.port + 1)

    again = subprocess.Popen(
        [sys.executable, "manage.py", "up"],
        cwd=CHECKOUT,
        env={**os.environ, "IMPRIMATUR_STATE": str(stack.state.folder), "PORT": str(stack.port)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert again.stdout is not None
        began = time.monotonic()
        for line in again.stdout:
            assert time.monotonic() - began < READY_WITHIN_S
            if "Imprimatur is ready" in line:
                break
        assert stack.local["api_key"] == key

        began = time.monotonic()
        again.send_signal(signal.SIGINT)
        rest = again.stdout.read()

        assert again.wait(30) == 0, rest
        assert time.monotonic() - began < 20.0
        assert not left_over(stack)
        assert not stack.state.local_json.exists()
    finally:
        again.kill()
