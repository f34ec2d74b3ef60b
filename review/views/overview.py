"""Where a person arrives: what waits, and the one button that takes the next case."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_safe

from review import claims, desk, queues, sealed
from review.access import everyone, person, signed_in
from review.claims import LANES

LATEST = 5


@everyone
@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """The process lives; nothing else is asked, the database neither."""
    return JsonResponse({"status": "ok"})


@everyone
@require_safe
def root(_request: HttpRequest) -> HttpResponse:
    return redirect("review")


@everyone
@require_safe
def no_sign_up(request: HttpRequest) -> HttpResponse:
    """Where allauth expects a sign-up page: there is none."""
    return render(request, "404.html", status=404)


@signed_in
@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    """Depth and age of the queues as the sweeper last counted them, and what this person can do."""
    user = person(request)
    shown = queues.now(user)
    chosen = request.session.get("queue")
    return render(
        request,
        "review/overview.html",
        {
            "nav": "queues",
            **_said_of(shown),
            "claim": claims.current(user.pk) if user.may_review else None,
            "lanes": LANES.get(user.role, ()),
            "passed_over": len(request.session.get("passed_over", ())),
            "nothing_left": "empty" in request.GET,
            "chosen": next((queue.name for queue in shown if queue.id == chosen), ""),
            "sealed": sealed.standing(),
            "latest": desk.said().filter(user=user)[:LATEST] if user.may_review else (),
            "exposure": desk.exposure(user) if user.may_review else None,
            "undoable": desk.undoable(user) if user.may_review else None,
        },
    )


@signed_in
@require_GET
def queues_now(request: HttpRequest) -> HttpResponse:
    """The queues' table alone, for a page that is looked at: 304 while it would say the same."""
    shown = queues.now(person(request))
    if request.headers.get("If-None-Match") == queues.etag(shown):
        return HttpResponse(status=304, headers={"ETag": queues.etag(shown)})
    response = render(request, "review/_queues.html", _said_of(shown))
    response.headers["ETag"] = queues.etag(shown)
    return response


def _said_of(shown: list[queues.QueueNow]) -> dict[str, Any]:
    return {
        "queues": shown,
        "etag": queues.etag(shown),
        "count_late": queues.is_count_late(shown),
        "waiting": sum(queue.depth or 0 for queue in shown if queue.mine or not shown[0].mine),
        "here": len({initials for queue in shown for initials in queue.here}),
    }
