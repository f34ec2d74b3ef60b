"""Rows that take their workers with them, inputs that break a checker, rows that cannot be settled: one at a time."""

import hashlib
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings

from gateway.delivery import keys
from gateway.delivery.access import identity_of
from gateway.delivery.envelope import encrypt_blob
from gateway.engine.png import encode_png
from gateway.leases import MAX_CRASHES, Stage
from gateway.models import Image, Master
from gateway.models.fields import new_id
from gateway.work import delivery, screening
from tests.record.world import ROLE_OF, World
from tests.work.conftest import BROKEN, CARD, LIGHT, Turn, ask, make_due, sweep, through, worker_of

SPENT: dict[Stage, tuple[str, str]] = {
    "prompt": ("in_review", "waiting"),
    "pending": ("failed", "failed"),
    "generated": ("in_review", "held"),
    "granted": ("failed", "failed"),
}
UPTO: dict[Stage, Any] = {"prompt": "waiting", "pending": "pending", "generated": "generated", "granted": "granted"}


def crash(world: World, stage: Stage) -> None:
    """A worker that was never heard of takes what waits, and is heard of no more."""
    world.boot_ids[ROLE_OF[stage]] = new_id()
    world.claim(stage)
    with world.record.admin() as admin:
        for table in ("generation", "image"):
            admin.execute(f"UPDATE {table} SET lease_until = now() - interval '1 second' WHERE leased")
    sweep(world)


@pytest.mark.parametrize("stage", SPENT)
def test_what_took_three_workers_with_it_is_settled_as_that(
    world: World, turn: Turn, configured: Callable[..., None], stage: Stage
) -> None:
    generation_id, image_id = world.one(UPTO[stage], parameters=CARD)
    configured(heartbeat_s=0.0)
    for _ in range(MAX_CRASHES):
        crash(world, stage)
    world.start_worker(ROLE_OF[stage])

    turn(ROLE_OF[stage])

    assert world.statuses(generation_id) == (SPENT[stage][0], [SPENT[stage][1]])
    if SPENT[stage][0] == "failed":
        assert (world.image(image_id).reason or {})["category"] == "crashed"


@pytest.mark.parametrize("stage", ["prompt", "pending"])
def test_two_crashes_are_not_three(world: World, turn: Turn, configured: Callable[..., None], stage: Stage) -> None:
    generation_id = ask(world)
    if stage == "pending":
        turn("screening")
    configured(heartbeat_s=0.0)
    for _ in range(MAX_CRASHES - 1):
        crash(world, stage)
    world.start_worker(ROLE_OF[stage])
    configured(heartbeat_s=15.0)

    through(turn)
    through(turn)

    assert world.statuses(generation_id) == ("completed", ["released"])


def test_what_a_living_worker_let_lapse_is_charged_with_no_crash(world: World, turn: Turn) -> None:
    generation_id = ask(world)
    for _ in range(MAX_CRASHES + 1):
        world.claim("prompt")
        with world.record.admin() as admin:
            admin.execute("UPDATE generation SET lease_until = now() - interval '1 second' WHERE leased")
        sweep(world)

    turn("screening")

    assert world.statuses(generation_id) == ("generating", ["pending"])


# ---- what cannot be settled


def test_a_picture_that_cannot_be_settled_goes_to_a_person_and_its_neighbours_go_on(world: World, turn: Turn) -> None:
    odd, other = ask(world, without="output_format"), ask(world)
    through(turn, "screening", "generation")

    for _ in range(MAX_CRASHES):
        turn("screening")
        assert world.statuses(other)[1] == ["granted"]
        make_due(world)
    turn("screening")

    assert world.statuses(odd) == ("in_review", ["held"])


def test_a_grant_that_cannot_be_carried_out_fails_and_its_neighbours_go_out(world: World, turn: Turn) -> None:
    odd = ask(world, parameters={"width": 64, "height": 64, "steps": 2, "guidance_scale": 1, "output_format": "tiff"})
    other = ask(world)
    through(turn, "screening", "generation", "screening")

    for _ in range(MAX_CRASHES):
        turn("delivery")
        assert world.statuses(other)[1] == ["released"]
        make_due(world)
    turn("delivery")

    assert world.statuses(odd) == ("failed", ["failed"])


