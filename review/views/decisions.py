"""What a person says, and taking it back."""

import uuid
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from gateway import lifecycle
from gateway.errors import DecisionRefusedError, GatewayError
from gateway.models import Decision
from gateway.nudges import nudge_on_commit
from review.access import REVIEWERS, person, requires
from review.views.cases import pass_over, to_case, to_next
from review.views.refusals import not_recorded, not_undone

MAX_NOTE = 4000
SAID = ("release", "approve", "deny", "escalate")
REMEMBERED = {"deny": "look-alikes", "release": "these-bytes"}  # what a box ticked beside an outcome is called


@dataclass(frozen=True, slots=True)
class Said:
    """A decision form that can be read; whether it may stand, the lifecycle and the database say.

    `several`: the images of the request that were chosen for one denial; the case of the page only if it is among them.
    """

    token: uuid.UUID
    version: int
    sha256: bytes
    outcome: str
    category: str | None
    note: str
    remembered: bool
    several: tuple[lifecycle.Shown, ...]

    @classmethod
    def read(cls, request: HttpRequest) -> "Said":
        """What this form says.

        Raises:
            DecisionRefusedError: a field is missing or malformed; names it.
        """
        fields = request.POST
        try:
            token, version = uuid.UUID(fields.get("token", "")), int(fields.get("version", ""))
            sha256 = bytes.fromhex(fields.get("sha256", ""))
            several = tuple(_shown(each) for each in fields.getlist("several"))
        except ValueError:
            raise DecisionRefusedError("the form names no claim, version or hash; load the case again") from None
        outcome, note = fields.get("outcome", ""), fields.get("note", "")
        if outcome not in (*SAID, "skip"):
            raise DecisionRefusedError("choose what you decide first", field="outcome", value=outcome)
        if len(note) > MAX_NOTE:
            raise DecisionRefusedError(f"a note has {len(note)} characters; the limit is {MAX_NOTE}", field="note")
        if several and outcome not in ("deny", "skip"):
            raise DecisionRefusedError(
                f"only a denial takes several images; {outcome} is for one at a time",
                field="several",
                value=len(several),
            )
        category = (fields.get("category") or None) if outcome == "deny" else None
        remembered = REMEMBERED.get(outcome) in fields.getlist("remember")
        return cls(token, version, sha256, outcome, category, note.strip(), remembered, several)


def _shown(chosen: str) -> lifecycle.Shown:
    """What a box of the strip says: the case, its version, and the hash of its bytes."""
    case_id, version, sha256 = chosen.split(" ")
    return lifecycle.Shown(uuid.UUID(case_id), int(version), bytes.fromhex(sha256))


@requires(*REVIEWERS)
@require_POST
def decide(request: HttpRequest, case_id: uuid.UUID) -> HttpResponse:
    """Record what was said and go to the next case; what the record refuses is told with the note kept."""
    try:
        said = Said.read(request)
        if said.outcome == "skip":
            return pass_over(request, said.token)
        decision = _record(case_id, said, user_id=person(request).pk)
    except GatewayError as error:
        return not_recorded(request, case_id, error)
    if decision.effective_at <= timezone.now():  # no undo window: it is carried out already
        nudge_on_commit("generation" if said.outcome == "approve" else "delivery")
    return to_next(request)


def _record(case_id: uuid.UUID, said: Said, *, user_id: uuid.UUID) -> Decision:
    """One of the decisions that were recorded; all take effect at the same time."""
    if said.several:
        return lifecycle.deny_several(
            said.several,
            user_id=user_id,
            token=said.token,
            category=said.category,
            note=said.note,
            remembered=said.remembered,
        )[0]
    return lifecycle.decide(
        case_id,
        user_id=user_id,
        token=said.token,
        version=said.version,
        outcome=said.outcome,
        sha256=said.sha256,
        category=said.category,
        note=said.note,
        remembered=said.remembered,
    )


@requires(*REVIEWERS)
@require_POST
def undo(request: HttpRequest, case_id: uuid.UUID) -> HttpResponse:
    """Take back the last decision on this case and have it again."""
    try:
        lifecycle.undo_together(case_id, user_id=person(request).pk)
    except GatewayError as error:
        return not_undone(request, case_id, error)
    return to_case(request, case_id)
