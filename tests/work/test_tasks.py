"""What becomes of the rows of a turn that does not end well."""

from collections.abc import Callable

import pytest

from gateway.leases import MAX_CRASHES
from gateway.tasks import take_turn
from gateway.work.worker import Worker
from tests.record.world import World
from tests.work.conftest import Turn, ask, database_away, make_due, row, worker_of

Breaks = Callable[[Worker], None]


def claims_and_raises(error: BaseException) -> Breaks:
    def turn(worker: Worker) -> None:
        worker.claim("prompt", 5)
        raise error

    return turn


def take(world: World, turn: Breaks) -> None:
    with world.record.whole_process_as("screening"):
        take_turn(worker_of(world, "screening"), turn)


def test_an_error_that_nobody_foresaw_counts_as_a_crash_and_its_rows_are_suspects(world: World) -> None:
    generation_id = ask(world)

    take(world, claims_and_raises(LookupError()))

    leased, left_by, crashes, put_off = row(world, "generation", generation_id)
    assert (leased, left_by, crashes, put_off) == (False, world.boot_ids["screening"], 1, True)


def test_a_row_that_breaks_every_turn_is_given_to_a_person_and_holds_up_no_other(world: World, turn: Turn) -> None:
    poison = ask(world)
    for _ in range(MAX_CRASHES):
        take(world, claims_and_raises(LookupError()))
        make_due(world)
    other = ask(world)

    turn("screening")

    assert world.statuses(poison) == ("in_review", ["waiting"])
    assert world.generation(poison).held_why == "unscreened"
    assert world.statuses(other) == ("generating", ["pending"])


@pytest.mark.parametrize("error", [MemoryError(), SystemExit(70)])
def test_what_breaks_the_process_stays_leased_so_that_the_next_claimer_counts_it(
    world: World, error: BaseException
) -> None:
    generation_id = ask(world)

    with pytest.raises(SystemExit):
        take(world, claims_and_raises(error))

    assert row(world, "generation", generation_id) == (True, world.boot_ids["screening"], 0, False)


def test_a_process_that_ends_over_its_rows_gives_none_of_them_back_on_its_way_out(world: World) -> None:
    generation_id = ask(world)
    worker = worker_of(world, "screening")

    with world.record.whole_process_as("screening"):
        with pytest.raises(SystemExit):
            take_turn(worker, claims_and_raises(MemoryError()))
        worker.end()

    assert row(world, "generation", generation_id)[0]


def test_a_database_that_goes_away_charges_nobody(world: World) -> None:
    generation_id = ask(world)

    def loses_its_database(worker: Worker) -> None:
        worker.claim("prompt", 5)
        with database_away():
            worker.claim("prompt", 5)

    take(world, loses_its_database)

    assert row(world, "generation", generation_id) == (False, None, 0, True)


def test_a_turn_that_ends_well_leaves_nothing_leased(world: World) -> None:
    generation_id = ask(world)

    def settles_nothing(worker: Worker) -> None:
        worker.claim("prompt", 5)

    take(world, settles_nothing)

    assert row(world, "generation", generation_id) == (False, None, 0, False)
