"""Sealed work opened by one person, without a reason, or for ever; a requester held by others than officers."""

import uuid
from typing import Any

from gateway.models import User
from gateway.models.fields import new_id
from tests.record.attacks.intruder import Intruder, attack
from tests.record.world import OFFICERS_REASON, World


def sealed(world: World) -> tuple[uuid.UUID, uuid.UUID]:
    """A sealed picture: (generation, image)."""
    generation_id, image_id = world.one("released")
    world.seal(generation_id)
    return generation_id, image_id


def seal_of(world: World, generation_id: uuid.UUID) -> uuid.UUID:
    return uuid.UUID(str(world.one_value("SELECT id FROM seals WHERE generation_id = %s", generation_id)))


def ask(
    x: Intruder, seal_id: uuid.UUID, officer: User, *, role: str = "people", within: str = "1 hour", **changes: Any
) -> uuid.UUID:
    """The request as the lifecycle writes it, with these columns changed."""
    values = {
        "id": new_id(), "seal_id": seal_id, "purpose": "open", "reason": OFFICERS_REASON, "asked_by_id": officer.pk,
        **changes,
    }  # fmt: skip
    x.do(
        role,
        f"INSERT INTO sealed_access ({', '.join(values)}, ask_until) "
        f"VALUES ({', '.join(['%s'] * len(values))}, now() + %s::interval)",
        *values.values(),
        within,
    )
    x.entry(role, values["id"], None, "asked")
    return values["id"]


def agree(x: Intruder, access_id: uuid.UUID, person: User, *, box: str = "10 minutes", role: str = "people") -> None:
    x.do(
        role,
        "UPDATE sealed_access SET agreed_by_id = %s, agreed_at = now(), until = now() + %s::interval WHERE id = %s",
        person.pk,
        box,
        access_id,
    )
    x.entry(role, access_id, "asked", "agreed")


@attack("access_allowed")
def reviewer_asks_to_open(world: World, x: Intruder) -> None:
    ask(x, seal_of(world, sealed(world)[0]), world.ada)


@attack("access_allowed")
def opening_asked_for_without_a_reason(world: World, x: Intruder) -> None:
    ask(x, seal_of(world, sealed(world)[0]), world.officer, reason=" because of it      ")


@attack("access_allowed")
def opening_asked_for_once_and_for_all(world: World, x: Intruder) -> None:
    ask(x, seal_of(world, sealed(world)[0]), world.officer, within="1 year")


@attack("access_allowed")
def lifted_seal_asked_for_again(world: World, x: Intruder) -> None:
    generation_id, _ = sealed(world)
    seal_id = seal_of(world, generation_id)
    world.lift_seal(generation_id)
    ask(x, seal_id, world.officer)


@attack("rights")
def opening_born_agreed(world: World, x: Intruder) -> None:
    box = "2099-01-01T00:00:00Z"
    born = {"agreed_by_id": world.other_officer.pk, "agreed_at": box, "until": box}
    ask(x, seal_of(world, sealed(world)[0]), world.officer, **born)


@attack("rights")
def checker_asks_to_open(world: World, x: Intruder) -> None:
    ask(x, seal_of(world, sealed(world)[0]), world.officer, role="screening")


@attack("access_allowed")
def officer_agrees_with_themselves(world: World, x: Intruder) -> None:
    access_id = world.open_seal(sealed(world)[0], agreed=False)
    agree(x, access_id, world.officer)


@attack("access_allowed")
def reviewer_agrees_to_an_opening(world: World, x: Intruder) -> None:
    access_id = world.open_seal(sealed(world)[0], agreed=False)
    agree(x, access_id, world.ada)


@attack("access_allowed")
def senior_agrees_to_an_opening(world: World, x: Intruder) -> None:
    access_id = world.open_seal(sealed(world)[0], agreed=False)
    agree(x, access_id, world.second)


@attack("access_allowed")
def disabled_officer_agrees(world: World, x: Intruder) -> None:
    access_id = world.open_seal(sealed(world)[0], agreed=False)
    with world.record.acting_as("people"):
        User.objects.filter(pk=world.other_officer.pk).update(is_active=False)
    agree(x, access_id, world.other_officer)


@attack("access_allowed")
def opening_without_end(world: World, x: Intruder) -> None:
    access_id = world.open_seal(sealed(world)[0], agreed=False)
    agree(x, access_id, world.other_officer, box="1 year")


@attack("access_allowed")
def time_box_made_longer(world: World, x: Intruder) -> None:
    access_id = world.open_seal(sealed(world)[0])
    x.do("people", "UPDATE sealed_access SET until = until + interval '1 hour' WHERE id = %s", access_id)


@attack("access_allowed")
def ended_opening_opened_again(world: World, x: Intruder) -> None:
    access_id = world.open_seal(sealed(world)[0])
    world.end_opening(access_id)
    x.do("people", "UPDATE sealed_access SET ended_at = NULL, ended_by_id = NULL WHERE id = %s", access_id)
    x.entry("people", access_id, "ended", "agreed")


