"""The delivery worker's turn: verify what was granted, encode it, publish it; from the commit on it is served."""

import logging
import time
from collections.abc import Sequence

import numpy as np
from django.conf import settings

from gateway import lifecycle
from gateway.audit.log import Actor
from gateway.delivery.access import quarantine_reader, read_master, released_store
from gateway.delivery.encode import PictureError, Recipe, decode_master, encode
from gateway.delivery.envelope import KeyUnavailableError
from gateway.delivery.quarantine import IntegrityError
from gateway.delivery.stores import StoreError
from gateway.engine.png import encode_png
from gateway.leases import Lease
from gateway.lifecycle import PublishedFile
from gateway.models import Image
from gateway.nudges import nudge
from gateway.work.worker import TRY_AGAIN_S, Worker

logger = logging.getLogger(__name__)

BATCH = 8


def serves() -> tuple[str, ...]:
    return ()


def self_test() -> Sequence[str]:
    """Whether a small picture can be encoded, and this process holds its keys and knows its stores."""
    try:
        quarantine_reader()
        released_store()
        encode(decode_master(encode_png(np.full((8, 8, 3), 127, dtype=np.uint8))), Recipe.parse("png"))
    except (PictureError, StoreError, OSError) as error:
        return [f"delivery: {error}"]
    return []


def turn(worker: Worker) -> None:
    """One turn."""
    ends_at = time.monotonic() + settings.CONFIGURATION.turn_s
    while not worker.stopping and worker.pass_self_test() and (taken := worker.claim("granted", BATCH)):
        for lease in taken:
            deliver(worker, lease)
        if time.monotonic() > ends_at:
            nudge("delivery")
            return


def deliver(worker: Worker, lease: Lease) -> None:
    """Publish this image, or say why not."""
    actor = Actor("worker", worker.boot_id)
    with worker.settling(lease):
        if lease.spent:
            _fail(lease, "crashed", actor)
            return
        image = Image.objects.select_related("generation", "master", "grant").get(pk=lease.row_id)
        if image.generation.erased_at is not None:
            _fail(lease, "erased", actor)
            return
        try:
            published = _publish(lease, image)
        except (IntegrityError, PictureError):
            _fail(lease, "integrity", actor)
        except (StoreError, KeyUnavailableError) as error:
            why = type(error).__name__
            logger.warning("not delivered", extra={"fields": {"image": str(lease.row_id), "error": why}})
            worker.give_back(lease, delay_s=TRY_AGAIN_S)
        else:
            lifecycle.settle_delivered(
                lease.generation_id, lease.row_id, attempt=lease.attempt, published=published, actor=actor
            )


def _publish(lease: Lease, image: Image) -> PublishedFile:
    """The encoded file in the released store, under this attempt's own key.

    Raises:
        IntegrityError: the bytes are not those that the grant names.
    """
    grant = image.grant
    if grant is None or bytes(grant.master_sha256) != bytes(image.master.sha256):
        raise IntegrityError(f"image {image.pk}: the grant is for other bytes")
    encoded = encode(decode_master(read_master(image, image.master)), Recipe.parse(grant.recipe))
    published = released_store().publish(image.pk, lease.attempt, encoded.data)
    return PublishedFile(
        object_key=published.object_key,
        sha256=bytes.fromhex(published.sha256),
        size_bytes=len(encoded.data),
        content_type=encoded.content_type,
        width_px=encoded.width,
        height_px=encoded.height,
    )


def _fail(lease: Lease, why: str, actor: Actor) -> None:
    lifecycle.settle_not_delivered(lease.generation_id, lease.row_id, attempt=lease.attempt, why=why, actor=actor)
