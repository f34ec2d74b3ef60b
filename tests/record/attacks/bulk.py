"""Many cases at once, said anything of but no."""

import uuid

from gateway.models import Case, User
from gateway.models.fields import new_id
from tests.record.attacks.intruder import Intruder, attack
from tests.record.attacks.people import insert_decision
from tests.record.world import PICTURE, World


def held(world: World, person: User, *, prompt: bool = False) -> Case:
    """A case that this person has claimed, and looked at where there is something to see."""
    generation_id, _ = world.one("held prompt" if prompt else "held")
    case = world.take(person, world.case(generation_id).pk)
    if not prompt:
        world.look(person, case)
    return case


def say(
    x: Intruder, case: Case, person: User, outcome: str, batch: uuid.UUID, *, category: str, sha256: bytes = PICTURE
) -> None:
    x.do(
        "people",
        "INSERT INTO decision (id, case_id, version, user_id, token, outcome, sha256, category, effective_at, batch) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, now(), %s)",
        new_id(), case.pk, case.version, person.pk, case.lease_token, outcome, sha256, category, batch,
    )  # fmt: skip


@attack("bulk_only_denies")
def release_in_a_batch(world: World, x: Intruder) -> None:
    say(x, held(world, world.second), world.second, "release", new_id(), category="weapons")


@attack("bulk_only_denies")
def approval_in_a_batch(world: World, x: Intruder) -> None:
    case = held(world, world.second, prompt=True)
    shown = bytes(world.generation(case.generation_id).prompt_sha256)
    say(x, case, world.second, "approve", new_id(), category="weapons", sha256=shown)


@attack("bulk_only_denies")
def batch_of_a_reviewer(world: World, x: Intruder) -> None:
    say(x, held(world, world.ada), world.ada, "deny", new_id(), category="weapons")


@attack("bulk_only_denies")
def batch_joined_by_another_senior(world: World, x: Intruder) -> None:
    with world.record.acting_as("people"):
        other = User.objects.create(username="other senior", role="senior")
    batch = new_id()
    say(x, held(world, world.second), world.second, "deny", batch, category="weapons")
    say(x, held(world, other), other, "deny", batch, category="weapons")


@attack("bulk_only_denies")
def batch_for_two_reasons(world: World, x: Intruder) -> None:
    batch = new_id()
    for category in ("weapons", "hate"):
        say(x, held(world, world.second), world.second, "deny", batch, category=category)


@attack("bulk_only_denies")
def batch_of_a_hundred_and_one(world: World, x: Intruder) -> None:
    case, batch = held(world, world.second), new_id()
    with world.record.admin() as admin:  # a hundred denials of long ago: neither cases nor rules stand behind them
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "INSERT INTO decision (id, case_id, version, user_id, outcome, sha256, category, effective_at, batch) "
            "SELECT uuidv7(), uuidv7(), 1, %s, 'deny', '', 'weapons', now(), %s FROM generate_series(1, 100)",
            [world.second.pk, batch],
        )
    say(x, case, world.second, "deny", batch, category="weapons")


@attack("one_yes_at_a_time")
def two_releases_in_one_transaction(world: World, x: Intruder) -> None:
    for case in (held(world, world.ada), held(world, world.ada)):
        insert_decision(x, case, world.ada, "release", token=case.lease_token, version=case.version)
