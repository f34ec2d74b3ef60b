"""Finding decisions again: the fields of a search, the page of the log that fits them, and searches kept by name.

A search is the address of the log: its fields are those of the query. A page costs one walk down one index of
`decision` (gateway/models/cases.py), from where the page before ended.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, Max, OuterRef, Q, Subquery
from django.utils import timezone

from gateway.errors import GatewayError, NotFoundError
from gateway.models import Decision, Look, Organization, PolicyVersion, Queue, Role, SavedSearch, User
from moderation.taxonomy import CATEGORIES
from review.timeline import pseudonym

ON_A_PAGE = 50
MAX_SAVED = 50
MAX_NAME = 60
MIN_POLICY_DIGITS = 6
OUTCOMES = ("release", "approve", "deny", "escalate")
KINDS = ("prompt", "image", "appeal", "sample")
LAST = {"1": "24 hours", "7": "7 days", "30": "30 days", "90": "90 days", "365": "year"}
EFFECTS = {
    "in_effect": "in effect", "pending": "in the undo window", "undone": "undone", "not_undone": "not undone",
}  # fmt: skip
FIRST_DAY, LAST_DAY = date(2020, 1, 1), date(2120, 1, 1)
SEES_ORGANIZATIONS = (Role.SENIOR, Role.AUDITOR)
SEES_NAMES = (Role.AUDITOR,)


class SearchRefusedError(GatewayError):
    """A field of a search that cannot be read; `field`, `value` and `limit` say which, and what it may be."""

    code = "search_refused"
    http_status = 400
    title = "Not searched"


@dataclass(frozen=True, slots=True)
class Search:
    """What was asked for: `filters` by field, without what is empty; what cannot be read is in `errors` instead."""

    filters: dict[str, str]
    errors: dict[str, SearchRefusedError]
    found: Q = field(repr=False)

    @property
    def address(self) -> str:
        """The query of the log's address that asks for this."""
        return urlencode(self.filters)


@dataclass(frozen=True, slots=True)
class Page:
    """Decisions, the latest first; the ids that the pages after and before it begin at, where there are such pages."""

    decisions: list[Decision]
    older: uuid.UUID | None
    newer: uuid.UUID | None


def read(asked: Mapping[str, Any], user: User) -> Search:
    """The search that these fields ask for, as far as this person's role may ask for it."""
    filters, errors, found = {}, {}, Q()
    for name, reader in _FIELDS.items():
        value = str(asked.get(name, "")).strip()[:200]
        if not value:
            continue
        filters[name] = value
        try:
            found &= reader(value, user)
        except SearchRefusedError as error:
            errors[name] = error
    if "last" in filters and ("from" in filters or "to" in filters):
        errors["last"] = _refused("last", filters["last"], "either a period back from now, or days from and to")
    if "to" not in errors and "from" not in errors and filters.get("from", "") > filters.get("to", "9"):
        errors["to"] = _refused("to", filters["to"], f"a day from {filters['from']} on")
    return Search(filters, errors, found)


def page(search: Search, *, before: str = "", after: str = "") -> Page:
    """The decisions that fit, from the latest on; those before or after the decision of an id.

    Raises:
        SearchRefusedError: `before` or `after` is no id.
    """
    fits = Decision.objects.exclude(outcome="undo").filter(search.found, case__generation__sealed_at__isnull=True)
    if after:
        later = fits.filter(pk__gt=id_of("after", after)).order_by("pk").values_list("pk", flat=True)[: ON_A_PAGE + 1]
        ids = list(later)
        more, ids = len(ids) > ON_A_PAGE, ids[:ON_A_PAGE][::-1]
        return Page(_with_all(ids), older=ids[-1] if ids else None, newer=ids[0] if more else None)
    if before:
        fits = fits.filter(pk__lt=id_of("before", before))
    ids = list(fits.order_by("-pk").values_list("pk", flat=True)[: ON_A_PAGE + 1])
    more, ids = len(ids) > ON_A_PAGE, ids[:ON_A_PAGE]
    return Page(_with_all(ids), older=ids[-1] if more else None, newer=ids[0] if before and ids else None)


def _with_all(ids: list[uuid.UUID]) -> list[Decision]:
    """These decisions with what a line of the log says of them: `seen_ms`, how long their person had looked."""
    looks = Look.objects.filter(case=OuterRef("case"), user=OuterRef("user"), sha256=OuterRef("sha256"))
    return list(
        Decision.objects.filter(pk__in=ids)
        .select_related("case__image", "undone_by", "user", "queue", "organization")
        .annotate(seen_ms=Subquery(looks.values("case").annotate(longest=Max("ms")).values("longest")))
        .order_by("-pk")
    )


def policies_of(decisions: list[Decision]) -> dict[str, str]:
    """The names of the policy versions that these decisions were made under, by hash."""
    known = PolicyVersion.objects.filter(pk__in={said.policy_sha256 for said in decisions if said.policy_sha256})
    return dict(known.values_list("pk", "version"))


# ---- the fields


def _refused(name: str, value: str, limit: str) -> SearchRefusedError:
    return SearchRefusedError(f"{name} is {value!r}; it may be {limit}", field=name, value=value, limit=limit)


def id_of(name: str, value: str) -> uuid.UUID:
    """The id that a page begins at.

    Raises:
        SearchRefusedError: it is none.
    """
    try:
        return uuid.UUID(value)
    except ValueError:
        raise _refused(name, value, "the id of a decision") from None


def _one_of(name: str, choices: Mapping[str, Any] | tuple[str, ...], found: Callable[[str], Q]) -> "_Reader":
    def reader(value: str, _user: User) -> Q:
        if value not in choices:
            raise _refused(name, value, ", ".join(choices))
        return found(value)

    return reader


