"""Forms of a held picture for the one who claimed it, and how long they looked.

A blurred, grey form stands on the page. A clear one is asked for by POST with the claim's token, so there is no address
that could be passed on, and comes with a signed note of when it left: no look is longer than this server's clock says.
"""

import time
import uuid
from typing import Any

from django.core import signing
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from gateway import lifecycle
from gateway.errors import ClaimLostError, DecisionRefusedError
from gateway.lifecycle.deciding import MIN_LOOK_MS
from gateway.models import Case, Image, User
from review import care, claims, masters
from review.access import REVIEWERS, person, requires
from review.preferences import desk_for

SALT = "review.reveal"
REVEAL_HEADER = "X-Imprimatur-Reveal"
LONGEST_REVEAL_S = claims.MAX_CLAIM_S


@requires(*REVIEWERS)
@require_GET
def blurred(request: HttpRequest, case_id: uuid.UUID) -> HttpResponse:
    """The small grey blurred form."""
    user = person(request)
    try:
        case, image = _held_image(user, case_id)
        return masters.show(case, image, "blurred", to=user, desk=desk_for(request))
    except ClaimLostError as error:
        return _refusal(409, error.code, error.message)
    except masters.NotShownError as error:
        return _refusal(503, "not_shown", str(error))


@requires(*REVIEWERS)
@require_POST
def reveal(request: HttpRequest, case_id: uuid.UUID) -> HttpResponse:
    """The clear form (`form` is `clear` or `grey`), with the note of when it left in a header."""
    form = request.POST.get("form", "clear")
    if form not in masters.CLEAR_FORMS:
        return _refusal(400, "invalid", f"form {form!r} is none of {', '.join(masters.CLEAR_FORMS)}")
    user, desk = person(request), desk_for(request)
    try:
        case, image = _held_image(user, case_id, token=request.POST.get("token", ""))
        care.check_clear_look(user.pk, desk)
        response = masters.show(case, image, form, to=user, desk=desk)
        care.note_work(user.pk, desk, severe=case.severe)
    except (ClaimLostError, care.ClearLooksSpentError) as error:
        return _refusal(409, error.code, error.message)
    except masters.NotShownError as error:
        return _refusal(503, "not_shown", str(error))
    shown = {
        "case": str(case.pk), "user": str(user.pk), "form": form, "at": time.time(),
        "sha256": bytes(image.master_sha256 or b"").hex(),
    }  # fmt: skip
    response.headers[REVEAL_HEADER] = signing.dumps(shown, salt=SALT)
    return response


@requires(*REVIEWERS)
@require_POST
def look(request: HttpRequest, case_id: uuid.UUID) -> HttpResponse:
    """Record that a reveal ended after `ms`; it counts for no longer than has passed since the bytes left."""
    user = person(request)
    try:
        shown: dict[str, Any] = signing.loads(request.POST.get("reveal", ""), salt=SALT, max_age=LONGEST_REVEAL_S)
        claimed_ms = int(request.POST.get("ms", ""))
    except (signing.BadSignature, ValueError):
        return _refusal(400, "invalid", "reveal or ms is missing, malformed or too old")
    if shown["case"] != str(case_id) or shown["user"] != str(user.pk):
        return _refusal(400, "invalid", "this reveal was of another case or for another person")
    ms = max(0, min(claimed_ms, round((time.time() - shown["at"]) * 1000)))
    sha256 = bytes.fromhex(shown["sha256"])
    try:
        lifecycle.note_look(case_id, user_id=user.pk, sha256=sha256, form=shown["form"], ms=ms)
    except DecisionRefusedError as error:
        return _refusal(409, error.code, error.message)
    return JsonResponse({"ms": ms, "enough": ms >= MIN_LOOK_MS})


def _held_image(user: User, case_id: uuid.UUID, *, token: str | None = None) -> tuple[Case, Image]:
    """The case that this person holds, under this token where one is named, and its image."""
    case = claims.held_case(user.pk, case_id)
    if token is not None and str(case.lease_token) != token:
        raise ClaimLostError("this claim is over: load the case again")
    if case.image is None or case.image.status != "held":
        raise ClaimLostError("this case has no held image")
    return case, case.image


def _refusal(status: int, code: str, message: str) -> HttpResponse:
    return JsonResponse({"code": code, "message": message}, status=status)
