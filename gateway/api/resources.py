"""What a client is shown of a generation and its images: nothing of what the record keeps to itself.

A seal is not shown as one: a sealed image reads `rejected`, its generation `blocked`, both with a general reason. A
reason has stage, category and policy version, never a score, a threshold, a pattern or a person.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db.models import Prefetch, QuerySet

from gateway.api.workers import served_models
from gateway.errors import NotFoundError
from gateway.models import UNFINISHED, Generation, Image, ImageStatus, Publication

HOW_TO_APPEAL = "If this is wrong, write to the operator of this gate and name this id."
SHOWN_AS = {ImageStatus.SEALED: ImageStatus.REJECTED}
REASONED = {ImageStatus.REJECTED, ImageStatus.FAILED}


def shown_status(image: Image) -> str:
    """The status of an image as clients see it."""
    return str(SHOWN_AS.get(ImageStatus(image.status), image.status))


def generations_of(organization_id: uuid.UUID) -> QuerySet[Generation]:
    """The organization's generations with all that `generation_resource` reads; nobody else's."""
    return (
        Generation.objects.filter(organization_id=organization_id)
        .select_related("prompt")
        .prefetch_related(Prefetch("images", Image.objects.order_by("position")))
        .defer("prompt_sha256")
    )


def find_generation(generation_id: uuid.UUID, organization_id: uuid.UUID) -> Generation:
    """This generation, if it is this organization's.

    Raises:
        NotFoundError: it is not there, or somebody else's; the answer is the same.
    """
    generation = generations_of(organization_id).filter(pk=generation_id).first()
    if generation is None:
        raise NotFoundError(f"there is no generation {generation_id}")
    return generation


def generation_resources(generations: Iterable[Generation]) -> list[dict[str, Any]]:
    """The generations as clients see them, in their order."""
    found = list(generations)
    images = [image for generation in found for image in generation.images.all()]
    files = _files_of(image for image in images if image.status == ImageStatus.RELEASED)
    served = served_models() if any(generation.status in UNFINISHED for generation in found) else set()
    return [_resource(generation, files, served) for generation in found]


def generation_resource(generation: Generation) -> dict[str, Any]:
    """The generation as clients see it."""
    return generation_resources([generation])[0]


def _resource(generation: Generation, files: Mapping[uuid.UUID, Publication], served: set[str]) -> dict[str, Any]:
    parameters = generation.parameters
    images = list(generation.images.all())
    return {
        "id": str(generation.pk),
        "status": generation.status,
        "model": generation.model,
        "prompt": generation.prompt.text,
        "negative_prompt": generation.prompt.negative_text,
        "n": generation.num_images,
        "size": f"{parameters['width']}x{parameters['height']}",
        "steps": parameters["steps"],
        "guidance_scale": parameters["guidance_scale"],
        "seed": parameters["seed"],
        "output_format": parameters["output_format"],
        "created_at": _time(generation.created_at),
        "finished_at": _time(generation.finished_at),
        "erased_at": _time(generation.erased_at),
        "images": [_image(image, files.get(image.pk)) for image in images],
        "reason": _reason_of(generation, images),
        "warnings": _warnings(generation, served),
    }


def _image(image: Image, file: Publication | None) -> dict[str, Any]:
    """An image; its file's facts from its release on and not before."""
    shown: dict[str, Any] = {"id": str(image.pk), "status": shown_status(image), "seed": image.seed}
    if file is not None:
        shown |= {
            "url": f"{settings.CONFIGURATION.public_url.rstrip('/')}/v1/images/{image.pk}",
            "sha256": bytes(file.encoded_sha256).hex(),
            "content_type": file.content_type,
            "width": file.width_px,
            "height": file.height_px,
            "size_bytes": file.size_bytes,
        }
    if shown["status"] in REASONED:
        shown["reason"] = _reason(image.reason, stage="image")
    return shown


def _reason_of(generation: Generation, images: Sequence[Image]) -> dict[str, Any] | None:
    if generation.status == "blocked":
        return _reason(generation.reason, stage="prompt")
    if generation.status == "failed":
        failed = next((image for image in images if image.status == ImageStatus.FAILED), None)
        return _reason(failed.reason if failed else None, stage="generation")
    return None


def _reason(kept: Mapping[str, Any] | None, *, stage: str) -> dict[str, Any]:
    """What the record keeps as the reason, reduced to what a client may know."""
    said = kept or {}
    return {
        "stage": said.get("stage", stage),
        "category": said.get("category") or "general",
        "policy_version": said.get("policy_version"),
        "decided_by": said.get("decided_by", "policy"),
        "appeal": HOW_TO_APPEAL,
    }


def _warnings(generation: Generation, served: set[str]) -> list[dict[str, str]]:
    if generation.status not in UNFINISHED or generation.model in served:
        return []
    deadline = _time(generation.deadline_at)
    return [
        {
            "code": "model_not_served",
            "message": f"no worker serves {generation.model} now; if none does until {deadline}, it ends as expired",
        }
    ]


def _files_of(images: Iterable[Image]) -> dict[uuid.UUID, Publication]:
    """The published file of each image: that of its own grant, for exactly its bytes."""
    wanted = {image.grant_id: image for image in images if image.grant_id is not None}
    files = Publication.objects.filter(grant_id__in=list(wanted), purged_at__isnull=True)
    return {
        wanted[file.grant_id].pk: file
        for file in files
        if bytes(file.encoded_sha256) == bytes(wanted[file.grant_id].encoded_sha256 or b"")
    }


def _time(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