def test_a_grant_that_was_sealed_meanwhile_keeps_nobody_else_from_delivery(world: World, quarantine: Path) -> None:
    sealed, _ = world.one("granted")  # its bytes are in no store: an integrity failure, if it were still there
    worker = worker_of(world, "delivery")
    with world.record.whole_process_as("delivery"):
        (lease,) = worker.claim("granted", 5)
        world.seal(sealed)
        delivery.deliver(worker, lease)
        assert worker.lost_among([lease.row_id]) == set()

    assert world.statuses(sealed) == ("blocked", ["sealed"])


# ---- checkers


def test_an_input_that_a_checker_fails_on_is_held_and_its_neighbours_are_not(
    world: World, turn: Turn, quarantine: Path
) -> None:
    odd, other = ask(world), ask(world)
    through(turn, "screening", "generation")
    replace_picture(world, odd, quarantine, b"no picture", recorded=True)

    worker = turn("screening")

    assert worker.ready
    assert world.statuses(odd) == ("in_review", ["held"])
    assert world.image(world.image_ids(odd)[0]).held_why == "unscreened"
    assert world.statuses(other) == ("generating", ["granted"])


def test_another_picture_under_a_key_that_opens_never_goes_out(world: World, turn: Turn, quarantine: Path) -> None:
    generation_id = ask(world)
    through(turn, "screening", "generation", "screening")
    other = encode_png(np.zeros((64, 64, 3), dtype=np.uint8))
    replace_picture(world, generation_id, quarantine, other, recorded=False)

    turn("delivery")

    assert world.statuses(generation_id) == ("failed", ["failed"])


def replace_picture(world: World, generation_id: uuid.UUID, quarantine: Path, data: bytes, *, recorded: bool) -> None:
    """Its bytes are now others; `recorded`: and the record says that they always were."""
    with world.record.acting_as("people"):
        image = Image.objects.select_related("generation").get(generation_id=generation_id)
        master = Master.objects.get(pk=image.pk)
        identity = identity_of(image, attempt=master.attempt)
    envelope = encrypt_blob(
        data,
        identity=identity,
        public_key=keys.load_public(settings.CONFIGURATION.quarantine_public_key_file),
    )
    (quarantine / master.object_key).write_bytes(envelope.blob)
    sha256 = hashlib.sha256(data).digest()
    with world.record.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE masters SET wrapped_key = %s WHERE image_id = %s", [envelope.wrapped_key, image.pk])
        if not recorded:
            return
        admin.execute("UPDATE masters SET sha256 = %s WHERE image_id = %s", [sha256, image.pk])
        admin.execute("UPDATE image SET master_sha256 = %s WHERE id = %s", [sha256, image.pk])


def test_a_picture_over_which_a_checker_stops_again_and_again_goes_to_a_person(
    world: World, turn: Turn, light_checkers: Callable[[dict[str, Any]], None]
) -> None:
    generation_id = ask(world)
    through(turn, "screening", "generation")
    for _ in range(MAX_CRASHES):
        light_checkers(BROKEN)
        well = worker_of(world, "screening")
        well.ready, well._next_self_test = True, float("inf")  # it passed before
        with world.record.whole_process_as("screening"):
            screening.turn(well)
        assert not well.ready
        make_due(world)

    light_checkers(LIGHT)
    turn("screening")

    assert world.statuses(generation_id) == ("in_review", ["held"])


def test_while_the_key_is_another_pictures_are_held_and_never_failed(
    world: World, turn: Turn, keys_changed: Callable[..., None], tmp_path: Path
) -> None:
    generation_id = ask(world)
    through(turn, "screening", "generation")
    _, private = keys.generate()
    other = tmp_path / "another_private_key"
    other.touch(mode=0o600)
    other.write_text(private)
    keys_changed(quarantine_private_key_file=other)

    turn("screening")

    assert world.statuses(generation_id) == ("in_review", ["held"])
