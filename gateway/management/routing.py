"""Queues and the rules that choose them, as one JSON document: read, compared with the record, carried out.

A queue that the document leaves out stays as it is: its cases and its part of the log remain. The rules of the document
are all the rules there are.
"""

import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Literal, Self

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from gateway.audit import log
from gateway.lifecycle.transaction import insert
from gateway.models import DEFAULT_QUEUE_ID, UNSCREENED, Organization, Queue, QueueAssignment, RoutingRule, User
from gateway.models.fields import new_id
from moderation.taxonomy import CATEGORIES

MAX_QUEUES = 12  # a claim looks at each lane of each of them
MAX_RULES = 200

NAME = Field(min_length=1, max_length=100)


class RoutingError(Exception):
    """A document that cannot be carried out; the message names field, value and limit."""


class QueueEntry(BaseModel):
    """A queue. Reviewers named here work in the queues that name them, and in no other; whoever is named nowhere
    works in all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = NAME
    due_after_s: float = Field(3600.0, ge=1, le=30 * 86400)
    undo_window_s: float = Field(default_factory=lambda: settings.CONFIGURATION.undo_window_s, ge=0, le=60)
    reviewers: tuple[str, ...] = ()


class RuleEntry(BaseModel):
    """A rule; a field left out fits every case."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = NAME
    queue: str
    kind: Literal["prompt", "image", "appeal", "sample"] | None = None
    category: str | None = None
    organization: str | None = None
    min_score: float | None = Field(None, ge=0, le=1)
    max_score: float | None = Field(None, ge=0, le=1)
    priority: int = Field(0, ge=-100, le=100)

    @field_validator("category")
    @classmethod
    def _known(cls, category: str | None) -> str | None:
        if category is not None and category != UNSCREENED and category not in CATEGORIES:
            raise ValueError(f"is no category: one of {UNSCREENED}, {', '.join(CATEGORIES)}")
        return category

    @model_validator(mode="after")
    def _band(self) -> Self:
        if self.min_score is not None and self.max_score is not None and self.min_score >= self.max_score:
            raise ValueError(f"min_score {self.min_score} is not below max_score {self.max_score}")
        return self


