"""Which queue a case waits in: chosen when it opens, and again in batches when an operator changed the rules.

The open images of one request wait in one queue, that of the image held first, so that one person sees them together.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from gateway.audit.log import Actor, Entries, Private
from gateway.models import DEFAULT_QUEUE_ID, Case, Queue, RoutingRule

REROUTE_BATCH = 500
SAME_DUE_S = 1.0  # a case is due counted from its opening, which its id knows to the clock of whoever opened it


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules read of a case."""

    kind: str
    category: str | None
    score: float | None
    organization_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class Route:
    """Where a case waits, how urgent it is, and how long after it opened it is due."""

    queue_id: int
    priority: int
    due_after_s: float
    rule_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Routing:
    """The rules in force, in their order."""

    rules: Sequence[RoutingRule]
    due_after_s: dict[int, float]

    @classmethod
    def load(cls) -> "Routing":
        rules = RoutingRule.objects.filter(retired_at__isnull=True).order_by("position")
        return cls(list(rules), dict(Queue.objects.values_list("id", "due_after_s")))

    def route(self, facts: Facts) -> Route:
        """The queue of the first rule that fits; the default queue where none does."""
        rule = next((rule for rule in self.rules if fits(rule, facts)), None)
        queue_id = DEFAULT_QUEUE_ID if rule is None else rule.queue_id
        priority = 0 if rule is None else rule.priority
        return Route(queue_id, priority, self.due_after_s[queue_id], None if rule is None else rule.pk)


def fits(rule: RoutingRule, facts: Facts) -> bool:
    """Whether every field that the rule names is that of the case. A case without a score fits no score band."""
    named = (
        (rule.kind, facts.kind),
        (rule.category, facts.category),
        (rule.organization_id, facts.organization_id),
    )
    if any(wanted is not None and wanted != is_ for wanted, is_ in named):
        return False
    if rule.min_score is None and rule.max_score is None:
        return True
    score = facts.score
    if score is None:
        return False
    return (rule.min_score is None or score >= rule.min_score) and (rule.max_score is None or score < rule.max_score)


def route_new(facts: Facts, *, generation_id: uuid.UUID) -> Route:
    """Where a case that opens now waits: where the request's images of before do, else where the rules say."""
    if facts.kind == "image":
        before = (
            Case.objects.filter(generation=generation_id, kind="image", status__in=["open", "decided"])
            .order_by("id")
            .values_list("queue_id", "priority", "queue__due_after_s")
            .first()
        )
        if before is not None:
            return Route(*before)
    return Routing.load().route(facts)


@dataclass(frozen=True, slots=True)
class _Place:
    generation_id: uuid.UUID
    organization_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class Rerouted:
    """One batch: where the next begins (None: that was the last), how many cases were looked at and how many moved."""

    next_after: uuid.UUID | None
    seen: int
    moved: int


_OPEN = """
    SELECT c.id, c.generation_id, g.organization_id, c.kind, first.category, first.score, c.queue_id, c.priority,
           extract(epoch FROM c.due_at - uuid_extract_timestamp(c.id))::float
      FROM review_case c JOIN generation g ON g.id = c.generation_id CROSS JOIN LATERAL (
           SELECT f.category, f.score FROM review_case f
            WHERE f.generation_id = c.generation_id AND f.status IN ('open', 'decided')
              AND (f.id = c.id OR (c.kind = 'image' AND f.kind = 'image')) ORDER BY f.id LIMIT 1) first
     WHERE c.status = 'open' AND c.lease_user_id IS NULL AND c.id > %s ORDER BY c.id LIMIT %s"""

# Under the generations' locks, so that no claim begins meanwhile; a request of which somebody holds a case stays.
_MOVE = """
    UPDATE review_case c SET queue_id = t.queue_id, priority = t.priority,
           due_at = uuid_extract_timestamp(c.id) + make_interval(secs => t.due_after_s)
      FROM unnest(%s::uuid[], %s::smallint[], %s::smallint[], %s::float[]) AS t (id, queue_id, priority, due_after_s)
     WHERE c.id = t.id AND c.status = 'open' AND c.lease_user_id IS NULL AND c.generation_id = ANY(%s)
       AND NOT EXISTS (SELECT FROM review_case s WHERE s.generation_id = c.generation_id
                          AND s.status = 'open' AND s.lease_user_id IS NOT NULL)
 RETURNING c.id"""


def reroute(routing: Routing, *, after: uuid.UUID, actor: Actor) -> Rerouted:
    """Let these rules choose again for a batch of unclaimed open cases younger than `after`, in one transaction.

    No version is stepped. A request that somebody has claimed a case of, or is changing at this moment, stays.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_OPEN, [after, REROUTE_BATCH])
        found = cursor.fetchall()
        moves: dict[uuid.UUID, tuple[_Place, Route]] = {}
        for case_id, generation_id, organization_id, kind, category, score, queue_id, priority, due_after_s in found:
            route = routing.route(Facts(kind, category, score, organization_id))
            as_it_is = queue_id == route.queue_id and priority == route.priority
            if not as_it_is or abs(due_after_s - route.due_after_s) > SAME_DUE_S:
                moves[case_id] = (_Place(generation_id, organization_id), route)
        moved = _move(cursor, moves, actor) if moves else 0
    return Rerouted(found[-1][0] if len(found) == REROUTE_BATCH else None, len(found), moved)


def _move(cursor: CursorWrapper, moves: dict[uuid.UUID, "tuple[_Place, Route]"], actor: Actor) -> int:
    cursor.execute(
        "SELECT id FROM generation WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED",
        [list({place.generation_id for place, _ in moves.values()})],
    )
    locked = [row[0] for row in cursor.fetchall()]
    routes = [route for _, route in moves.values()]
    cursor.execute(
        _MOVE,
        [
            list(moves),
            [r.queue_id for r in routes],
            [r.priority for r in routes],
            [r.due_after_s for r in routes],
            locked,
        ],
    )
    moved = [row[0] for row in cursor.fetchall()]
    cursor.execute("SELECT now()")
    at = cursor.fetchone()[0]
    for case_id in moved:
        place, route = moves[case_id]
        entries = Entries(at=at, actor=actor, organization_id=place.organization_id, generation_id=place.generation_id)
        entries.append(
            kind="case", target=case_id, was="open", to="open", action="case.rerouted", private=private(route)
        )
        entries.write(cursor)
    return len(moved)


def private(route: Route) -> Private:
    """Queue and rule, for the operator's eyes: what a matched rule is called says something of what it looks for."""
    return {"routing": ("operator", {"queue": route.queue_id, "rule": route.rule_id and str(route.rule_id)})}
