"""The queues page: what waits, who is at it, and looking again without being asked."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from gateway import sweep
from gateway.models import Queue
from review import claims, queues
from review.access import IDLE_S
from tests.review.desk_world import DeskWorld
from tests.review.visitor import Visitor, case_of


def count(world: DeskWorld) -> None:
    with world.record.acting_as("sweeper"):
        sweep.count()


def add_queue(world: DeskWorld, name: str, *people: str) -> int:
    with world.record.admin() as admin:
        admin.execute("INSERT INTO queue (name) VALUES (%s)", [name])
        admin.execute(
            "INSERT INTO queue_assignment (queue_id, user_id) SELECT q.id, p.id FROM queue q, person p "
            "WHERE q.name = %s AND p.username = ANY(%s)",
            [name, list(people)],
        )
    return Queue.objects.get(name=name).pk


def move(world: DeskWorld, case_id: object, queue_id: int) -> None:
    with world.record.admin() as admin:
        admin.execute("UPDATE review_case SET queue_id = %s WHERE id = %s", [queue_id, case_id])


def page(visitor: Visitor) -> str:
    return visitor.get("/review/").content.decode()


def test_waiting_and_oldest_are_of_what_nobody_has_claimed(world: DeskWorld) -> None:
    claimed = world.held_prompt("one")
    waiting = world.held_prompt("two")
    world.take(world.ada, claimed.pk)

    count(world)

    queue = Queue.objects.get()
    assert queue.depth == 1
    assert queue.oldest_at == claims.claimed_at(waiting.pk)


def test_an_empty_queue_is_counted_too(world: DeskWorld) -> None:
    add_queue(world, "other")

    count(world)

    assert list(Queue.objects.values_list("depth", "oldest_at")) == [(0, None), (0, None)]


def test_who_holds_a_case_is_shown_by_initials_at_its_queue(world: DeskWorld, rita: Visitor) -> None:
    case = world.held_prompt("one")
    other = add_queue(world, "other")
    world.take(world.ada, case.pk)

    here = {queue.id: queue.here for queue in queues.now(rita.user)}

    assert here == {case.queue_id: ("AD",), other: ()}
    assert "<b>AD</b>" in page(rita)
    assert ">ada<" not in page(rita)


def test_nobody_is_there_once_their_claim_is_over(world: DeskWorld, rita: Visitor) -> None:
    case = world.held_prompt("one")
    world.take(world.ada, case.pk, seconds=-1)

    assert [queue.here for queue in queues.now(rita.user)] == [()]


@pytest.mark.parametrize(
    ("username", "full_name", "shown"),
    [
        ("rita", "", "RI"), ("rita.moreno", "", "RM"), ("r", "", "R"), ("rita2", "", "RI"), ("42", "", "42"),
        ("x", "Åsa von Öberg", "ÅÖ"), ("x", "李 小龍", "李小"),
    ],
)  # fmt: skip
def test_initials_are_two_letters_of_a_name(username: str, full_name: str, shown: str) -> None:
    assert queues.initials(username, full_name) == shown


def test_a_queue_is_late_once_its_oldest_case_is_past_the_time_it_is_due_in(world: DeskWorld, rita: Visitor) -> None:
    count(world)
    (queue,) = queues.now(rita.user)
    with world.record.admin() as admin:
        admin.execute("UPDATE queue SET oldest_at = %s", [timezone.now() - timedelta(seconds=queue.due_after_s - 30)])
    assert not queues.now(rita.user)[0].late

    with world.record.admin() as admin:
        admin.execute("UPDATE queue SET oldest_at = %s", [timezone.now() - timedelta(seconds=queue.due_after_s + 1)])

    (late,) = queues.now(rita.user)
    assert (late.late, late.filled) == (True, 100)
    assert "Oldest is past its 1\u00a0h<" in page(rita)


def test_numbers_that_nobody_counts_any_more_say_so(world: DeskWorld, rita: Visitor) -> None:
    count(world)
    assert "These numbers are old" not in page(rita)

    with world.record.admin() as admin:
        admin.execute("UPDATE queue SET counted_at = now() - interval '61 seconds'")

    assert "These numbers are old" in page(rita)


def test_ones_own_queues_come_first_and_others_have_no_button(world: DeskWorld, rita: Visitor) -> None:
    own = add_queue(world, "own", "rita")

    text = page(rita)

    assert [queue.name for queue in queues.now(rita.user)] == ["own", "default"]
    assert text.count("data-start") == 1
    assert f'data-start="{own}"' in text


def test_asking_again_costs_nothing_while_nothing_changed(world: DeskWorld, rita: Visitor) -> None:
    count(world)
    etag = rita.get("/review/queues").headers["ETag"]
    assert rita.client.get("/review/queues", headers={"If-None-Match": etag}).status_code == 304

    count(world)
    assert rita.client.get("/review/queues", headers={"If-None-Match": etag}).status_code == 304

    world.held_prompt("one")
    count(world)
    changed = rita.client.get("/review/queues", headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert 'data-waiting="1"' in changed.content.decode()


def test_looking_by_itself_does_not_keep_a_session(world: DeskWorld, rita: Visitor) -> None:
    session = rita.client.session
    session["used_at"] = time.time() - IDLE_S + 60
    session.save()
    rita.client.get("/review/queues", headers={"X-Imprimatur-Unattended": "1"})
    assert rita.client.session["used_at"] == session["used_at"]

    rita.get("/review/queues")

    assert rita.client.session["used_at"] > session["used_at"]


def test_a_person_works_on_the_queue_they_started_until_they_take_from_all(world: DeskWorld, rita: Visitor) -> None:
    first, second, third = (world.held_prompt(text) for text in ("one", "two", "three"))
    other = add_queue(world, "other")
    for case in (second, third):
        move(world, case.pk, other)

    assert case_of(rita.post("/review/next", queue=str(other))) == second.pk
    assert case_of(rita.decide(second.pk, "escalate")) == third.pk
    assert rita.decide(third.pk, "escalate").headers["Location"] == "/review/?empty"
    assert case_of(rita.post("/review/next", queue="")) == first.pk


@pytest.mark.parametrize("queue", ["x", "-1", "9" * 30, "77"])
def test_a_queue_that_is_none_is_no_way_in(world: DeskWorld, rita: Visitor, queue: str) -> None:
    world.held_prompt("one")

    assert rita.post("/review/next", queue=queue).status_code == 302


def test_the_page_asks_the_database_as_often_at_any_depth(world: DeskWorld, rita: Visitor) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            rita.get("/review/queues")
        return len(captured)

    asked()
    few = asked()
    for number in range(5):
        world.held_prompt(f"prompt {number}")
    count(world)

    assert asked() == few
