"""The generation worker's turn: batches that come and go, devices that are too small, models that cannot be loaded."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.engine.hub import Call, Model
from gateway.engine.hub import ask as ask_hub
from gateway.engine.registry import TEST_CARD
from gateway.engine.requests import DeviceLostError, ImageRequest, ModelError, OutOfMemoryError
from gateway.models import Image, Master, Usage
from gateway.models.fields import new_id
from gateway.tasks import take_turn
from gateway.work import generation
from gateway.work.worker import Worker
from tests.record.world import World
from tests.work.conftest import CARD, Turn, ask, make_due, row, sweep, wait_for, worker_of

SLOW = {**CARD, "steps": 200}  # ten seconds of the slow card: a test that waits for its end fails


class Device:
    """A model of black squares that does to a batch what `run` says."""

    def __init__(self, name: str, run: Callable[[Sequence[str]], None]) -> None:
        self.spec = replace(TEST_CARD, name=name)
        self.denoises = True
        self._run = run

    def inference(self) -> AbstractContextManager[None]:
        return nullcontext()

    def draw(self, request: ImageRequest) -> NDArray[np.uint8]:
        for _ in range(request.steps):
            ask_hub(Call(self, key=None, arguments=request.prompt))
        return np.zeros((request.height, request.width, 3), dtype=np.uint8)

    def run(self, calls: Sequence[str]) -> Sequence[str]:
        self._run(calls)
        return calls

    def self_test(self) -> list[str]:
        return []


def pending(world: World, num_images: int = 1, **asked: object) -> list[Image]:
    """Cleared images that wait to be made."""
    generation_id = ask(world, num_images=num_images, **asked)
    for lease in world.claim("prompt"):
        world.settle_prompt(lease)
    return [world.image(image_id) for image_id in world.image_ids(generation_id)]


@contextmanager
def a_turn_under_way(world: World) -> Iterator[Worker]:
    """A worker with a heartbeat that draws on a thread of its own; its turn has ended when the block ends."""
    with world.record.whole_process_as("generation"):
        worker = Worker("generation", list, generation.serves())
        worker.begin()
        thread = threading.Thread(target=take_turn, args=(worker, generation.turn))
        thread.start()
        try:
            yield worker
            thread.join(5.0)
            assert not thread.is_alive(), "the turn goes on"
        finally:
            worker.ask_to_stop()
            thread.join()
            worker.end()


@pytest.fixture
def slow(models: Callable[..., None], configured: Callable[..., None]) -> None:
    models("slow-card", step_delay_s=0.05)
    configured(heartbeat_s=0.2)


# ---- what comes and goes between steps


@pytest.mark.usefixtures("slow")
def test_a_canceled_picture_leaves_between_steps_and_costs_nothing(world: World) -> None:
    (image,) = pending(world, model="slow-card", parameters=SLOW)

    with a_turn_under_way(world):
        wait_for(lambda: world.image(image.pk).leased)
        world.cancel(image.generation_id)

    assert world.statuses(image.generation_id) == ("canceled", ["canceled"])
    with world.record.acting_as("people"):
        assert (Master.objects.count(), Usage.objects.count()) == (0, 0)


@pytest.mark.usefixtures("slow")
def test_a_worker_that_is_asked_to_stop_gives_back_what_is_half_drawn(world: World) -> None:
    (image,) = pending(world, model="slow-card", parameters=SLOW)

    with a_turn_under_way(world) as worker:
        wait_for(lambda: world.image(image.pk).leased)
        worker.ask_to_stop()

    assert row(world, "image", image.pk) == (False, None, 0, False)


@pytest.mark.usefixtures("slow")
def test_who_comes_later_joins_the_batch(world: World) -> None:
    (first,) = pending(world, model="slow-card", parameters={**SLOW, "steps": 30})

    with a_turn_under_way(world):
        wait_for(lambda: world.image(first.pk).leased)
        (second,) = pending(world, model="slow-card")
        wait_for(lambda: world.image(second.pk).status == "generated", 3.0)
        assert world.image(first.pk).status == "pending"


# ---- devices


def test_a_batch_that_does_not_fit_is_halved_until_it_does_and_all_are_made_once(world: World) -> None:
    images = pending(world, 7, model="small-device")
    batches: list[int] = []

    def fits_two(calls: Sequence[str]) -> None:
        batches.append(len(calls))
        if len(calls) > 2:
            raise OutOfMemoryError("no room")

    with world.record.whole_process_as("generation"):
        worker = worker_of(world, "generation")
        generation.Turn(worker, Device("small-device", fits_two)).run()

    assert batches[:3] == [7, 3, 1]
    assert {world.image(image.pk).status for image in images} == {"generated"}
    assert all(world.image(image.pk).crashes == 0 for image in images)
    with world.record.acting_as("people"):
        assert Usage.objects.count() == 7


def test_a_picture_that_does_not_fit_alone_fails_and_its_neighbours_do_not(world: World) -> None:
    (huge,) = pending(world, model="tiny-device", prompt="huge")
    (small,) = pending(world, model="tiny-device")

    def has_no_room_for_the_huge(calls: Sequence[str]) -> None:
        if "huge" in calls:
            raise OutOfMemoryError("no room")

    with world.record.whole_process_as("generation"):
        generation.Turn(worker_of(world, "generation"), Device("tiny-device", has_no_room_for_the_huge)).run()

    assert world.image(huge.pk).status == "failed"
    assert (world.image(huge.pk).reason or {})["category"] == "out_of_memory"
    assert world.image(small.pk).status == "generated"


def test_who_loses_the_device_is_left_to_lapse_so_that_the_crash_is_counted(
    world: World, models: Callable[..., None]
) -> None:
    models("lost-device")
    (image,) = pending(world, model="lost-device")

    def is_lost(_calls: Sequence[str]) -> None:
        raise DeviceLostError("gone")

    with world.record.whole_process_as("generation"), pytest.raises(SystemExit):
        take_turn(
            worker_of(world, "generation"),
            lambda worker: generation.turn(worker, load_model=lambda name: Device(name, is_lost)),
        )

    assert row(world, "image", image.pk)[:3] == (True, world.boot_ids["generation"], 0)


def test_a_suspect_is_drawn_alone(world: World) -> None:
    suspect, *others = pending(world, 4, model="seen-device")
    with world.record.admin() as admin:
        admin.execute("UPDATE image SET leased_by = %s WHERE id = %s", [world.boot_ids["generation"], suspect.pk])
    batches: list[int] = []

    with world.record.whole_process_as("generation"):
        generation.Turn(
            worker_of(world, "generation"), Device("seen-device", lambda calls: batches.append(len(calls)))
        ).run()

    assert batches == [1, 1, 3, 3]
    assert {world.image(image.pk).status for image in (suspect, *others)} == {"generated"}


# ---- models


def test_a_model_that_cannot_be_loaded_holds_up_no_other_and_is_said_to_be_served_no_more(
    world: World, turn: Turn, models: Callable[..., None]
) -> None:
    models("broken-model")
    (stuck,) = pending(world, model="broken-model")
    (other,) = pending(world)

    def load_model(name: str) -> Model:
        if name == "broken-model":
            raise ModelError("weights missing")
        return generation.model(name)

    turn("generation", load_model=load_model)

    assert (world.image(other.pk).status, world.image(stuck.pk).status) == ("generated", "pending")
    serves = world.one_value("SELECT serves FROM workers WHERE boot_id = %s", world.boot_ids["generation"])
    assert serves == ["pocket", "test-card"]


def test_what_no_worker_can_make_expires_at_its_deadline(world: World, turn: Turn) -> None:
    generation_id = ask(world, model="nobody-has-it")
    turn("screening")
    turn("generation")
    assert world.statuses(generation_id) == ("generating", ["pending"])
    with world.record.admin() as admin:
        admin.execute("UPDATE generation SET deadline_at = now() - interval '1 second'")

    sweep(world)

    assert world.statuses(generation_id) == ("expired", ["expired"])


# ---- what is odd


@pytest.mark.parametrize(("without", "size"), [("width", 64), ("", 8), ("", "wide")])
def test_a_request_that_the_model_cannot_draw_fails_and_its_neighbours_do_not(
    world: World, turn: Turn, without: str, size: object
) -> None:
    parameters = {name: value for name, value in {**CARD, "width": size}.items() if name != without}
    (odd,) = pending(world, parameters=parameters)
    (other,) = pending(world)

    turn("generation")

    assert (world.image(odd.pk).status, world.image(other.pk).status) == ("failed", "generated")
    assert (world.image(odd.pk).reason or {})["category"] == "invalid_request"


def test_a_store_that_is_away_costs_time_and_nothing_else(world: World, turn: Turn, quarantine: Path) -> None:
    (image,) = pending(world)
    away = quarantine.rename(quarantine.with_name("unmounted"))
    try:
        turn("generation")
    finally:
        away.rename(quarantine)
    assert row(world, "image", image.pk) == (False, None, 0, True)

    make_due(world)
    turn("generation")

    assert world.image(image.pk).status == "generated"
    with world.record.acting_as("people"):
        assert Usage.objects.count() == 1


def test_a_late_worker_charges_and_stores_nothing(world: World) -> None:
    (image,) = pending(world, model="frozen-device")
    frozen: list[int] = []

    def freezes(_calls: Sequence[str]) -> None:
        if frozen:
            return
        frozen.append(1)
        with world.record.admin() as admin:
            admin.execute("UPDATE image SET attempt = 2, leased_by = %s, lease_until = now() + '1 hour'", [new_id()])

    with world.record.whole_process_as("generation"):
        generation.Turn(worker_of(world, "generation"), Device("frozen-device", freezes)).run()

    with world.record.acting_as("people"):
        assert (Master.objects.count(), Usage.objects.count()) == (0, 0)
    assert world.image(image.pk).attempt == 2
