"""The clients' door: accept, cancel, erase, withdraw."""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import rfc8785
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from gateway.audit.log import Actor, Entries
from gateway.errors import (
    IdempotencyKeyReusedError,
    NotCancelableError,
    NotFoundError,
    NotWithdrawableError,
    OverloadedError,
    TooMuchUnfinishedError,
)
from gateway.lifecycle.transaction import Step, insert, never_begun, step
from gateway.models import MAX_SEED
from gateway.models.fields import new_id

CANCELABLE = frozenset({"waiting", "pending", "generated", "held"})


@dataclass(frozen=True, slots=True)
class Request:
    """One valid request: everything checked, every default filled in.

    `cost` is the work of one image in the model's units; `parameters` is what the client is shown and the engine
    reads: width, height, steps, guidance_scale, seed, output_format. `seed_chosen`: the client named the seed.
    """

    organization_id: uuid.UUID
    api_key_id: uuid.UUID
    requester: str
    model: str
    parameters: Mapping[str, Any]
    num_images: int
    seed: int
    cost: int
    prompt: str
    negative_prompt: str
    deadline_s: float
    seed_chosen: bool = True

    def fingerprint(self) -> bytes:
        """SHA-256 of what makes two requests the same. The seed counts only where the client chose it."""
        return hashlib.sha256(
            rfc8785.dumps(
                {
                    "model": self.model,
                    "parameters": {k: v for k, v in self.parameters.items() if k != "seed"},
                    "seed": self.seed if self.seed_chosen else None,
                    "n": self.num_images,
                    "prompt": self.prompt,
                    "negative_prompt": self.negative_prompt,
                    "requester": self.requester,
                }
            )
        ).digest()


def prompt_hash(prompt: str, negative_prompt: str) -> bytes:
    """SHA-256 of the words as a person is shown them; a decision about a prompt is bound to it."""
    return hashlib.sha256(rfc8785.dumps({"prompt": prompt, "negative_prompt": negative_prompt})).digest()


def accept(request: Request, *, idempotency_key: str | None) -> tuple[uuid.UUID, bool]:
    """The generation of this request, and whether it is new. It touches no row that others write.

    Raises:
        IdempotencyKeyReusedError: the key was used with another body.
        TooMuchUnfinishedError, OverloadedError: a cap on unfinished work is reached.
    """
    generation_id = new_id()
    with transaction.atomic(), connection.cursor() as cursor:
        if idempotency_key is not None and (old := _replayed(cursor, request, idempotency_key, generation_id)):
            return old, False
        _check_caps(cursor, request.organization_id)
        cursor.execute("SELECT now()")
        at = cursor.fetchone()[0]
        insert(
            cursor,
            "generation",
            id=generation_id,
            organization_id=request.organization_id,
            api_key_id=request.api_key_id,
            requester=request.requester,
            model=request.model,
            parameters=rfc8785.dumps(dict(request.parameters)).decode(),
            num_images=request.num_images,
            cost=request.cost,
            prompt_sha256=prompt_hash(request.prompt, request.negative_prompt),
            deadline_at=at + timedelta(seconds=request.deadline_s),
        )
        insert(
            cursor,
            "prompt",
            generation_id=generation_id,
            text=request.prompt,
            negative_text=request.negative_prompt,
        )
        for position in range(request.num_images):
            insert(
                cursor,
                "image",
                id=new_id(),
                generation_id=generation_id,
                position=position,
                model=request.model,
                seed=(request.seed + position) % (MAX_SEED + 1),
            )
        entries = Entries(
            at=at,
            actor=Actor("api_key", request.api_key_id),
            organization_id=request.organization_id,
            generation_id=generation_id,
        )
        entries.append(
            kind="generation",
            target=generation_id,
            was=None,
            to="screening",
            action="generation.accepted",
            detail={"images": request.num_images, "model": request.model},
            private={"prompt_sha256": ("organization", prompt_hash(request.prompt, request.negative_prompt).hex())},
        )
        entries.write(cursor)
    return generation_id, True


