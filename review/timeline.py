"""What happened to a request, and what people wrote of it.

Whoever gives a second approval is not told who gave the first, nor what they said of this request, here or in notes.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min, Q, QuerySet

from gateway.models import Case, Decision, Look, User, Verdict
from review.claims import claimed_at

YES = ("release", "approve")


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the timeline; `changed`: it moved something."""

    at: datetime
    text: str
    changed: bool = True


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote with a decision, for those who come after."""

    at: datetime
    by: str
    text: str


def first_approvers(case: Case, user: User) -> frozenset[uuid.UUID]:
    """Who has said yes to this case and still stands by it, this person left out."""
    yes = Decision.objects.filter(case=case, outcome__in=YES, undone_by__isnull=True).exclude(user=user)
    return frozenset(yes.values_list("user_id", flat=True))


def timeline(case: Case, user: User, hidden: frozenset[uuid.UUID]) -> list[Event]:
    """The earliest first. Of people in `hidden`: only that there was an approval, and when."""
    return sorted(_events(case, user, hidden), key=lambda event: event.at)


def notes(case: Case, user: User, hidden: frozenset[uuid.UUID]) -> list[Note]:
    """What was written of this request in steps before, the latest first; nothing of people in `hidden`."""
    written = _decisions_about(case).exclude(note="").exclude(user__in=hidden).order_by("-id")
    return [Note(said.at, _who(said.user_id, user), said.note) for said in written]


def pseudonym(user_id: uuid.UUID) -> str:
    """How a person appears in records: stable, and not their name."""
    return f"R-{user_id.hex[-4:].upper()}"


def _events(case: Case, user: User, hidden: frozenset[uuid.UUID]) -> Iterator[Event]:
    generation = case.generation
    yield Event(generation.created_at, "Request accepted")
    for verdict in Verdict.objects.filter(Q(image=case.image) | Q(image=None), generation=generation):
        of = "Prompt" if verdict.image_id is None else "Image"
        yield Event(verdict.at, f"{of} screened: {verdict.outcome}", changed=verdict.outcome != "allow")
    yield Event(claimed_at(case.pk), f"This {case.kind} is held; a person is asked")
    said = list(_decisions_about(case))
    yield from _claims(case, said, user, hidden)
    yield from _looks(case, user, hidden)
    for decision in said:
        if decision.user_id not in hidden:
            yield Event(decision.at, _sentence(decision, user))
        elif decision.case_id == case.pk and decision.outcome in YES and not hasattr(decision, "undone_by"):
            yield Event(decision.at, "First approval; who gave it and why is not shown")


def _claims(case: Case, said: list[Decision], user: User, hidden: frozenset[uuid.UUID]) -> Iterator[Event]:
    """The claims that a decision on this case came of, and the present one. A claim's token carries its time."""
    claims = {decision.token: decision.user_id for decision in said if decision.token and decision.case_id == case.pk}
    if case.lease_token is not None and case.lease_user_id is not None:
        claims[case.lease_token] = case.lease_user_id
    for token, user_id in claims.items():
        if user_id not in hidden:
            yield Event(claimed_at(token), f"{_who(user_id, user)} claimed it", changed=False)


def _looks(case: Case, user: User, hidden: frozenset[uuid.UUID]) -> Iterator[Event]:
    looks = Look.objects.filter(case=case).exclude(user__in=hidden).values("user").order_by("user")
    for look in looks.annotate(first=Min("at"), longest=Max("ms"), number=Count("pk")):
        times = "" if look["number"] == 1 else f", the longest of {look['number']} looks"
        yield Event(
            look["first"], f"{_who(look['user'], user)} saw it for {look['longest'] / 1000:.1f} s{times}", changed=False
        )


def _decisions_about(case: Case) -> QuerySet[Decision]:
    return (
        Decision.objects.select_related("case", "undone_by")
        .filter(Q(case=case) | Q(case__kind="prompt"), case__generation=case.generation)
        .order_by("id")
    )


def _sentence(said: Decision, user: User) -> str:
    verb = {
        "release": "released the image", "approve": "approved the prompt", "deny": f"denied the {said.case.kind}",
        "escalate": f"escalated the {said.case.kind}", "undo": "took that back",
    }[said.outcome]  # fmt: skip
    return f"{_who(said.user_id, user)} {verb}{f' for {said.category}' if said.category else ''}"


def _who(user_id: uuid.UUID, user: User) -> str:
    return "You" if user_id == user.pk else pseudonym(user_id)
