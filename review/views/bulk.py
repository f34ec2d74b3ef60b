"""Denying many cases together: chosen by what they have in common, read, counted, denied each by itself."""

import uuid
from collections.abc import Collection

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from gateway import lifecycle
from gateway.audit.log import Actor, record
from gateway.errors import DecisionRefusedError, GatewayError
from gateway.lifecycle import Shown
from gateway.models import UNSCREENED, Decision, Role
from gateway.models.fields import new_id
from moderation.taxonomy import CATEGORIES, HARMS
from review import bulk, care
from review.access import person, requires
from review.preferences import desk_for
from review.views.decisions import MAX_NOTE


@requires(Role.SENIOR)
@require_GET
def choose(request: HttpRequest) -> HttpResponse:
    """The open cases that fit the address, by their words. That they were listed is an entry in the log."""
    return _page(request, request.GET)


@requires(Role.SENIOR)
@require_POST
def deny(request: HttpRequest) -> HttpResponse:
    """Deny each case that was ticked, once the number that was typed is how many there are."""
    fields = request.POST
    ticked = fields.getlist("case")
    try:
        shown = [_shown(each) for each in ticked]
        note = fields.get("note", "").strip()
        _check(shown, typed=fields.get("count", "").strip(), note=note)
        batch = lifecycle.deny_each(shown, user_id=person(request).pk, category=fields.get("category"), note=note)
    except GatewayError as error:
        return _page(request, QueryDict(fields.get("search", "")[:4000]), error=error, ticked=ticked)
    left_out = [[str(each.case_id), each.why] for each in batch.left_out]
    request.session["batch"] = {"id": str(batch.id), "left_out": left_out, "search": fields.get("search", "")[:4000]}
    return redirect("bulk_batch", batch=batch.id)


@requires(Role.SENIOR)
@require_GET
def show(request: HttpRequest, batch: uuid.UUID) -> HttpResponse:
    """What became of a batch of this person's: denied, taken back, left out; and the way to take it back."""
    said = list(
        Decision.objects.filter(batch=batch, user=person(request))
        .select_related("case__image", "undone_by", "queue")
        .order_by("id")
    )
    kept = request.session.get("batch", {})
    left_out = kept.get("left_out", []) if kept.get("id") == str(batch) else []
    if not said and not left_out:
        raise Http404
    now = timezone.now()
    running = [each for each in said if not hasattr(each, "undone_by") and each.effective_at > now]
    ends_at = max((each.effective_at for each in running), default=now)
    context = {
        "nav": "bulk",
        "batch": batch,
        "said": said,
        "running": len(running),
        "seconds": (ends_at - now).total_seconds(),
        "undone": sum(hasattr(each, "undone_by") for each in said),
        "left_out": [(uuid.UUID(case_id), why) for case_id, why in left_out],
        "search": kept.get("search", ""),
    }
    return render(request, "review/bulk_batch.html", context)


@requires(Role.SENIOR)
@require_POST
def undo(request: HttpRequest, batch: uuid.UUID) -> HttpResponse:
    """Take back what of this batch has not taken effect."""
    lifecycle.undo_batch(batch, user_id=person(request).pk)
    return redirect("bulk_batch", batch=batch)


def _shown(ticked: str) -> Shown:
    try:
        case_id, version, sha256 = ticked.split(" ")
        return Shown(uuid.UUID(case_id), int(version), bytes.fromhex(sha256))
    except ValueError:
        raise DecisionRefusedError("a ticked case names no version or hash; load the page again") from None


def _check(shown: list[Shown], *, typed: str, note: str) -> None:
    if typed != str(len(shown)):
        raise DecisionRefusedError(
            f"you typed {typed[:20] or 'no number'}, and {len(shown)} are ticked", field="count", value=typed[:20],
            limit=len(shown),
        )  # fmt: skip
    if len(note) > MAX_NOTE:
        raise DecisionRefusedError(
            f"a note has {len(note)} characters; the limit is {MAX_NOTE}", field="note", value=len(note), limit=MAX_NOTE
        )


def _page(
    request: HttpRequest, asked: QueryDict, *, error: GatewayError | None = None, ticked: Collection[str] | None = None
) -> HttpResponse:
    user, desk = person(request), desk_for(request)
    if care.standing(user.pk, desk).break_required:
        return redirect("break")
    found = bulk.find(asked.dict(), user, desk)
    if found.lines:
        care.note_work(user.pk, desk, severe=any(line.case.severe for line in found.lines))
        with transaction.atomic():
            record(
                kind="list", target=new_id(), was=None, to="begun", action="cases.listed",
                actor=Actor("person", user.pk), detail={"number": len(found.lines)},
                private={"search": ("operator", found.filters)},
            )  # fmt: skip
    wrong = error or next(iter(found.errors.values()), None)
    fields = request.POST
    context = {
        "nav": "bulk",
        "found": found,
        "most": lifecycle.MOST_IN_A_BATCH,
        "error": error,
        "ticked": {line.shown for line in found.lines} if ticked is None else set(ticked),
        "reasons": [CATEGORIES[name] for name in HARMS],
        "category": fields.get("category", ""),
        "count": fields.get("count", ""),
        "note": fields.get("note", ""),
        "choices": {
            "queue": {name: name for name in bulk.queues_of(user).values_list("name", flat=True)},
            "category": {name: CATEGORIES[name].title for name in CATEGORIES} | {UNSCREENED: "Unscreened"},
            "kind": {"prompt": "Prompt", "image": "Image"},
        },
    }
    return render(request, "review/bulk.html", context, status=200 if wrong is None else wrong.http_status)
