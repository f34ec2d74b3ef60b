"""Sealed work: a count for everybody, opaque lines for officers, and the way in that two people open for a time.

What is sealed is wrapped to the officers' key, which no process holds (docs/decisions/0008): the officer's browser
unwraps the one item's key with the file they bring, and only that item's key comes here, for one answer.
"""

import base64
import binascii
import json
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from gateway import lifecycle
from gateway.audit.log import Actor
from gateway.delivery.access import read_sealed, wrapped_for_readers
from gateway.delivery.encode import PictureError, decode_master, derivative
from gateway.delivery.envelope import EnvelopeError
from gateway.delivery.quarantine import IntegrityError
from gateway.delivery.stores import StoreError
from gateway.errors import GatewayError
from gateway.models import MIN_REASON, Image, Master, Purpose, RequesterHold, Role, Seal, SealedAccess
from review import sealed
from review.access import View as AnyView
from review.access import is_fresh, person, requires, signed_in, to_confirm

FORMS = {"blurred": 128, "grey": 256}  # largest width in pixels; both are grey
DRAFT = "sealed_draft"


def confirmed(view: AnyView) -> AnyView:
    """A form of officers that asks first to prove anew who sends it; what was typed is kept for when they are back."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if is_fresh(request):
            return view(request, *args, **kwargs)
        request.session[DRAFT] = request.POST.get("reason", "")
        seal_id = kwargs.get("seal_id")
        return to_confirm(request, reverse("sealed") if seal_id is None else reverse("sealed_item", args=[seal_id]))

    return guarded


def answering(view: AnyView) -> AnyView:
    """An answer to a script of the officer's page: JSON where it is refused, and only for a confirmed identity."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not is_fresh(request):
            return _refusal(409, "not_confirmed", "Confirm who you are first: close this and ask anew.")
        try:
            return view(request, *args, **kwargs)
        except GatewayError as error:
            return _refusal(error.http_status, error.code, error.message)
        except (EnvelopeError, IntegrityError, PictureError):
            return _refusal(409, "not_opening", "This key does not open it, or its bytes are not those that were made.")
        except StoreError:
            return _refusal(503, "not_shown", "The store does not answer. Nothing is lost; try again in a moment.")
        except (ValueError, binascii.Error):
            return _refusal(400, "invalid", "A field is missing or malformed.")

    return guarded


# ---- pages


@signed_in
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """How much is sealed and whether an alarm stands; the lines and the holds for officers alone."""
    return _index(request)


@requires(Role.OFFICER)
@require_GET
def item(request: HttpRequest, seal_id: uuid.UUID) -> HttpResponse:
    """One sealed item: what the list says of it, who touched it, and the steps to open it. Nothing of what it holds."""
    return _item(request, _seal(seal_id), reason=request.session.pop(DRAFT, ""))


# ---- forms


@requires(Role.OFFICER)
@require_POST
@confirmed
def seal(request: HttpRequest) -> HttpResponse:
    """Seal what nothing matched."""
    reason, user = request.POST.get("reason", ""), person(request)
    try:
        generation_id = uuid.UUID(request.POST.get("generation", "").strip())
    except ValueError:
        return _index(request, error="that is no id of a generation", reason=reason, status=400)
    if len(reason.strip()) < MIN_REASON:
        too_short = f"the reason needs at least {MIN_REASON} characters"
        return _index(request, error=too_short, reason=reason, status=409)
    try:
        lifecycle.seal(generation_id, actor=Actor("person", user.pk), reason=reason.strip())
    except GatewayError as error:
        return _index(request, error=error.message, reason=reason, status=error.http_status)
    made = Seal.objects.filter(generation=generation_id).latest("id")
    return redirect("sealed_item", seal_id=made.pk)


@requires(Role.OFFICER)
@require_POST
def note(request: HttpRequest, seal_id: uuid.UUID) -> HttpResponse:
    return _done(request, seal_id, lambda: lifecycle.note_alarm(seal_id, officer=person(request)))


