"""Many cases denied together: each by itself, what does not fit left out and named, and nothing but denials."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from gateway import lifecycle
from gateway.errors import DecisionRefusedError
from gateway.lifecycle import Batch, Shown
from gateway.models import Case, Decision, User
from gateway.models.fields import new_id
from tests.record.test_denying_several import request_of
from tests.record.world import PICTURE, World

REASON = "weapons"


def held(world: World, number: int = 1, **asked: Any) -> list[Case]:
    """Cases of so many requests, an image each."""
    return [world.case(world.one("held", **asked)[0]) for _ in range(number)]


def shown(*cases: Case) -> list[Shown]:
    return [
        Shown(case.pk, case.version, PICTURE if case.image_id else bytes(case.generation.prompt_sha256))
        for case in cases
    ]


def deny(world: World, those: list[Shown], person: User | None = None, category: str | None = REASON) -> Batch:
    with world.record.acting_as("people"):
        return lifecycle.deny_each(
            those, user_id=(person or world.second).pk, category=category, note="all of one kind"
        )


def undo(world: World, batch: Batch, person: User | None = None) -> Batch:
    with world.record.acting_as("people"):
        return lifecycle.undo_batch(batch.id, user_id=(person or world.second).pk)


def reasons_for(batch: Batch) -> dict[uuid.UUID, str]:
    return {each.case_id: each.why for each in batch.left_out}


def test_each_case_is_claimed_and_denied_by_itself_with_entries_of_its_own(world: World) -> None:
    prompt = world.case(world.one("held prompt")[0])
    cases = [*held(world, 2), prompt]

    batch = deny(world, shown(*cases))

    assert (batch.done, batch.left_out) == (tuple(case.pk for case in cases), ())
    said = Decision.objects.order_by("id")
    assert [(each.case_id, each.outcome, each.category, each.batch) for each in said] == [
        (case.pk, "deny", REASON, batch.id) for case in cases
    ]
    assert len({each.at for each in said}) == 3
    for case in cases:
        assert world.actions(case.pk) == ["case.opened", "case.claimed", "case.decided"]
        assert world.entries(case.pk)[-1]["batch"] == str(batch.id)


@pytest.mark.parametrize(("window_s", "expected_s"), [(0, 30), (30, 30), (60, 60)])
def test_it_takes_effect_after_the_queues_window_and_never_sooner_than_after_half_a_minute(
    world: World, window_s: float, expected_s: float
) -> None:
    world.undo_window(window_s)
    (case,) = held(world)

    deny(world, shown(case))

    said = Decision.objects.get()
    assert said.effective_at - said.at == timedelta(seconds=expected_s)
    assert world.statuses(case.generation_id) == ("in_review", ["held"])


def test_when_it_is_due_each_is_carried_out_like_any_other(world: World) -> None:
    image, prompt = *held(world), world.case(world.one("held prompt")[0])
    deny(world, shown(image, prompt))
    with world.record.admin() as admin:
        admin.execute("ALTER TABLE decision DISABLE TRIGGER no_change")
        admin.execute("UPDATE decision SET effective_at = at")
        admin.execute("ALTER TABLE decision ENABLE TRIGGER no_change")
        admin.execute("UPDATE review_case SET effective_at = now() WHERE status = 'decided'")

    for case in (image, prompt):
        world.carry_out(case.pk)

    assert world.statuses(image.generation_id) == ("completed", ["rejected"])
    assert world.statuses(prompt.generation_id) == ("blocked", ["canceled"])


def test_what_somebody_else_has_in_hand_is_left_out_and_so_is_the_rest_of_its_request(world: World) -> None:
    first, second = request_of(world, 2)
    (free,) = held(world)
    world.take(world.ada, first.pk)

    batch = deny(world, shown(first, second, free))

    assert batch.done == (free.pk,)
    assert set(reasons_for(batch).values()) == {"somebody else has this request in hand"}
    assert Case.objects.get(pk=first.pk).lease_user_id == world.ada.pk


def test_a_lapsed_claim_of_somebody_else_stands_in_no_ones_way(world: World) -> None:
    (case,) = held(world)
    world.take(world.ada, case.pk, seconds=-1)

    assert deny(world, shown(case)).done == (case.pk,)


def test_what_this_senior_has_in_hand_themselves_is_denied_too(world: World) -> None:
    (case,) = held(world)
    world.take(world.second, case.pk)

    assert deny(world, shown(case)).done == (case.pk,)


def test_what_changed_since_it_was_shown_is_left_out(world: World) -> None:
    moved, sealed, other, gone = held(world, 4)
    those = [*shown(moved, sealed), Shown(other.pk, other.version, b"other"), *shown(gone), Shown(new_id(), 1, PICTURE)]
    world.say(world.ada, moved.pk, "escalate")
    world.seal(sealed.generation_id)
    world.cancel(gone.generation_id)

    batch = deny(world, those)

    assert batch.done == ()
    assert [each.why.split(":")[0][:30] for each in batch.left_out] == [
        "it is open at version 3; you w",
        "it is closed at version 2; you",
        "the bytes you decided about ar",
        "it is closed at version 2; you",
        "no case " + str(those[-1].case_id)[:22],
    ]
    assert not Decision.objects.filter(outcome="deny").exists()


def test_what_this_senior_approved_before_is_another_persons_to_decide(world: World) -> None:
    (case,) = held(world, approvals_required=2)
    world.say(world.second, case.pk, "release")

    batch = deny(world, shown(world.case(case.generation_id)))

    assert reasons_for(batch) == {case.pk: "you have approved it before: another person decides"}


def test_work_of_an_organization_that_this_senior_belongs_to_is_left_out(world: World) -> None:
    (case,) = held(world)
    with world.record.acting_as("people"):
        world.second.client_of.add(world.organization)

    batch = deny(world, shown(case))

    assert batch.done == ()
    assert "you belong to this organization as a client" in reasons_for(batch)[case.pk]
    assert Case.objects.get(pk=case.pk).lease_user_id is None


def test_what_goes_back_to_a_checker_by_itself_is_left_out(world: World) -> None:
    generation_id = world.accept()
    world.hold_without_checker(generation_id, None)
    case = world.case(generation_id)

    batch = deny(world, shown(case))

    assert batch.done == ()
    assert "back to the checkers" in reasons_for(batch)[case.pk]


@pytest.mark.parametrize("category", [None, "", "dislike"])
def test_a_batch_needs_a_reason_of_the_taxonomy(world: World, category: str | None) -> None:
    with pytest.raises(DecisionRefusedError, match="reason from the taxonomy"):
        deny(world, shown(*held(world)), category=category)


def test_only_a_senior_denies_a_batch(world: World) -> None:
    (case,) = held(world)

    for person in (world.ada, world.officer):
        with pytest.raises(DecisionRefusedError, match="only a senior"):
            deny(world, shown(case), person)

    assert not Decision.objects.exists()


@pytest.mark.parametrize(("number", "refused"), [(0, True), (1, False), (100, False), (101, True)])
def test_a_batch_has_one_to_a_hundred_cases(world: World, number: int, refused: bool) -> None:
    those = [Shown(new_id(), 1, PICTURE) for _ in range(number)]

    if refused:
        with pytest.raises(DecisionRefusedError, match=f"{number} cases are chosen; 1 to 100"):
            deny(world, those)
    else:
        assert len(deny(world, those).left_out) == number


def test_no_case_is_chosen_twice(world: World) -> None:
    (case,) = held(world)

    with pytest.raises(DecisionRefusedError, match="chosen twice"):
        deny(world, shown(case, case))


def test_a_batch_is_taken_back_whole_and_its_cases_wait_for_whoever_takes_them(world: World) -> None:
    cases = held(world, 3)
    batch = deny(world, shown(*cases))

    taken_back = undo(world, batch)

    assert taken_back.done == tuple(case.pk for case in cases)
    for case in Case.objects.filter(pk__in=taken_back.done):
        assert (case.status, case.lease_user_id) == ("open", None)
        assert world.actions(case.pk)[-1] == "case.undone"
    assert undo(world, batch).done == ()


def test_one_of_a_batch_can_be_taken_back_alone_and_what_took_effect_is_left_out_of_the_rest(world: World) -> None:
    alone, over, running = held(world, 3)
    batch = deny(world, shown(alone, over, running))
    world.undo(world.second, alone.pk)
    world.cancel(over.generation_id)

    taken_back = undo(world, batch)

    assert (taken_back.done, set(reasons_for(taken_back))) == ((running.pk,), {over.pk})
    assert Case.objects.get(pk=alone.pk).lease_user_id == world.second.pk


def test_what_was_said_of_a_case_since_is_not_taken_back_with_the_batch(world: World) -> None:
    (case,) = held(world)
    batch = deny(world, shown(case))
    world.undo(world.second, case.pk)
    world.undo_window(60)
    world.decide(world.second, world.case(case.generation_id), "escalate")

    with world.record.acting_as("people"):
        assert lifecycle.undo_batch(batch.id, user_id=world.second.pk) == Batch(batch.id, (), ())
    assert Case.objects.get(pk=case.pk).status == "decided"


def test_nobody_else_takes_a_batch_back(world: World) -> None:
    (case,) = held(world)
    batch = deny(world, shown(case))

    assert undo(world, batch, world.ada).done == ()
    assert Case.objects.get(pk=case.pk).status == "decided"


def test_a_decision_keeps_what_the_log_is_searched_by_as_it_was_when_it_was_said(world: World) -> None:
    (case,) = held(world)
    deny(world, shown(case))
    with world.record.acting_as("people"):
        said = Decision.objects.get()

    assert (said.kind, said.queue_id, said.organization_id) == ("image", case.queue_id, world.organization.pk)
    assert said.policy_sha256 == "0" * 64
    assert said.effective_at > timezone.now()
