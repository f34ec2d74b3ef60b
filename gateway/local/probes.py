"""Whether a process does what it is there for: a door answers, a worker says so in the record."""

import contextlib
import http.client
import json
import os
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any, LiteralString

import psycopg

from gateway.local.processes import Child

HTTP_TIMEOUT_S = 2.0
# A worker that passed its self-test and beats; who beats is the pool child, of the process group that we started.
LIVE_WORKERS = """
    SELECT pid FROM workers
     WHERE kind = %s AND host = %s AND self_test_at IS NOT NULL AND last_beat > now() - interval '2 minutes'
"""
COUNTED = "SELECT true FROM gate WHERE counted_at > now() - make_interval(secs => %s)"


def http_status(host: str, port: int, path: str) -> tuple[int, str]:
    """The status and the beginning of the body of a GET; (0, "") when nobody answers."""
    connection = http.client.HTTPConnection(host, port, timeout=HTTP_TIMEOUT_S)
    with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read(4000).decode("utf-8", errors="replace")
    return 0, ""


def door_answers(port: int) -> Callable[[Child], bool]:
    """Whether the door on this machine's `port` says that it lives."""
    return lambda _child: http_status("127.0.0.1", port, "/healthz")[0] == 200


def worker_beats(kind: str, database_url: Callable[[], str]) -> Callable[[Child], bool]:
    """Whether the worker below a child has passed its self-test and beats in the record.

    Args:
        kind: its column in `workers`.
        database_url: of a role that may read `workers`.
    """

    def beats(child: Child) -> bool:
        rows = _rows(database_url(), LIVE_WORKERS, [kind, socket.gethostname()])
        return any(_is_of_group(pid, child.pid) for (pid,) in rows)

    return beats


def sweeper_counts(database_url: Callable[[], str]) -> Callable[[Child], bool]:
    """Whether a sweeper has counted what the gate has under way since a child was started.

    Args:
        database_url: of a role that may read `gate`.
    """

    def counts(child: Child) -> bool:
        return bool(_rows(database_url(), COUNTED, [time.monotonic() - child.started_at]))

    return counts


def not_ready_because(port: int) -> str | None:
    """What the clients' door says it waits for; None when it is ready."""
    status, body = http_status("127.0.0.1", port, "/readyz")
    if status == 200:
        return None
    with contextlib.suppress(ValueError, AttributeError):
        problem = json.loads(body)
        return str(problem.get("detail") or problem.get("title") or body)[:200]
    return "the clients' door does not answer yet" if status == 0 else f"/readyz answers {status}"


def _rows(database_url: str, query: LiteralString, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
    """What a query finds; nothing, when there is no database."""
    with (
        contextlib.suppress(psycopg.Error),
        psycopg.connect(database_url, connect_timeout=5, autocommit=True) as connection,
    ):
        return connection.execute(query, parameters).fetchall()
    return []


def _is_of_group(pid: int, group: int) -> bool:
    try:
        return os.getpgid(pid) == group
    except ProcessLookupError:
        return False
