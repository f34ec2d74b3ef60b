"""What a person is told of a requester: counts under a name, and nothing that says who, or what was sealed."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.test import override_settings

from gateway.models import Case, Generation
from gateway.models.fields import new_id
from review import history as module
from review.desk import shown_sha256
from review.history import MOST_REQUESTS, History, history, pseudonym
from tests.review.desk_world import DeskWorld
from tests.review.visitor import Visitor


def say(world: DeskWorld, case: Case, outcome: str, category: str | None = None) -> None:
    claimed = world.take(world.ada, case.pk)
    world.look(world.ada, claimed, sha256=shown_sha256(case))
    world.decide(world.ada, claimed, outcome, sha256=shown_sha256(case), category=category)


def told(world: DeskWorld, **asked: object) -> History:
    """Beside one more request of the same requester."""
    return history(world.generation(world.accept(**asked)))


def test_what_was_released_denied_and_escalated_is_counted(world: DeskWorld) -> None:
    first, second, third = world.held_images(3)
    say(world, first, "release")
    world.settle_delivered(world.claim("granted")[0])
    say(world, second, "deny", "violence")
    say(world, third, "deny", "violence")
    say(world, world.held_prompt("words"), "deny", "hate")
    (escalated,) = world.held_images(1)
    say(world, escalated, "escalate")

    found = told(world)

    assert (found.requests, found.released, found.escalated, found.refused) == (3, 1, 1, 0)
    assert found.denied == (("violence", 2), ("hate", 1))
    assert (found.more, found.held) == (False, False)


def test_what_checkers_refused_by_themselves_stands_apart(world: DeskWorld) -> None:
    world.one("generated")
    world.settle_image(world.claim("generated")[0], "block")
    generation_id = world.accept()
    world.settle_prompt(world.lease("prompt", generation_id), "block")

    found = told(world)

    assert (found.refused, found.denied) == (2, ())


def test_the_request_at_hand_is_left_out(world: DeskWorld) -> None:
    (first, _) = world.held_images(2)
    say(world, first, "deny", "violence")

    found = history(first.generation)

    assert (found.requests, found.denied) == (0, ())


def test_sealed_work_is_in_no_count(world: DeskWorld) -> None:
    first, second = world.held_images(2)
    say(world, first, "deny", "violence")
    say(world, second, "escalate")
    assert told(world).requests == 1

    world.seal(first.generation_id)

    found = told(world)
    assert (found.requests, found.denied, found.escalated) == (1, (), 0)  # the one that `told` itself made before


def test_others_requests_are_not_counted(world: DeskWorld) -> None:
    world.accept(requester="somebody else")
    world.accept(organization=world.new_organization("another"))

    assert told(world).requests == 0


def test_what_is_older_than_thirty_days_is_not_counted(world: DeskWorld) -> None:
    days = [timedelta(days=29, hours=23), timedelta(days=30, hours=1)]
    for ago in days:
        _born(world, datetime.now(UTC) - ago)

    assert told(world).requests == 1


def test_no_more_than_the_latest_requests_are_counted(world: DeskWorld) -> None:
    (oldest,) = world.held_images(1)
    say(world, oldest, "deny", "violence")
    with world.record.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "INSERT INTO generation (id, organization_id, requester, model, num_images, cost, prompt_sha256, "
            "deadline_at) SELECT uuidv7(), %s, 'somebody', 'm', 1, 1, '', now() FROM generate_series(1, %s)",
            [world.organization.pk, MOST_REQUESTS - 1],
        )
    found = told(world)
    assert (found.requests, found.more, found.denied) == (MOST_REQUESTS, False, (("violence", 1),))

    found = told(world)

    assert (found.requests, found.more, found.denied) == (MOST_REQUESTS, True, ())


def test_a_hold_of_an_officer_is_told_and_not_why(world: DeskWorld) -> None:
    world.hold_requester()

    assert told(world).held


def test_a_requester_has_one_name_in_an_installation_and_another_in_the_next() -> None:
    organization_id = new_id()
    name = pseudonym(organization_id, "user:ab12")

    assert name == pseudonym(organization_id, "user:ab12")
    assert name != pseudonym(new_id(), "user:ab12")
    with override_settings(SECRET_KEY="of another installation"):
        assert name != pseudonym(organization_id, "user:ab12")


def test_names_are_two_words_and_a_number_and_seldom_the_same() -> None:
    organization_id = uuid.UUID(int=1)
    names = {pseudonym(organization_id, str(number)) for number in range(1000)}

    assert len(names) >= 998
    assert all(name.count(" ") == 2 for name in names)
    assert len({*module._COLOURS}) == len(module._COLOURS) == len({*module._BIRDS}) == 32


def test_the_page_has_it_closed_and_names_neither_requester_nor_organization(world: DeskWorld, rita: Visitor) -> None:
    world.held_images(1, requester="user:0badcafe")
    world.held_images(1, requester="user:0badcafe")
    case_id = rita.take()

    text = rita.get(f"/review/cases/{case_id}/").content.decode()

    assert '<details class="history" data-history>' in text
    assert pseudonym(world.organization.pk, "user:0badcafe") in text
    assert "0badcafe" not in text
    assert str(world.organization.pk) not in text


@pytest.mark.parametrize("kind", ["prompt", "image"])
def test_every_kind_of_case_has_it(world: DeskWorld, rita: Visitor, kind: str) -> None:
    if kind == "prompt":
        world.held_prompt("words of a prompt")
    else:
        world.held_images(1)
    case_id = rita.take()

    assert "data-history" in rita.get(f"/review/cases/{case_id}/").content.decode()


def _born(world: DeskWorld, at: datetime) -> None:
    """A request of that time: its id says so."""
    made = world.accept()
    moved = uuid.UUID(int=(round(at.timestamp() * 1000) << 80) | (new_id().int & ((1 << 80) - 1)))
    with world.record.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE generation SET id = %s WHERE id = %s", [moved, made])
    assert Generation.objects.filter(pk=moved).exists()
