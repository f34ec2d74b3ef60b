"""Children of ours: started so that they cannot outlive us, stopped with all that they started themselves."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from gateway.local import tether
from gateway.local.accounts import Account

POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Program:
    """What to start, as whom, and how it is asked to stop.

    Attributes:
        result: a file for its standard output, where that is no log; standard error goes to the log still.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    stdin: bytes = b""
    result: Path | None = None


class Child:
    """A running program, leader of a session of its own, so that Ctrl-C reaches the supervisor alone."""

    def __init__(self, program: Program, *, output: int | IO[bytes] | None = None) -> None:
        """Start `program`; its output goes to `output`, a file, a descriptor or `subprocess.PIPE`."""
        account = program.account
        command = [
            sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), str(int(program.death_signal)),
            str(account.uid if account else -1), str(account.gid if account else -1), *program.command,
        ]  # fmt: skip
        self.program = program
        self.started_at = time.monotonic()
        with contextlib.ExitStack() as files:
            result = files.enter_context(program.result.open("wb")) if program.result is not None else None
            self._process = subprocess.Popen(
                command,
                env=dict(program.environment),
                cwd=program.folder,
                stdin=subprocess.PIPE if program.stdin else subprocess.DEVNULL,
                stdout=output if result is None else result,
                stderr=output if output is None or result is not None else subprocess.STDOUT,
                start_new_session=True,
            )
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError), self._process.stdin as stdin:
                stdin.write(program.stdin)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> IO[bytes] | None:
        """What it prints, if it was started with `subprocess.PIPE`."""
        return self._process.stdout or self._process.stderr

    def exit_status(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs. What it started itself is dead by then."""
        if self._process.returncode is None and self._ended():
            self.kill()  # before it is reaped: until then nobody else can be given its number
            self._process.wait()
        return self._process.returncode

    def wait(self, timeout_s: float) -> int | None:
        """Its exit status, or None when it still runs after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while (status := self.exit_status()) is None and time.monotonic() < deadline:
            time.sleep(POLL_S)
        return status

    def ask_to_stop(self) -> None:
        """Send its stop signal; it may take its time."""
        if self.exit_status() is None:
            self._process.send_signal(self.program.stop_signal)

    def stop(self, *, grace_s: float) -> int:
        """Stop it, by force after `grace_s`; its exit status."""
        self.ask_to_stop()
        status = self.wait(grace_s)
        if status is None:
            self.kill()
            status = self._process.wait()
        return status

    def _ended(self) -> bool:
        if sys.platform == "darwin":  # has no waitid
            return self._process.poll() is not None
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:  # someone else in this process has waited for it
            return True

    def kill(self) -> None:
        """End it and all of its process group at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # PermissionError: only zombies (macOS)
            os.killpg(self.pid, signal.SIGKILL)


def end_leftovers(
    belongs: Callable[[psutil.Process], bool], *, first: signal.Signals = signal.SIGTERM, grace_s: float
) -> list[psutil.Process]:
    """Stop every process that `belongs`, by force after `grace_s`; those there were. We and our parents stay."""
    ourselves = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    leftovers = [
        process for process in psutil.process_iter() if process.pid not in ourselves and _ask(belongs, process)
    ]
    _signal(leftovers, first)
    _gone, alive = psutil.wait_procs(leftovers, timeout=grace_s)
    _signal(alive, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=grace_s)
    return leftovers


def works_in(folder: Path) -> Callable[[psutil.Process], bool]:
    """Whether a process has `folder` as its working directory."""
    return lambda process: process.cwd() == str(folder)


def _ask(belongs: Callable[[psutil.Process], bool], process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and belongs(process)
    except (psutil.Error, OSError):  # gone, or of another user: not one we started
        return False


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)
