"""Since when a person works, when they need a break, what they have had to see, and what they are spared.

Work is what reaches this door from a case's page: opening it, the beat of a page in use, a look, a decision. Time
without any of these, for as long as a break lasts, is a break, wherever it was spent. All times are the database's.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection
from django.db.models import Count, F, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from gateway.errors import GatewayError
from gateway.models import Case, Look, User, WorkStretch
from gateway.models.fields import TransactionNow
from review.preferences import Desk, desk_of

# A page in use beats each minute; what lies further apart was not all spent looking at the case.
LONGEST_STEP_S = 90.0
_RESTED = "now() - w.last_at >= make_interval(secs => %(break)s)"
STRONGEST_PX = 128
STRONGEST_COLUMNS = 8


class BreakRequiredError(GatewayError):
    """A break is due before this person is given another case."""

    code = "break_required"
    http_status = 409
    title = "Time for a break"


class ClearLooksSpentError(GatewayError):
    """This person has looked clearly as often today as they may."""

    code = "clear_looks_spent"
    http_status = 409
    title = "No more clear looks today"


@dataclass(frozen=True, slots=True)
class Spared:
    """What a claim must not bring: severe cases, and these categories."""

    severe: bool = False
    categories: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self.severe or bool(self.categories)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a person stands with their work and breaks.

    Attributes:
        worked_s: since their last break.
        rested_s: since they last did anything; while it is under a break's length, `worked_s` goes on.
        severe_s: of today (UTC), with severe cases.
    """

    worked_s: float
    rested_s: float
    severe_s: float
    severe_in_a_row: int
    desk: Desk

    @property
    def break_required(self) -> bool:
        return self.worked_s >= self.desk.break_required_s

    @property
    def break_suggested(self) -> bool:
        return self.worked_s >= self.desk.break_suggested_s

    @property
    def suggested_in_s(self) -> float:
        return max(0.0, self.desk.break_suggested_s - self.worked_s)

    @property
    def required_in_s(self) -> float:
        return max(0.0, self.desk.break_required_s - self.worked_s)

    @property
    def rest_left_s(self) -> float:
        """How much longer without work makes a whole break."""
        return max(0.0, self.desk.break_s - self.rested_s) if self.worked_s else 0.0

    @property
    def severe_spent(self) -> bool:
        return self.severe_s >= self.desk.severe_per_day_s


def standing(user_id: uuid.UUID, desk: Desk) -> Standing:
    """Where this person stands now. Nothing is changed."""
    found = WorkStretch.objects.filter(pk=user_id).annotate(now=TransactionNow()).first()
    if found is None:
        return Standing(0.0, float(desk.break_s), 0.0, 0, desk)
    now: datetime = found.now
    rested_s = (now - found.last_at).total_seconds()
    rested = rested_s >= desk.break_s
    return Standing(
        worked_s=0.0 if rested else (now - found.began_at).total_seconds(),
        rested_s=rested_s,
        severe_s=found.severe_s if found.day == now.date() else 0.0,
        severe_in_a_row=0 if rested else found.severe_in_a_row,
        desk=desk,
    )


def offers(user_id: uuid.UUID) -> Sequence[Spared]:
    """What to spare this person in their next claim, and, where that finds nothing, in the attempts after it.

    Raises:
        BreakRequiredError: they have worked as long without a break as they may.
    """
    desk = desk_of(user_id)
    now = standing(user_id, desk)
    if now.break_required:
        raise BreakRequiredError(
            f"a break is required after {desk.break_required_s // 60} min of work",
            field="break_required_s", value=round(now.worked_s), limit=desk.break_required_s,
        )  # fmt: skip
    always = Spared(severe=now.severe_spent, categories=desk.opted_out)
    if not always.severe and now.severe_in_a_row >= desk.severe_in_a_row:
        return Spared(severe=True, categories=desk.opted_out), always
    return (always,)


def note_work(user_id: uuid.UUID, desk: Desk, *, severe: bool) -> None:
    """This person works now, on a case that is severe or not; after a break a new stretch begins."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO work_stretch AS w (user_id, at_severe, day) VALUES (%(user)s, %(severe)s, current_date) "  # noqa: S608
            "ON CONFLICT (user_id) DO UPDATE SET last_at = now(), at_severe = EXCLUDED.at_severe, "
            "day = EXCLUDED.day, "
            f"began_at = CASE WHEN {_RESTED} THEN now() ELSE w.began_at END, "
            f"severe_in_a_row = CASE WHEN {_RESTED} THEN 0 ELSE w.severe_in_a_row END, "
            "severe_s = CASE WHEN w.day = EXCLUDED.day THEN w.severe_s ELSE 0 END + CASE WHEN w.at_severe "
            "THEN least(extract(epoch FROM now() - w.last_at)::float, %(step)s) ELSE 0 END",
            {"user": user_id, "severe": severe, "break": desk.break_s, "step": LONGEST_STEP_S},
        )


def note_claim(user_id: uuid.UUID, case_ids: Sequence[uuid.UUID]) -> None:
    """Count the severe cases that this person is given in a row."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH given AS (SELECT count(*)::int AS severe FROM review_case WHERE id = ANY(%(cases)s) AND severe) "
            "INSERT INTO work_stretch AS w (user_id, day, severe_in_a_row) "
            "SELECT %(user)s, current_date, severe FROM given WHERE severe > 0 "
            "OR EXISTS (SELECT FROM work_stretch WHERE user_id = %(user)s AND severe_in_a_row > 0) "
            "ON CONFLICT (user_id) DO UPDATE SET severe_in_a_row = "
            "CASE WHEN EXCLUDED.severe_in_a_row > 0 THEN w.severe_in_a_row + EXCLUDED.severe_in_a_row ELSE 0 END",
            {"user": user_id, "cases": list(case_ids)},
        )


def begin_break(user_id: uuid.UUID, desk: Desk) -> None:
    """From now on this person rests; their claims are for the caller to give back."""
    note_work(user_id, desk, severe=False)


def is_strongest(case: Case) -> bool:
    """Whether this picture comes in the smallest and most blurred form: it is severe, or nobody could score it."""
    unscored = case.image is None or (case.image.held_why or "").startswith("unscreened")
    return case.severe or unscored or case.lane == "unscreened"


def check_clear_look(user_id: uuid.UUID, desk: Desk) -> None:
    """Nothing, while this person may look clearly today.

    Raises:
        ClearLooksSpentError: they have, as often as they may.
    """
    if desk.clear_looks_per_day is None:
        return
    had = Look.objects.filter(user=user_id, at__gte=_midnight()).count()
    if had >= desk.clear_looks_per_day:
        raise ClearLooksSpentError(
            f"you have looked clearly {had} times today; your limit is {desk.clear_looks_per_day}. Deny, escalate and "
            "skip need no look",
            field="clear_looks_per_day", value=had, limit=desk.clear_looks_per_day,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exposure:
    """Clear looks of one person, on one day (UTC), at what was held for one category."""

    day: date
    category: str | None
    looks: int
    clear_s: float


def exposure(user: User, *, days: int) -> list[Exposure]:
    """What this person has looked at clearly, by day and category, the latest day first; for their eyes only."""
    since = _midnight() - timedelta(days=days - 1)
    rows = (
        Look.objects.filter(user=user, at__gte=since)
        .values(day=TruncDate("at"), category=F("case__category"))
        .annotate(looks=Count("pk"), ms=Sum("ms"))
        .order_by("-day", "-ms")
    )
    return [Exposure(row["day"], row["category"], row["looks"], row["ms"] / 1000) for row in rows]


def _midnight() -> datetime:
    return timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