@requires(Role.OFFICER)
@require_POST
@confirmed
def ask(request: HttpRequest, seal_id: uuid.UUID) -> HttpResponse:
    purpose = request.POST.get("purpose", "")
    if purpose not in Purpose.values:
        return _item(request, _seal(seal_id), error="say whether to open it or to lift the seal", status=400)
    return _done(
        request,
        seal_id,
        lambda: lifecycle.ask_to_open(
            seal_id, purpose=Purpose(purpose), reason=request.POST.get("reason", ""), officer=person(request)
        ),
    )


@requires(Role.OFFICER)
@require_POST
@confirmed
def agree(request: HttpRequest, seal_id: uuid.UUID) -> HttpResponse:
    access_id = _access_id(request)
    return _done(request, seal_id, lambda: lifecycle.agree_to_open(access_id, second=person(request)))


@requires(Role.OFFICER)
@require_POST
def end(request: HttpRequest, seal_id: uuid.UUID) -> HttpResponse:
    """Refuse, withdraw or close: any officer may, at any time, and needs no confirmation for it."""
    access_id = _access_id(request)
    return _done(request, seal_id, lambda: lifecycle.end_opening(access_id, officer=person(request)))


@requires(Role.OFFICER)
@require_POST
@confirmed
def hold(request: HttpRequest, seal_id: uuid.UUID) -> HttpResponse:
    """Hold the further work of whoever asked for what is sealed here."""
    generation = _seal(seal_id).generation
    return _done(
        request,
        seal_id,
        lambda: lifecycle.hold_requester(
            generation.organization_id,
            generation.requester,
            reason=request.POST.get("reason", ""),
            officer=person(request),
        ),
    )


@requires(Role.OFFICER)
@require_POST
@confirmed
def let_go(request: HttpRequest, hold_id: uuid.UUID) -> HttpResponse:
    reason = request.POST.get("reason", "")
    get_object_or_404(RequesterHold, pk=hold_id)
    try:
        lifecycle.let_requester_go(hold_id, reason=reason, officer=person(request))
    except GatewayError as error:
        return _index(request, error=error.message, reason=reason, status=error.http_status)
    return redirect("sealed")


# ---- what the officer's page asks for while the time box is open


@requires(Role.OFFICER)
@require_POST
@answering
def wrapped(request: HttpRequest, seal_id: uuid.UUID) -> HttpResponse:
    """The images' keys as they are wrapped to the officers: nothing that opens without the officers' own key."""
    access = _live(request, seal_id)
    return JsonResponse(
        {
            "images": [
                {
                    "id": str(master.image_id),
                    "number": master.image.position + 1,
                    "wrapped_key": base64.b64encode(bytes(master.wrapped_key or b"")).decode(),
                }
                for master in _masters(access)
            ]
        }
    )


@requires(Role.OFFICER)
@require_POST
@answering
def words(request: HttpRequest, seal_id: uuid.UUID) -> HttpResponse:
    """The prompt as it is encrypted for the officers, once the entry that says so has committed."""
    access = _live(request, seal_id, Purpose.OPEN)
    lifecycle.note_sealed_view(access, form="words", image_id=None, officer=person(request))
    encrypted = access.seal.prompt_for_officers
    return JsonResponse(
        {
            "context": str(access.seal.generation_id),
            "encrypted": None if encrypted is None else base64.b64encode(bytes(encrypted)).decode(),
        }
    )


@requires(Role.OFFICER)
@require_POST
@answering
def view(request: HttpRequest, seal_id: uuid.UUID) -> HttpResponse:
    """A small grey form of one image by the item key in this request; blurred first, then clearer. Each is logged."""
    access, user = _live(request, seal_id, Purpose.OPEN), person(request)
    form, item_key = request.POST.get("form", ""), base64.b64decode(request.POST.get("item_key", ""), validate=True)
    image_id = uuid.UUID(request.POST.get("image", ""))
    if form not in FORMS:
        raise ValueError(form)
    if form == "grey" and not sealed.was_shown(access, "blurred", image_id):
        return _refusal(409, "blurred_first", "Look at the blurred form first.")
    master = next((each for each in _masters(access) if each.image_id == image_id), None)
    if master is None:
        return _refusal(404, "not_found", "This image is not part of what is sealed here.")
    pixels = decode_master(read_sealed(master.image, master, item_key))
    made = derivative(pixels, width_px=FORMS[form], blur=form == "blurred", grey=True)
    lifecycle.note_sealed_view(access, form=form, image_id=image_id, officer=user)
    response = HttpResponse(made.data, content_type=made.content_type)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Content-Disposition"] = "inline"
    return response


