"""Holding a requester's further work: an officer's word for it and a reason, never a score's."""

import uuid

from django.db import IntegrityError, connection, transaction

from gateway.audit.log import Actor, record
from gateway.errors import AccessRefusedError, NotFoundError
from gateway.lifecycle.transaction import insert
from gateway.models import MIN_REASON, RequesterHold, User
from gateway.models.fields import TransactionNow, new_id

HELD_LANE = "escalated"  # where a held requester's work waits: for seniors


def requester_is_held(organization_id: uuid.UUID, requester: str) -> bool:
    """Whether an officer holds what this requester asks for from now on."""
    return RequesterHold.objects.filter(
        organization=organization_id, requester=requester, lifted_at__isnull=True
    ).exists()


def hold_requester(organization_id: uuid.UUID, requester: str, *, reason: str, officer: User) -> uuid.UUID:
    """From now on a person decides about everything of this requester that a score would let go.

    Raises:
        AccessRefusedError: not an officer, no reason of 20 characters, or held already.
    """
    hold_id, reason = new_id(), reason.strip()
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            insert(
                cursor,
                "requester_hold",
                id=hold_id,
                organization_id=organization_id,
                requester=requester,
                reason=reason,
                placed_by_id=officer.pk,
            )
            _say(hold_id, was=None, to="placed", action="requester.held", officer=officer, reason=reason)
    except IntegrityError as error:
        raise _refused(error) from error
    return hold_id


def let_requester_go(hold_id: uuid.UUID, *, reason: str, officer: User) -> None:
    """End the hold; what waits for people because of it still does.

    Raises:
        AccessRefusedError: not an officer, no reason of 20 characters, or ended already.
        NotFoundError: there is no such hold.
    """
    reason = reason.strip()
    try:
        with transaction.atomic():
            hold = RequesterHold.objects.select_for_update(no_key=True).filter(pk=hold_id).first()
            if hold is None:
                raise NotFoundError(f"no hold {hold_id}")
            RequesterHold.objects.filter(pk=hold_id).update(
                lifted_by=officer, lifted_at=TransactionNow(), lift_reason=reason
            )
            _say(hold_id, was=hold.status, to="lifted", action="requester.let_go", officer=officer, reason=reason)
    except IntegrityError as error:
        raise _refused(error) from error


def _say(hold_id: uuid.UUID, *, was: str | None, to: str, action: str, officer: User, reason: str) -> None:
    record(
        kind="requester_hold",
        target=hold_id,
        was=was,
        to=to,
        action=action,
        actor=Actor("person", officer.pk),
        private={"reason": ("officer", reason)},
    )


def _refused(error: IntegrityError) -> AccessRefusedError:
    said = str(error.__cause__)
    if "no reason" in said:
        return AccessRefusedError(f"the reason needs at least {MIN_REASON} characters")
    if "one_hold_a_requester" in said:
        return AccessRefusedError("this requester's work is held already")
    return AccessRefusedError("only an officer holds a requester's work, and ends a hold once")
