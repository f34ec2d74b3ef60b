"""What people say, what becomes of it, and when it can be taken back."""

import time
import uuid

import pytest

from gateway import lifecycle
from gateway.audit.log import Actor
from gateway.errors import ClaimLostError, DecisionRefusedError, StaleStatusError
from gateway.models import Case, Decision, Grant, Image
from tests.record.world import PICTURE, SWEEPER, World


def held(world: World, **more: object) -> tuple[uuid.UUID, uuid.UUID, uuid.UUID]:
    """A held picture: (generation, image, case)."""
    generation_id, image_id = world.one("held", **more)
    return generation_id, image_id, world.case(generation_id).pk


def test_a_released_case_grants_the_very_bytes_that_were_looked_at(world: World) -> None:
    generation_id, image_id, case_id = held(world)

    world.say(world.ada, case_id, "release")

    assert world.statuses(generation_id) == ("generating", ["granted"])
    grant = Grant.objects.get(image=image_id)
    assert (grant.case_id, bytes(grant.master_sha256)) == (case_id, PICTURE)
    assert world.case(generation_id).status == "closed"


def test_a_denied_picture_is_rejected_with_the_persons_reason(world: World) -> None:
    generation_id, image_id, case_id = held(world)

    world.say(world.ada, case_id, "deny")

    assert world.statuses(generation_id) == ("completed", ["rejected"])
    assert world.image(image_id).reason["category"] == "weapons"


def test_a_denial_needs_a_reason_of_the_taxonomy(world: World) -> None:
    _, _, case_id = held(world)
    case = world.take(world.ada, case_id)

    for category in (None, "dislike"):
        with pytest.raises(DecisionRefusedError):
            world.decide(world.ada, case, "deny", category=category)


def test_an_approved_prompt_is_made_and_all_its_pictures_are_held(world: World) -> None:
    generation_id, image_id = world.one("held prompt")
    assert world.statuses(generation_id) == ("in_review", ["waiting"])

    world.say(world.ada, world.case(generation_id).pk, "approve")

    assert world.statuses(generation_id) == ("generating", ["pending"])
    world.settle_generated(world.lease("pending", image_id))
    world.settle_image(world.lease("generated", image_id), "allow")
    assert world.image(image_id).status == "held"


def test_a_denied_prompt_is_never_made(world: World) -> None:
    generation_id, _ = world.one("held prompt")

    world.say(world.ada, world.case(generation_id).pk, "deny")

    assert world.statuses(generation_id) == ("blocked", ["canceled"])


def test_two_approvals_come_from_two_people(world: World) -> None:
    generation_id, image_id, case_id = held(world, approvals_required=2)

    world.say(world.ada, case_id, "release")
    case = world.case(generation_id)
    assert (case.status, case.lane, world.image(image_id).status) == ("open", "second", "held")
    with pytest.raises(DecisionRefusedError):
        world.say(world.ada, case_id, "release")
    with world.record.admin() as admin:
        admin.execute("UPDATE review_case SET lease_user_id = NULL, lease_token = NULL, lease_until = NULL")
    world.say(world.ben, case_id, "release")

    assert world.image(image_id).status == "granted"


def test_an_escalation_goes_to_its_lane_and_decides_nothing(world: World) -> None:
    generation_id, image_id, case_id = held(world)

    world.say(world.ada, case_id, "escalate")

    case = world.case(generation_id)
    assert (case.status, case.lane, case.lease_user, world.image(image_id).status) == (
        "open",
        "escalated",
        None,
        "held",
    )


# ---- what a decision must rest on


def test_only_the_first_decision_on_a_version_counts(world: World) -> None:
    _, _, case_id = held(world)
    case = world.take(world.ada, case_id)
    world.decide(world.ada, case, "deny")

    with pytest.raises(StaleStatusError):
        world.decide(world.ada, case, "deny")


def test_nobody_decides_on_somebody_elses_claim(world: World) -> None:
    _, _, case_id = held(world)
    case = world.take(world.ada, case_id)

    with pytest.raises(ClaimLostError):
        world.decide(world.ben, case, "deny")


def test_nobody_decides_when_the_claim_is_over(world: World) -> None:
    _, _, case_id = held(world)
    case = world.take(world.ada, case_id, seconds=-1)

    with pytest.raises(ClaimLostError):
        world.decide(world.ada, case, "deny")


@pytest.mark.parametrize(("ms", "released"), [(999, False), (1000, True)])
def test_a_release_needs_a_look_of_one_second(world: World, ms: int, *, released: bool) -> None:
    _, image_id, case_id = held(world)
    case = world.take(world.ada, case_id)
    world.look(world.ada, case, ms=ms)

    if released:
        world.decide(world.ada, case, "release")
    else:
        with pytest.raises(DecisionRefusedError):
            world.decide(world.ada, case, "release")

    assert world.image(image_id).status == ("granted" if released else "held")


