"""The page on which a person asks to be told by e-mail that work waits, or to be told no more."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from gateway.errors import GatewayError
from gateway.models import NoticeRule, Role
from gateway.notices import mail
from review import notices
from review.access import REVIEWERS, person, requires


@requires(*REVIEWERS, Role.OPERATOR)
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """What this person asked for, and the form to change it; for an operator also what could not be sent."""
    user = person(request)
    if request.method == "GET":
        return _page(request)
    if "wanted" not in request.POST:
        notices.end(user.pk)
    else:
        try:
            notices.choose(user, request.POST)
        except GatewayError as error:
            return _page(request, error=error)
    return redirect(f"{reverse('notices')}?saved")


def _page(request: HttpRequest, *, error: GatewayError | None = None) -> HttpResponse:
    user = person(request)
    rule = notices.rule_of(user.pk)
    fields = _typed(request) if error else _kept(rule)
    context = {
        "nav": "notices",
        "fields": fields,
        "wanted": rule is not None or error is not None,
        "queues": [
            (queue, not fields["queues"] or str(queue.pk) in fields["queues"]) for queue in notices.queues_for(user)
        ],
        "sending": notices.sending_of(user.pk) if rule else None,
        "mail_is_set_up": mail.is_set_up(),
        "mail_folder": settings.CONFIGURATION.email_host is None and settings.CONFIGURATION.email_folder,
        "failing": notices.failing() if user.role == Role.OPERATOR else (),
        "error": error,
        "wrong": error.extra.get("field") if error else None,
        "saved": "saved" in request.GET and error is None,
    }
    return render(request, "review/notices.html", context, status=error.http_status if error else 200)


def _kept(rule: NoticeRule | None) -> dict[str, Any]:
    """The fields of the form as they are on record, or as a new one begins."""
    rule = rule or NoticeRule(address="", queue_ids=[], every_s=1800, waits_s=0, only_first=False, time_zone="UTC")
    return {
        "address": rule.address,
        "queues": [str(each) for each in rule.queue_ids],
        "every": f"{rule.every_s / notices.MINUTE_S:g}",
        "waits": f"{rule.waits_s / notices.MINUTE_S:g}",
        "only_first": rule.only_first,
        "quiet_from": f"{rule.quiet_from:%H:%M}" if rule.quiet_from else "",
        "quiet_until": f"{rule.quiet_until:%H:%M}" if rule.quiet_until else "",
        "time_zone": rule.time_zone,
    }


def _typed(request: HttpRequest) -> dict[str, Any]:
    """The fields as they were typed, where they were refused."""
    names = ("address", "every", "waits", "quiet_from", "quiet_until", "time_zone")
    return {
        **{name: request.POST.get(name, "") for name in names},
        "queues": request.POST.getlist("queue"),
        "only_first": "only_first" in request.POST,
    }
