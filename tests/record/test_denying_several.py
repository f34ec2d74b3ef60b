"""Several images of one request, denied together: all of them or none, each with what stands behind it."""

import pytest

from gateway import lifecycle
from gateway.errors import ClaimLostError, DecisionRefusedError, GatewayError, NotFoundError, StaleStatusError
from gateway.lifecycle import Shown
from gateway.models import Case, Decision, User
from review import claims
from tests.record.world import PICTURE, World


def request_of(world: World, num_images: int) -> list[Case]:
    """The cases of a request whose images are all held, in their order, and nobody's yet."""
    generation_id = world.accept(num_images=num_images)
    world.settle_prompt(world.lease("prompt", generation_id))
    for lease in world.claim("pending"):
        world.settle_generated(lease)
    for lease in world.claim("generated"):
        world.settle_image(lease, "hold")
    with world.record.acting_as("people"):
        return list(Case.objects.filter(generation=generation_id).order_by("image__position"))


def claimed(world: World, num_images: int = 3) -> list[Case]:
    """The same, all under one claim of Ada's."""
    held = request_of(world, num_images)
    with world.record.acting_as("people"):
        assert claims.take(world.ada) is not None
        return list(Case.objects.filter(pk__in=[case.pk for case in held]).order_by("image__position"))


def shown(*cases: Case, sha256: bytes = PICTURE) -> list[Shown]:
    return [Shown(case.pk, case.version, sha256) for case in cases]


def deny(world: World, person: User, those: list[Shown], case: Case, category: str | None = "weapons") -> None:
    with world.record.acting_as("people"):
        lifecycle.deny_several(
            those, user_id=person.pk, token=case.lease_token or case.pk, category=category, note="the same thrice"
        )


def refused(world: World, those: list[Shown], case: Case, error: type[GatewayError], person: User | None = None) -> str:
    """What the refusal says; nothing was recorded of any."""
    with pytest.raises(error) as caught:
        deny(world, person or world.ada, those, case)
    assert not Decision.objects.filter(outcome="deny", note="the same thrice").exists()
    return caught.value.message


def test_those_that_were_chosen_are_denied_and_the_others_still_held(world: World) -> None:
    first, second, third = claimed(world)

    deny(world, world.ada, shown(first, third), first)

    assert world.statuses(first.generation_id) == ("in_review", ["rejected", "held", "rejected"])
    assert Case.objects.get(pk=second.pk).lease_user_id == world.ada.pk


def test_each_has_a_decision_and_an_entry_of_its_own(world: World) -> None:
    world.undo_window(60)
    cases = claimed(world)

    deny(world, world.ada, shown(*cases), cases[0])

    said = Decision.objects.order_by("id").values_list("case_id", "version", "category", "note")
    assert list(said) == [(case.pk, 1, "weapons", "the same thrice") for case in cases]
    for case in cases:
        assert world.actions(case.pk)[-1] == "case.decided"


def test_if_one_has_moved_on_nothing_is_recorded_of_any_and_it_is_named(world: World) -> None:
    cases = claimed(world)
    those = shown(*cases)
    world.decide(world.ada, cases[1], "deny", category="hate")

    message = refused(world, those, cases[0], StaleStatusError)

    assert message.startswith("image 2: this case is closed at version 3")
    assert world.statuses(cases[0].generation_id) == ("in_review", ["held", "rejected", "held"])


def test_every_one_that_stands_against_it_is_named(world: World) -> None:
    first, second, third = claimed(world)
    those = [*shown(first), *shown(second, sha256=b"other"), Shown(third.pk, 7, PICTURE)]

    message = refused(world, those, first, DecisionRefusedError)

    assert "image 1" not in message
    assert "image 2: the bytes you decided about are not those of the case" in message
    assert "image 3: this case is open at version 1; you were shown version 7" in message


def test_several_are_denied_only_by_the_one_who_holds_them_all(world: World) -> None:
    cases = claimed(world)

    refused(world, shown(*cases), cases[0], ClaimLostError, person=world.ben)


def test_several_are_images_of_one_request(world: World) -> None:
    mine, other = request_of(world, 1), request_of(world, 1)
    prompt_of, _ = world.one("held prompt")

    for those in (shown(*mine, *other), shown(world.case(prompt_of)), []):
        message = refused(world, those, mine[0], DecisionRefusedError)
        assert "images of one request" in message


def test_none_is_chosen_twice_and_all_are_there(world: World) -> None:
    cases = claimed(world, 2)

    for those in (shown(cases[0], cases[0]), [*shown(*cases), Shown(cases[0].generation_id, 1, PICTURE)]):
        refused(world, those, cases[0], NotFoundError)


@pytest.mark.parametrize("category", [None, "dislike"])
def test_several_denials_need_a_reason_of_the_taxonomy(world: World, category: str | None) -> None:
    cases = claimed(world)

    with pytest.raises(DecisionRefusedError):
        deny(world, world.ada, shown(*cases), cases[0], category)

    assert not Decision.objects.exists()


def test_one_undo_takes_all_of_them_back_and_they_are_one_claim_again(world: World) -> None:
    world.undo_window(60)
    first, second, third = claimed(world)
    deny(world, world.ada, shown(first, third), first)

    with world.record.acting_as("people"):
        lifecycle.undo_together(third.pk, user_id=world.ada.pk)

    assert world.statuses(first.generation_id) == ("in_review", ["held", "held", "held"])
    claim = Case.objects.filter(status="open").values_list("lease_user_id", "lease_token").distinct()
    assert list(claim) == [(world.ada.pk, second.lease_token)]
    assert Decision.objects.filter(outcome="undo").count() == 2


def test_an_undo_leaves_what_the_same_person_said_at_another_time(world: World) -> None:
    world.undo_window(60)
    first, second, third = claimed(world)
    world.decide(world.ada, second, "deny")
    deny(world, world.ada, shown(first, third), first)

    with world.record.acting_as("people"):
        lifecycle.undo_together(first.pk, user_id=world.ada.pk)

    statuses = Case.objects.filter(generation=first.generation_id).order_by("image__position")
    assert list(statuses.values_list("status", flat=True)) == ["open", "decided", "open"]


def test_nobody_undoes_what_another_said_of_several(world: World) -> None:
    world.undo_window(60)
    cases = claimed(world)
    deny(world, world.ada, shown(*cases), cases[0])

    with world.record.acting_as("people"), pytest.raises(DecisionRefusedError):
        lifecycle.undo_together(cases[0].pk, user_id=world.ben.pk)

    assert not Decision.objects.filter(outcome="undo").exists()
