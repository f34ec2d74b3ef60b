"""Who works on which case, and until when: the lease on the case row. What is decided is gateway.lifecycle's.

A claim is one statement, a function of the record (gateway/migrations/record/claims_of_others.sql). It takes a case
with its open siblings of the same generation, queue and lanes, so that one person sees all pictures of a request.
"""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from gateway.audit.log import Actor, Entries
from gateway.errors import ClaimLostError
from gateway.models import UNSCREENED, Case, Role, User
from gateway.models.fields import TransactionNow, new_id
from moderation.taxonomy import CATEGORIES
from review import care

MAX_CLAIM_S = 30 * 60  # renewed or not
TRIES = 5
SHARES = 10_000

_EVERYBODY = ("ordinary", "unscreened", "severe")
LANES: dict[str, tuple[str, ...]] = {
    Role.REVIEWER: _EVERYBODY,
    Role.SENIOR: (*_EVERYBODY, "second", "escalated"),
}

CLAIM, CLAIM_SPARED = (
    "SELECT case_id, of_generation, of_organization, until, now() "  # noqa: S608 - our own names
    f"FROM {function}(%(user)s, %(lanes)s, %(severes)s, %(categories)s, %(queue)s, %(passed_over)s, %(oldest)s, "
    "%(token)s, %(lease_s)s) ORDER BY place, case_id"
    for function in ("claim_cases", "claim_spared_cases")
)
_CATEGORIES = (*CATEGORIES, UNSCREENED, "")  # of a case; "" where it has none


@dataclass(frozen=True, slots=True)
class Claim:
    """Cases of one generation, in the order of its images, that one person holds until `until`."""

    token: uuid.UUID
    until: datetime
    generation_id: uuid.UUID
    case_ids: tuple[uuid.UUID, ...]


def take(user: User, *, passed_over: Sequence[uuid.UUID] = (), queue_id: int | None = None) -> Claim | None:
    """The next case over this person's queues and lanes, with its siblings; None if nothing waits.

    Most claims take the most urgent case, a share of them (`IMPRIMATUR_OLDEST_SHARE`) the one held longest, so that
    nothing starves. Never a case that this person approved before, one of `passed_over`, work of an organization that
    they belong to as a client, or what they opted out of or are spared for now (review/care.py).

    Args:
        queue_id: look in this queue alone, if it is one of theirs.

    Raises:
        BreakRequiredError: they need a break first.
    """
    lanes = LANES.get(user.role, ())
    if not user.may_review or not lanes:
        return None
    for spared in care.offers(user.pk):
        wanted = {"user": user.pk, "passed_over": list(passed_over), "queue": queue_id, **_places(lanes, spared)}
        claim = _take(user, wanted, CLAIM_SPARED if spared else CLAIM)
        if claim is not None:
            care.note_claim(user.pk, claim.case_ids)
            return claim
    return None


def _places(lanes: Sequence[str], spared: care.Spared) -> dict[str, list[Any] | None]:
    """The lanes as parameters; where something is spared, with every severity and category that is not."""
    if not spared:
        return {"lanes": list(lanes), "severes": None, "categories": None}
    cut = [
        (lane, severe, category)
        for lane in lanes
        for severe in ((True,) if lane == "severe" else (False, True))
        for category in _CATEGORIES
        if not (severe and spared.severe) and category not in spared.categories
    ]
    return {"lanes": [c[0] for c in cut], "severes": [c[1] for c in cut], "categories": [c[2] for c in cut]}


def _take(user: User, wanted: dict[str, Any], statement: str) -> Claim | None:
    oldest = secrets.randbelow(SHARES) < settings.CONFIGURATION.oldest_share * SHARES
    for _ in range(TRIES):
        token = new_id()
        asked = {**wanted, "oldest": oldest, "token": token, "lease_s": settings.CONFIGURATION.case_lease_s}
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, asked)
            taken = cursor.fetchall()
            if not taken:
                return None
            if taken[0][0] is not None:
                return _noted(cursor, taken, token, user)
    return None


def _noted(cursor: CursorWrapper, taken: Sequence[tuple[Any, ...]], token: uuid.UUID, user: User) -> Claim:
    _, generation_id, organization_id, until, at = taken[0]
    entries = Entries(
        at=at, actor=Actor("person", user.pk), organization_id=organization_id, generation_id=generation_id
    )
    for case_id, *_ in taken:
        entries.append(kind="case", target=case_id, was="open", to="open", action="case.claimed")
    entries.write(cursor)
    return Claim(token, until, generation_id, tuple(row[0] for row in taken))


