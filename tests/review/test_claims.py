"""Who gets which case, and for how long."""

import io
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from gateway.errors import ClaimLostError
from gateway.models import Case, Queue, User
from review import claims
from tests.review.desk_world import DeskWorld


def change(world: DeskWorld, case: Case, **columns: object) -> None:
    """Change a case as nobody but the sweeper and time may."""
    with world.record.admin() as admin:
        for name, value in columns.items():
            admin.execute(f"UPDATE review_case SET {name} = %s WHERE id = %s", [value, case.pk])


def taken(user: User) -> tuple[uuid.UUID, ...]:
    claim = claims.take(user)
    return () if claim is None else claim.case_ids


def test_nothing_is_claimed_where_nothing_waits(world: DeskWorld) -> None:
    assert claims.take(world.ada) is None


def test_the_case_due_first_comes_first(world: DeskWorld) -> None:
    late, early = world.held_prompt("one"), world.held_prompt("two")
    change(world, early, due_at=timezone.now() - timedelta(hours=1))

    assert taken(world.ada) == (early.pk,)
    assert taken(world.ben) == (late.pk,)


def test_priority_comes_before_the_due_time(world: DeskWorld) -> None:
    world.held_prompt("one")
    urgent = world.held_prompt("two")
    change(world, urgent, priority=5)

    assert taken(world.ada) == (urgent.pk,)


def test_a_share_of_the_claims_takes_what_was_held_first(world: DeskWorld, configured: Callable[..., None]) -> None:
    oldest, urgent = world.held_prompt("one"), world.held_prompt("two")
    change(world, urgent, priority=5)

    configured(oldest_share=1.0)
    assert taken(world.ada) == (oldest.pk,)
    claims.drop(world.ada.pk)

    configured(oldest_share=0.0)
    assert taken(world.ada) == (urgent.pk,)


def test_the_oldest_is_looked_for_over_all_lanes(world: DeskWorld, configured: Callable[..., None]) -> None:
    oldest, younger = world.held_prompt("one"), world.held_prompt("two")
    change(world, oldest, lane="severe")
    change(world, younger, priority=5)
    configured(oldest_share=1.0)

    assert taken(world.ada) == (oldest.pk,)


def queue(world: DeskWorld, name: str, *people: User) -> Queue:
    """One more queue, served by these people alone, if any."""
    with world.record.admin() as admin:
        admin.execute("INSERT INTO queue (name) VALUES (%s)", [name])
        for person in people:
            admin.execute(
                "INSERT INTO queue_assignment (queue_id, user_id) SELECT id, %s FROM queue WHERE name = %s",
                [person.pk, name],
            )
    return Queue.objects.get(name=name)


def test_the_most_urgent_case_of_all_queues_comes_first(world: DeskWorld) -> None:
    world.held_prompt("one")
    urgent = world.held_prompt("two")
    change(world, urgent, queue_id=queue(world, "other").pk, priority=1)

    assert taken(world.ada) == (urgent.pk,)


def test_whoever_is_assigned_to_queues_works_in_those_alone(world: DeskWorld) -> None:
    first, second = world.held_prompt("one"), world.held_prompt("two")
    change(world, second, queue_id=queue(world, "other", world.ben).pk)

    assert taken(world.ben) == (second.pk,)
    assert taken(world.ada) == (first.pk,)
    assert claims.drop(world.ben.pk) == (second.pk,)
    assert taken(world.ada) == (second.pk,)


def test_one_queue_can_be_worked_on_but_only_ones_own(world: DeskWorld) -> None:
    world.held_prompt("one")
    second = world.held_prompt("two")
    other = queue(world, "other")
    third = queue(world, "third", world.ben)
    change(world, second, queue_id=other.pk)

    assert claims.take(world.ben, queue_id=other.pk) is None
    assert claims.take(world.ada, queue_id=third.pk) is None
    claim = claims.take(world.ada, queue_id=other.pk)
    assert claim is not None
    assert claim.case_ids == (second.pk,)


