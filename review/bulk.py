"""Open cases that a senior may deny together: found by what they have in common, shown by their words.

What somebody holds, what goes back to a checker by itself, what this person may not decide or opted out of is not among
them. Everything that is refused here is refused by the lifecycle and the database too (gateway/lifecycle/bulk.py).
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Exists, F, Func, OuterRef, Q, QuerySet
from django.utils import timezone

from gateway.lifecycle import MOST_IN_A_BATCH
from gateway.models import (
    UNFINISHED,
    UNSCREENED,
    Case,
    Decision,
    Generation,
    Organization,
    Prompt,
    Queue,
    QueueAssignment,
    User,
)
from moderation.taxonomy import CATEGORIES
from review import wording
from review.claims import LANES, claimed_at
from review.desk import shown_sha256
from review.history import pseudonym
from review.preferences import Desk
from review.searching import SearchRefusedError

MOST_COUNTED = 1000
MAX_HOURS = 30 * 24
MIN_DIGITS = 8  # of the digest of a prompt
MOST_REQUESTERS = 20_000  # with work under way, that are told apart by pseudonym
FIELDS = ("queue", "organization", "requester", "category", "kind", "hours", "words")


@dataclass(frozen=True, slots=True)
class Found:
    """The cases that fit, the oldest first, 100 at the most; how many there are, `more` than `count` of them or not."""

    filters: dict[str, str]
    errors: dict[str, SearchRefusedError]
    lines: Sequence["Line"]
    count: int
    more: bool

    @property
    def address(self) -> str:
        """The query of the page's address that asks for these."""
        return urlencode(self.filters)


@dataclass(frozen=True, slots=True)
class Line:
    """One case. `shown`: what a denial says of it, as its id, its version and the hash of what it is about."""

    case: Case
    shown: str
    pieces: Sequence[wording.Piece] | None
    requester: str
    digest: str
    same_words: str
    same_requester: str

    @property
    def held_at(self) -> Any:
        return claimed_at(self.case.pk)


def find(asked: Mapping[str, Any], user: User, desk: Desk) -> Found:
    """What these fields ask for. Without any there is nothing: a batch is chosen for a reason."""
    filters, errors, fits = {}, {}, _open_to(user, desk)
    for name in FIELDS:
        value = str(asked.get(name, "")).strip()[:200]
        if not value:
            continue
        filters[name] = value
        try:
            fits = fits.filter(_READERS[name](value, user))
        except SearchRefusedError as error:
            errors[name] = error
    if errors or not filters:
        return Found(filters, errors, (), 0, more=False)
    count = fits.values("pk")[: MOST_COUNTED + 1].count()
    # By the time in the id, and not by the id: along the primary key all that is closed would be read through.
    oldest = fits.order_by(Func(F("id"), function="uuid_extract_timestamp"), "id")[:MOST_IN_A_BATCH]
    cases = list(oldest.select_related("generation__organization", "image", "queue"))
    return Found(filters, errors, _lines(cases), min(count, MOST_COUNTED), more=count > MOST_COUNTED)


def queues_of(user: User) -> QuerySet[Queue]:
    """The queues that this person works in: those they are named at, or all."""
    mine = QueueAssignment.objects.filter(user=user).values("queue")
    return (Queue.objects.filter(pk__in=mine) if mine.exists() else Queue.objects.all()).order_by("id")


def _open_to(user: User, desk: Desk) -> QuerySet[Case]:
    approved = Decision.objects.filter(
        case=OuterRef("pk"), user=user, outcome__in=["release", "approve"], undone_by__isnull=True
    )
    free = Case.objects.filter(
        ~Exists(approved),
        status="open",
        kind__in=["prompt", "image"],
        lease_user__isnull=True,
        claimable_at__isnull=True,
        lane__in=LANES[user.role],
        queue__in=queues_of(user),
        generation__sealed_at__isnull=True,
    )
    wanted = Q(category__isnull=True) | ~Q(category__in=desk.opted_out)
    own = list(user.memberships.values_list("organization", flat=True))
    return free.filter(wanted).exclude(generation__organization__in=own)


def _lines(cases: Sequence[Case]) -> list[Line]:
    words = dict(Prompt.objects.filter(pk__in=[case.generation_id for case in cases]).values_list("pk", "text"))
    return [_line(case, words.get(case.generation_id)) for case in cases]


def _line(case: Case, text: str | None) -> Line:
    generation = case.generation
    requester, digest = (
        pseudonym(generation.organization_id, generation.requester),
        bytes(generation.prompt_sha256).hex(),
    )
    return Line(
        case=case,
        shown=f"{case.pk} {case.version} {shown_sha256(case).hex()}",
        pieces=None if text is None else wording.pieces(text),
        requester=requester,
        digest=digest[:MIN_DIGITS],
        same_words=urlencode({"words": digest}),
        same_requester=urlencode({"requester": requester}),
    )


# ---- the fields


def _refused(name: str, value: str, limit: str) -> SearchRefusedError:
    return SearchRefusedError(f"{name} is {value!r}; it may be {limit}", field=name, value=value, limit=limit)


def _queue(value: str, user: User) -> Q:
    queues = dict(queues_of(user).values_list("name", "pk"))
    if value not in queues:
        raise _refused("queue", value, ", ".join(queues))
    return Q(queue=queues[value])


def _organization(value: str, _user: User) -> Q:
    organization = Organization.objects.filter(name=value).first()
    if organization is None:
        raise _refused("organization", value, "the name of an organization")
    return Q(generation__organization=organization.pk)


def _requester(value: str, _user: User) -> Q:
    at_work = Generation.objects.filter(status__in=UNFINISHED).values_list("organization", "requester").distinct()
    wanted = " ".join(value.split()).lower()
    for organization_id, requester in at_work[:MOST_REQUESTERS]:
        if pseudonym(organization_id, requester) == wanted:
            return Q(generation__organization=organization_id, generation__requester=requester)
    raise _refused("requester", value, "the pseudonym of somebody with work under way, such as amber heron 4127")


def _category(value: str, _user: User) -> Q:
    if value not in (*CATEGORIES, UNSCREENED):
        raise _refused("category", value, "a category of the taxonomy, or unscreened")
    return Q(category=value)


def _kind(value: str, _user: User) -> Q:
    if value not in ("prompt", "image"):
        raise _refused("kind", value, "prompt, image")
    return Q(kind=value)


def _hours(value: str, _user: User) -> Q:
    if not (value.isascii() and value.isdigit() and 1 <= int(value[:6]) <= MAX_HOURS):
        raise _refused("hours", value, f"a number from 1 to {MAX_HOURS}")
    before = timezone.now() - timedelta(hours=int(value[:6]))
    return Q(pk__lt=uuid.UUID(int=round(before.timestamp() * 1000) << 80))


def _words(value: str, _user: User) -> Q:
    limit = f"{MIN_DIGITS} to 64 hexadecimal digits, an even number of them"
    try:
        begins = bytes.fromhex(value)
    except ValueError:
        raise _refused("words", value, limit) from None
    if not MIN_DIGITS <= 2 * len(begins) <= 64:
        raise _refused("words", value, limit)
    last = begins.ljust(32, b"\xff")
    same = Generation.objects.filter(prompt_sha256__gte=begins, prompt_sha256__lte=last, status__in=UNFINISHED)
    return Q(generation__in=same.values("pk"))


_READERS = {
    "queue": _queue, "organization": _organization, "requester": _requester, "category": _category, "kind": _kind,
    "hours": _hours, "words": _words,
}  # fmt: skip
