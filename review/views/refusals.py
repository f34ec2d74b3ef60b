"""Pages that say what was not recorded, why, and what still holds; whatever a person wrote is kept on them."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django_htmx.http import push_url

from gateway.errors import GatewayError, NotFoundError
from gateway.models import Case, Decision
from review import desk
from review.access import person


def lost_case(request: HttpRequest, case_id: uuid.UUID, error: GatewayError) -> HttpResponse:
    """A case that is not this person's to see: what became of it, and the way on."""
    return _page(request, case_id, error, title="This case is not yours", note="", outcome="")


def not_recorded(request: HttpRequest, case_id: uuid.UUID, error: GatewayError) -> HttpResponse:
    """A decision that the record refused."""
    return _page(
        request,
        case_id,
        error,
        title="Your decision was not recorded",
        note=request.POST.get("note", ""),
        outcome=request.POST.get("outcome", ""),
    )


def not_undone(request: HttpRequest, case_id: uuid.UUID, error: GatewayError) -> HttpResponse:
    return _page(request, case_id, error, title="Nothing was undone", note="", outcome="")


def _page(
    request: HttpRequest, case_id: uuid.UUID, error: GatewayError, *, title: str, note: str, outcome: str
) -> HttpResponse:
    case = Case.objects.select_related("generation", "image", "queue").filter(pk=case_id).first()
    if case is None:
        case_error: GatewayError = NotFoundError(f"no case {case_id}")
        return render(request, "404.html", {"error": case_error}, status=case_error.http_status)
    user = person(request)
    context = {
        "title": title,
        "error": error,
        "case": case,
        "note": note,
        "outcome": outcome,
        "category": request.POST.get("category", ""),
        "standing": _standing(case),
        "still_mine": case.status == "open" and case.lease_user_id == user.pk,
        "undoable": desk.undoable(user),
    }
    response = render(request, "review/refused.html", context, status=error.http_status)
    return push_url(response, url=False)  # the address that was asked is for forms alone


def _standing(case: Case) -> Decision | None:
    """What counts: the last decision on this case that was not taken back."""
    return (
        Decision.objects.filter(case=case, undone_by__isnull=True).exclude(outcome="undo").order_by("-version").first()
    )