def test_a_claim_leaves_siblings_in_another_queue(world: DeskWorld) -> None:
    first, second = world.held_images(2)
    change(world, second, queue_id=queue(world, "other").pk)

    assert taken(world.ada) == (first.pk,)


@pytest.mark.parametrize("flags", [["--role=auditor"], ["--disable"], ["--role=senior"]])
def test_a_changed_account_holds_no_claim_any_more(world: DeskWorld, flags: list[str]) -> None:
    world.held_images(2)
    claims.take(world.ada)

    call_command("change_user", "ada", *flags, stdout=io.StringIO())

    assert claims.current(world.ada.pk) is None
    assert len(taken(world.ben)) == 2
    assert world.entries(world.ada.pk)[-1]["action"] == "person.changed"


def test_an_account_is_disabled_and_enabled_again_in_the_log(world: DeskWorld) -> None:
    for flag in ("--disable", "--enable"):
        call_command("change_user", "ada", flag)

    assert [(entry["from"], entry["to"]) for entry in world.entries(world.ada.pk)] == [
        ("active", "disabled"),
        ("disabled", "active"),
    ]


@pytest.mark.parametrize("flags", [["ada"], ["ada", "--enable"], ["ada", "--role=reviewer"], ["nobody", "--disable"]])
def test_a_change_of_an_account_that_changes_nothing_is_refused(world: DeskWorld, flags: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("change_user", *flags)

    assert world.entries(world.ada.pk) == []


def test_the_open_images_of_one_request_are_claimed_together_in_their_order(world: DeskWorld) -> None:
    cases = world.held_images(4)

    claim = claims.take(world.ada)

    assert claim is not None
    assert claim.case_ids == tuple(case.pk for case in cases)
    assert {case.lease_token for case in Case.objects.all()} == {claim.token}


def test_a_claim_leaves_cases_of_lanes_that_are_not_the_persons(world: DeskWorld) -> None:
    first, second, *_ = world.held_images(3)
    change(world, second, lane="second")

    assert first.pk in taken(world.ada)
    assert Case.objects.get(pk=second.pk).lease_user_id is None


@pytest.mark.parametrize("lane", ["second", "escalated"])
def test_second_approvals_and_escalations_are_for_seniors(world: DeskWorld, lane: str) -> None:
    case = world.held_prompt("one")
    change(world, case, lane=lane)

    assert taken(world.ada) == ()
    assert taken(world.second) == (case.pk,)


@pytest.mark.parametrize("lane", ["ordinary", "unscreened", "severe"])
def test_reviewers_and_seniors_work_on_every_first_lane(world: DeskWorld, lane: str) -> None:
    case = world.held_prompt("one")
    change(world, case, lane=lane)

    assert taken(world.second) == (case.pk,)
    claims.drop(world.second.pk)
    assert taken(world.ada) == (case.pk,)


@pytest.mark.parametrize("role", ["officer", "auditor", "operator"])
def test_other_roles_claim_nothing(world: DeskWorld, role: str) -> None:
    world.held_prompt("one")

    assert taken(world.account("other", role)) == ()


def test_a_disabled_person_claims_nothing(world: DeskWorld) -> None:
    world.held_prompt("one")
    world.ada.is_active = False

    assert taken(world.ada) == ()


def test_nobody_is_offered_the_second_approval_of_their_own_first(world: DeskWorld) -> None:
    (case,) = world.held_images(1, approvals_required=2)
    sha256 = bytes(case.image.master_sha256)
    mine = world.take(world.second, case.pk)
    world.look(world.second, mine, sha256=sha256)
    world.decide(world.second, mine, "release", sha256=sha256)
    other = world.account("other", "senior")

    assert Case.objects.get(pk=case.pk).lane == "second"
    assert taken(world.second) == ()
    assert taken(other) == (case.pk,)


def test_a_case_in_its_grace_time_is_not_claimed(world: DeskWorld) -> None:
    case = world.held_prompt("one")
    change(world, case, claimable_at=timezone.now() + timedelta(minutes=1))

    assert taken(world.ada) == ()


def test_what_was_passed_over_is_not_offered(world: DeskWorld) -> None:
    first, second = world.held_prompt("one"), world.held_prompt("two")

    claim = claims.take(world.ada, passed_over=[first.pk])

    assert claim is not None
    assert claim.case_ids == (second.pk,)


def test_a_claim_is_logged_for_every_case_and_steps_no_version(world: DeskWorld) -> None:
    cases = world.held_images(2)

    claims.take(world.ada)

    assert [world.actions(case.pk)[-1] for case in cases] == ["case.claimed"] * 2
    assert set(Case.objects.values_list("version", flat=True)) == {1}


def test_a_person_holds_the_same_claim_when_they_look_again(world: DeskWorld) -> None:
    world.held_images(2)

    claim = claims.take(world.ada)

    assert claims.current(world.ada.pk) == claim
    assert claims.current(world.ben.pk) is None


def test_renewing_keeps_a_claim_and_is_not_logged(world: DeskWorld) -> None:
    case = world.held_prompt("one")
    claim = claims.take(world.ada)
    assert claim is not None
    change(world, case, lease_until=timezone.now() + timedelta(seconds=5))

    until = claims.renew(world.ada.pk, claim.token)

    assert until > timezone.now() + timedelta(seconds=200)
    assert world.actions(case.pk).count("case.claimed") == 1


def test_a_claim_is_renewed_for_thirty_minutes_at_most(world: DeskWorld) -> None:
    case = world.held_prompt("one")
    claims.take(world.ada)
    began_at = timezone.now() - timedelta(seconds=claims.MAX_CLAIM_S - 10)
    token = uuid.UUID(int=(int(began_at.timestamp() * 1000) << 80) | (7 << 76) | (2 << 62))
    change(world, case, lease_token=token, lease_until=timezone.now() + timedelta(seconds=5))

    until = claims.renew(world.ada.pk, token)

    assert abs(until - began_at - timedelta(seconds=claims.MAX_CLAIM_S)) < timedelta(milliseconds=5)


def test_a_lapsed_claim_cannot_be_renewed(world: DeskWorld) -> None:
    case = world.held_prompt("one")
    claim = claims.take(world.ada)
    assert claim is not None
    change(world, case, lease_until=timezone.now() - timedelta(milliseconds=1))

    with pytest.raises(ClaimLostError):
        claims.renew(world.ada.pk, claim.token)


def test_nobody_renews_anothers_claim(world: DeskWorld) -> None:
    world.held_prompt("one")
    claim = claims.take(world.ada)
    assert claim is not None

    with pytest.raises(ClaimLostError):
        claims.renew(world.ben.pk, claim.token)


def test_what_is_dropped_can_be_claimed_by_others(world: DeskWorld) -> None:
    (case,) = world.held_images(1)
    claims.take(world.ada)

    assert claims.drop(world.ada.pk) == (case.pk,)

    assert taken(world.ben) == (case.pk,)


def test_a_request_that_somebody_is_changing_is_left_alone_and_waited_for_by_nobody(world: DeskWorld) -> None:
    changing, *_ = world.held_images(3)
    other = world.held_prompt("one")
    with world.record.connect("people") as elsewhere:
        elsewhere.execute("SELECT FROM generation WHERE id = %s FOR NO KEY UPDATE", [changing.generation_id])

        assert taken(world.ada) == (other.pk,)
        assert taken(world.ben) == ()

    assert len(taken(world.ben)) == 3


def test_of_eight_people_none_gets_anothers_case_and_no_request_is_split(world: DeskWorld) -> None:
    for _ in range(12):
        world.held_images(3)
    people = [world.account(f"person-{number}") for number in range(8)]
    claimed: list[tuple[uuid.UUID, claims.Claim]] = []
    start = threading.Barrier(len(people))

    def work(person: User) -> None:
        with world.record.acting_as("people"):
            start.wait()
            while claim := claims.take(person):
                claimed.append((person.pk, claim))

    threads = [threading.Thread(target=work, args=[person]) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    cases = Counter(case_id for _, claim in claimed for case_id in claim.case_ids)
    assert len(cases) == 36
    assert set(cases.values()) == {1}
    assert len({claim.generation_id for _, claim in claimed}) == len(claimed) == 12
