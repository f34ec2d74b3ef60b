"""The sweeper's rounds: what they bring back, what they end, and what may never end a round."""

import time
import uuid
from collections.abc import Callable

import pytest

from gateway.celery import app
from gateway.models import Gate, Queue
from gateway.sweep import Sweeper, run
from tests.record.world import SWEEPER, World
from tests.work.conftest import ask, database_away, row, sweep, wait_for


def said_and_due(world: World, generation_id: uuid.UUID) -> None:
    """A person released its picture; the undo window, which a test opened, is over."""
    case = world.take(world.ada, world.case(generation_id).pk)
    world.look(world.ada, case)
    world.decide(world.ada, case, "release")
    with world.record.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "UPDATE decision SET at = at - interval '1 hour', effective_at = effective_at - interval '1 hour'"
        )
        admin.execute("UPDATE review_case SET effective_at = now() - interval '1 hour' WHERE status = 'decided'")


def silence(world: World) -> None:
    """No screening worker has been heard of for a day."""
    with world.record.admin() as admin:
        admin.execute("UPDATE workers SET last_beat = now() - interval '1 day' WHERE kind = 'screening'")


# ---- what is stranded


def test_a_lapsed_lease_is_cleared_and_says_who_had_it(world: World) -> None:
    generation_id = ask(world)
    world.claim("prompt")
    with world.record.admin() as admin:
        admin.execute("UPDATE generation SET lease_until = now() - interval '1 ms'")

    sweep(world)

    assert row(world, "generation", generation_id) == (False, world.boot_ids["screening"], 0, False)


def test_a_lease_that_lives_is_left_alone(world: World) -> None:
    generation_id = ask(world)
    world.claim("prompt")

    sweep(world)

    assert row(world, "generation", generation_id)[0]


def test_what_was_put_off_comes_back_when_it_is_due_and_not_before(world: World) -> None:
    due, later = ask(world), ask(world)
    with world.record.admin() as admin:
        admin.execute("UPDATE generation SET not_before = now() - interval '1 ms' WHERE id = %s", [due])
        admin.execute("UPDATE generation SET not_before = now() + interval '1 hour' WHERE id = %s", [later])

    sweep(world)

    assert [lease.row_id for lease in world.claim("prompt")] == [due]


# ---- what is due, late or old


def test_a_decision_is_carried_out_when_it_is_due_and_not_before(world: World) -> None:
    world.undo_window(30)
    due, _ = world.one("held")
    said_and_due(world, due)
    waits, _ = world.one("held")
    case = world.take(world.ada, world.case(waits).pk)
    world.look(world.ada, case)
    world.decide(world.ada, case, "release")

    sweep(world)

    assert world.statuses(due)[1] == ["granted"]
    assert world.statuses(waits)[1] == ["held"]


def test_a_decision_that_cannot_be_carried_out_stops_nothing_else(world: World) -> None:
    world.undo_window(30)
    odd, _ = world.one("held", parameters={"width": 64})
    said_and_due(world, odd)
    other, _ = world.one("held")
    said_and_due(world, other)
    stranded = ask(world, num_images=1, deadline_s=-1)

    sweep(world)

    assert world.statuses(odd)[1] == ["held"]
    assert world.statuses(other)[1] == ["granted"]
    assert world.statuses(stranded)[1] == ["expired"]


@pytest.mark.parametrize("upto", ["waiting", "pending"])
def test_what_is_not_made_by_its_deadline_expires(world: World, upto: str) -> None:
    generation_id, _ = world.one(upto)  # type: ignore[arg-type]
    sweep(world)
    assert world.statuses(generation_id)[1] == [upto]
    with world.record.admin() as admin:
        admin.execute("UPDATE generation SET deadline_at = now() - interval '1 ms'")

    sweep(world)

    assert world.statuses(generation_id) == ("expired", ["expired"])