def _replayed(cursor: CursorWrapper, request: Request, key: str, new: uuid.UUID) -> uuid.UUID | None:
    """The generation that this key already has; else the key now belongs to `new`. A racing twin waits here for us."""
    cursor.execute(
        "INSERT INTO idempotency_key (organization_id, key, fingerprint, generation_id) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT DO NOTHING",
        [request.organization_id, key, request.fingerprint(), new],
    )
    if cursor.rowcount == 1:
        return None
    cursor.execute(
        "SELECT generation_id, fingerprint FROM idempotency_key WHERE organization_id = %s AND key = %s",
        [request.organization_id, key],
    )
    generation_id, fingerprint = cursor.fetchone()
    if bytes(fingerprint) != request.fingerprint():
        raise IdempotencyKeyReusedError(
            "Idempotency-Key was used before with another body: use a new key for a new request",
            field="Idempotency-Key",
        )
    return uuid.UUID(str(generation_id))


def _check_caps(cursor: CursorWrapper, organization_id: uuid.UUID) -> None:
    cursor.execute(
        "SELECT gate.unfinished >= gate.max_unfinished, gate.max_unfinished, o.max_unfinished, "
        "(SELECT count(*) FROM (SELECT FROM generation WHERE organization_id = o.id "
        "AND status IN ('screening', 'in_review', 'generating') LIMIT o.max_unfinished) unfinished) "
        "FROM organization o, gate WHERE o.id = %s",
        [organization_id],
    )
    full, gate_limit, limit, unfinished = cursor.fetchone()
    if unfinished >= limit:
        raise TooMuchUnfinishedError(
            f"{unfinished} generations of this organization are unfinished; the limit is {limit}",
            field="max_unfinished", value=unfinished, limit=limit,
        )  # fmt: skip
    if full:
        raise OverloadedError(
            f"the gate has {gate_limit} generations under way, which is its limit",
            field="max_unfinished", limit=gate_limit,
        )  # fmt: skip


def cancel(generation_id: uuid.UUID, *, actor: Actor) -> None:
    """End whatever of it still can end; wins over a decision that has not taken effect.

    Raises:
        NotCancelableError: none of its images could still be ended.
    """
    with step(generation_id, actor) as s:
        if not _end_what_can(s):
            raise NotCancelableError(
                f"generation {generation_id} is {s.generation.status}: nothing of it can still end"
            )


def _end_what_can(s: Step) -> bool:
    ends = [image for image in s.lock_images() if image.status in CANCELABLE]
    if not ends:
        return False
    unbegun = never_begun(ends)
    unsaid = s.generation.prompt_state in ("unscored", "held")
    for image in ends:
        s.move_image(image, "canceled", "image.canceled")
    s.close_cases(ends, prompt=unsaid)
    columns: dict[str, Any] = {"prompt_state": "abandoned"} if unsaid else {}
    s.derive("generation.canceled", **columns)
    s.give_share_back(unbegun)
    return True


def erase(generation_id: uuid.UUID, *, actor: Actor) -> None:
    """End what can end, withdraw what was released, forget the words; the sweeper erases the bytes. Entries stay.

    What is sealed is kept all the same: a seal overrides erasure (docs/operating.md).
    """
    with step(generation_id, actor) as s:
        if s.generation.erased_at is not None:
            return
        _end_what_can(s)
        for image in s.lock_images():
            if image.status == "released":
                s.move_image(image, "withdrawn", "image.withdrawn")
        s.cursor.execute(
            "UPDATE prompt SET text = NULL, negative_text = NULL WHERE generation_id = %s", [generation_id]
        )
        s.derive("generation.erased", detail={}, erased_at=s.at)


def withdraw(image_id: uuid.UUID, *, actor: Actor, organization_id: uuid.UUID | None = None) -> None:
    """Stop serving a released image; the sweeper removes its file. Withdrawing twice is fine.

    Raises:
        NotFoundError: no such image, or not this organization's.
        NotWithdrawableError: it is not released.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.generation_id FROM image i JOIN generation g ON g.id = i.generation_id "
            "WHERE i.id = %s AND (%s::uuid IS NULL OR g.organization_id = %s)",
            [image_id, organization_id, organization_id],
        )
        row = cursor.fetchone()
    if row is None:
        raise NotFoundError(f"no image {image_id}")
    with step(row[0], actor) as s:
        image = s.lock_image(image_id)
        if image.status == "withdrawn":
            return
        if image.status != "released":
            raise NotWithdrawableError(
                f"image {image_id} is {image.status}: only a released image can be withdrawn",
                field="status", value=image.status,
            )  # fmt: skip
        s.move_image(image, "withdrawn", "image.withdrawn")
        s.derive("generation.derived")
