"""Bytes: what was released goes to its own organization, checked as it goes, and nothing else goes to anybody."""

import hashlib
import uuid

import pytest

from gateway import lifecycle
from gateway.api.images import released_store
from gateway.delivery.released import Published
from gateway.lifecycle import PublishedFile
from tests.api.conftest import DoorClient
from tests.databases import Record
from tests.record.world import Upto, World

BYTES = b"RIFF....WEBP: a published picture"
NOBODYS = "01890a5d-ac96-774b-bcce-b302099a8057"


def _publish(world: World) -> tuple[uuid.UUID, uuid.UUID, Published]:
    """A released image whose file lies in the released store; generation, image, file."""
    generation_id, image_id = world.one("granted")
    [lease] = world.claim("granted")
    file = released_store().publish(image_id, lease.attempt, BYTES)
    with world.record.acting_as("delivery"):
        lifecycle.settle_delivered(
            generation_id,
            image_id,
            attempt=lease.attempt,
            published=PublishedFile(file.object_key, bytes.fromhex(file.sha256), len(BYTES), "image/webp", 64, 64),
            actor=world.worker("delivery"),
        )
    return generation_id, image_id, file


def test_a_released_picture_is_served_byte_for_byte(client: DoorClient, world: World) -> None:
    generation_id, image_id, _ = _publish(world)

    [shown] = client.generation(generation_id)["images"]
    response = client.get(f"/v1/images/{image_id}")

    assert shown["status"] == "released"
    assert shown["url"].endswith(f"/v1/images/{image_id}")
    assert response.content == BYTES
    assert hashlib.sha256(response.content).hexdigest() == shown["sha256"]
    assert response["Content-Type"] == shown["content_type"] == "image/webp"
    assert (shown["width"], shown["height"], shown["size_bytes"]) == (64, 64, len(BYTES))


def test_no_cache_no_sniffing_no_page_of_its_own(client: DoorClient, world: World) -> None:
    _, image_id, _ = _publish(world)

    response = client.get(f"/v1/images/{image_id}")

    assert response["Cache-Control"] == "private, no-store"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"] == f'attachment; filename="{image_id}.webp"'
    assert "sandbox" in response["Content-Security-Policy"]
    assert "ETag" not in response


def test_head_tells_the_same_without_the_bytes(client: DoorClient, world: World) -> None:
    _, image_id, _ = _publish(world)

    response = client.send("HEAD", f"/v1/images/{image_id}")

    assert (response.status_code, response.content) == (200, b"")
    assert response["Content-Length"] == str(len(BYTES))


def test_a_range_is_answered_with_the_whole(client: DoorClient, world: World) -> None:
    _, image_id, _ = _publish(world)

    response = client.get(f"/v1/images/{image_id}", HTTP_RANGE="bytes=0-3")

    assert (response.status_code, response.content) == (200, BYTES)
    assert response["Accept-Ranges"] == "none"


@pytest.mark.parametrize("upto", ["waiting", "pending", "generated", "held", "granted"])
def test_what_is_not_released_answers_like_what_is_not_there(client: DoorClient, world: World, upto: Upto) -> None:
    generation_id, image_id = world.one(upto)

    unreleased = client.get(f"/v1/images/{image_id}")
    absent = client.get(f"/v1/images/{NOBODYS}")

    assert (unreleased.status_code, absent.status_code) == (404, 404)
    assert unreleased.content.replace(str(image_id).encode(), b"") == absent.content.replace(NOBODYS.encode(), b"")
    [shown] = client.generation(generation_id)["images"]
    assert set(shown) == {"id", "status", "seed"}


def test_anothers_picture_answers_like_what_is_not_there(
    client: DoorClient, stranger: DoorClient, world: World
) -> None:
    _, image_id, _ = _publish(world)

    foreign = stranger.get(f"/v1/images/{image_id}")
    absent = stranger.get(f"/v1/images/{NOBODYS}")

    assert foreign.status_code == 404
    assert foreign.content.replace(str(image_id).encode(), b"") == absent.content.replace(NOBODYS.encode(), b"")
    assert sorted(foreign.headers) == sorted(absent.headers)


def test_a_withdrawn_picture_is_served_no_more(client: DoorClient, world: World) -> None:
    generation_id, image_id, _ = _publish(world)

    withdrawn = client.delete(f"/v1/images/{image_id}")
    again = client.delete(f"/v1/images/{image_id}")

    assert (withdrawn.status_code, again.status_code) == (204, 204)
    assert client.get(f"/v1/images/{image_id}").status_code == 404
    [shown] = client.generation(generation_id)["images"]
    assert (shown["status"], "url" in shown) == ("withdrawn", False)


def test_only_what_is_released_can_be_withdrawn(client: DoorClient, world: World) -> None:
    _, image_id = world.one("held")

    response = client.delete(f"/v1/images/{image_id}")

    assert (response.status_code, response.json()["code"]) == (409, "not_withdrawable")
    assert response.json()["errors"][0]["value"] == "held"


def test_a_changed_file_is_not_served(client: DoorClient, world: World) -> None:
    _, image_id, file = _publish(world)
    released_store().delete(file.object_key)
    released_store()._store.put(file.object_key, b"another picture")

    response = client.get(f"/v1/images/{image_id}")

    assert (response.status_code, response.json()["code"]) == (500, "image_damaged")
    assert b"another picture" not in response.content


def test_a_sealed_picture_reads_as_rejected_and_tells_nothing(client: DoorClient, world: World) -> None:
    generation_id, image_id, _ = _publish(world)
    world.seal(generation_id)

    shown = client.generation(generation_id)
    withdrawal = client.delete(f"/v1/images/{image_id}")

    assert client.get(f"/v1/images/{image_id}").status_code == 404
    assert shown["status"] == "blocked"
    assert shown["prompt"] is None
    assert [image["status"] for image in shown["images"]] == ["rejected"]
    assert shown["reason"]["category"] == shown["images"][0]["reason"]["category"] == "general"
    assert withdrawal.json()["errors"][0]["value"] == "rejected"
    assert "seal" not in str(shown) + withdrawal.content.decode()


def test_a_file_that_was_purged_is_described_no_more(client: DoorClient, world: World, record: Record) -> None:
    generation_id, image_id, _ = _publish(world)
    with record.admin() as admin:
        admin.execute("UPDATE publication SET purged_at = now()")

    assert client.get(f"/v1/images/{image_id}").status_code == 404
    assert "url" not in client.generation(generation_id)["images"][0]
