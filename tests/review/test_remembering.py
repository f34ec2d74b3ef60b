"""The box beside a decision: which picture it is offered for, and what ticking it asks for."""

import json
from typing import Any

import pytest

from gateway.models import Decision, ImageFingerprint, KnownPicture
from moderation.policy import Policy, default_policy
from tests.record.world import LOOK
from tests.review.desk_world import DeskWorld
from tests.review.test_deciding import claimed, seen
from tests.review.visitor import Visitor

LOOK_ALIKES, THESE_BYTES = "Also refuse look-alikes", "Ask no more about this exact picture"


def policy(*, allow: bool) -> Policy:
    """The one that ships, which lets a release stand for the same bytes, or does not."""
    return Policy.parse(
        json.dumps({**default_policy().document, "version": "test", "known": {"allow": allow}}).encode()
    )


def page(rita: Visitor, case: Any) -> str:
    return rita.get(f"/review/cases/{case.pk}/").content.decode()


def known() -> list[str]:
    return list(KnownPicture.objects.values_list("side", flat=True))


def test_a_denial_with_the_box_ticked_refuses_look_alikes(world: DeskWorld, rita: Visitor) -> None:
    (case,) = world.held_images(1)
    claimed(rita)

    rita.decide(case.pk, "deny", category="weapons", remember="look-alikes")

    assert known() == ["block"]


@pytest.mark.parametrize("box", [{}, {"remember": "these-bytes"}])
def test_without_the_box_of_its_own_a_denial_is_about_this_picture_alone(
    world: DeskWorld, rita: Visitor, box: dict[str, str]
) -> None:
    (case,) = world.held_images(1)
    claimed(rita)

    rita.decide(case.pk, "deny", category="weapons", **box)

    assert Decision.objects.count() == 1
    assert known() == []


def test_a_release_with_the_box_ticked_stands_for_the_same_bytes(world: DeskWorld, rita: Visitor) -> None:
    world.judge_by(policy(allow=True))
    (case,) = world.held_images(1)
    claimed(rita)
    seen(rita, case.pk)

    rita.decide(case.pk, "release", remember="these-bytes")

    assert known() == ["allow"]


@pytest.mark.parametrize("allow", [True, False])
def test_the_box_of_a_release_is_there_where_the_policy_lets_it_stand(
    world: DeskWorld, rita: Visitor, *, allow: bool
) -> None:
    world.judge_by(policy(allow=allow))
    (case,) = world.held_images(1)
    claimed(rita)

    assert (THESE_BYTES in page(rita, case)) is allow


def test_a_release_that_asks_for_what_the_policy_does_not_give_is_not_recorded(world: DeskWorld, rita: Visitor) -> None:
    world.judge_by(policy(allow=False))
    (case,) = world.held_images(1)
    claimed(rita)
    seen(rita, case.pk)

    response = rita.decide(case.pk, "release", remember="these-bytes")

    assert response.status_code == 409
    assert "asks every time" in response.content.decode()
    assert not Decision.objects.exists()


@pytest.mark.parametrize(("quality", "offered"), [(49, False), (50, True), (51, True)])
def test_look_alikes_are_named_only_where_the_picture_has_enough_detail(
    world: DeskWorld, rita: Visitor, quality: int, *, offered: bool
) -> None:
    (case,) = world.held_images(1)
    claimed(rita)
    with world.record.acting_as("screening"):
        ImageFingerprint.objects.create(
            image_id=case.image_id, sha256=case.image.master_sha256, pdq=LOOK.pdq, quality=quality, colours=LOOK.colours
        )

    assert (LOOK_ALIKES in page(rita, case)) is offered


def test_a_prompt_has_no_such_box(world: DeskWorld, rita: Visitor) -> None:
    case = world.held_prompt("a knight with a sword")
    claimed(rita)

    assert 'name="remember"' not in page(rita, case)
