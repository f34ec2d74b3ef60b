"""`manage.py up` that cannot start: it says plainly why, leaves nothing running, and ends with status 1."""

import contextlib
import fcntl
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.local.state import CHECKOUT, State
from tests.stack import free_port


def refused(folder: Path, **variables: str) -> str:
    """What `up` says on standard error as it ends with status 1."""
    ours = ("IMPRIMATUR_", "DATABASE_URL_", "CELERY_", "QUARANTINE_", "RELEASED_")
    outside = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment = {**outside, "IMPRIMATUR_STATE": str(folder), "PORT": str(free_port()), **variables}
    done = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


@contextlib.contextmanager
def listening() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield int(taken.getsockname()[1])


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with listening() as port:
        assert f"port {port} cannot be had" in refused(tmp_path, PORT=str(port))


def test_the_people_s_port_is_the_next_and_named_too(tmp_path: Path) -> None:
    with listening() as port:
        assert f"port {port} cannot be had" in refused(tmp_path, PORT=str(port - 1))


@pytest.mark.parametrize("port", ["0", "65535", "http", "-1", ""])
def test_a_port_that_is_none_is_named(tmp_path: Path, port: str) -> None:
    assert f"PORT is {port!r}" in refused(tmp_path, PORT=port)


def test_a_misspelled_setting_is_named_before_anything_starts(tmp_path: Path) -> None:
    assert "IMPRIMATUR_LEASES" in refused(tmp_path, IMPRIMATUR_LEASES="3")
    assert not (tmp_path / "postgres").exists()


def test_databases_are_named_for_all_roles_or_for_none(tmp_path: Path) -> None:
    said = refused(tmp_path, DATABASE_URL_CLIENTS="postgresql://elsewhere/db")

    assert "set for clients and not for delivery, generation, people, screening, sweeper" in said


def test_a_second_start_on_one_state_is_refused(tmp_path: Path) -> None:
    state = State(tmp_path)
    with state.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711")
        lock.flush()

        assert "runs already" in (said := refused(tmp_path))
        assert "4711" in said


def test_a_lock_file_without_a_holder_keeps_nobody_out(tmp_path: Path) -> None:
    State(tmp_path).lock.write_text("4711")

    with listening() as port:
        assert "cannot be had" in refused(tmp_path, PORT=str(port))


def test_lost_secrets_are_named_and_not_made_anew(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "data").mkdir(parents=True)

    assert "api-key-pepper" in refused(tmp_path)
    assert not (tmp_path / "secrets").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may use every folder")
def test_a_folder_of_another_account_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    assert "no right to use" in refused(tmp_path / "var")
