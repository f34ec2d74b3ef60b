"""Known pictures: written when a decision that asked for it takes effect, by people alone, and gone when it is over."""

import uuid
from typing import Any

import pytest
from django.db import connection

from gateway import lifecycle
from gateway.errors import DecisionRefusedError, StaleStatusError
from gateway.models import Decision, ImageFingerprint, KnownPicture, User
from tests.record.world import LOOK, PICTURE, World

ALLOWING, ASKING = "a" * 64, "b" * 64


@pytest.fixture(autouse=True)
def policies(world: World) -> None:
    """Two policies of the record: one lets a release stand for the same bytes, one asks every time."""
    with world.record.acting_as("screening"), connection.cursor() as cursor:
        for sha256, known in ((ALLOWING, '{"known": {"allow": true}}'), (ASKING, "{}")):
            cursor.execute(
                "INSERT INTO policy_version (sha256, version, document) VALUES (%s, %s, %s)", [sha256, "v", known]
            )


def held(world: World, *, policy: str = ALLOWING, **asked: Any) -> tuple[uuid.UUID, uuid.UUID]:
    """A generation whose one image is held under this policy: (generation, image)."""
    approvals_required = asked.pop("approvals_required", 1)
    generation_id, image_id = world.one("generated", **asked)
    lease = world.lease("generated", image_id)
    world.settle_image(lease, "hold", policy_sha256=policy, approvals_required=approvals_required)
    return generation_id, image_id


def decided(world: World, outcome: str, **asked: Any) -> uuid.UUID:
    """A held picture about which Ada said this and asked for it to be remembered; its generation."""
    generation_id, _ = held(world, **asked)
    world.say(world.ada, world.case(generation_id).pk, outcome, remembered=True)
    return generation_id


def known(world: World) -> list[KnownPicture]:
    with world.record.acting_as("people"):
        return list(KnownPicture.objects.order_by("id"))


def in_force(world: World) -> list[str]:
    """The sides of the entries that count now, as the checkers read them."""
    with world.record.acting_as("screening"), connection.cursor() as cursor:
        cursor.execute("SELECT side FROM known_picture_in_force")
        return [row[0] for row in cursor.fetchall()]


def retire(known_id: uuid.UUID, person: User, reason: str = "harmless after a second look") -> None:
    lifecycle.retire_known_picture(known_id, user_id=person.pk, reason=reason)


def decision_of(world: World) -> Decision:
    with world.record.acting_as("people"):
        return Decision.objects.get(remember=True)


# ---- what goes onto a list


def test_a_denial_that_asks_for_it_puts_the_picture_and_its_look_on_the_block_list(world: World) -> None:
    decided(world, "deny")

    (entry,) = known(world)
    assert (entry.side, entry.status, entry.category, entry.organization_id) == ("block", "listed", "weapons", None)
    assert (bytes(entry.sha256), entry.decision_id) == (PICTURE, decision_of(world).pk)
    assert (bytes(entry.pdq or b""), entry.quality) == (LOOK.pdq, LOOK.quality)
    assert world.actions(entry.pk) == ["picture.remembered"]


def test_a_release_that_asks_for_it_puts_the_bytes_alone_on_the_allow_list_of_its_organization(world: World) -> None:
    decided(world, "release")

    (entry,) = known(world)
    assert (entry.side, entry.pdq, entry.category) == ("allow", None, None)
    assert (entry.organization_id, entry.policy_sha256, entry.approvals) == (world.organization.pk, ALLOWING, 1)


@pytest.mark.parametrize("outcome", ["deny", "release"])
def test_a_decision_that_does_not_ask_for_it_puts_nothing_on_a_list(world: World, outcome: str) -> None:
    generation_id, _ = held(world)

    world.say(world.ada, world.case(generation_id).pk, outcome)

    assert known(world) == []


def test_nothing_is_remembered_before_the_undo_window_is_over_nor_after_an_undo(world: World) -> None:
    world.undo_window(60)
    generation_id = decided(world, "deny")
    assert known(world) == []

    world.undo(world.ada, world.case(generation_id).pk)
    world.undo_window(0)
    case = world.case(generation_id)
    world.look(world.ada, case)
    world.decide(world.ada, case, "release")

    assert known(world) == []


def test_the_sweeper_remembers_what_it_carries_out(world: World) -> None:
    world.undo_window(0.01)
    generation_id = decided(world, "deny")

    world.carry_out(world.case(generation_id).pk)

    assert [entry.side for entry in known(world)] == ["block"]


def test_of_two_approvals_the_last_says_whether_it_is_remembered_and_both_are_counted(world: World) -> None:
    generation_id, _ = held(world, approvals_required=2)
    world.say(world.ada, world.case(generation_id).pk, "release", remembered=True)
    assert known(world) == []

    world.say(world.ben, world.case(generation_id).pk, "release", remembered=True)

    assert [entry.approvals for entry in known(world)] == [2]


def test_a_picture_that_no_checker_saw_is_remembered_by_its_bytes_alone(world: World) -> None:
    generation_id, _ = world.one("held", picture="unscreened")
    world.say(world.ada, world.case(generation_id).pk, "deny", remembered=True)

    assert [(entry.side, entry.pdq) for entry in known(world)] == [("block", None)]


# ---- what may not be asked for


@pytest.mark.parametrize("policy", [ASKING, "c" * 64])
def test_a_release_is_not_remembered_under_a_policy_that_asks_every_time(world: World, policy: str) -> None:
    generation_id, _ = held(world, policy=policy)

    with pytest.raises(DecisionRefusedError, match="asks every time"):
        world.say(world.ada, world.case(generation_id).pk, "release", remembered=True)


