"""Denying cases of many requests together: each is claimed and denied by itself. Nothing else is ever said of many.

The outcome is no argument here, and the database refuses whatever else belongs to a batch (record/bulk_denials.sql).
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings

from gateway.audit.log import Actor
from gateway.errors import ClaimLostError, DecisionRefusedError, GatewayError, StaleStatusError
from gateway.lifecycle.deciding import lock_image_and_case, say_under_lock, step_of_case, undo
from gateway.lifecycle.denying import Shown
from gateway.lifecycle.transaction import Step
from gateway.models import Case, Decision, Role, User
from gateway.models.fields import new_id
from moderation.taxonomy import CATEGORIES

MOST_IN_A_BATCH = 100


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A case of which nothing was recorded, and why."""

    case_id: uuid.UUID
    why: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of the cases of one batch, in the order in which they were named."""

    id: uuid.UUID
    done: tuple[uuid.UUID, ...]
    left_out: tuple[LeftOut, ...]


def deny_each(shown: Sequence[Shown], *, user_id: uuid.UUID, category: str | None, note: str = "") -> Batch:
    """Deny up to 100 cases for one reason: each a transaction, a claim, a decision and its entries of its own.

    What somebody else holds (or another case of its request), what moved on since it was shown, and what this person
    may not decide is left out. It takes effect after the queue's undo window, but never sooner than after 30 s.

    Raises:
        DecisionRefusedError: not a senior, no reason, or none, too many or the same case twice. Nothing is recorded.
    """
    if category is None or category not in CATEGORIES:
        raise DecisionRefusedError("a denial needs a reason from the taxonomy", field="category", value=category)
    if not 1 <= len(shown) <= MOST_IN_A_BATCH:
        raise DecisionRefusedError(
            f"{len(shown)} cases are chosen; 1 to {MOST_IN_A_BATCH} are denied together",
            field="cases", value=len(shown), limit=MOST_IN_A_BATCH,
        )  # fmt: skip
    if len({each.case_id for each in shown}) < len(shown):
        raise DecisionRefusedError("a case is chosen twice", field="cases")
    if not User.objects.filter(pk=user_id, role=Role.SENIOR, is_active=True).exists():
        raise DecisionRefusedError("only a senior denies many cases together")
    batch, done, left_out = new_id(), [], []
    for each in shown:
        try:
            _deny(each, batch=batch, user_id=user_id, category=category, note=note)
        except GatewayError as error:
            left_out.append(LeftOut(each.case_id, error.message))
        else:
            done.append(each.case_id)
    return Batch(batch, tuple(done), tuple(left_out))


def undo_batch(batch: uuid.UUID, *, user_id: uuid.UUID) -> Batch:
    """Take back what of a batch has not taken effect; those cases wait for whoever takes them. The rest is left out."""
    said = Decision.objects.filter(batch=batch, user=user_id, undone_by=None).order_by("id")
    done, left_out = [], []
    for case_id in said.values_list("case_id", flat=True):
        try:
            undo(case_id, user_id=user_id, of_batch=batch)
        except GatewayError as error:
            left_out.append(LeftOut(case_id, error.message))
        else:
            done.append(case_id)
    return Batch(batch, tuple(done), tuple(left_out))


def _deny(each: Shown, *, batch: uuid.UUID, user_id: uuid.UUID, category: str, note: str) -> None:
    with step_of_case(each.case_id, Actor("person", user_id)) as s:
        image, case = lock_image_and_case(s, each.case_id)
        if case.status != "open" or case.version != each.version:
            raise StaleStatusError(f"it is {case.status} at version {case.version}; you were shown {each.version}")
        _claim(s, case, user_id)
        say_under_lock(
            s,
            image,
            case,
            user_id=user_id,
            outcome="deny",
            sha256=each.sha256,
            category=category,
            note=note,
            remembered=False,
            batch=batch,
        )


def _claim(s: Step, case: Case, user_id: uuid.UUID) -> None:
    """Give this person the case for this transaction, if the desk could give it to them."""
    held = Case.objects.filter(generation=s.generation, status="open", lease_until__gt=s.at)
    if held.exclude(lease_user=user_id).exists():
        raise ClaimLostError("somebody else has this request in hand")
    if case.claimable_at is not None:
        raise StaleStatusError("it goes back to the checkers before a person is asked")
    if Decision.objects.filter(
        case=case, user=user_id, outcome__in=["release", "approve"], undone_by__isnull=True
    ).exists():
        raise DecisionRefusedError("you have approved it before: another person decides")
    case.lease_user_id, case.lease_token = user_id, new_id()
    case.lease_until = s.at + timedelta(seconds=settings.CONFIGURATION.case_lease_s)
    case.save(update_fields=["lease_user", "lease_token", "lease_until"])
    s.entries.append(kind="case", target=case.pk, was="open", to="open", action="case.claimed")
