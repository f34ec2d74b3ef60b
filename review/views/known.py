"""The lists of known pictures: what stands on them, who put it there, and taking it off again. No picture is shown."""

import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from gateway import lifecycle
from gateway.errors import GatewayError
from gateway.models import MIN_REASON, KnownPicture, Role, Side
from moderation.taxonomy import CATEGORIES
from review import searching
from review.access import person, requires

KEEPERS = (Role.SENIOR, Role.OFFICER)  # who may take a picture off a list
STATUSES = {"listed": "on the list", "retired": "taken off"}
SIDES = {str(Side.BLOCK): "refused", str(Side.ALLOW): "let go"}
FIELDS: dict[str, dict[str, str]] = {
    "side": SIDES,
    "status": STATUSES,
    "category": {name: each.title for name, each in CATEGORIES.items()},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """The fields of the page's address, and what of them cannot be read."""

    filters: dict[str, str]
    errors: dict[str, searching.SearchRefusedError]

    @property
    def address(self) -> str:
        return urlencode(self.filters)


@requires(*KEEPERS, Role.AUDITOR)
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """The entries that fit the address, the latest first; those of sealed work for officers alone."""
    return _page(request, request.GET.dict())


@requires(*KEEPERS)
@require_POST
def retire(request: HttpRequest, known_id: uuid.UUID) -> HttpResponse:
    """Take a picture off its list, for a written reason."""
    reason = request.POST.get("reason", "")[:2000]
    try:
        lifecycle.retire_known_picture(known_id, user_id=person(request).pk, reason=reason)
    except GatewayError as error:
        return _page(request, {}, error=error, of=known_id, reason=reason)
    return redirect(f"{reverse('known')}?off={known_id}")


def _read(fields: dict[str, str]) -> Asked:
    filters = {name: fields[name] for name in FIELDS if fields.get(name)}
    errors = {
        name: searching.SearchRefusedError(
            f"{name} is {value[:40]!r}; it may be {', '.join(FIELDS[name])}", field=name, value=value[:40],
            limit=list(FIELDS[name]),
        )
        for name, value in filters.items()
        if value not in FIELDS[name]
    }  # fmt: skip
    return Asked(filters, errors)


def _page(
    request: HttpRequest,
    fields: dict[str, str],
    *,
    error: GatewayError | None = None,
    of: uuid.UUID | None = None,
    reason: str = "",
) -> HttpResponse:
    asked, more = _read(fields), False
    entries: list[KnownPicture] = []
    if not asked.errors:
        try:
            found = _fitting(request, asked, fields)
        except searching.SearchRefusedError as refused:
            error = error or refused
        else:
            entries, more = found[: searching.ON_A_PAGE], len(found) > searching.ON_A_PAGE
    wrong = error or next(iter(asked.errors.values()), None)
    context = {
        "nav": "known",
        "asked": asked,
        "entries": entries,
        "older": entries[-1].pk if more else None,
        "not_first": bool(fields.get("before")),
        "choices": FIELDS,
        "may_retire": person(request).role in KEEPERS,
        "taken_off": fields.get("off"),
        "min_reason": MIN_REASON,
        "error": error,
        "of": of,
        "reason": reason,
    }
    return render(request, "review/known.html", context, status=200 if wrong is None else wrong.http_status)


def _fitting(request: HttpRequest, asked: Asked, fields: dict[str, str]) -> list[KnownPicture]:
    """A page of entries, and one more where there are more."""
    user = person(request)
    entries = KnownPicture.objects.select_related("decision__case__generation", "organization").order_by("-pk")
    if user.role != Role.OFFICER:
        entries = entries.filter(decision__case__generation__sealed_at__isnull=True)
    wanted: dict[str, Any] = {"status": "listed", **asked.filters}
    entries = entries.filter(**wanted)
    if fields.get("before"):
        entries = entries.filter(pk__lt=searching.id_of("before", fields["before"]))
    return list(entries[: searching.ON_A_PAGE + 1])