@attack("rights")
def opening_turned_into_a_lift(world: World, x: Intruder) -> None:
    access_id = world.open_seal(sealed(world)[0])
    x.do("people", "UPDATE sealed_access SET purpose = 'lift' WHERE id = %s", access_id)


@attack("audited")
def opening_asked_for_without_entry(world: World, x: Intruder) -> None:
    x.do(
        "people",
        "INSERT INTO sealed_access (id, seal_id, purpose, reason, asked_by_id, ask_until) "
        "VALUES (%s, %s, 'open', %s, %s, now() + interval '1 hour')",
        new_id(), seal_of(world, sealed(world)[0]), OFFICERS_REASON, world.officer.pk,
    )  # fmt: skip


@attack("audited")
def opening_agreed_without_entry(world: World, x: Intruder) -> None:
    access_id = world.open_seal(sealed(world)[0], agreed=False)
    x.do(
        "people",
        "UPDATE sealed_access SET agreed_by_id = %s, agreed_at = now(), until = now() + interval '1 minute' "
        "WHERE id = %s",
        world.other_officer.pk, access_id,
    )  # fmt: skip


@attack("two_agreed")
def seal_taken_off_by_one_person(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("pending")
    world.seal(generation_id)
    x.move("people", "generation", generation_id, "blocked", "blocked", sealed_at=None)


@attack("two_agreed")
def seal_taken_off_on_leave_to_look(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("pending")
    world.seal(generation_id)
    world.open_seal(generation_id)
    x.move("people", "generation", generation_id, "blocked", "blocked", sealed_at=None)


@attack("two_agreed")
def seal_taken_off_on_what_was_agreed_about_an_earlier_seal(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("pending")
    world.seal(generation_id)
    world.lift_seal(generation_id)
    world.seal(generation_id)
    x.move("people", "generation", generation_id, "blocked", "blocked", sealed_at=None)


@attack("two_agreed")
def sealed_picture_put_before_people(world: World, x: Intruder) -> None:
    _, image_id = sealed(world)
    x.move("people", "image", image_id, "sealed", "held", held_why="unsealed", grant_id=None, encoded_sha256=None)


@attack("two_agreed")
def key_of_a_sealed_picture_thrown_away(world: World, x: Intruder) -> None:
    _, image_id = sealed(world)
    x.do("sweeper", "UPDATE masters SET wrapped_key = NULL WHERE image_id = %s", image_id)


# ---- a requester's further work


def hold(x: Intruder, world: World, officer: User, *, role: str = "people", reason: str = OFFICERS_REASON) -> uuid.UUID:
    hold_id = new_id()
    x.do(
        role,
        "INSERT INTO requester_hold (id, organization_id, requester, reason, placed_by_id) "
        "VALUES (%s, %s, 'somebody', %s, %s)",
        hold_id, world.organization.pk, reason, officer.pk,
    )  # fmt: skip
    x.entry(role, hold_id, None, "placed")
    return hold_id


@attack("rights")
def score_holds_a_requester(world: World, x: Intruder) -> None:
    hold(x, world, world.officer, role="screening")


@attack("hold_allowed")
def reviewer_holds_a_requester(world: World, x: Intruder) -> None:
    hold(x, world, world.ada)


@attack("hold_allowed")
def requester_held_without_a_reason(world: World, x: Intruder) -> None:
    hold(x, world, world.officer, reason="  ")


@attack("one_hold_a_requester")
def requester_held_twice(world: World, x: Intruder) -> None:
    world.hold_requester()
    hold(x, world, world.officer)


@attack("hold_allowed")
def reviewer_lets_a_requester_go(world: World, x: Intruder) -> None:
    hold_id = world.hold_requester()
    x.do(
        "people",
        "UPDATE requester_hold SET lifted_by_id = %s, lifted_at = now(), lift_reason = %s WHERE id = %s",
        world.ada.pk, OFFICERS_REASON, hold_id,
    )  # fmt: skip
    x.entry("people", hold_id, "placed", "lifted")


@attack("audited")
def requester_held_without_entry(world: World, x: Intruder) -> None:
    x.do(
        "people",
        "INSERT INTO requester_hold (id, organization_id, requester, reason, placed_by_id) "
        "VALUES (%s, %s, 'somebody', %s, %s)",
        new_id(), world.organization.pk, OFFICERS_REASON, world.officer.pk,
    )  # fmt: skip


@attack("audited")
def requester_let_go_without_entry(world: World, x: Intruder) -> None:
    hold_id = world.hold_requester()
    x.do(
        "people",
        "UPDATE requester_hold SET lifted_by_id = %s, lifted_at = now(), lift_reason = %s WHERE id = %s",
        world.officer.pk, OFFICERS_REASON, hold_id,
    )  # fmt: skip


@attack("requester_not_held")
def prompt_of_a_held_requester_cleared_by_a_score(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("waiting")
    world.hold_requester()
    x.do("screening", "UPDATE generation SET prompt_state = 'cleared' WHERE id = %s", generation_id)


@attack("requester_not_held")
def picture_of_a_held_requester_granted_by_a_score(world: World, x: Intruder) -> None:
    _, image_id = world.one("generated")
    world.hold_requester()
    x.grant("screening", image_id)
