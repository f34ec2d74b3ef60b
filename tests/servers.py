"""A PostgreSQL and a broker for tests, the ones that `manage.py up` embeds, in a folder that goes away afterwards."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from gateway.local import roles
from gateway.local.addresses import DATABASE, ROLES
from gateway.local.broker import Broker
from gateway.local.postgres import Server

# A kill of PostgreSQL is survived without fsync too; only a power cut is not.
FAST_SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "4GB"}


@dataclass(frozen=True)
class Services:
    """A running database cluster with every role, and a running broker."""

    server: Server
    broker: Broker
    passwords: dict[str, str]

    def admin_url(self, database: str = "postgres") -> str:
        """The superuser's way into `database`."""
        return self.server.admin_url(database)

    def role_url(self, role: str, database: str = DATABASE) -> str:
        """The way of one process's role into `database`."""
        return self.server.url(role, self.passwords[role], database)

    @property
    def broker_url(self) -> str:
        return self.broker.url


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A temporary folder whose path is short enough for sockets and open to PostgreSQL's account."""
    folder = Path(tempfile.mkdtemp(prefix="imprimatur-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def running_services(*, durable: bool = False) -> Iterator[Services]:
    """Both services with all roles and an empty database `imprimatur`; gone at the end.

    Args:
        durable: with the disk settings of a real start, for tests that kill PostgreSQL.
    """
    passwords = {role: f"{role}-password" for role in ROLES}
    with short_folder() as folder:
        server = Server(folder, password="superuser-password", settings={} if durable else FAST_SETTINGS)
        with (
            server.running(log=folder / "postgres.log"),
            Broker(folder).running(log=folder / "broker.log") as broker,
        ):
            with psycopg.connect(server.admin_url(), autocommit=True) as connection:
                roles.prepare_roles(connection, passwords)
                roles.prepare_database(connection)
            yield Services(server=server, broker=broker, passwords=passwords)
