"""A person's own pages: their break, their day, their settings and keys. None of them is about anybody else."""

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from gateway.errors import GatewayError
from gateway.models import UNSCREENED
from moderation.taxonomy import CATEGORIES
from review import care, claims, keys
from review.access import REVIEWERS, person, requires
from review.preferences import CAN_OPT_OUT, LIMITS, PreferenceRefusedError, choose, chosen_by, desk_for, desk_of

DAYS = 7
# The numbers of a picture are chosen from a few; the others are typed.
STEPS = {"blur_columns": (16, 12, 8, 4), "derivative_px": (384, 256, 128, 64)}


@requires(*REVIEWERS)
@require_GET
def rest(request: HttpRequest) -> HttpResponse:
    """The break page: how long is left, whether it is required, and that nothing was lost. It never ends by itself."""
    user = person(request)
    standing = care.standing(user.pk, desk_for(request))
    given_back = request.GET.get("given_back", "")
    return render(
        request,
        "review/break.html",
        {
            "standing": standing,
            "claim": claims.current(user.pk),
            "given_back": int(given_back) if given_back.isascii() and given_back.isdigit() else 0,
            "support_text": settings.CONFIGURATION.support_text,
        },
    )


@requires(*REVIEWERS)
@require_POST
def begin_break(request: HttpRequest) -> HttpResponse:
    """Give back what this person holds, nothing decided, and begin their break."""
    user = person(request)
    given_back = claims.drop(user.pk)
    care.begin_break(user.pk, desk_for(request))
    return redirect(f"{reverse('break')}?given_back={len(given_back)}")


@requires(*REVIEWERS)
@require_GET
def day(request: HttpRequest) -> HttpResponse:
    """What this person has looked at clearly in the last seven days, by category. No address shows another's."""
    user = person(request)
    exposure = care.exposure(user, days=DAYS)
    return render(
        request,
        "review/day.html",
        {
            "nav": "day",
            "days": DAYS,
            "exposure": exposure,
            "titles": _titles(),
            "standing": care.standing(user.pk, desk_for(request)),
        },
    )


@requires(*REVIEWERS)
@require_http_methods(["GET", "POST"])
def settings_page(request: HttpRequest) -> HttpResponse:
    """How the desk treats this person: each limit as the installation has it or stricter; what they opted out of."""
    user = person(request)
    if request.method == "GET":
        return _settings(request)
    try:
        choose(user.pk, **_chosen(request))
    except GatewayError as error:
        return _settings(request, error=error)
    return redirect(f"{reverse('settings')}?saved")


@requires(*REVIEWERS)
@require_POST
def keys_page(request: HttpRequest) -> HttpResponse:
    """Put commands on other keys, all of them on their defaults again, or switch single keys on or off."""
    fields = request.POST
    chosen = {} if "defaults" in fields else {name: keys.pressed(fields.get(name, "")) for name in keys.DEFAULTS}
    return _keep_keys(request, chosen, single_keys="single_keys" in fields)


@requires(*REVIEWERS)
@require_GET
def export_keys(request: HttpRequest) -> HttpResponse:
    """This person's keys as a file that `import_keys` reads."""
    desk = desk_for(request)
    response = JsonResponse({"keys": dict(desk.keys), "single_keys": desk.single_keys}, json_dumps_params={"indent": 2})
    response.headers["Content-Disposition"] = 'attachment; filename="imprimatur-keys.json"'
    return response


@requires(*REVIEWERS)
@require_POST
def import_keys(request: HttpRequest) -> HttpResponse:
    """Take over the keys of a file that was exported before."""
    file = request.FILES.get("file")
    if file is None or (file.size or 0) > keys.MAX_FILE_BYTES:
        error = keys.KeysRefusedError(f"choose a file of keys of at most {keys.MAX_FILE_BYTES} bytes", field="file")
        return _settings(request, error=error)
    try:
        said = json.loads(file.read())
        chosen, single_keys = dict(said["keys"]), said.get("single_keys", True) is True
    except (ValueError, KeyError, TypeError, AttributeError):
        return _settings(request, error=keys.KeysRefusedError("this file holds no keys", field="file"))
    return _keep_keys(request, chosen, single_keys=single_keys)


def _keep_keys(request: HttpRequest, chosen: dict[str, Any], *, single_keys: bool) -> HttpResponse:
    try:
        choose(person(request).pk, keys=chosen, single_keys=single_keys)
    except GatewayError as error:
        return _settings(request, error=error, typed=chosen)
    return redirect(f"{reverse('settings')}?saved#keys")


def _chosen(request: HttpRequest) -> dict[str, Any]:
    """What the form says.

    Raises:
        PreferenceRefusedError: a field holds no number.
    """
    fields = request.POST
    chosen: dict[str, Any] = {}
    for name, limit in LIMITS.items():
        text = fields.get(name, "").strip()
        try:
            chosen[name] = round(float(text) * limit.unit_s) if text else None
        except (ValueError, OverflowError):
            raise PreferenceRefusedError(f"{limit.title}: {text!r} is no number", field=name, value=text) from None
    grey_first = True if settings.CONFIGURATION.grey_first or "grey_first" in fields else None
    return {
        **chosen,
        "grey_first": grey_first,
        "reveal": fields.get("reveal", ""),
        "opted_out": fields.getlist("opted_out"),
    }


def _settings(
    request: HttpRequest, *, error: GatewayError | None = None, typed: dict[str, Any] | None = None
) -> HttpResponse:
    user = person(request)
    desk, chosen = desk_of(user.pk), chosen_by(user.pk)
    shown = dict(desk.keys) | {name: key for name, key in (typed or {}).items() if isinstance(key, str)}
    context = {
        "nav": "settings",
        "desk": desk,
        "limits": [_field(request, name, getattr(chosen, name), error) for name in LIMITS],
        "grey_locked": settings.CONFIGURATION.grey_first,
        "categories": [(name, _titles().get(name, name), name in desk.opted_out) for name in CAN_OPT_OUT],
        "commands": [(c, keys.label(shown[c.name]), c.key != desk.keys[c.name]) for c in keys.COMMANDS],
        "error": error,
        "wrong": error.extra.get("field") if error else None,
        "saved": "saved" in request.GET and error is None,
    }
    return render(request, "review/settings.html", context, status=error.http_status if error else 200)


def _field(request: HttpRequest, name: str, chosen: int | None, error: GatewayError | None) -> dict[str, Any]:
    """One limit as the page shows it, in its unit; what was typed stays where it was refused."""
    limit, of_installation = LIMITS[name], LIMITS[name].of_installation()
    typed = request.POST.get(name) if error is not None and request.method == "POST" else None
    return {
        "name": name,
        "title": limit.title,
        "unit": limit.unit,
        "default": None if of_installation is None else f"{of_installation / limit.unit_s:g}",
        "least": limit.bound / limit.unit_s if limit.stricter == "less" else (of_installation or 0) / limit.unit_s,
        "most": (of_installation or 100_000) / limit.unit_s if limit.stricter == "less" else limit.bound / limit.unit_s,
        "value": typed if typed is not None else "" if chosen is None else f"{chosen / limit.unit_s:g}",
        "steps": [str(step) for step in STEPS.get(name, ()) if of_installation is not None and step < of_installation],
    }


def _titles() -> dict[str, str]:
    return {name: each.title for name, each in CATEGORIES.items()} | {UNSCREENED: "What no checker could judge"}
