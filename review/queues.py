"""The queues page: what waits as the sweeper last counted it, and who is at it. Costs the same at any depth."""

import hashlib
import re
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from gateway.models import Queue, QueueAssignment, User

LATE_COUNT_S = 60.0  # the sweeper counts every few seconds; a count that old says that none runs


@dataclass(frozen=True, slots=True)
class QueueNow:
    """One queue. `mine`: this person works in it. `here`: the initials of those who hold one of its cases now."""

    id: int
    name: str
    depth: int | None
    oldest_at: datetime | None
    counted_at: datetime | None
    due_after_s: float
    undo_window_s: float
    here: tuple[str, ...]
    mine: bool

    @property
    def oldest_s(self) -> float:
        return 0.0 if self.oldest_at is None else max(0.0, (timezone.now() - self.oldest_at).total_seconds())

    @property
    def late(self) -> bool:
        """Its oldest case is past the time in which this queue's cases are due."""
        return self.oldest_s > self.due_after_s

    @property
    def filled(self) -> int:
        """The oldest case's age in hundredths of the time in which it is due; 100 at the most."""
        return min(100, round(100 * self.oldest_s / self.due_after_s))


def now(user: User) -> list[QueueNow]:
    """Every queue, this person's first."""
    here = _here()
    assigned = set(QueueAssignment.objects.filter(user=user).values_list("queue_id", flat=True))
    queues = [
        QueueNow(
            queue.pk, queue.name, queue.depth, queue.oldest_at, queue.counted_at, queue.due_after_s,
            queue.undo_window_s, here.get(queue.pk, ()),
            mine=user.may_review and (not assigned or queue.pk in assigned),
        )
        for queue in Queue.objects.order_by("id")
    ]  # fmt: skip
    return sorted(queues, key=lambda queue: not queue.mine)


def is_count_late(queues: Sequence[QueueNow]) -> bool:
    """Whether no sweeper has counted for a while: then the numbers are of the past, and say so."""
    ago = timezone.now() - timedelta(seconds=LATE_COUNT_S)
    return any(queue.counted_at is None or queue.counted_at < ago for queue in queues)


def etag(queues: Sequence[QueueNow]) -> str:
    """Changes when what the table says does, ages to the minute; when it was counted does not matter."""
    said = [
        (q.id, q.name, q.depth, q.oldest_at, q.oldest_s // 60, q.due_after_s, q.undo_window_s, q.here, q.mine)
        for q in queues
    ]
    return f'"{hashlib.sha256(repr((said, is_count_late(queues))).encode()).hexdigest()[:16]}"'


def _here() -> dict[int, tuple[str, ...]]:
    """The initials of those with a live claim, by queue: a claim lives while its tab is used, for some minutes more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT c.queue_id, p.id, p.username, p.first_name, p.last_name FROM review_case c "
            "JOIN person p ON p.id = c.lease_user_id WHERE c.lease_user_id IS NOT NULL AND c.lease_until > now()"
        )
        people: dict[int, dict[uuid.UUID, str]] = defaultdict(dict)
        for queue_id, user_id, username, first_name, last_name in cursor.fetchall():
            people[queue_id][user_id] = initials(username, f"{first_name} {last_name}")
    return {queue_id: tuple(sorted(each.values())) for queue_id, each in people.items()}


def initials(username: str, full_name: str = "") -> str:
    """Two letters for a person: of their names, else of the parts of their user name, else its first two."""
    words = full_name.split() or [word for word in re.split(r"[\W\d_]+", username) if word]
    if len(words) > 1:
        return (words[0][0] + words[-1][0]).upper()
    return (words[0] if words else username)[:2].upper()
