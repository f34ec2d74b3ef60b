"""A migrated template, clones of it that take milliseconds, and Django's connection as any role a test asks for."""

import contextlib
import copy
import itertools
import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
from django.core.management import call_command
from django.db import connections
from django.db.utils import load_backend
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from gateway.local import roles
from tests.servers import Services

TEMPLATE = "record_template"
_numbers = itertools.count(1)


class Idle(threading.local):
    """A thread's connections that nobody acts with just now: to make one costs more than what most tests do with it."""

    def __init__(self) -> None:
        self._connections: defaultdict[tuple[Any, ...], list[Any]] = defaultdict(list)

    def take(self, key: tuple[Any, ...]) -> Any:
        kept = self._connections[key]
        while kept:
            wrapper = kept.pop()
            if wrapper.is_usable():
                return wrapper
            wrapper.close()
        return None

    def put(self, key: tuple[Any, ...], wrapper: Any) -> None:
        """Keep it for the next who acts so, unless it is broken or in a transaction."""
        raw = wrapper.connection
        if raw is not None and not raw.closed and raw.info.transaction_status == TransactionStatus.IDLE:
            self._connections[key].append(wrapper)
        else:
            wrapper.close()

    def close(self) -> None:
        for wrapper in itertools.chain.from_iterable(self._connections.values()):
            wrapper.close()
        self._connections.clear()


@dataclass(frozen=True)
class Record:
    """One database of its own: what is committed in it is committed."""

    name: str
    services: Services
    _idle: Idle = field(default_factory=Idle, repr=False, compare=False)

    def url(self, role: str) -> str:
        """The way in of one process's role."""
        return self.services.role_url(role, self.name)

    def admin(self) -> psycopg.Connection[Any]:
        """A superuser's connection, in autocommit; close it, or use it in a `with`."""
        return psycopg.connect(self.services.admin_url(self.name), autocommit=True)

    def connect(self, role: str) -> psycopg.Connection[Any]:
        """A plain connection of a role, with transactions: nothing of ours stands between a test and the database."""
        return psycopg.connect(self.url(role))

    def close(self) -> None:
        """Close this thread's idle connections; those of others end with their threads, or with the database."""
        self._idle.close()

    @contextlib.contextmanager
    def acting_as(self, role: str, **options: Any) -> Iterator[None]:
        """Make this thread's default connection one of `role`; what was there before is back afterwards.

        Args:
            options: more of libpq's, such as `application_name`.
        """
        before = _of_this_thread()
        key = (role, *sorted(options.items()))
        now = self._idle.take(key) or _connection(self.url(role), **options)
        connections["default"] = now
        try:
            yield
        finally:
            self._idle.put(key, now)
            if before is None:
                del connections["default"]
            else:
                connections["default"] = before

    @contextlib.contextmanager
    def whole_process_as(self, role: str) -> Iterator[None]:
        """The same for every thread that asks for its first connection: what a worker's threads do."""
        before = dict(connections.settings["default"])
        connections.settings["default"].update(_parts(self.url(role)))
        try:
            with self.acting_as(role):
                yield
        finally:
            connections.settings["default"].update(before)


def _of_this_thread() -> Any:
    return connections["default"] if connections.all(initialized_only=True) else None


def _connection(url: str, **options: Any) -> Any:
    wanted = copy.deepcopy(connections.settings["default"])
    wanted.update(_parts(url, **options))
    return load_backend(wanted["ENGINE"]).DatabaseWrapper(wanted, "default")


def _parts(url: str, **options: Any) -> dict[str, Any]:
    parts = conninfo_to_dict(url)
    return {
        "NAME": parts.pop("dbname"),
        "USER": parts.pop("user"),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "OPTIONS": {**parts, **options},
    }


def migrate_template(services: Services) -> None:
    """Make the template by `manage.py migrate`, as the migrator."""
    with psycopg.connect(services.admin_url(), autocommit=True) as admin:
        roles.prepare_database(admin, TEMPLATE)
        template = Record(TEMPLATE, services)
        with template.acting_as("migrator"):
            call_command("migrate", verbosity=0)
        template.close()
        admin.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE true").format(sql.Identifier(TEMPLATE)))


@contextlib.contextmanager
def cloned(services: Services) -> Iterator[Record]:
    """A fresh clone of the template, dropped at the end. Django's default connection is the people's door's in it."""
    name = f"record_{os.getpid()}_{next(_numbers)}"
    record = Record(name, services)
    with psycopg.connect(services.admin_url(), autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(roles.OWNER), sql.Identifier(TEMPLATE)
            )
        )
        roles.prepare_database(admin, name)  # rights on a database are not cloned with it
        before = dict(connections.settings["default"])
        connections.close_all()
        connections.settings["default"].update(_parts(record.url("people")))
        with contextlib.suppress(AttributeError):
            del connections["default"]
        try:
            yield record
        finally:
            record.close()
            connections.close_all()
            connections.settings["default"].update(before)
            with contextlib.suppress(AttributeError):
                del connections["default"]
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
