"""A worker's life: its row, its self-test, its heartbeat, its hearing, and the leases that it holds."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.work.hearing import Hearing
from gateway.work.worker import Worker
from tests.record.world import World
from tests.work.conftest import ask, database_away, row, wait_for, worker_of


@pytest.fixture
def begun(world: World, configured: Callable[..., None]) -> Iterator[Callable[..., Worker]]:
    """`begun("screening")`: a worker of this kind that beats five times a second, as its role, and is well."""
    configured(heartbeat_s=0.2)
    workers: list[Worker] = []

    def begin(kind: str) -> Worker:
        worker = Worker(kind, list, ())
        workers.append(worker)
        worker.begin()
        return worker

    with world.record.whole_process_as("screening"):
        yield begin
        for worker in workers:
            worker.end()


def entered(world: World, worker: Worker) -> Any:
    """When this worker passed its self-test, as the record has it."""
    return world.one_value("SELECT self_test_at FROM workers WHERE boot_id = %s", worker.boot_id)


# ---- its row


def test_a_worker_that_begins_without_a_database_is_in_the_record_as_soon_as_there_is_one(
    world: World, begun: Callable[..., Worker]
) -> None:
    with database_away():
        worker = begun("screening")

    wait_for(lambda: world.one_value("SELECT count(*) FROM workers WHERE boot_id = %s", worker.boot_id))
    assert worker.pass_self_test()
    assert entered(world, worker) is not None


def test_a_worker_whose_row_was_swept_away_while_it_slept_is_in_the_record_again_and_fit(
    world: World, begun: Callable[..., Worker]
) -> None:
    worker = begun("screening")
    with world.record.admin() as admin:
        admin.execute("DELETE FROM workers")

    wait_for(lambda: entered(world, worker))


# ---- its self-test


def test_a_self_test_that_raises_is_one_that_failed_and_says_why(world: World) -> None:
    def raises() -> list[str]:
        raise LookupError("weights")

    worker = Worker("screening", raises, ())
    worker.boot_id = world.boot_ids["screening"]
    with world.record.acting_as("screening"):
        assert not worker.pass_self_test()

    assert entered(world, worker) is None
    assert world.one_value("SELECT problem FROM workers WHERE boot_id = %s", worker.boot_id) == "LookupError: weights"


def test_a_failed_self_test_is_not_repeated_at_every_nudge(world: World) -> None:
    asked: list[int] = []
    worker = Worker("screening", lambda: asked.append(1) or ["blind"], ())  # type: ignore[func-returns-value]
    with world.record.acting_as("screening"):
        for _ in range(10):
            worker.pass_self_test()

    assert len(asked) == 1


def test_a_worker_is_not_fit_before_the_record_says_so(world: World) -> None:
    worker = Worker("screening", list, ())
    with world.record.whole_process_as("screening"), database_away(), pytest.raises(Exception, match="nowhere"):
        worker.pass_self_test()

    assert not worker.ready


@pytest.mark.parametrize("missing", ["officers_public_key_file", "quarantine_private_key_file"])
def test_who_cannot_read_or_cannot_seal_screens_nothing(
    world: World, keys_changed: Callable[..., None], turn: Callable[..., Worker], missing: str
) -> None:
    generation_id = ask(world, "IMPRIMATUR-TEST-PROMPT-SEAL")
    keys_changed(**{missing: None})

    worker = turn("screening")

    assert not worker.ready
    assert world.statuses(generation_id) == ("screening", ["waiting"])


# ---- its leases


def test_the_heartbeat_renews_what_a_worker_holds_and_tells_what_it_lost(
    world: World, begun: Callable[..., Worker]
) -> None:
    kept, lost = ask(world), ask(world)
    worker = begun("screening")
    worker.claim("prompt", 5)
    until = world.generation(kept).lease_until

    world.cancel(lost)

    wait_for(lambda: worker.lost_among([kept, lost]))
    assert worker.lost_among([kept, lost]) == {lost}
    wait_for(lambda: world.generation(kept).lease_until != until)


def test_a_row_that_somebody_has_locked_is_not_lost(world: World, begun: Callable[..., Worker]) -> None:
    generation_id = ask(world)
    worker = begun("screening")
    worker.claim("prompt", 5)

    with world.record.connect("screening") as other:
        other.execute("SELECT FROM generation WHERE id = %s FOR NO KEY UPDATE", [generation_id])
        beats = world.one_value("SELECT last_beat FROM workers WHERE boot_id = %s", worker.boot_id)
        wait_for(lambda: beats < world.one_value("SELECT last_beat FROM workers WHERE boot_id = %s", worker.boot_id), 5)

    assert worker.lost_among([generation_id]) == set()


def test_what_was_lost_before_is_not_lost_when_it_is_claimed_again(world: World, begun: Callable[..., Worker]) -> None:
    generation_id = ask(world)
    worker = begun("screening")
    worker.claim("prompt", 5)
    with world.record.admin() as admin:
        admin.execute("UPDATE generation SET lease_until = NULL")
    wait_for(lambda: worker.lost_among([generation_id]))

    worker.let_go()
    worker.claim("prompt", 5)

    assert worker.lost_among([generation_id]) == set()


def test_an_orderly_end_gives_everything_back_and_charges_nobody(world: World, begun: Callable[..., Worker]) -> None:
    generation_id = ask(world)
    worker = begun("screening")
    worker.claim("prompt", 5)

    worker.end()

    assert row(world, "generation", generation_id) == (False, None, 0, False)


# ---- its hearing


def hears(looks: list[tuple[float, bool, int]]) -> list[bool]:
    """Whether it is deaf at each look (now, work waits, turns begun), with a limit of 30 s."""
    hearing = Hearing()
    return [hearing.is_deaf(work_waits=waits, turns=turns, now=now, limit_s=30.0) for now, waits, turns in looks]


def test_who_takes_no_turn_while_work_waits_is_deaf_past_the_limit_and_not_at_it() -> None:
    assert hears([(0, True, 3), (15, True, 3), (30, True, 3), (30.1, True, 3)]) == [False, False, False, True]


def test_who_begins_turns_is_not_deaf_however_long_work_waits() -> None:
    assert not any(hears([(15.0 * n, True, n) for n in range(10)]))


def test_a_quiet_hour_is_not_deafness() -> None:
    assert not any(hears([(0, True, 3), (15, False, 3), (40, True, 3), (55, True, 3)]))


def test_a_worker_without_turns_is_deaf_to_its_own_work_alone(world: World, configured: Callable[..., None]) -> None:
    configured(deaf_after_s=1.0)
    world.one("pending")
    screening, generation = worker_of(world, "screening"), worker_of(world, "generation")

    deaf = {}
    for kind, worker in (("screening", screening), ("generation", generation)):
        with world.record.acting_as(kind):
            worker.ready = True
            worker.is_deaf(0.0)
            deaf[kind] = worker.is_deaf(10.0)

    assert deaf == {"screening": False, "generation": True}


def test_a_turn_that_loads_a_model_for_minutes_is_not_deafness(world: World, configured: Callable[..., None]) -> None:
    configured(deaf_after_s=1.0)
    world.one("pending")
    worker = worker_of(world, "generation")
    worker.ready = True

    with world.record.acting_as("generation"), worker.turn():
        worker.is_deaf(0.0)
        assert not worker.is_deaf(600.0)


def test_a_worker_that_is_not_well_is_not_ended_for_taking_nothing(
    world: World, configured: Callable[..., None]
) -> None:
    configured(deaf_after_s=1.0)
    world.one("pending")
    worker = worker_of(world, "generation")

    with world.record.acting_as("generation"):
        worker.is_deaf(0.0)
        assert not worker.is_deaf(600.0)
