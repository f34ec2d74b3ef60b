"""Opening what is sealed: an officer asks for a written reason, another person agrees, and then only for a time.

Nothing is decrypted here: no running process holds the officers' private key (docs/decisions/0008). The record says who
may be given what, and that they were; its triggers refuse one person alone, a missing reason and a box without end.
"""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from gateway.audit.log import Actor, record
from gateway.errors import AccessRefusedError, NotFoundError
from gateway.lifecycle.transaction import insert
from gateway.models import MIN_REASON, Purpose, Seal, SealedAccess, User
from gateway.models.fields import TransactionNow, new_id

ASK_S = 3600.0  # how long a second person may take to agree

_REFUSALS = {
    "no reason": f"the reason needs at least {MIN_REASON} characters",
    "not an officer": "only officers ask and agree",
    "not sealed": "this is not sealed any more",
    "one person": "the second person must be another than the one who asked",
    "too late": "the request is over: ask anew",
    "agreed already": "somebody has agreed already",
    "ended": "this request has ended",
}


def note_alarm(seal_id: uuid.UUID, *, officer: User) -> None:
    """An officer knows of this seal: its alarm ends. Repeatable.

    Raises:
        NotFoundError: there is no such seal.
    """
    with transaction.atomic():
        noted = Seal.objects.filter(pk=seal_id, noted_at__isnull=True)
        if noted.update(noted_at=TransactionNow(), noted_by=officer):
            _say(seal_id, None, "noted", "sealed.noted", person=officer)
        elif not Seal.objects.filter(pk=seal_id).exists():
            raise NotFoundError(f"no seal {seal_id}")


def ask_to_open(seal_id: uuid.UUID, *, purpose: Purpose, reason: str, officer: User) -> uuid.UUID:
    """The id of a request that another person may agree to within the hour.

    Raises:
        AccessRefusedError: not an officer, no reason of 20 characters, or the seal does not stand.
    """
    access_id, reason = new_id(), reason.strip()
    with _refusing(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        insert(
            cursor,
            "sealed_access",
            id=access_id,
            seal_id=seal_id,
            purpose=purpose.value,
            reason=reason,
            asked_by_id=officer.pk,
            ask_until=cursor.fetchone()[0] + timedelta(seconds=ASK_S),
        )
        about = {"seal": str(seal_id), "purpose": purpose.value}
        _say(access_id, None, "asked", "sealed.asked", person=officer, reason=reason, detail=about)
    return access_id


def agree_to_open(access_id: uuid.UUID, *, second: User) -> None:
    """Open the time box (`IMPRIMATUR_SEALED_OPEN_S`) for the officer who asked.

    Raises:
        AccessRefusedError: the same person, not an officer (for lifting: nor a senior), too late, or ended.
        NotFoundError: there is no such request.
    """
    with _refusing(), transaction.atomic():
        access = _lock(access_id)
        box = timedelta(seconds=settings.CONFIGURATION.sealed_open_s)
        SealedAccess.objects.filter(pk=access_id).update(
            agreed_by=second, agreed_at=TransactionNow(), until=TransactionNow() + box
        )
        _say(access_id, access.status, "agreed", "sealed.agreed", person=second, detail={"seal": str(access.seal_id)})


def end_opening(access_id: uuid.UUID, *, officer: User) -> None:
    """Refuse, withdraw or close a request; whatever it allowed is over.

    Raises:
        AccessRefusedError: it has ended already.
        NotFoundError: there is no such request.
    """
    with _refusing(), transaction.atomic():
        access = _lock(access_id)
        SealedAccess.objects.filter(pk=access_id).update(ended_by=officer, ended_at=TransactionNow())
        _say(access_id, access.status, "ended", "sealed.ended", person=officer, detail={"seal": str(access.seal_id)})


def live_access(
    access_id: uuid.UUID, *, purpose: Purpose, officer: User, seal_id: uuid.UUID | None = None
) -> SealedAccess:
    """The request, while its time box is open for this very officer.

    Args:
        seal_id: which seal it must be about, where the caller names one.

    Raises:
        AccessRefusedError: not agreed, over, another's, or of another purpose.
    """
    access = (
        SealedAccess.objects.select_related("seal__generation")
        .filter(
            pk=access_id, purpose=purpose, asked_by=officer, status="agreed", until__gt=TransactionNow(),
            seal__lifted_at__isnull=True,
        )
        .first()
    )  # fmt: skip
    if access is None or seal_id not in (None, access.seal_id) or not officer.is_active or officer.role != "officer":
        raise AccessRefusedError("nothing is open for you here: ask, and have another person agree")
    return access


def note_sealed_view(access: SealedAccess, *, form: str, image_id: uuid.UUID | None, officer: User) -> None:
    """The entry that must have committed before anything of what is sealed leaves for the officer's browser."""
    about = {"seal": str(access.seal_id), "form": form, "image": None if image_id is None else str(image_id)}
    with transaction.atomic():
        _say(access.pk, "agreed", "agreed", "sealed.viewed", person=officer, detail=about)


def _lock(access_id: uuid.UUID) -> SealedAccess:
    access = SealedAccess.objects.select_for_update(no_key=True).filter(pk=access_id).first()
    if access is None:
        raise NotFoundError(f"no request {access_id}")
    return access


def _say(
    target: uuid.UUID,
    was: str | None,
    to: str,
    action: str,
    *,
    person: User,
    reason: str = "",
    detail: Mapping[str, str | None] | None = None,
) -> None:
    """The entry, of no organization: what officers do is not in a client's export."""
    record(
        kind="sealed_access",
        target=target,
        was=was,
        to=to,
        action=action,
        actor=Actor("person", person.pk),
        detail=detail,
        private={"reason": ("officer", reason)} if reason else {},
    )


@contextmanager
def _refusing() -> Iterator[None]:
    """What the record refuses, in words."""
    try:
        yield
    except IntegrityError as error:
        said = str(error.__cause__).splitlines()[0] if error.__cause__ else ""
        why = next((text for key, text in _REFUSALS.items() if key in said), "a rule of the record stands against it")
        raise AccessRefusedError(why) from error