class Document(BaseModel):
    """All that `manage.py routing` reads and prints."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    queues: tuple[QueueEntry, ...] = Field((), max_length=MAX_QUEUES)
    rules: tuple[RuleEntry, ...] = Field((), max_length=MAX_RULES)

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        for field, names in (("queues", [q.name for q in self.queues]), ("rules", [r.name for r in self.rules])):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{field}: the name {twice[0]!r} stands there twice")
        return self


def read(text: str) -> Document:
    """The document that this JSON says.

    Raises:
        RoutingError: a field is missing, unknown or out of its range.
    """
    try:
        return Document.model_validate_json(text)
    except ValidationError as error:
        raise RoutingError("; ".join(_said(each) for each in error.errors(include_url=False))) from None


def _said(error: Any) -> str:
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).lstrip(".")
    given = error["input"]
    value = f" is {given!r}" if isinstance(given, str | int | float) and error["type"] != "json_invalid" else ""
    return f"{where or 'the document'}{value}: {error['msg'].removeprefix('Value error, ')}"


def in_force() -> Document:
    """What the record says now."""
    reviewers: dict[int, list[str]] = {}
    for queue_id, name in QueueAssignment.objects.order_by("user__username").values_list("queue_id", "user__username"):
        reviewers.setdefault(queue_id, []).append(name)
    queues = [
        QueueEntry(
            name=queue.name, due_after_s=queue.due_after_s, undo_window_s=queue.undo_window_s,
            reviewers=tuple(reviewers.get(queue.pk, ())),
        )
        for queue in Queue.objects.order_by("id")
    ]  # fmt: skip
    rules = [
        RuleEntry(
            name=rule.name, queue=rule.queue.name, kind=rule.kind, category=rule.category,  # type: ignore[arg-type]
            organization=None if rule.organization is None else rule.organization.name,
            min_score=rule.min_score, max_score=rule.max_score, priority=rule.priority,
        )
        for rule in _rules_in_force()
    ]  # fmt: skip
    return Document(queues=tuple(queues), rules=tuple(rules))


def _rules_in_force() -> Sequence[RoutingRule]:
    rules = RoutingRule.objects.filter(retired_at__isnull=True).order_by("position")
    return list(rules.select_related("queue", "organization"))


def carry_out(document: Document, *, actor: log.Actor) -> list[str]:
    """Bring the record to this document, in one transaction with an entry for each change; what was changed, in words.

    Open cases stay where they are: `gateway.lifecycle.reroute` moves them.

    Raises:
        RoutingError: a queue, reviewer or organization that is named does not exist.
    """
    with transaction.atomic():
        Queue.objects.select_for_update(no_key=True).get(pk=DEFAULT_QUEUE_ID)  # one at a time
        changed = [line for entry in document.queues for line in _queue(entry, actor)]
        if Queue.objects.count() > MAX_QUEUES:
            raise RoutingError(f"queues: {Queue.objects.count()} with those there are; the limit is {MAX_QUEUES}")
        changed += _rules(document.rules, actor)
    return changed


def _queue(entry: QueueEntry, actor: log.Actor) -> Iterator[str]:
    wanted = {"due_after_s": entry.due_after_s, "undo_window_s": entry.undo_window_s}
    queue = Queue.objects.filter(name=entry.name).first()
    is_new = queue is None
    if queue is None:
        with connection.cursor() as cursor:
            insert(cursor, "queue", name=entry.name, **wanted)
        queue = Queue.objects.get(name=entry.name)
    different = not is_new and any(getattr(queue, name) != value for name, value in wanted.items())
    if different:
        Queue.objects.filter(pk=queue.pk).update(**wanted)
    different |= _assign(queue, entry)
    if is_new or different:
        log.record(
            kind="queue", target=uuid.UUID(int=queue.pk), was=None if is_new else "open", to="open",
            action="queue.created" if is_new else "queue.changed", actor=actor,
            detail={name: round(value) for name, value in wanted.items()},
            private={"queue": ("operator", entry.model_dump(mode="json"))},
        )  # fmt: skip
        yield f"queue {entry.name!r} {'made' if is_new else 'changed'}"


def _assign(queue: Queue, entry: QueueEntry) -> bool:
    """Whether who works in this queue is now somebody else."""
    wanted = {_reviewer(name, entry) for name in entry.reviewers}
    are = set(QueueAssignment.objects.filter(queue=queue).values_list("user_id", flat=True))
    QueueAssignment.objects.filter(queue=queue, user_id__in=are - wanted).delete()
    QueueAssignment.objects.bulk_create(QueueAssignment(queue=queue, user_id=each) for each in wanted - are)
    return wanted != are


def _reviewer(name: str, entry: QueueEntry) -> uuid.UUID:
    user = User.objects.filter(username=name).first()
    if user is None or not user.may_review:
        raise RoutingError(f"queues {entry.name!r}: reviewers names {name!r}, who is no reviewer or senior")
    return user.pk


def _rules(entries: Sequence[RuleEntry], actor: log.Actor) -> Iterator[str]:
    wanted = {position: _columns(entry) for position, entry in enumerate(entries, start=1)}
    for rule in _rules_in_force():
        if wanted.get(rule.position) == {name: getattr(rule, name) for name in _columns_of_a_rule()}:
            del wanted[rule.position]
            continue
        RoutingRule.objects.filter(pk=rule.pk).update(retired_at=timezone.now())
        log.record(
            kind="rule", target=rule.pk, was="active", to="retired", action="rule.retired", actor=actor,
            private={"rule": ("operator", {"position": rule.position, "name": rule.name})},
        )  # fmt: skip
        yield f"rule {rule.position} {rule.name!r} retired"
    for position, columns in wanted.items():
        rule_id = new_id()
        with connection.cursor() as cursor:
            insert(cursor, "routing_rule", id=rule_id, position=position, **columns)
        log.record(
            kind="rule", target=rule_id, was=None, to="active", action="rule.created", actor=actor,
            private={"rule": ("operator", {"position": position, **entries[position - 1].model_dump(mode="json")})},
        )  # fmt: skip
        yield f"rule {position} {columns['name']!r} made"


def _columns_of_a_rule() -> tuple[str, ...]:
    return ("name", "kind", "category", "organization_id", "min_score", "max_score", "queue_id", "priority")


def _columns(entry: RuleEntry) -> dict[str, Any]:
    queue = Queue.objects.filter(name=entry.queue).first()
    if queue is None:
        raise RoutingError(f"rules {entry.name!r}: queue is {entry.queue!r}, which is not there")
    organization = None
    if entry.organization is not None:
        organization = Organization.objects.filter(name=entry.organization).first()
        if organization is None:
            raise RoutingError(f"rules {entry.name!r}: organization is {entry.organization!r}, which is not there")
    return {
        "name": entry.name, "kind": entry.kind, "category": entry.category,
        "organization_id": organization and organization.pk, "min_score": entry.min_score,
        "max_score": entry.max_score, "queue_id": queue.pk, "priority": entry.priority,
    }  # fmt: skip
