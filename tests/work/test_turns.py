"""Turns: what workers do with real bytes, real checkers and the record."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway import lifecycle
from gateway.errors import StaleStatusError
from gateway.models import Image, Master, Usage
from gateway.sweep import Sweeper
from tests.record.world import SWEEPER, World
from tests.work.conftest import BROKEN, LIGHT, Turn, ask, sweep, through


@pytest.mark.parametrize(
    ("word", "ends"),
    [
        ("", ("completed", ["released", "released"])),
        ("IMPRIMATUR-TEST-HOLD", ("in_review", ["held", "held"])),
        ("IMPRIMATUR-TEST-BLOCK", ("completed", ["rejected", "rejected"])),
        ("IMPRIMATUR-TEST-SEAL", ("blocked", ["sealed", "sealed"])),
        ("IMPRIMATUR-TEST-PROMPT-FLAG", ("in_review", ["held", "held"])),
        ("IMPRIMATUR-TEST-PROMPT-HOLD", ("in_review", ["waiting", "waiting"])),
        ("IMPRIMATUR-TEST-PROMPT-BLOCK", ("blocked", ["canceled", "canceled"])),
        ("IMPRIMATUR-TEST-PROMPT-SEAL", ("blocked", ["canceled", "canceled"])),
    ],
)
def test_a_word_chooses_the_path_of_a_test_card(
    world: World, turn: Turn, word: str, ends: tuple[str, list[str]]
) -> None:
    generation_id = ask(world, f"a card {word}", num_images=2)

    through(turn)

    assert world.statuses(generation_id) == ends


def test_a_blocked_or_held_prompt_costs_no_gpu_and_no_charge(world: World, turn: Turn) -> None:
    for word in ("BLOCK", "HOLD", "SEAL"):
        ask(world, f"IMPRIMATUR-TEST-PROMPT-{word}")

    through(turn)

    with world.record.acting_as("people"):
        assert (Master.objects.count(), Usage.objects.count()) == (0, 0)


def test_each_picture_has_its_own_seed_and_does_not_depend_on_its_company(world: World, turn: Turn) -> None:
    alone = ask(world, num_images=1, seed=11)
    through(turn)
    together = ask(world, num_images=3, seed=10)
    through(turn)

    with world.record.acting_as("people"):
        hashes = {
            image.seed: bytes(image.master_sha256 or b"")
            for image in Image.objects.filter(generation_id=together).order_by("position")
        }
        first = Image.objects.get(generation_id=alone)
    assert list(hashes) == [10, 11, 12]
    assert len(set(hashes.values())) == 3
    assert hashes[11] == bytes(first.master_sha256 or b"")


def test_bytes_that_were_changed_in_quarantine_are_never_released(world: World, turn: Turn, quarantine: Path) -> None:
    generation_id = ask(world)
    through(turn, "screening", "generation")
    with world.record.acting_as("people"):
        blob = quarantine / Master.objects.get(image__generation_id=generation_id).object_key
    blob.write_bytes(blob.read_bytes()[:-1] + b"!")

    through(turn, "screening", "delivery")

    assert world.statuses(generation_id) == ("failed", ["failed"])


def test_bytes_that_vanish_after_the_grant_are_an_integrity_failure(world: World, turn: Turn, quarantine: Path) -> None:
    generation_id = ask(world)
    through(turn, "screening", "generation", "screening")
    with world.record.acting_as("people"):
        (quarantine / Master.objects.get(image__generation_id=generation_id).object_key).unlink()

    through(turn, "delivery")

    assert world.statuses(generation_id) == ("failed", ["failed"])
    with world.record.acting_as("people"):
        assert (Image.objects.get(generation_id=generation_id).reason or {})["category"] == "integrity"


def test_while_a_checker_is_broken_nothing_is_released_and_afterwards_it_is_looked_at_again(
    world: World, turn: Turn, light_checkers: Callable[[dict[str, Any]], None], configured: Callable[..., None]
) -> None:
    generation_id = ask(world)
    through(turn, "screening", "generation")

    light_checkers(BROKEN)
    worker = turn("screening")

    assert not worker.ready
    assert world.statuses(generation_id) == ("generating", ["generated"])
    configured(no_checker_grace_s=0.0)
    sweeper = Sweeper(SWEEPER)
    sweep(world, sweeper)
    assert world.statuses(generation_id) == ("in_review", ["held"])

    configured(no_checker_grace_s=60.0)
    light_checkers(LIGHT)
    turn("screening")
    sweep(world, sweeper)
    through(turn, "screening", "delivery")
    assert world.statuses(generation_id) == ("completed", ["released"])


def test_a_picture_that_is_erased_while_it_waits_is_never_made(world: World, turn: Turn) -> None:
    generation_id = ask(world)
    through(turn, "screening")
    with world.record.acting_as("clients"):
        lifecycle.erase(generation_id, actor=world.client)

    through(turn, "generation")

    assert world.statuses(generation_id) == ("canceled", ["canceled"])
    with world.record.acting_as("people"):
        assert Master.objects.count() == 0


def test_what_is_granted_when_its_owner_erases_it_never_goes_out(world: World, turn: Turn) -> None:
    generation_id, image_id = world.one("granted")
    with world.record.acting_as("clients"):
        lifecycle.erase(generation_id, actor=world.client)

    through(turn, "delivery")

    assert world.statuses(generation_id) == ("failed", ["failed"])
    assert (world.image(image_id).reason or {})["category"] == "erased"


def test_what_is_erased_between_its_file_and_its_settlement_is_not_released(world: World) -> None:
    generation_id, image_id = world.one("granted")
    lease = world.lease("granted", image_id)
    with world.record.acting_as("clients"):
        lifecycle.erase(generation_id, actor=world.client)

    with pytest.raises(StaleStatusError):
        world.settle_delivered(lease)


def test_without_any_broker_turns_and_sweeps_bring_all_to_its_end(
    world: World, turn: Turn, broker: Callable[[str], None]
) -> None:
    broker("redis://127.0.0.1:1/0")
    generation_id = ask(world)

    for _ in range(2):
        sweep(world)
        through(turn)

    assert world.statuses(generation_id) == ("completed", ["released"])