def current(user_id: uuid.UUID) -> Claim | None:
    """What this person holds, the oldest claim first; so a page loaded again shows the same case."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.lease_token, c.lease_until, c.generation_id, c.id FROM review_case c "
            "LEFT JOIN image i ON i.id = c.image_id WHERE c.lease_user_id = %s AND c.status = 'open' "
            "AND c.lease_until > now() ORDER BY c.lease_token, i.position, c.id",
            [user_id],
        )
        rows = cursor.fetchall()
    if not rows:
        return None
    token, until, generation_id, _ = rows[0]
    return Claim(token, until, generation_id, tuple(row[3] for row in rows if row[0] == token))


def held_case(user_id: uuid.UUID, case_id: uuid.UUID) -> Case:
    """The case, with its generation, image and queue, while this person's claim on it lives.

    Raises:
        ClaimLostError: it is not theirs, or no longer; or it is of an organization that they belong to as a client.
    """
    case = (
        Case.objects.select_related("generation", "image__generation", "queue")
        .filter(pk=case_id, status="open", lease_user=user_id, lease_until__gt=TransactionNow())
        .exclude(generation__organization__memberships__user=user_id)
        .first()
    )
    if case is None:
        raise ClaimLostError("you have no claim on this case")
    return case


def claim_of(case: Case) -> Claim:
    """The claim that a held case belongs to, with all it holds.

    Raises:
        ClaimLostError: the case is not claimed.
    """
    if case.lease_token is None or case.lease_until is None:
        raise ClaimLostError("nobody has this case")
    held = (
        Case.objects.filter(generation=case.generation_id, status="open", lease_token=case.lease_token)
        .order_by("image__position", "id")
        .values_list("pk", flat=True)
    )
    return Claim(case.lease_token, case.lease_until, case.generation_id, tuple(held))


def renew(user_id: uuid.UUID, token: uuid.UUID) -> datetime:
    """Until when the claim now holds. It is never held longer than 30 minutes, counted from the claim.

    Raises:
        ClaimLostError: it is over, or was never this person's.
    """
    mine = "lease_user_id = %(user)s AND lease_token = %(token)s AND status = 'open' AND lease_until > now()"
    parameters: dict[str, Any] = {
        "user": user_id,
        "token": token,
        "lease_s": settings.CONFIGURATION.case_lease_s,
        "last": claimed_at(token) + timedelta(seconds=MAX_CLAIM_S),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE review_case SET lease_until = "  # noqa: S608
            "greatest(lease_until, least(now() + make_interval(secs => %(lease_s)s), %(last)s)) WHERE id = ANY(ARRAY("
            f"SELECT id FROM review_case WHERE {mine} ORDER BY id FOR NO KEY UPDATE SKIP LOCKED))",
            parameters,
        )
        # A row that a decision has locked was skipped above and is not lost.
        cursor.execute(f"SELECT min(lease_until) FROM review_case WHERE {mine}", parameters)  # noqa: S608
        until: datetime | None = cursor.fetchone()[0]
    if until is None:
        raise ClaimLostError("your claim on this case is over: claim it again")
    return until


def holds_severe(user_id: uuid.UUID) -> bool:
    """Whether a case that this person holds is severe."""
    return Case.objects.filter(status="open", lease_user=user_id, severe=True).exists()


def drop(
    user_id: uuid.UUID, token: uuid.UUID | None = None, *, organization_id: uuid.UUID | None = None
) -> tuple[uuid.UUID, ...]:
    """Give back one claim, or all that this person holds (of one organization); the cases that others can now take."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE review_case SET lease_user_id = NULL, lease_token = NULL, lease_until = NULL WHERE id = ANY(ARRAY("
            "SELECT id FROM review_case WHERE lease_user_id = %(user)s AND status = 'open' "
            "AND (%(token)s::uuid IS NULL OR lease_token = %(token)s) AND (%(organization)s::uuid IS NULL OR EXISTS ("
            "SELECT FROM generation g WHERE g.id = generation_id AND g.organization_id = %(organization)s)) "
            "ORDER BY id FOR NO KEY UPDATE)) RETURNING id",
            {"user": user_id, "token": token, "organization": organization_id},
        )
        return tuple(row[0] for row in cursor.fetchall())


def claimed_at(token: uuid.UUID) -> datetime:
    """When a claim began: its token is a UUIDv7 and carries the time."""
    return datetime.fromtimestamp((token.int >> 80) / 1000, tz=UTC)
