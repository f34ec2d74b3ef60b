"""Who lives: what the doors know of the workers and the sweepers from the record."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest

from gateway.leases import BEATS_A_LEASE

KINDS = ("screening", "generation", "delivery")
SWEPT_WITHIN_S = 30

_BEATS = "last_beat > now() - make_interval(secs => %s)"
_LIVE = f"self_test_at IS NOT NULL AND {_BEATS}"


@dataclass(frozen=True, slots=True)
class Sight:
    """What the checkers can see just now.

    Attributes:
        judges: some screening worker lives and has passed its self-test; without one everything is held.
        blind: the checkers that did not know their canaries, in any screening worker that lives.
    """

    judges: bool
    blind: tuple[str, ...]


def _live_within_s() -> float:
    return float(BEATS_A_LEASE * settings.CONFIGURATION.heartbeat_s)


def served_models() -> set[str]:
    """The models that some live generation worker, its self-test passed, can make pictures with."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT unnest(serves) FROM workers WHERE kind = 'generation' AND {_LIVE}",  # noqa: S608
            [_live_within_s()],
        )
        return {row[0] for row in cursor.fetchall()}


def missing_parts() -> Sequence[str]:
    """What the gate still waits for, in words; empty: it can carry a request from end to end."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT kind FROM workers WHERE {_LIVE}", [_live_within_s()])  # noqa: S608
        live = {row[0] for row in cursor.fetchall()}
        cursor.execute(
            "SELECT counted_at > now() - make_interval(secs => %s) FROM gate",
            [SWEPT_WITHIN_S],
        )
        swept = cursor.fetchone()
    missing = [f"a {kind} worker that passed its self-test" for kind in KINDS if kind not in live]
    if swept is None or not swept[0]:
        missing.append("a sweeper")
    return missing


def sight() -> Sight:
    """What the checkers can see just now."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT self_test_at IS NOT NULL, failing FROM workers WHERE kind = 'screening' AND {_BEATS}",  # noqa: S608
            [_live_within_s()],
        )
        alive = cursor.fetchall()
    blind = {name for _, failing in alive for name in failing}
    return Sight(any(judges for judges, _ in alive), tuple(sorted(blind)))


def in_every_page(_request: HttpRequest) -> dict[str, Callable[[], Sight | None]]:
    """`sight` for templates, asked when a page shows it; None while the database does not answer."""

    def ask() -> Sight | None:
        try:
            return sight()
        except DatabaseError:
            return None

    return {"sight": ask}
