"""What people say: looks, decisions, undo, and carrying out what is due. No timer decides anything."""

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from gateway.audit.log import Actor, Entries, Private
from gateway.errors import ClaimLostError, DecisionRefusedError, NotFoundError, StaleStatusError
from gateway.lifecycle.remembering import check_can_be_remembered, remember
from gateway.lifecycle.screening import clear_prompt, grant_image, refuse_prompt
from gateway.lifecycle.sealing import GENERAL_REASON, seal_under_lock
from gateway.lifecycle.transaction import Step, insert, step
from gateway.models import Case, ClientMembership, Decision, Image
from gateway.models.fields import new_id
from moderation.taxonomy import CATEGORIES

MIN_LOOK_MS = 1000
LEAST_BATCH_UNDO_S = 30.0  # many denials are many mistakes if they are one: the time to take them back is never short


def note_view(case: Case, *, form: str, sha256: bytes, actor: Actor) -> None:
    """The entry that must have committed before a form of a picture leaves for a person's browser."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        entries = Entries(
            at=cursor.fetchone()[0],
            actor=actor,
            organization_id=case.generation.organization_id,
            generation_id=case.generation_id,
        )
        entries.append(
            kind="image", target=case.image_id or case.generation_id, was="held", to="held", action="image.viewed",
            detail={"case": str(case.pk), "form": form, "sha256": sha256.hex()},
        )  # fmt: skip
        entries.write(cursor)


def note_look(case_id: uuid.UUID, *, user_id: uuid.UUID, sha256: bytes, form: str, ms: int) -> None:
    """That this person saw these bytes, in this form, for so long.

    Raises:
        DecisionRefusedError: the work is of an organization that they belong to as a client.
    """
    with connection.cursor() as cursor:
        try:
            with transaction.atomic():
                insert(cursor, "look", id=new_id(), case_id=case_id, user_id=user_id, sha256=sha256, form=form, ms=ms)
        except IntegrityError as error:
            raise DecisionRefusedError(_what_stands_against(error)) from error


def step_of_case(case_id: uuid.UUID, actor: Actor) -> Any:
    """A transition of the generation that this case belongs to.

    Raises:
        NotFoundError: there is no such case.
    """
    generation_id = Case.objects.filter(pk=case_id).values_list("generation_id", flat=True).first()
    if generation_id is None:
        raise NotFoundError(f"no case {case_id}")
    return step(generation_id, actor)


def lock_image_and_case(s: Step, case_id: uuid.UUID) -> tuple[Image | None, Case]:
    """The image of this case and the case itself, in the order of locks."""
    image_id = Case.objects.values_list("image_id", flat=True).get(pk=case_id)
    image = None if image_id is None else s.lock_image(image_id)
    return image, Case.objects.select_for_update(no_key=True).get(pk=case_id)


def decide(
    case_id: uuid.UUID,
    *,
    user_id: uuid.UUID,
    token: uuid.UUID,
    version: int,
    outcome: str,
    sha256: bytes,
    category: str | None = None,
    note: str = "",
    remembered: bool = False,
) -> Decision:
    """What this person says of these bytes at this version; carried out when the queue's undo window is over.

    Args:
        remembered: once it takes effect, refuse this picture and its look-alikes from then on, or ask no more about
            these bytes.

    Raises:
        ClaimLostError: the lease is over or somebody else's.
        StaleStatusError: the case moved on: another version, decided, or closed.
        DecisionRefusedError: no look of a second, no reason for a denial, other bytes, the wrong word for the kind, or
            work of an organization that this person belongs to as a client.
    """
    if outcome == "deny" and category not in CATEGORIES:
        raise DecisionRefusedError("a denial needs a reason from the taxonomy", field="category", value=category)
    actor = Actor("person", user_id)
    with step_of_case(case_id, actor) as s:
        image, case = lock_image_and_case(s, case_id)
        check_claim(case, user_id=user_id, token=token, version=version, s=s)
        decision_id = say_under_lock(
            s,
            image,
            case,
            user_id=user_id,
            outcome=outcome,
            sha256=sha256,
            category=category,
            note=note,
            remembered=remembered,
        )
    return Decision.objects.get(pk=decision_id)


def say_under_lock(
    s: Step,
    image: Image | None,
    case: Case,
    *,
    user_id: uuid.UUID,
    outcome: str,
    sha256: bytes,
    category: str | None,
    note: str,
    remembered: bool,
    batch: uuid.UUID | None = None,
) -> uuid.UUID:
    """Record what the person with this claim says of a case at its present version: the decision's id.

    Args:
        batch: it is said of other cases too (gateway/lifecycle/bulk.py).

    Raises:
        DecisionRefusedError: as `decide`.
    """
    if remembered:
        check_can_be_remembered(image, outcome)
    version, decision_id = case.version, new_id()
    window_s = case.queue.undo_window_s if batch is None else max(case.queue.undo_window_s, LEAST_BATCH_UNDO_S)
    effective_at = s.at + timedelta(seconds=window_s)
    try:
        insert(
            s.cursor,
            "decision",
            id=decision_id,
            case_id=case.pk,
            version=version,
            user_id=user_id,
            token=case.lease_token,
            outcome=outcome,
            sha256=sha256,
            category=category,
            note=note,
            effective_at=effective_at,
            remember=remembered,
            batch=batch,
        )
    except IntegrityError as error:
        raise DecisionRefusedError(_what_stands_against(error)) from error
    said = {
        "version": version, "outcome": outcome, "category": category, "sha256": sha256.hex(), "remembered": remembered,
    }  # fmt: skip
    if batch is not None:
        said["batch"] = str(batch)
    private: Private = {"note": ("operator", note)} if note else {}
    s.move_case(case, "decided", "case.decided", effective_at=effective_at, detail=said, private=private)
    if effective_at <= s.at:
        case.effective_at = effective_at
        _carry_out(s, image, case)
    return decision_id


def seal_case(case_id: uuid.UUID, *, user_id: uuid.UUID, token: uuid.UUID, version: int) -> None:
    """What the person with this claim takes for child abuse material leaves every desk at once, for the officers alone.

    There is no undo window: a false alarm has its way back through an officer and a second person.

    Raises:
        ClaimLostError: the lease is over or somebody else's.
        StaleStatusError: the case moved on.
    """
    with step_of_case(case_id, Actor("person", user_id)) as s:
        _, case = lock_image_and_case(s, case_id)
        check_claim(case, user_id=user_id, token=token, version=version, s=s)
        seal_under_lock(s, "reviewer", reason=GENERAL_REASON, detail={"case": str(case_id)}, private={})


def check_claim(case: Case, *, user_id: uuid.UUID, token: uuid.UUID, version: int, s: Step) -> None:
    """Nothing, if this person holds the case under this token, open and at this version.

    Raises:
        StaleStatusError, ClaimLostError: as `decide`.
    """
    if case.status != "open" or case.version != version:
        raise StaleStatusError(
            f"this case is {case.status} at version {case.version}; you were shown version {version}",
            field="version", value=version, limit=case.version,
        )  # fmt: skip
    if (
        case.lease_user_id != user_id
        or case.lease_token != token
        or case.lease_until is None
        or case.lease_until <= s.at
    ):
        raise ClaimLostError("your claim on this case is over: claim it again")


_REFUSALS = {
    "no look": f"a release needs a look at this very picture of at least {MIN_LOOK_MS} ms",
    "other bytes": "the bytes you decided about are not those of the case",
    "wrong word": "a prompt is approved or denied, a picture released or denied",
    "own organization": "you belong to this organization as a client: others look at its work and decide about it",
    "second of one person": "the second approval must come from another person",
    "only denials": "many cases are only ever denied together",
    "not a senior": "only a senior denies many cases together",
    "too many": "at most 100 cases are denied together",
}


def _what_stands_against(error: IntegrityError) -> str:
    said = str(error.__cause__).splitlines()[0] if error.__cause__ else ""
    return next((text for key, text in _REFUSALS.items() if key in said), "a rule of the record stands against it")


def undo(case_id: uuid.UUID, *, user_id: uuid.UUID, of_batch: uuid.UUID | None = None) -> Case:
    """Take back what this person said, before it is carried out; the case is theirs again, unless they came to belong
    to its organization as a client since.

    Args:
        of_batch: only what was said in this batch; the case then waits for whoever takes it.

    Raises:
        StaleStatusError: there is nothing to undo any more.
        DecisionRefusedError: somebody else said it.
    """
    with step_of_case(case_id, Actor("person", user_id)) as s:
        _, case = lock_image_and_case(s, case_id)
        if case.status != "decided":
            raise StaleStatusError(f"this case is {case.status}: there is nothing to undo any more")
        decision = _decision_of(case)
        if of_batch not in (None, decision.batch):
            raise StaleStatusError("something else was said of this case since")
        if decision.user_id != user_id:
            raise DecisionRefusedError("only the person who decided can undo it")
        s.cursor.execute(
            "INSERT INTO decision (id, case_id, version, user_id, outcome, sha256, effective_at, undoes_id) "
            "VALUES (%s, %s, %s, %s, 'undo', %s, now(), %s)",
            [new_id(), case_id, case.version, user_id, decision.sha256, decision.pk],
        )
        claim: dict[str, Any] = {}
        own = ClientMembership.objects.filter(user=user_id, organization=s.generation.organization_id)
        if of_batch is None and not own.exists():
            until = s.at + timedelta(seconds=settings.CONFIGURATION.case_lease_s)
            claim = {"lease_user": user_id, "lease_token": new_id(), "lease_until": until}
        s.move_case(case, "open", "case.undone", **claim)
    return Case.objects.get(pk=case_id)


def carry_out(case_id: uuid.UUID, *, actor: Actor) -> None:
    """Make a due decision so.

    Raises:
        StaleStatusError: it is no longer decided, or not due yet.
    """
    with step_of_case(case_id, actor) as s:
        image, case = lock_image_and_case(s, case_id)
        if case.status != "decided" or case.effective_at is None or case.effective_at > s.at:
            raise StaleStatusError(f"case {case_id} is not due")
        _carry_out(s, image, case)


def _carry_out(s: Step, image: Image | None, case: Case) -> None:
    decision = _decision_of(case)
    said: dict[str, Any] = {"detail": {"case": str(case.pk)}}
    if decision.outcome == "escalate":
        s.move_case(case, "open", "case.escalated", lane="escalated")
        return
    if decision.outcome == "deny":
        _deny(s, image, decision.category, said)
    elif not _enough_said_yes(s, case, decision):
        s.move_case(case, "open", "case.first_approval", lane="second")
        return
    elif image is None:
        # The deadline is for the making; the time a person took does not count.
        deadline_at = s.at + timedelta(seconds=settings.CONFIGURATION.generation_deadline_s)
        clear_prompt(s, hold_anyway=True, deadline_at=deadline_at, **said)
    else:
        grant_image(s, image, case_id=case.pk, **said)
        s.derive("generation.derived")
    if decision.remember and image is not None:
        remember(s, image, case, decision)
    s.move_case(case, "closed", "case.carried_out")


def _decision_of(case: Case) -> Decision:
    """The decision that made this case `decided`.

    Raises:
        StaleStatusError: there is none; nothing is carried out that nobody said.
    """
    decision = Decision.objects.filter(case=case, version=case.version - 1).first()
    if decision is None:
        raise StaleStatusError(f"case {case.pk} is decided, and no decision stands behind it")
    return decision


def _deny(s: Step, image: Image | None, category: str | None, said: dict[str, Any]) -> None:
    reason = {"stage": "review", "category": category, "policy_version": None, "decided_by": "person"}
    if image is None:
        refuse_prompt(s, {**reason, "of": "prompt"}, **said)
    else:
        s.move_image(image, "rejected", "image.rejected", reason={**reason, "of": "image"}, **said)
        s.derive("generation.derived")


def _enough_said_yes(s: Step, case: Case, decision: Decision) -> bool:
    s.cursor.execute(
        "SELECT people_said_yes(%s, %s, %s, %s)", [case.pk, case.image_id, s.generation.pk, bytes(decision.sha256)]
    )
    return bool(s.cursor.fetchone()[0])