def first_id_of(moment: datetime) -> uuid.UUID:
    """The least id of a moment: ids carry the time they were made at."""
    return uuid.UUID(int=round(moment.timestamp() * 1000) << 80)


def _day(name: str, value: str) -> datetime:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        day = date.min
    if not FIRST_DAY <= day < LAST_DAY:
        raise _refused(name, value, f"a day as {FIRST_DAY.isoformat()}, from then until {LAST_DAY.isoformat()}")
    return datetime.combine(day, time(), tzinfo=UTC)


def _last(value: str) -> Q:
    return Q(pk__gte=first_id_of(timezone.now() - timedelta(days=int(value))))


def _from(value: str, _user: User) -> Q:
    return Q(pk__gte=first_id_of(_day("from", value)))


def _to(value: str, _user: User) -> Q:
    return Q(pk__lt=first_id_of(_day("to", value) + timedelta(days=1)))


def _queue(value: str, _user: User) -> Q:
    queue = Queue.objects.filter(name=value).first()
    if queue is None:
        raise _refused("queue", value, ", ".join(Queue.objects.order_by("id").values_list("name", flat=True)))
    return Q(queue=queue.pk)


def _by(value: str, user: User) -> Q:
    if value == "me":
        return Q(user=user)
    names = user.role in SEES_NAMES
    people = User.objects.values_list("pk", "username")
    found = [pk for pk, username in people if pseudonym(pk) == value.upper() or (names and username == value)]
    if not found:
        raise _refused("by", value, "me, a person as R-1A2B" + (", or a user name" if names else ""))
    return Q(user__in=found)


def _organization(value: str, user: User) -> Q:
    if user.role not in SEES_ORGANIZATIONS:
        raise _refused("organization", value, "asked for by seniors and auditors")
    organization = Organization.objects.filter(name=value).first()
    if organization is None:
        raise _refused("organization", value, "the name of an organization")
    return Q(organization=organization.pk)


def _policy(value: str, _user: User) -> Q:
    named = Q(version=value)
    if len(value) >= MIN_POLICY_DIGITS:
        named |= Q(pk__startswith=value.lower())
    found = list(PolicyVersion.objects.filter(named).values_list("pk", flat=True)[:100])
    if not found:
        raise _refused("policy", value, f"a policy version, or {MIN_POLICY_DIGITS} digits of its hash and more")
    return Q(policy_sha256__in=found)


_WAITING = Q(case__status="decided", case__version=F("version") + 1)
_UNDONE = Exists(Decision.objects.filter(undoes=OuterRef("pk")))


def _effect(value: str) -> Q:
    if value == "pending":  # few: found by the index of what is due
        return Q(pk__in=Decision.objects.filter(_WAITING, case__effective_at__isnull=False).values("pk"))
    if value == "undone":  # found from the undoing
        return Q(pk__in=Decision.objects.filter(outcome="undo").values("undoes"))
    return Q(~_UNDONE) if value == "not_undone" else Q(~_UNDONE) & ~_WAITING


_Reader = Callable[[str, User], Q]
_FIELDS: dict[str, _Reader] = {
    "last": _one_of("last", LAST, _last),
    "from": _from,
    "to": _to,
    "outcome": _one_of("outcome", OUTCOMES, lambda value: Q(outcome=value)),
    "reason": _one_of("reason", tuple(CATEGORIES), lambda value: Q(category=value)),
    "kind": _one_of("kind", KINDS, lambda value: Q(kind=value)),
    "queue": _queue,
    "by": _by,
    "organization": _organization,
    "policy": _policy,
    "effect": _one_of("effect", EFFECTS, _effect),
}


# ---- searches by name


def saved_by(user: User) -> list[SavedSearch]:
    """This person's searches, by name."""
    return list(SavedSearch.objects.filter(user=user).order_by("name"))


def save(user: User, name: str, search: Search) -> SavedSearch:
    """Keep a search under a name; one of that name asks for this from now on.

    Raises:
        SearchRefusedError: a field cannot be read, no name of 1 to 60 characters, or 50 are kept already.
    """
    name = _name(name)
    for error in search.errors.values():
        raise error
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)  # two at once would each see 49
        kept = SavedSearch.objects.filter(user=user)
        same = kept.filter(name=name).first()
        if same is not None:
            same.filters = search.filters
            same.save(update_fields=["filters"])
            return same
        if kept.count() >= MAX_SAVED:
            raise SearchRefusedError(
                f"you keep {MAX_SAVED} searches, the most there may be: delete one first",
                field="name", value=name, limit=MAX_SAVED,
            )  # fmt: skip
        return SavedSearch.objects.create(user=user, name=name, filters=search.filters)


def rename(user: User, search_id: uuid.UUID, name: str) -> None:
    """Give one of this person's searches another name.

    Raises:
        NotFoundError: they have none of this id.
        SearchRefusedError: no name of 1 to 60 characters, or another one has it.
    """
    name = _name(name)
    try:
        with transaction.atomic():
            if not SavedSearch.objects.filter(user=user, pk=search_id).update(name=name):
                raise NotFoundError("you keep no such search")
    except IntegrityError as error:
        raise SearchRefusedError(f"you keep another search named {name!r}", field="name", value=name) from error


def delete(user: User, search_id: uuid.UUID) -> None:
    """Forget one of this person's searches.

    Raises:
        NotFoundError: they have none of this id.
    """
    if not SavedSearch.objects.filter(user=user, pk=search_id).delete()[0]:
        raise NotFoundError("you keep no such search")


def _name(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= MAX_NAME:
        raise SearchRefusedError(
            f"the name has {len(name)} characters; it may have 1 to {MAX_NAME}",
            field="name", value=name[:MAX_NAME], limit=MAX_NAME,
        )  # fmt: skip
    return name
