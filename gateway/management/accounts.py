"""Making organizations, keys and people, each with its entry in the log. A secret is returned once and kept nowhere."""

import secrets
import uuid
from collections.abc import Sequence
from datetime import timedelta

from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone

from gateway.api import keys
from gateway.audit import log
from gateway.models import ApiKey, ClientMembership, Organization, User
from gateway.models.fields import new_id

ALL_SCOPES = tuple(keys.SCOPES)


def operator(command: str) -> log.Actor:
    """Who the log says it was: whoever may run commands on this machine."""
    return log.Actor("system", f"manage.py {command}")


def make_organization(name: str, *, actor: log.Actor, weight: int = 1, max_unfinished: int = 1000) -> Organization:
    """A new tenant.

    Raises:
        CommandError: there is one of this name.
    """
    if Organization.objects.filter(name=name).exists():
        raise CommandError(f"there is an organization {name!r} already")
    with transaction.atomic():
        organization = Organization.objects.create(name=name, weight=weight, max_unfinished=max_unfinished)
        log.record(
            kind="organization", target=organization.pk, was=None, to="active", action="organization.created",
            actor=actor, organization_id=organization.pk,
            detail={"weight": weight, "max_unfinished": max_unfinished},
            private={"name": ("organization", name)},
        )  # fmt: skip
    return organization


def find_organization(name_or_id: str) -> Organization:
    """The organization of this id or name.

    Raises:
        CommandError: there is none.
    """
    try:
        found = Organization.objects.filter(pk=uuid.UUID(name_or_id)).first()
    except ValueError:
        found = Organization.objects.filter(name=name_or_id).first()
    if found is None:
        raise CommandError(f"there is no organization {name_or_id!r}: make it with create_organization")
    return found


def make_key(
    organization: Organization,
    *,
    name: str,
    actor: log.Actor,
    scopes: Sequence[str] = ALL_SCOPES,
    expires_in_days: float | None = None,
) -> tuple[str, ApiKey]:
    """The text of a new API key, which is not kept, and its row."""
    text, parts = keys.mint()
    expires_at = None if expires_in_days is None else timezone.now() + timedelta(days=expires_in_days)
    key_id = new_id()
    with transaction.atomic():
        key = ApiKey.objects.create(
            id=key_id, organization=organization, name=name, public_id=parts.public_id,
            secret_hmac=keys.fingerprint(parts.secret), scopes=sorted(scopes), expires_at=expires_at,
        )  # fmt: skip
        log.record(
            kind="api_key", target=key_id, was=None, to="active", action="api_key.created",
            actor=actor, organization_id=organization.pk,
            detail={
                "public_id": parts.public_id,
                "scopes": sorted(scopes),
                "expires_at": expires_at and expires_at.isoformat(timespec="seconds"),
            },
            private={"name": ("organization", name)},
        )  # fmt: skip
    return text, key


def revoke_key(public_id: str, *, actor: log.Actor) -> ApiKey:
    """The key, which works no more.

    Raises:
        CommandError: there is none of this public id, or it is revoked already.
    """
    with transaction.atomic():
        key = ApiKey.objects.select_for_update(no_key=True).filter(public_id=public_id).first()
        if key is None:
            raise CommandError(f"there is no API key with the public id {public_id!r}: it is the part after impr_live_")
        if key.revoked_at is not None:
            raise CommandError(f"{public_id} has been revoked since {key.revoked_at.isoformat(timespec='seconds')}")
        ApiKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
        log.record(
            kind="api_key", target=key.pk, was="active", to="revoked", action="api_key.revoked",
            actor=actor, organization_id=key.organization_id, detail={"public_id": public_id},
        )  # fmt: skip
    return key


def make_user(username: str, *, role: str, password: str, actor: log.Actor, made_by_up: bool = False) -> User:
    """A person who can sign in at the people's door.

    Raises:
        CommandError: there is an account of this name.
    """
    if User.objects.filter(username__iexact=username).exists():
        raise CommandError(f"there is an account {username!r} already")
    with transaction.atomic():
        user = User(username=username, role=role, made_by_up=made_by_up)
        user.set_password(password)
        user.save(force_insert=True)
        log.record(
            kind="person", target=user.pk, was=None, to="active", action="person.created",
            actor=actor, detail={"role": role, "demo": made_by_up}, private={"username": ("operator", username)},
        )  # fmt: skip
    return user


def have_demo_user(username: str, *, role: str, password: str, actor: log.Actor) -> None:
    """A demo account with this password, let in without a second factor; made anew or with a new password.

    Raises:
        CommandError: the account of this name is somebody's own.
    """
    user = User.objects.filter(username=username).first()
    if user is None:
        make_user(username, role=role, password=password, made_by_up=True, actor=actor)
    elif user.made_by_up:
        user.set_password(password)
        user.save(update_fields=["password"])
    else:
        raise CommandError(f"the account {username!r} is somebody's own: demo accounts are not made beside it")


def find_user(username: str) -> User:
    """The account of this name, locked until the caller's transaction ends.

    Raises:
        CommandError: there is none.
    """
    user = User.objects.select_for_update(no_key=True).filter(username=username).first()
    if user is None:
        raise CommandError(f"there is no account {username!r}")
    return user


def change_user(username: str, *, role: str | None, active: bool | None, actor: log.Actor) -> User:
    """The account with this role, disabled or enabled; None leaves it as it is. It counts from the next request on.

    Raises:
        CommandError: there is no such account, or nothing to change.
    """
    with transaction.atomic():
        user = find_user(username)
        was = {"role": user.role, "active": user.is_active}
        user.role = user.role if role is None else role
        user.is_active = user.is_active if active is None else active
        now = {"role": user.role, "active": user.is_active}
        if now == was:
            raise CommandError(f"{username!r} is so already: role {user.role}, active {user.is_active}")
        user.save(update_fields=["role", "is_active"])
        log.record(
            kind="person", target=user.pk, was="active" if was["active"] else "disabled",
            to="active" if user.is_active else "disabled", action="person.changed", actor=actor,
            detail={"role": user.role}, private={"username": ("operator", username)},
        )  # fmt: skip
    return user


def join(user: User, organization: Organization, *, actor: log.Actor) -> None:
    """From now on this person belongs to the organization as a client; what they hold of its work is the caller's to
    give back.

    Raises:
        CommandError: they do already.
    """
    with transaction.atomic():
        _, joined = ClientMembership.objects.get_or_create(user=user, organization=organization)
        if not joined:
            raise CommandError(f"{user.username!r} belongs to {organization.name!r} already")
        _record_membership(user, organization, "person.joined", actor)


def leave(user: User, organization: Organization, *, actor: log.Actor) -> None:
    """From now on this person does not belong to the organization.

    Raises:
        CommandError: they did not.
    """
    with transaction.atomic():
        gone, _ = ClientMembership.objects.filter(user=user, organization=organization).delete()
        if not gone:
            raise CommandError(f"{user.username!r} does not belong to {organization.name!r}")
        _record_membership(user, organization, "person.left", actor)


def _record_membership(user: User, organization: Organization, action: str, actor: log.Actor) -> None:
    """The entry; it is not the organization's, whose export would tell it who reviews."""
    status = "active" if user.is_active else "disabled"
    log.record(
        kind="person", target=user.pk, was=status, to=status, action=action, actor=actor,
        private={"username": ("operator", user.username), "client_of": ("operator", str(organization.pk))},
    )  # fmt: skip


def fresh_password() -> str:
    """A password nobody has had: 100 bits and more, in characters that are not mistaken for one another."""
    letters = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))
