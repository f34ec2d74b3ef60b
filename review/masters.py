"""What a reviewer's screen gets of a picture: forms made here from the master, which itself never leaves."""

from django.http import HttpResponse

from gateway import lifecycle
from gateway.audit.log import Actor
from gateway.delivery.access import read_master
from gateway.delivery.encode import Encoded, PictureError, decode_master, derivative
from gateway.delivery.envelope import EnvelopeError
from gateway.delivery.quarantine import IntegrityError
from gateway.delivery.stores import StoreError
from gateway.models import Case, Image, Master, User
from review import care
from review.preferences import Desk

CLEAR_FORMS = ("grey", "clear")
CLEAR_PX = 1024


class NotShownError(Exception):
    """The picture cannot be shown; the message tells a reviewer why."""


def show(case: Case, image: Image, form: str, *, to: User, desk: Desk) -> HttpResponse:
    """One form of the case's picture, once the entry that says so has committed.

    Raises:
        NotShownError: missing, changed, sealed meanwhile, or the store does not answer.
        OperationalError: the record does not answer; no byte leaves.
    """
    made = _make(image, form, strongest=care.is_strongest(case), desk=desk)
    lifecycle.note_view(case, form=form, sha256=bytes(image.master_sha256 or b""), actor=Actor("person", to.pk))
    response = HttpResponse(made.data, content_type=made.content_type)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Content-Disposition"] = "inline"
    return response


def _make(image: Image, form: str, *, strongest: bool, desk: Desk) -> Encoded:
    master = Master.objects.filter(pk=image.pk, wrapped_key__isnull=False, purged_at__isnull=True).first()
    if master is None:
        raise NotShownError("There are no bytes of this image any more.")
    try:
        pixels = decode_master(read_master(image, master))
    except (IntegrityError, PictureError):
        raise NotShownError("Its bytes are missing or are not those that were made. Deny it or escalate it.") from None
    except EnvelopeError:
        raise NotShownError("It was sealed meanwhile, or the key to read it is not here.") from None
    except StoreError:
        raise NotShownError("The store does not answer. Nothing is lost; try again in a moment.") from None
    if form == "blurred":
        width_px = min(desk.derivative_px, care.STRONGEST_PX) if strongest else desk.derivative_px
        columns = min(desk.blur_columns, care.STRONGEST_COLUMNS) if strongest else desk.blur_columns
        return derivative(pixels, width_px=width_px, blur=True, columns=columns, grey=True)
    return derivative(pixels, width_px=CLEAR_PX, blur=False, grey=form == "grey")