def test_a_release_of_what_no_checker_judged_is_not_remembered(world: World) -> None:
    generation_id, _ = world.one("held", picture="unscreened")

    with pytest.raises(DecisionRefusedError, match="asks every time"):
        world.say(world.ada, world.case(generation_id).pk, "release", remembered=True)


def test_neither_a_prompt_nor_an_escalation_is_remembered(world: World) -> None:
    prompt, _ = world.one("held prompt")
    picture, _ = held(world)

    for generation_id, outcome in ((prompt, "deny"), (picture, "escalate")):
        with pytest.raises(DecisionRefusedError, match="only a release or a denial of a picture"):
            world.say(world.ada, world.case(generation_id).pk, outcome, remembered=True)


# ---- what it does


def test_bytes_that_people_let_go_are_granted_where_the_policy_says_so(world: World) -> None:
    decided(world, "release")
    _, again = world.one("generated")

    by = str(decision_of(world).pk)
    world.settle_image(world.lease("generated", again), "allow", policy_sha256=ALLOWING, allowed_by=by)

    assert world.image(again).status == "granted"
    assert world.entries(again)[-1]["known_by_decision"] == by


def test_a_flagged_prompts_pictures_are_held_all_the_same(world: World) -> None:
    decided(world, "release")
    _, again = world.one("generated", prompt="flag")

    lease = world.lease("generated", again)
    world.settle_image(lease, "allow", policy_sha256=ALLOWING, allowed_by=str(decision_of(world).pk))

    assert (world.image(again).status, world.image(again).held_why) == ("held", "flagged")


@pytest.mark.parametrize("over", ["retired", "sealed", "withdrawn", "of another organization", "nobody's decision"])
def test_leave_that_is_over_by_the_time_of_the_settlement_is_none(world: World, over: str) -> None:
    generation_id = decided(world, "release")
    by = decision_of(world).pk
    asked: dict[str, Any] = {}
    if over == "retired":
        with world.record.acting_as("people"):
            retire(known(world)[0].pk, world.second)
    elif over == "sealed":
        world.seal(generation_id)
    elif over == "withdrawn":
        (image_id,) = world.image_ids(generation_id)
        world.settle_delivered(world.lease("granted", image_id))
        with world.record.acting_as("clients"):
            lifecycle.withdraw(image_id, actor=world.client)
    elif over == "of another organization":
        with world.record.acting_as("people"):
            asked["organization"] = world.new_organization("second")
    else:
        by = uuid.uuid4()
    _, again = world.one("generated", **asked)

    world.settle_image(world.lease("generated", again), "allow", policy_sha256=ALLOWING, allowed_by=str(by))

    assert (world.image(again).status, world.image(again).held_why) == ("held", "score")


# ---- how it ends


def test_a_person_takes_a_picture_off_its_list_once_and_for_good(world: World) -> None:
    decided(world, "deny")
    (entry,) = known(world)
    assert in_force(world) == ["block"]

    with world.record.acting_as("people"):
        retire(entry.pk, world.second)
        with pytest.raises(StaleStatusError):
            retire(entry.pk, world.officer)

    (entry,) = known(world)
    assert (entry.status, entry.retired_by_id) == ("retired", world.second.pk)
    assert in_force(world) == []
    assert world.actions(entry.pk) == ["picture.remembered", "picture.retired"]


def test_why_a_picture_left_its_list_stands_on_it_and_for_operators_in_the_log(world: World) -> None:
    decided(world, "deny")
    (entry,) = known(world)

    with world.record.acting_as("people"):
        retire(entry.pk, world.second, "  it only looks like one  ")

    (entry,) = known(world)
    assert entry.retire_reason == "it only looks like one"
    said = world.one_value(
        "SELECT p.value FROM audit_private p JOIN audit a ON a.id = p.audit_id "
        "WHERE a.target_id = %s AND p.field = 'reason' AND p.audience = 'operator'",
        entry.pk,
    )
    assert said == "it only looks like one"


@pytest.mark.parametrize(("length", "taken_off"), [(19, False), (20, True)])
def test_a_picture_leaves_its_list_for_a_reason_of_twenty_characters(
    world: World, length: int, taken_off: bool
) -> None:
    decided(world, "deny")
    (entry,) = known(world)

    with world.record.acting_as("people"):
        if taken_off:
            retire(entry.pk, world.second, "r" * length)
        else:
            with pytest.raises(DecisionRefusedError, match="has 19 characters; it needs at least 20"):
                retire(entry.pk, world.second, f"  {'r' * length}  ")

    assert in_force(world) == ([] if taken_off else ["block"])


def test_a_reviewer_takes_nothing_off_a_list_and_what_is_sealed_only_an_officer(world: World) -> None:
    generation_id = decided(world, "deny")
    (entry,) = known(world)
    with world.record.acting_as("people"), pytest.raises(DecisionRefusedError):
        retire(entry.pk, world.ben)
    world.seal(generation_id)

    with world.record.acting_as("people"):
        with pytest.raises(DecisionRefusedError):
            retire(entry.pk, world.second)
        retire(entry.pk, world.officer)

    assert in_force(world) == []


def test_a_sealed_picture_is_still_refused_and_nothing_but_hashes_is_kept_of_it(world: World) -> None:
    generation_id = decided(world, "deny")

    world.seal(generation_id)

    assert in_force(world) == ["block"]
    with world.record.acting_as("people"):
        assert not ImageFingerprint.objects.exists()


# ---- fingerprints


def test_every_picture_that_was_judged_has_its_fingerprint_but_not_one_that_is_sealed(world: World) -> None:
    _, released = world.one("granted")
    world.one("held", picture="seal")

    with world.record.acting_as("people"):
        (kept,) = ImageFingerprint.objects.all()
    assert (kept.image_id, bytes(kept.sha256), bytes(kept.pdq)) == (released, PICTURE, LOOK.pdq)
