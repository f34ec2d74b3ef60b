"""What the pages of sealed work show: numbers for everybody, opaque lines for officers, never what is sealed."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone

from gateway.models import AuditEntry, AuditPrivate, RequesterHold, Role, Seal, SealedAccess, User
from review.timeline import pseudonym

STAGES = {"prompt match": "prompt", "image match": "image", "reviewer": "review", "officer": "officer"}
HOW = {
    "prompt match": "at the prompt", "image match": "at the image", "reviewer": "by a reviewer",
    "officer": "by an officer",
}  # fmt: skip
MOST_LISTED = 500


@dataclass(frozen=True, slots=True)
class Standing:
    """How much is sealed; `alarms`: of how much no officer has taken note yet."""

    count: int
    alarms: int


@dataclass(frozen=True, slots=True)
class Line:
    """All that a list tells of something sealed. `score` "": no checker said it, a person did."""

    seal_id: uuid.UUID
    at: datetime
    stage: str
    category: str
    checker: str
    score: str
    noted: bool


def standing() -> Standing:
    seals = Seal.objects.filter(lifted_at__isnull=True)
    return Standing(seals.count(), seals.filter(noted_at__isnull=True).count())


def lines() -> list[Line]:
    """What is sealed, the latest first."""
    seals = list(Seal.objects.filter(lifted_at__isnull=True).defer("prompt_for_officers").order_by("-id")[:MOST_LISTED])
    said = _said_of(seals)
    return [_line(seal, said.get(seal.generation_id)) for seal in seals]


def line(seal: Seal) -> Line:
    return _line(seal, _said_of([seal]).get(seal.generation_id))


def opaque(seal_id: uuid.UUID) -> str:
    """A seal as people say it; nothing can be read from it but that it is one."""
    digits = seal_id.hex[-8:].upper()
    return f"s-{digits[:4]}-{digits[4:]}"


def accesses(seal: Seal) -> Sequence[SealedAccess]:
    """Who asked to open it and what became of that, the latest first."""
    return list(SealedAccess.objects.filter(seal=seal).select_related("asked_by", "agreed_by").order_by("-id"))


def open_now(of_seal: Sequence[SealedAccess]) -> list[SealedAccess]:
    """The requests whose time box is open now, whoever's."""
    now = timezone.now()
    return [access for access in of_seal if access.status == "agreed" and access.until and access.until > now]


def waiting(of_seal: Sequence[SealedAccess]) -> list[SealedAccess]:
    """The requests that a second person can still agree to."""
    now = timezone.now()
    return [access for access in of_seal if access.status == "asked" and access.ask_until > now]


def asked_anywhere(user: User) -> Sequence[SealedAccess]:
    """What other officers ask this one to agree to."""
    return list(
        SealedAccess.objects.filter(status="asked", ask_until__gt=timezone.now())
        .exclude(asked_by=user)
        .order_by("ask_until")
    )


def holds() -> Sequence[RequesterHold]:
    """The requesters whose further work officers hold."""
    return list(RequesterHold.objects.filter(lifted_at__isnull=True).select_related("organization").order_by("-id"))


def hold_on(seal: Seal) -> RequesterHold | None:
    """The hold on the requester of what is sealed here."""
    generation = seal.generation
    return RequesterHold.objects.filter(
        organization=generation.organization_id, requester=generation.requester, lifted_at__isnull=True
    ).first()


def history(seal: Seal, of_seal: Sequence[SealedAccess]) -> list[tuple[datetime, str]]:
    """Who touched it, the earliest first: sealed, noted, asked, agreed, each view, ended."""
    events = [(seal.at, f"Sealed {HOW.get(seal.why, seal.why)}")]
    if seal.noted_at and seal.noted_by_id:
        events.append((seal.noted_at, f"Alarm noted by {pseudonym(seal.noted_by_id)}"))
    for access in of_seal:
        verb = "open it" if access.purpose == "open" else "lift the seal"
        events.append((access.asked_at, f"{pseudonym(access.asked_by_id)} asks to {verb}: “{access.reason}”"))
        if access.agreed_at and access.agreed_by_id:
            events.append((access.agreed_at, f"{pseudonym(access.agreed_by_id)} agrees"))
        if access.ended_at and access.ended_by_id:
            events.append((access.ended_at, f"Ended by {pseudonym(access.ended_by_id)}"))
    events += _views(of_seal)
    return sorted(events)


def officers_besides(user: User) -> int:
    """How many could be the second person."""
    return User.objects.filter(role=Role.OFFICER, is_active=True).exclude(pk=user.pk).count()


def _views(of_seal: Sequence[SealedAccess]) -> list[tuple[datetime, str]]:
    by = {access.pk: access.asked_by_id for access in of_seal}
    seen = AuditEntry.objects.filter(target_id__in=by, from_status="agreed", to_status="agreed")
    found = []
    for at, target, body in seen.values_list("at", "target_id", "body"):
        found.append((at, f"{pseudonym(by[target])} was given: {json.loads(bytes(body))['form']}"))
    return found


def was_shown(access: SealedAccess, form: str, image_id: uuid.UUID) -> bool:
    """Whether this form of this image left for the officer before, under this request."""
    bodies = AuditEntry.objects.filter(target_id=access.pk, to_status="agreed").values_list("body", flat=True)
    shown = (json.loads(bytes(body)) for body in bodies)
    return any(each.get("form") == form and each.get("image") == str(image_id) for each in shown)


def _said_of(seals: Sequence[Seal]) -> dict[uuid.UUID | None, Any]:
    """By generation, the first reason of the verdict that sealed it; only what stands for officers is read."""
    of_officers = Q(field="reasons", audience="officer", generation_id__in=[seal.generation_id for seal in seals])
    rows = AuditPrivate.objects.filter(of_officers).order_by("audit_id").values_list("generation_id", "value")
    return {generation_id: value[0] for generation_id, value in rows if value}


def _line(seal: Seal, said: Any) -> Line:
    by_checker = said if seal.why.endswith("match") and said else {}
    score = by_checker.get("score")
    return Line(
        seal_id=seal.pk,
        at=seal.at,
        stage=STAGES.get(seal.why, seal.why),
        category=by_checker.get("category") or "\u2013",
        checker=by_checker.get("checker") or "\u2013",
        score="" if score is None else f"{float(score):.2f}",
        noted=seal.noted_at is not None,
    )