def test_what_waits_for_a_person_past_its_age_expires_but_not_in_somebodys_hands(world: World) -> None:
    old, in_hands = world.one("held")[0], world.one("held")[0]
    world.take(world.ada, world.case(in_hands).pk)
    with world.record.admin() as admin:
        admin.execute("UPDATE review_case SET expires_at = now() - interval '1 ms'")

    sweep(world)

    assert world.statuses(old)[1] == ["expired"]
    assert world.statuses(in_hands)[1] == ["held"]


# ---- where no checker lives


def test_a_moment_without_a_checker_puts_no_queue_before_people(world: World) -> None:
    generation_id = ask(world)
    silence(world)
    sweeper = Sweeper(SWEEPER)

    sweep(world, sweeper)
    sweeper.no_checker_since = time.monotonic() - 59

    sweep(world, sweeper)
    assert world.statuses(generation_id)[0] == "screening"


def test_past_the_grace_without_a_checker_people_are_asked_and_may_begin_a_grace_later(world: World) -> None:
    picture, _ = world.one("generated")
    prompt = ask(world)
    silence(world)

    sweep(world, Sweeper(SWEEPER, no_checker_since=time.monotonic() - 61))

    assert world.statuses(prompt) == ("in_review", ["waiting"])
    assert world.statuses(picture) == ("in_review", ["held"])
    for generation_id in (prompt, picture):
        assert world.case(generation_id).claimable_at is not None


def test_a_worker_whose_self_test_failed_is_no_checker(world: World) -> None:
    generation_id = ask(world)
    with world.record.admin() as admin:
        admin.execute("UPDATE workers SET self_test_at = NULL WHERE kind = 'screening'")

    sweep(world, Sweeper(SWEEPER, no_checker_since=time.monotonic() - 61))

    assert world.statuses(generation_id)[0] == "in_review"


def test_a_checker_that_lives_again_begins_the_grace_anew(world: World) -> None:
    sweeper = Sweeper(SWEEPER, no_checker_since=time.monotonic() - 61)

    sweep(world, sweeper)

    assert sweeper.no_checker_since is None


# ---- the round itself


def test_a_database_that_goes_away_is_waited_for(world: World, configured: Callable[..., None]) -> None:
    configured(sweep_s=0.05)
    generation_id = ask(world, deadline_s=-1)
    rounds: list[int] = []

    def stops_after_three() -> bool:
        rounds.append(1)
        return len(rounds) > 3

    with world.record.whole_process_as("sweeper"):
        with database_away():
            run(stops_after_three)
        assert world.statuses(generation_id)[1] == ["waiting"]
        rounds.clear()
        run(stops_after_three)

    assert world.statuses(generation_id)[1] == ["expired"]


def test_a_status_that_does_not_follow_from_its_images_is_derived_again(world: World) -> None:
    wrong, _ = world.one("released")
    right = ask(world)
    with world.record.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE generation SET status = 'generating', finished_at = NULL WHERE id = %s", [wrong])

    sweep(world)

    assert world.statuses(wrong) == ("completed", ["released"])
    assert world.statuses(right)[0] == "screening"


def test_what_waits_is_counted_for_the_doors_to_read(world: World, configured: Callable[..., None]) -> None:
    configured(max_unfinished=7)
    ask(world)
    world.one("held")

    sweep(world)

    with world.record.acting_as("people"):
        gate, queue = Gate.objects.get(), Queue.objects.get()
    assert (gate.unfinished, gate.max_unfinished, queue.depth) == (2, 7, 1)


def test_every_stage_that_has_a_row_is_nudged_and_no_other(world: World, broker: Callable[[str], None]) -> None:
    broker("memory://")
    with app.connection_for_read() as connection:
        channel = connection.channel()
        for kind in ("screening", "generation", "delivery"):
            if kind in channel.queues:
                channel.queue_purge(kind)
        world.one("granted")
        world.one("pending")
        arrived: set[str] = set()

        def arrive() -> set[str]:
            arrived.update(kind for kind in channel.queues if channel.basic_get(kind) is not None)
            return arrived

        sweep(world)

        wait_for(lambda: arrive() >= {"generation", "delivery"})
    assert arrived == {"generation", "delivery"}