def test_a_look_counts_for_the_person_and_the_bytes_it_was_at(world: World) -> None:
    _, _, case_id = held(world)
    case = world.take(world.ada, case_id)
    world.look(world.ben, case)
    world.look(world.ada, case, sha256=b"other bytes")

    with pytest.raises(DecisionRefusedError):
        world.decide(world.ada, case, "release")


def test_a_decision_about_other_bytes_is_refused(world: World) -> None:
    _, _, case_id = held(world)
    case = world.take(world.ada, case_id)

    with pytest.raises(DecisionRefusedError):
        world.decide(world.ada, case, "deny", sha256=b"other bytes")


def test_a_prompt_is_approved_and_a_picture_released_never_the_other_way(world: World) -> None:
    prompt_of, _ = world.one("held prompt")
    _, _, picture_case = held(world)

    for case_id, word in ((world.case(prompt_of).pk, "release"), (picture_case, "approve")):
        case = world.take(world.ada, case_id)
        world.look(world.ada, case)
        with pytest.raises(DecisionRefusedError):
            world.decide(world.ada, case, word)


# ---- the undo window


@pytest.mark.parametrize("outcome", ["release", "deny", "escalate"])
def test_nothing_takes_effect_inside_the_undo_window(world: World, outcome: str) -> None:
    world.undo_window(60)
    generation_id, image_id, case_id = held(world)

    world.say(world.ada, case_id, outcome)

    with pytest.raises(StaleStatusError):
        world.carry_out(case_id)
    assert (world.image(image_id).status, world.case(generation_id).status) == ("held", "decided")


@pytest.mark.parametrize("outcome", ["release", "deny", "escalate"])
def test_every_decision_can_be_undone_and_the_case_is_the_same_persons_again(world: World, outcome: str) -> None:
    world.undo_window(60)
    generation_id, _, case_id = held(world)
    world.say(world.ada, case_id, outcome)

    world.undo(world.ada, case_id)

    case = world.case(generation_id)
    assert (case.status, case.lease_user_id, case.version) == ("open", world.ada.pk, 3)
    world.look(world.ada, case)
    world.decide(world.ada, case, "release")


def test_only_the_person_who_decided_can_undo_it(world: World) -> None:
    world.undo_window(60)
    _, _, case_id = held(world)
    world.say(world.ada, case_id, "release")

    with pytest.raises(DecisionRefusedError):
        world.undo(world.ben, case_id)


@pytest.mark.parametrize(
    ("outcome", "image", "case"),
    [("release", "granted", "closed"), ("deny", "rejected", "closed"), ("escalate", "held", "open")],
)
def test_the_sweeper_carries_out_what_is_due_and_then_it_is_too_late(
    world: World, outcome: str, image: str, case: str
) -> None:
    world.undo_window(0.2)
    generation_id, image_id, case_id = held(world)
    world.say(world.ada, case_id, outcome)
    time.sleep(0.25)

    world.carry_out(case_id)

    assert (world.image(image_id).status, world.case(generation_id).status) == (image, case)
    with pytest.raises(StaleStatusError):
        world.undo(world.ada, case_id)


def test_a_first_approval_that_was_undone_counts_for_nothing(world: World) -> None:
    world.undo_window(60)
    _, image_id, case_id = held(world, approvals_required=2)
    world.say(world.ada, case_id, "release")
    world.undo(world.ada, case_id)
    with world.record.admin() as admin:
        admin.execute("UPDATE review_case SET lease_user_id = NULL, lease_token = NULL, lease_until = NULL")
    world.undo_window(0)

    world.say(world.ben, case_id, "release")

    assert world.image(image_id).status == "held"
    assert Decision.objects.filter(outcome="undo").count() == 1


def test_cancel_wins_over_a_decision_that_has_not_taken_effect(world: World) -> None:
    world.undo_window(60)
    generation_id, _, case_id = held(world)
    world.say(world.ada, case_id, "release")

    world.cancel(generation_id)

    assert world.statuses(generation_id) == ("canceled", ["canceled"])
    assert Case.objects.get(pk=case_id).status == "closed"
    assert not Grant.objects.exists()


# ---- when no checker lives


def test_a_picture_no_checker_lived_for_is_held_and_looked_at_again_once(world: World) -> None:
    generation_id, image_id = world.one("generated")

    world.hold_without_checker(generation_id, image_id)
    assert world.image(image_id).held_why == "unscreened-no-checker"
    assert world.case(generation_id).claimable_at is not None
    world.beat("screening")
    with world.record.acting_as("sweeper"):
        lifecycle.look_again(generation_id, image_id, actor=SWEEPER)
    assert world.statuses(generation_id) == ("generating", ["generated"])

    world.hold_without_checker(generation_id, image_id)
    assert world.image(image_id).held_why == "unscreened"
    assert world.case(generation_id).claimable_at is None
    world.beat("screening")
    with world.record.acting_as("sweeper"), pytest.raises(StaleStatusError):
        lifecycle.look_again(generation_id, image_id, actor=SWEEPER)


