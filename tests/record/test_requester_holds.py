"""An officer holds a requester's further work: people decide what a score would have let go. A score holds nobody."""

from gateway import lifecycle
from tests.record.world import OFFICERS_REASON, World


def test_what_a_held_requester_asks_for_waits_for_a_senior(world: World) -> None:
    world.hold_requester()

    generation_id, _ = world.one("waiting")
    world.settle_prompt(world.lease("prompt", generation_id), "allow")

    assert world.statuses(generation_id) == ("in_review", ["waiting"])
    assert (world.generation(generation_id).held_why, world.case(generation_id).lane) == ("requester", "escalated")


def test_a_picture_that_was_under_way_when_the_hold_was_placed_waits_too(world: World) -> None:
    generation_id, image_id = world.one("generated")
    world.hold_requester()

    world.settle_image(world.lease("generated", image_id), "allow")

    assert world.image(image_id).status == "held"
    assert (world.image(image_id).held_why, world.case(generation_id).lane) == ("requester", "escalated")


def test_people_let_go_what_is_held_for_its_requester(world: World) -> None:
    world.hold_requester()
    generation_id, _ = world.one("waiting")
    world.settle_prompt(world.lease("prompt", generation_id), "allow")

    world.say(world.second, world.case(generation_id).pk, "approve")

    assert world.statuses(generation_id) == ("generating", ["pending"])


def test_what_is_blocked_is_blocked_whoever_asks(world: World) -> None:
    world.hold_requester()
    generation_id, _ = world.one("waiting")

    world.settle_prompt(world.lease("prompt", generation_id), "block")

    assert world.generation(generation_id).status == "blocked"


def test_only_this_requester_of_this_organization_is_held(world: World) -> None:
    world.hold_requester()
    with world.record.acting_as("people"):
        other = world.new_organization("second")

    one, _ = world.one("pending", requester="another")
    two, _ = world.one("pending", organization=other)

    assert {world.generation(each).prompt_state for each in (one, two)} == {"cleared"}


def test_a_requester_that_was_let_go_is_judged_as_before(world: World) -> None:
    hold_id = world.hold_requester()

    with world.record.acting_as("people"):
        lifecycle.let_requester_go(hold_id, reason=OFFICERS_REASON, officer=world.other_officer)

    generation_id, _ = world.one("pending")
    assert world.generation(generation_id).prompt_state == "cleared"
    assert world.actions(hold_id) == ["requester.held", "requester.let_go"]


def test_a_seal_by_a_score_holds_nothing_else_of_its_requester(world: World) -> None:
    sealed, _ = world.one("waiting")
    world.settle_prompt(world.lease("prompt", sealed), "seal")

    generation_id, _ = world.one("pending")

    assert world.generation(generation_id).prompt_state == "cleared"
