"""Taking the next case, looking at it, keeping it, passing it over."""

import uuid

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import push_url

from gateway import lifecycle
from gateway.errors import ClaimLostError, GatewayError
from gateway.models import User
from review import care, claims, desk
from review.access import REVIEWERS, person, requires
from review.preferences import desk_for
from review.views.refusals import lost_case, not_recorded

MOST_PASSED_OVER = 50
MAX_QUEUE_DIGITS = 6  # of a queue's number, a smallint


@requires(*REVIEWERS)
@require_POST
def take(request: HttpRequest) -> HttpResponse:
    """Go on with what is claimed, else claim the next case: of one queue from now on, where `queue` names one."""
    if request.POST.get("again"):
        request.session.pop("passed_over", None)
    if (chosen := request.POST.get("queue")) is not None:
        request.session["queue"] = int(chosen) if chosen.isdecimal() and len(chosen) < MAX_QUEUE_DIGITS else None
    return to_next(request)


@requires(*REVIEWERS)
@require_GET
def show(request: HttpRequest, case_id: uuid.UUID) -> HttpResponse:
    """The case, while this person's claim on it lives; else what became of it."""
    return _page(request, case_id)


def _page(request: HttpRequest, case_id: uuid.UUID) -> HttpResponse:
    user = person(request)
    try:
        case = claims.held_case(user.pk, case_id)
    except ClaimLostError as error:
        return lost_case(request, case_id, error)
    claim, chosen = claims.claim_of(case), desk_for(request)
    care.note_work(user.pk, chosen, severe=case.severe)
    context = desk.page(case, claim, user) | {
        "undoable": desk.undoable(user),
        "exposure": desk.exposure(user),
        "chosen": chosen,
        "standing": care.standing(user.pk, chosen),
        "strongest": care.is_strongest(case),
    }
    return render(request, f"review/case_{case.kind}.html", context)


@requires(*REVIEWERS)
@require_POST
def renew(request: HttpRequest) -> HttpResponse:
    """Keep the claim: sent while the page is visible and used, and by the Keep button."""
    user = person(request)
    try:
        until = claims.renew(user.pk, uuid.UUID(request.POST.get("token", "")))
    except (ClaimLostError, ValueError):
        return JsonResponse({"code": ClaimLostError.code}, status=409)
    care.note_work(user.pk, desk_for(request), severe=claims.holds_severe(user.pk))
    return JsonResponse({"until_ms": round(until.timestamp() * 1000)})


@requires(*REVIEWERS)
@require_POST
def seal(request: HttpRequest, case_id: uuid.UUID) -> HttpResponse:
    """Suspected child abuse: seal it at once, for the officers alone, and go to the next case."""
    try:
        token, version = uuid.UUID(request.POST.get("token", "")), int(request.POST.get("version", ""))
        lifecycle.seal_case(case_id, user_id=person(request).pk, token=token, version=version)
    except GatewayError as error:
        return not_recorded(request, case_id, error)
    except ValueError:
        return not_recorded(request, case_id, ClaimLostError("the form names no claim; load the case again"))
    return to_next(request)


def pass_over(request: HttpRequest, token: uuid.UUID) -> HttpResponse:
    """Give the claim back, unsaid, and do not offer it to this person again for a while. Never a decision."""
    given_back = claims.drop(person(request).pk, token)
    before = request.session.get("passed_over", [])
    request.session["passed_over"] = [*before, *(str(case_id) for case_id in given_back)][-MOST_PASSED_OVER:]
    return to_next(request)


def to_next(request: HttpRequest) -> HttpResponse:
    """To the case that comes next: one that this person holds, else the queue's, else the queues page; to the break
    page where a break is due first.
    """
    passed_over = [uuid.UUID(each) for each in request.session.get("passed_over", ())]
    try:
        next_id = _next_case(person(request), passed_over, request.session.get("queue"))
    except care.BreakRequiredError:
        return redirect("break")
    if next_id is None:
        return redirect(f"{reverse('review')}?empty")
    return to_case(request, next_id)


def to_case(request: HttpRequest, case_id: uuid.UUID) -> HttpResponse:
    """To this case's page: by a redirect, or at once where a page asks that swaps its next one in."""
    if "HX-Request" not in request.headers:
        return redirect("case", case_id=case_id)
    return push_url(_page(request, case_id), reverse("case", args=[case_id]))


def _next_case(user: User, passed_over: list[uuid.UUID], queue_id: int | None) -> uuid.UUID | None:
    claim = claims.current(user.pk) or claims.take(user, passed_over=passed_over, queue_id=queue_id)
    return None if claim is None else claim.case_ids[0]
