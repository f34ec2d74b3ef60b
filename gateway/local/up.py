"""`manage.py up`: everything on one machine, with one command, from nothing."""

import argparse
import contextlib
import fcntl
import functools
import os
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence

import psutil

from gateway.configuration import PROCESSES, ConfigurationError, read
from gateway.local import probes
from gateway.local.errors import LocalServiceError, explain
from gateway.local.plan import Installation
from gateway.local.processes import end_leftovers
from gateway.local.state import SUPERVISED, State, environment_for
from gateway.local.supervisor import Supervisor

MIN_FREE_BYTES = 512 * 1024 * 1024
LEFTOVER_GRACE_S = 5.0
_printing = threading.Lock()


def main(arguments: Sequence[str]) -> int:
    """Run everything until Ctrl-C; the exit status: 0, or 1 with the reason on standard error."""
    parser = argparse.ArgumentParser(prog="manage.py up", description="Run everything on this machine.")
    parser.add_argument("--verbose", action="store_true", help="show all that the processes print, not only in var/log")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes of each kind of worker (1)")
    options = parser.parse_args(arguments)
    os.umask(0o077)
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    try:
        return _run(State.of(os.environ), verbose=options.verbose, workers=max(1, options.workers))
    except (LocalServiceError, ConfigurationError, OSError) as error:
        print(f"Imprimatur cannot start: {explain(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def _run(state: State, *, verbose: bool, workers: int) -> int:
    installation = Installation(state, os.environ)
    _check_space(state)
    state.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(state):
        state.make()
        state.local_json.unlink(missing_ok=True)
        _end_leftovers(state)
        for process in PROCESSES:
            if process != "migrator" or installation.embeds_database:
                read(environment_for(process, state=state, base=installation.environment))
        for port in (installation.port, installation.port + 1):
            _check_port(port)
        say(f"state in {state.folder}, logs in {state.log}")
        notes = Notes(installation)
        supervisor = Supervisor(
            installation.plans(workers=workers, made_demo=notes.made_demo),
            log=state.log,
            say=say,
            verbose=verbose,
            note_pids=notes.note_pids,
            waits_for=functools.partial(probes.not_ready_because, installation.port),
            announce=notes.announce,
        )
        try:
            return supervisor.run()
        finally:
            state.local_json.unlink(missing_ok=True)


class Notes:
    """What scripts and people are told: `local.json`, and the lines at the end of the start."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._state = installation.state
        self._pids: Mapping[str, int] = {}
        self._demo: Mapping[str, str] = self._state.read_json(self._state.demo_json)

    def made_demo(self, demo: Mapping[str, str]) -> None:
        """Demo accounts were made in the database of ours."""
        self._demo = demo
        self._write()

    def note_pids(self, pids: Mapping[str, int]) -> None:
        """Another process runs than before."""
        self._pids = pids
        self._write()

    def announce(self) -> None:
        """Everything is ready."""
        lines = [
            "",
            "Imprimatur is ready.",
            f"  clients' door   {self._installation.url}",
            f"  people's door   {self._installation.review_url}",
        ]
        if self._demo:
            lines += [
                f"  demo API key    {self._demo['api_key']}",
                f"  reviewer        {self._demo['reviewer']}, password {self._demo['password']}",
            ]
        say("\n".join([*lines, "Ctrl-C stops everything.", ""]))

    def _write(self) -> None:
        """Replace the file, once there is something to sign in with: a script that finds it finds it complete."""
        if self._installation.embeds_database and not self._demo:
            return
        document = {
            "url": self._installation.url,
            "review_url": self._installation.review_url,
            "api_key": self._demo.get("api_key"),
            "reviewer": self._demo.get("reviewer"),
            "password": self._demo.get("password"),
            "pids": dict(self._pids),
        }
        try:
            self._state.write_json(self._state.local_json, document)
        except OSError as error:
            say(f"{self._state.local_json} is out of date: {explain(error)}")


def say(text: str) -> None:
    """Print for whoever looks; that nobody does is no reason to stop."""
    with _printing, contextlib.suppress(OSError, ValueError):
        print(text, flush=True)


@contextlib.contextmanager
def _locked(state: State) -> Iterator[None]:
    """Hold the state folder's lock, which the kernel drops however we end."""
    with state.lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise LocalServiceError(
                f"it runs already on {state.folder} (process {file.read().strip() or 'unknown'}): stop that one first, "
                "or name another folder in IMPRIMATUR_STATE"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _end_leftovers(state: State) -> None:
    """Stop what a supervisor that was killed left behind."""

    def is_ours(process: psutil.Process) -> bool:
        return bool(process.environ().get(SUPERVISED) == str(state.folder))

    leftovers = end_leftovers(is_ours, grace_s=LEFTOVER_GRACE_S)
    if leftovers:
        say(f"stopped {len(leftovers)} processes that an earlier start had left")


def _check_space(state: State) -> None:
    folder = next(parent for parent in (state.folder, *state.folder.parents) if parent.exists())
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < MIN_FREE_BYTES:
        raise LocalServiceError(
            f"the disk of {folder} has {free_bytes // 1_000_000} MB left, and a start needs "
            f"{MIN_FREE_BYTES // 1_000_000} MB: make room, or name another folder in IMPRIMATUR_STATE"
        )


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((os.environ.get("IMPRIMATUR_BIND", "127.0.0.1"), port))
        except OSError as error:
            raise LocalServiceError(
                f"port {port} cannot be had ({error.strerror}): the clients' door takes PORT, which is 8000 unless you "
                "set it, and the people's door the next one"
            ) from None
