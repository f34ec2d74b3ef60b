"""The settlements of those who make and deliver: generation and delivery workers."""

import uuid
from dataclasses import dataclass
from typing import Any

from gateway.audit.log import Actor
from gateway.errors import StaleStatusError
from gateway.lifecycle.transaction import Step, insert, step
from gateway.models import Image


@dataclass(frozen=True, slots=True)
class StoredBytes:
    """Master bytes that lie in quarantine under this attempt's own key."""

    object_key: str
    sha256: bytes
    size_bytes: int
    wrapped_key: bytes


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """An encoded file that lies in the released store."""

    object_key: str
    sha256: bytes
    size_bytes: int
    content_type: str
    width_px: int
    height_px: int


def _failed(stage: str, why: str) -> dict[str, Any]:
    return {"stage": stage, "category": why, "policy_version": None, "decided_by": "system"}


def _fenced(s: Step, image_id: uuid.UUID, status: str, attempt: int) -> Image:
    image = s.lock_image(image_id)
    if image.status != status or image.attempt != attempt:
        raise StaleStatusError(f"image {image_id} is no longer this attempt's to settle")
    return image


def settle_generated(
    generation_id: uuid.UUID, image_id: uuid.UUID, *, attempt: int, stored: StoredBytes, units: int, actor: Actor
) -> None:
    """The picture is made and its bytes lie in quarantine; it is charged here, once.

    Raises:
        StaleStatusError: this attempt no longer holds the image; its blob has no key anywhere and is purged.
    """
    with step(generation_id, actor) as s:
        image = _fenced(s, image_id, "pending", attempt)
        insert(
            s.cursor,
            "masters",
            image_id=image_id,
            attempt=attempt,
            object_key=stored.object_key,
            sha256=stored.sha256,
            size_bytes=stored.size_bytes,
            wrapped_key=stored.wrapped_key,
        )
        insert(s.cursor, "usage", image_id=image_id, organization_id=s.generation.organization_id, units=units)
        s.move_image(
            image,
            "generated",
            "image.generated",
            detail={"attempt": attempt, "master_sha256": stored.sha256.hex(), "size_bytes": stored.size_bytes},
            master_sha256=stored.sha256,
        )
        s.derive("generation.derived")


def settle_not_generated(
    generation_id: uuid.UUID, image_id: uuid.UUID, *, attempt: int, why: str, actor: Actor
) -> None:
    """The pipeline refused it, or it took its third worker with it. `why` is a stable code, never a message."""
    with step(generation_id, actor) as s:
        image = _fenced(s, image_id, "pending", attempt)
        detail = {"attempt": attempt, "crashes": image.crashes, "why": why}
        s.move_image(image, "failed", "image.failed", detail=detail, reason=_failed("generation", why))
        s.derive("generation.derived")


def settle_delivered(
    generation_id: uuid.UUID, image_id: uuid.UUID, *, attempt: int, published: PublishedFile, actor: Actor
) -> None:
    """The file lies in the released store: from this commit on it is served.

    Raises:
        StaleStatusError: this attempt no longer holds the image, or it was sealed or erased meanwhile.
    """
    with step(generation_id, actor) as s:
        image = _fenced(s, image_id, "granted", attempt)
        if s.generation.erased_at is not None:
            raise StaleStatusError(f"image {image_id} was erased by its owner before it was out")
        insert(
            s.cursor,
            "publication",
            grant_id=image.grant_id,
            encoded_sha256=published.sha256,
            object_key=published.object_key,
            content_type=published.content_type,
            width_px=published.width_px,
            height_px=published.height_px,
            size_bytes=published.size_bytes,
        )
        s.move_image(
            image,
            "released",
            "image.released",
            detail={"attempt": attempt, "grant": str(image.grant_id), "sha256": published.sha256.hex()},
            encoded_sha256=published.sha256,
        )
        s.derive("generation.derived")


def settle_not_delivered(
    generation_id: uuid.UUID, image_id: uuid.UUID, *, attempt: int, why: str, actor: Actor
) -> None:
    """Its bytes were missing or of another hash (`integrity`), it was `erased`, or delivery was tried often enough."""
    with step(generation_id, actor) as s:
        image = _fenced(s, image_id, "granted", attempt)
        action = "image.integrity" if why == "integrity" else "image.failed"
        detail = {"attempt": attempt, "crashes": image.crashes, "why": why}
        s.move_image(image, "failed", action, detail=detail, reason=_failed("delivery", why))
        s.derive("generation.derived")