def test_a_prompt_no_checker_lived_for_is_held_and_scored_after_all_once(world: World) -> None:
    generation_id = world.accept()

    world.hold_without_checker(generation_id, None)
    assert world.statuses(generation_id) == ("in_review", ["waiting"])
    world.beat("screening")
    with world.record.acting_as("sweeper"):
        lifecycle.look_again(generation_id, None, actor=SWEEPER)
    assert world.statuses(generation_id) == ("screening", ["waiting"])

    world.hold_without_checker(generation_id, None)
    world.beat("screening")
    with world.record.acting_as("sweeper"), pytest.raises(StaleStatusError):
        lifecycle.look_again(generation_id, None, actor=SWEEPER)


def test_nothing_goes_back_to_the_checkers_once_a_person_has_it(world: World) -> None:
    generation_id, image_id = world.one("generated")
    world.hold_without_checker(generation_id, image_id)
    world.take(world.ada, world.case(generation_id).pk)
    world.beat("screening")

    with world.record.acting_as("sweeper"), pytest.raises(StaleStatusError):
        lifecycle.look_again(generation_id, image_id, actor=SWEEPER)


def test_nothing_is_held_for_want_of_a_checker_while_one_lives(world: World) -> None:
    generation_id, image_id = world.one("generated")

    with world.record.acting_as("sweeper"), pytest.raises(StaleStatusError):
        lifecycle.hold_without_checker(generation_id, image_id, actor=SWEEPER)


@pytest.mark.parametrize("said", ["unscreened", "hold"])
def test_what_this_checker_cannot_judge_is_a_persons_at_once(world: World, said: str) -> None:
    generation_id, image_id = world.one("generated")

    world.settle_image(world.lease("generated", image_id), said)  # type: ignore[arg-type]

    assert (world.image(image_id).status, world.case(generation_id).claimable_at) == ("held", None)


# ---- maximum age


def test_a_held_picture_past_its_maximum_age_expires(world: World) -> None:
    generation_id, _, case_id = held(world)
    with world.record.admin() as admin:
        admin.execute("UPDATE review_case SET expires_at = now() - interval '1 s'")

    with world.record.acting_as("sweeper"):
        lifecycle.expire(generation_id, actor=SWEEPER)

    assert world.statuses(generation_id) == ("expired", ["expired"])
    assert Case.objects.get(pk=case_id).status == "closed"


@pytest.mark.parametrize("hands", ["claimed", "decided"])
def test_nothing_expires_under_a_persons_hands(world: World, hands: str) -> None:
    world.undo_window(60)
    generation_id, _, case_id = held(world)
    case = world.take(world.ada, case_id)
    if hands == "decided":
        world.decide(world.ada, case, "deny")
    with world.record.admin() as admin:
        admin.execute("UPDATE review_case SET expires_at = now() - interval '1 s'")

    with world.record.acting_as("sweeper"), pytest.raises(StaleStatusError):
        lifecycle.expire(generation_id, actor=SWEEPER)


def test_a_held_prompt_has_its_own_age_and_not_the_deadline_of_the_making(world: World) -> None:
    generation_id, _ = world.one("held prompt", deadline_s=-1)

    with world.record.acting_as("sweeper"), pytest.raises(StaleStatusError):
        lifecycle.expire(generation_id, actor=SWEEPER)

    world.say(world.ada, world.case(generation_id).pk, "approve")
    with world.record.acting_as("sweeper"), pytest.raises(StaleStatusError):
        lifecycle.expire(generation_id, actor=SWEEPER)


# ---- siblings


def test_a_new_case_joins_the_claim_of_its_sibling_only_in_the_same_lane(world: World) -> None:
    generation_id = world.accept(num_images=3)
    world.settle_prompt(world.lease("prompt", generation_id))
    for lease in world.claim("pending"):
        world.settle_generated(lease)
    first, second, third = world.claim("generated")

    world.settle_image(first, "hold")
    world.take(world.ada, world.case(generation_id).pk)
    world.settle_image(second, "hold")
    world.settle_image(third, "hold", lane="severe")

    claims = Case.objects.order_by("id").values_list("lane", "lease_user_id")
    assert list(claims) == [("ordinary", world.ada.pk), ("ordinary", world.ada.pk), ("severe", None)]


def test_a_look_at_a_picture_is_entered_before_it_is_shown(world: World) -> None:
    _, image_id, case_id = held(world)
    with world.record.acting_as("people"):
        actor = Actor("person", world.ada.pk)
        lifecycle.note_view(Case.objects.get(pk=case_id), form="512px", sha256=PICTURE, actor=actor)

    assert world.actions(image_id)[-1] == "image.viewed"
    assert Image.objects.get(pk=image_id).status == "held"