@requires(Role.OFFICER)
@require_POST
@answering
def lift(request: HttpRequest, seal_id: uuid.UUID) -> HttpResponse:
    """A false alarm: with every image's key in `item_keys` (JSON, by image id) all of them wait for people again."""
    access = _live(request, seal_id, Purpose.LIFT)
    brought = json.loads(request.POST.get("item_keys", ""))
    readable = {
        master.image_id: wrapped_for_readers(
            master.image, master, base64.b64decode(brought.get(str(master.image_id), ""), validate=True)
        )
        for master in _masters(access)
    }
    lifecycle.lift_seal(access, rewrap=lambda image_id, _wrapped: readable[image_id], officer=person(request))
    return JsonResponse({"to": reverse("sealed")})


def _seal(seal_id: uuid.UUID) -> Seal:
    return get_object_or_404(Seal.objects.select_related("generation").defer("prompt_for_officers"), pk=seal_id)


def _access_id(request: HttpRequest) -> uuid.UUID:
    try:
        return uuid.UUID(request.POST.get("access", ""))
    except ValueError:
        raise Http404 from None


def _live(request: HttpRequest, seal_id: uuid.UUID, purpose: Purpose | None = None) -> SealedAccess:
    """The request of this form, if its time box is open for this person and it is of this seal.

    Raises:
        AccessRefusedError: it is not.
    """
    access_id = uuid.UUID(request.POST.get("access", ""))
    wanted = purpose or Purpose(request.POST.get("purpose", Purpose.OPEN))
    return lifecycle.live_access(access_id, seal_id=seal_id, purpose=wanted, officer=person(request))


def _masters(access: SealedAccess) -> list[Master]:
    sealed_images = Image.objects.filter(generation=access.seal.generation_id, status="sealed")
    return list(
        Master.objects.filter(image__in=sealed_images, wrapped_key__isnull=False, purged_at__isnull=True)
        .select_related("image__generation")
        .order_by("image__position")
    )


def _done(request: HttpRequest, seal_id: uuid.UUID, act: Callable[[], object]) -> HttpResponse:
    """Back to the item; where it was refused, with what was said and what was typed."""
    try:
        act()
    except GatewayError as error:
        reason = request.POST.get("reason", "")
        return _item(request, _seal(seal_id), error=error.message, reason=reason, status=error.http_status)
    return redirect("sealed_item", seal_id=seal_id)


def _index(request: HttpRequest, *, error: str = "", reason: str = "", status: int = 200) -> HttpResponse:
    user = person(request)
    context: dict[str, Any] = {"nav": "sealed", "standing": sealed.standing(), "error": error}
    if user.role == Role.OFFICER:
        context |= {
            "officer": True,
            "lines": sealed.lines(),
            "asked": sealed.asked_anywhere(user),
            "holds": sealed.holds(),
            "reason": reason or request.session.pop(DRAFT, ""),
        }
    return render(request, "review/sealed.html", context, status=status)


def _item(request: HttpRequest, seal: Seal, *, error: str = "", reason: str = "", status: int = 200) -> HttpResponse:
    user, accesses = person(request), sealed.accesses(seal)
    open_now = sealed.open_now(accesses)
    context = {
        "nav": "sealed",
        "seal": seal,
        "line": sealed.line(seal),
        "history": sealed.history(seal, accesses),
        "fresh": is_fresh(request),
        "waiting": sealed.waiting(accesses),
        "open": next((access for access in open_now if access.asked_by_id == user.pk), None),
        "open_for_others": [access for access in open_now if access.asked_by_id != user.pk],
        "others": sealed.officers_besides(user),
        "hold": sealed.hold_on(seal),
        "error": error,
        "reason": reason,
    }
    return render(request, "review/sealed_item.html", context, status=status)


def _refusal(status: int, code: str, message: str) -> HttpResponse:
    return JsonResponse({"code": code, "message": message}, status=status)
