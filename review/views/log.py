"""The log of decisions: searched, page by page; and each person's searches kept by name."""

import csv
import uuid
from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from gateway.audit.log import Actor, record
from gateway.errors import GatewayError
from gateway.models import Decision, Queue, Role
from gateway.models.fields import new_id
from moderation.taxonomy import CATEGORIES
from review import searching
from review.access import READERS, is_fresh, person, requires, to_confirm
from review.timeline import pseudonym

COLUMNS = (
    "id", "at", "case", "kind", "decision", "reason", "by", "queue", "organization", "policy", "looked_ms", "undone",
)  # fmt: skip


@requires(*READERS)
@require_GET
def log(request: HttpRequest) -> HttpResponse:
    """Decisions that fit the search of the address, the latest first. Nobody's words and no pictures."""
    return _log(request, request.GET)


@requires(*READERS)
@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Keep the search of `search`, the query of the log's address, under `name`."""
    asked = QueryDict(request.POST.get("search", "")[:4000])
    try:
        kept = searching.save(
            person(request), request.POST.get("name", ""), searching.read(asked.dict(), person(request))
        )
    except GatewayError as error:
        return _log(request, asked, error=error)
    return redirect(f"{reverse('decisions')}?{searching.read(kept.filters, person(request)).address}")


@requires(*READERS)
@require_POST
def rename(request: HttpRequest, search_id: uuid.UUID) -> HttpResponse:
    """Give a kept search another name."""
    return _change(request, lambda: searching.rename(person(request), search_id, request.POST.get("name", "")))


@requires(*READERS)
@require_POST
def delete(request: HttpRequest, search_id: uuid.UUID) -> HttpResponse:
    """Forget a kept search."""
    return _change(request, lambda: searching.delete(person(request), search_id))


@requires(Role.AUDITOR)  # type: ignore[arg-type]  # a stream is a response too
@require_POST
def export(request: HttpRequest) -> HttpResponseBase:
    """All decisions that fit the search of `search`, as CSV, people by pseudonym. The export is an entry in the log."""
    asked = QueryDict(request.POST.get("search", "")[:4000])
    search = searching.read(asked.dict(), person(request))
    if search.errors:
        return _log(request, asked)
    if not is_fresh(request):
        return to_confirm(request, f"{reverse('decisions')}?{search.address}")
    with transaction.atomic():
        record(
            kind="export", target=new_id(), was=None, to="begun", action="decisions.exported",
            actor=Actor("person", person(request).pk), private={"search": ("operator", search.filters)},
        )  # fmt: skip
    response = StreamingHttpResponse(_lines(search), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="decisions.csv"'
    return response


def _change(request: HttpRequest, change: Any) -> HttpResponse:
    asked = QueryDict(request.POST.get("search", "")[:4000])
    try:
        change()
    except GatewayError as error:
        return _log(request, asked, error=error)
    return redirect(f"{reverse('decisions')}?{searching.read(asked.dict(), person(request)).address}")


def _log(request: HttpRequest, asked: QueryDict, *, error: GatewayError | None = None) -> HttpResponse:
    """The page; with what is wrong beside the field, and then with no decisions."""
    user = person(request)
    search = searching.read(asked.dict(), user)
    page = searching.Page([], None, None)
    if not search.errors:
        try:
            page = searching.page(search, before=asked.get("before", ""), after=asked.get("after", ""))
        except searching.SearchRefusedError as refused:
            error = error or refused
    wrong = error or next(iter(search.errors.values()), None)
    saved = searching.saved_by(user)
    context = {
        "nav": "decisions",
        "search": search,
        "page": page,
        "policies": searching.policies_of(page.decisions),
        "error": error,
        "saved": [(each, searching.read(each.filters, user).address) for each in saved],
        "max_saved": searching.MAX_SAVED,
        "choices": {
            "last": searching.LAST,
            "outcome": {each: each.capitalize() for each in searching.OUTCOMES},
            "reason": {name: category.title for name, category in CATEGORIES.items()},
            "kind": {each: each.capitalize() for each in searching.KINDS},
            "queue": {name: name for name in Queue.objects.order_by("id").values_list("name", flat=True)},
            "effect": searching.EFFECTS,
        },
        "sees_organizations": user.role in searching.SEES_ORGANIZATIONS,
        "sees_names": user.role in searching.SEES_NAMES,
        "name": request.POST.get("name", ""),
    }
    return render(request, "review/decisions.html", context, status=200 if wrong is None else wrong.http_status)


def _lines(search: searching.Search) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    before = ""
    while True:
        page = searching.page(search, before=before)
        for said in page.decisions:
            yield writer.writerow(_columns(said))
        if page.older is None:
            return
        before = str(page.older)


def _columns(said: Decision) -> list[str]:
    """One line. Names that clients chose begin with no character that a spreadsheet takes for a formula."""
    organization = said.organization.name if said.organization else ""
    return [
        str(said.pk), said.at.isoformat(), str(said.case_id), said.kind or "", said.outcome, said.category or "",
        pseudonym(said.user_id), _harmless(said.queue.name if said.queue else ""), _harmless(organization),
        said.policy_sha256 or "", str(said.seen_ms or ""), "yes" if hasattr(said, "undone_by") else "no",  # type: ignore[attr-defined]
    ]  # fmt: skip


def _harmless(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


class _Echo:
    """What a CSV writer writes to: hands each line back."""

    def write(self, line: str) -> str:
        return line
