"""Sealing: what is suspected child abuse material leaves every ordinary path at once, and nobody but officers reads it.

A seal by a score affects its generation alone and raises an alarm, which stands until an officer has noted it.
docs/operating.md tells the officers' part, opening.py who may open it.
"""

import logging
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.db import IntegrityError

from gateway.audit.log import Actor, Private
from gateway.delivery.vault import vault
from gateway.errors import AccessRefusedError, SealRefusedError
from gateway.lifecycle.opening import end_opening
from gateway.lifecycle.transaction import Step, insert, never_begun, step
from gateway.models import Master, Prompt, SealedAccess, User
from gateway.models.fields import new_id

logger = logging.getLogger(__name__)

GENERAL_REASON: Mapping[str, Any] = {
    "stage": "review", "category": "general", "policy_version": None, "decided_by": "person",
}  # fmt: skip


def seal(generation_id: uuid.UUID, *, actor: Actor, why: str = "officer", reason: str = "") -> None:
    """Seal a generation because a person says so.

    Args:
        why: who: an officer, or a reviewer with the case before them.
        reason: in words, for officers.

    Raises:
        SealRefusedError: it is sealed already.
    """
    with step(generation_id, actor) as s:
        if s.generation.sealed_at is not None:
            raise SealRefusedError(f"generation {generation_id} is sealed already")
        private: Private = {"reason": ("officer", reason)} if reason else {}
        seal_under_lock(s, why, reason=GENERAL_REASON, detail={}, private=private)


def seal_under_lock(
    s: Step, why: str, *, reason: Mapping[str, Any], detail: Mapping[str, Any], private: Private
) -> None:
    """End every image that has no bytes, seal every one that has, close ordinary cases, move the words to the officers,
    forget what the pictures look like.

    Where nothing had bytes the prompt counts as refused, so that the generation stays blocked when the seal is lifted.
    """
    images = s.lock_images()
    unbegun = never_begun(images)
    had_bytes = any(image.master_sha256 is not None for image in images)
    for image in images:
        if image.status in ("waiting", "pending"):
            s.move_image(image, "canceled", "image.canceled")
        elif image.master_sha256 is not None:
            master = Master.objects.get(pk=image.pk)
            if master.wrapped_key is not None:
                Master.objects.filter(pk=image.pk).update(wrapped_key=vault().rewrap(bytes(master.wrapped_key)))
            s.move_image(image, "sealed", "image.sealed", reason=dict(reason))
    s.close_cases(images, prompt=True)
    s.cursor.execute("DELETE FROM fingerprint WHERE image_id = ANY(%s)", [[image.pk for image in images]])
    _move_words(s, why)
    columns: dict[str, Any] = {"sealed_at": s.at, "reason": dict(reason)}
    if not had_bytes:
        columns["prompt_state"] = "refused"
    s.derive("generation.sealed", detail={**detail, "why": why}, private=private, **columns)
    s.give_share_back(unbegun)
    logger.error("a generation was sealed: an officer must look", extra={"fields": {"alarm": "sealed", "why": why}})


def _move_words(s: Step, why: str) -> None:
    prompt = Prompt.objects.filter(pk=s.generation.pk).first()
    words = None
    if prompt is not None and prompt.text is not None:
        text = f"prompt:\n{prompt.text}\n\nnegative prompt:\n{prompt.negative_text or ''}"
        words = vault().encrypt(text, str(s.generation.pk))
    insert(s.cursor, "seals", id=new_id(), generation_id=s.generation.pk, why=why, prompt_for_officers=words)
    s.cursor.execute("UPDATE prompt SET text = NULL, negative_text = NULL WHERE generation_id = %s", [s.generation.pk])


def lift_seal(access: SealedAccess, *, rewrap: Callable[[uuid.UUID, bytes], bytes], officer: User) -> None:
    """A false alarm, found by an officer and a second person: every sealed image is held and judged anew by people.

    Args:
        access: the officer's request to lift it, which another person has agreed to.
        rewrap: turns an image's item key, wrapped to the officers, into one wrapped to quarantine's readers; the
            officers' private key is supplied for the occasion.

    Raises:
        SealRefusedError: it is not sealed.
        AccessRefusedError: nobody agreed, or the time is over.
    """
    generation_id = access.seal.generation_id
    try:
        with step(generation_id, Actor("person", officer.pk)) as s:
            if s.generation.sealed_at is None:
                raise SealRefusedError(f"generation {generation_id} is not sealed")
            _hold_what_was_sealed(s, rewrap)
            s.derive(
                "generation.unsealed",
                detail={},
                private={
                    "second_person": ("operator", str(access.agreed_by_id)),
                    "why": ("officer", access.reason),
                },
                sealed_at=None,
            )
            s.cursor.execute("UPDATE seals SET lifted_at = now() WHERE id = %s", [access.seal_id])
            end_opening(access.pk, officer=officer)
    except IntegrityError as error:
        raise AccessRefusedError("a seal is lifted only while a second person has agreed to it") from error


def _hold_what_was_sealed(s: Step, rewrap: Callable[[uuid.UUID, bytes], bytes]) -> None:
    for image in s.lock_images():
        if image.status != "sealed":
            continue
        master = Master.objects.get(pk=image.pk)
        if master.wrapped_key is not None:
            wrapped = rewrap(image.pk, bytes(master.wrapped_key))
            Master.objects.filter(pk=image.pk).update(wrapped_key=wrapped)
        s.move_image(
            image, "held", "image.unsealed", held_why="unsealed", grant_id=None, encoded_sha256=None, reason=None
        )
        s.open_case("image", image=image, why="unsealed")
