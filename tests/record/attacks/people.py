"""In place of what a person says: nobody, another person, too early, about something else, or once more."""

import time
import uuid

from gateway.models import Case, ClientMembership, User
from gateway.models.fields import new_id
from tests.record.attacks.intruder import Intruder, attack
from tests.record.world import PICTURE, World


def insert_decision(
    x: Intruder,
    case: Case,
    person: User,
    outcome: str,
    *,
    token: uuid.UUID | None,
    version: int,
    sha256: bytes = PICTURE,
) -> None:
    x.do(
        "people",
        "INSERT INTO decision (id, case_id, version, user_id, token, outcome, sha256, category, effective_at) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, 'weapons', now())",
        new_id(), case.pk, version, person.pk, token, outcome, sha256,
    )  # fmt: skip


def claimed(world: World, **asked: int) -> Case:
    generation_id, _ = world.one("held", **asked)
    return world.take(world.ada, world.case(generation_id).pk)


def decided(world: World, outcome: str = "release", *, window_s: float) -> Case:
    """A held picture of which somebody has said this, with so long to undo it."""
    world.undo_window(window_s)
    generation_id, _ = world.one("held")
    world.say(world.ada, world.case(generation_id).pk, outcome)
    return world.case(generation_id)


# ---- nobody said so


@attack("said_so")
def held_prompt_cleared_with_no_decision(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("held prompt")
    x.move("sweeper", "generation", generation_id, "in_review", "generating", prompt_state="cleared")


@attack("said_so")
def held_prompt_refused_with_no_decision(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("held prompt")
    x.move("sweeper", "generation", generation_id, "in_review", "blocked", prompt_state="refused")
    x.move("sweeper", "review_case", world.case(generation_id).pk, "open", "closed")


@attack("said_so")
def held_image_rejected_with_no_decision(world: World, x: Intruder) -> None:
    generation_id, image_id = world.one("held")
    x.move("sweeper", "image", image_id, "held", "rejected")
    x.move("sweeper", "review_case", world.case(generation_id).pk, "open", "closed")


@attack("said_so")
def held_image_rejected_on_a_release(world: World, x: Intruder) -> None:
    case = decided(world, window_s=0.1)
    time.sleep(0.15)
    x.move("sweeper", "image", case.image_id, "held", "rejected")
    x.move("sweeper", "review_case", case.pk, "decided", "closed", effective_at=None)


@attack("said_so")
def held_image_rejected_inside_the_undo_window(world: World, x: Intruder) -> None:
    case = decided(world, "deny", window_s=60)
    x.do("sweeper", "UPDATE review_case SET effective_at = now() WHERE id = %s", case.pk)
    x.move("sweeper", "image", case.image_id, "held", "rejected")
    x.move("sweeper", "review_case", case.pk, "decided", "closed", effective_at=None)


@attack("version_grows")
def held_image_rejected_on_a_denial_that_was_undone(world: World, x: Intruder) -> None:
    case = decided(world, "deny", window_s=0.5)
    world.undo(world.ada, case.pk)
    case = world.case(case.generation_id)
    world.look(world.ada, case)
    world.decide(world.ada, case, "release")
    time.sleep(0.6)
    x.do("sweeper", "UPDATE review_case SET version = 2 WHERE id = %s", case.pk)
    x.move("sweeper", "image", case.image_id, "held", "rejected")
    x.move("sweeper", "review_case", case.pk, "decided", "closed", effective_at=None)


@attack("cleared_first")
def approved_prompt_whose_pictures_are_not_held(world: World, x: Intruder) -> None:
    world.undo_window(0.1)
    generation_id, image_id = world.one("held prompt")
    world.say(world.ada, world.case(generation_id).pk, "approve")
    time.sleep(0.15)
    x.move("sweeper", "generation", generation_id, "in_review", "generating", prompt_state="cleared")
    x.move("sweeper", "image", image_id, "waiting", "pending", tag=1)
    x.move("sweeper", "review_case", world.case(generation_id).pk, "decided", "closed", effective_at=None)


@attack("flag_stays")
def flag_taken_off(world: World, x: Intruder) -> None:
    _, image_id = world.one("generated", prompt="flag")
    x.do("screening", "UPDATE image SET hold_anyway = false WHERE id = %s", image_id)


# ---- no such decision


@attack("decision_allowed")
def decision_without_a_claim(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("held")
    insert_decision(x, world.case(generation_id), world.ada, "deny", token=None, version=1)


@attack("decision_allowed")
def decision_on_another_persons_claim(world: World, x: Intruder) -> None:
    case = claimed(world)
    insert_decision(x, case, world.ben, "deny", token=case.lease_token, version=case.version)


@attack("decision_allowed")
def decision_when_the_claim_is_over(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("held")
    case = world.take(world.ada, world.case(generation_id).pk, seconds=-1)
    insert_decision(x, case, world.ada, "deny", token=case.lease_token, version=case.version)


@attack("decision_allowed")
def decision_on_an_old_version(world: World, x: Intruder) -> None:
    case = claimed(world)
    insert_decision(x, case, world.ada, "deny", token=case.lease_token, version=case.version - 1)


@attack("decision_allowed")
def release_without_a_look(world: World, x: Intruder) -> None:
    case = claimed(world)
    insert_decision(x, case, world.ada, "release", token=case.lease_token, version=case.version)


@attack("decision_allowed")
def release_after_a_glance(world: World, x: Intruder) -> None:
    case = claimed(world)
    world.look(world.ada, case, ms=999)
    insert_decision(x, case, world.ada, "release", token=case.lease_token, version=case.version)


@attack("decision_allowed")
def release_on_another_persons_look(world: World, x: Intruder) -> None:
    case = claimed(world)
    world.look(world.ben, case)
    insert_decision(x, case, world.ada, "release", token=case.lease_token, version=case.version)


@attack("decision_allowed")
def release_of_other_bytes(world: World, x: Intruder) -> None:
    case = claimed(world)
    world.look(world.ada, case, sha256=b"other")
    insert_decision(x, case, world.ada, "release", token=case.lease_token, version=case.version, sha256=b"other")


@attack("decision_allowed")
def prompt_released_like_a_picture(world: World, x: Intruder) -> None:
    generation_id, _ = world.one("held prompt")
    case = world.take(world.ada, world.case(generation_id).pk)
    shown = bytes(world.generation(generation_id).prompt_sha256)
    world.look(world.ada, case, sha256=shown)
    insert_decision(x, case, world.ada, "release", token=case.lease_token, version=case.version, sha256=shown)


@attack("one_decision_a_version")
def two_decisions_on_one_version(world: World, x: Intruder) -> None:
    case = claimed(world)
    for _ in range(2):
        insert_decision(x, case, world.ada, "deny", token=case.lease_token, version=case.version)


@attack("decision_allowed")
def both_approvals_by_one_person(world: World, x: Intruder) -> None:
    case = claimed(world, approvals_required=2)
    world.look(world.ada, case)
    world.decide(world.ada, case, "release")
    case = world.take(world.ada, case.pk)
    insert_decision(x, case, world.ada, "release", token=case.lease_token, version=case.version)
    x.move(
        "people", "review_case", case.pk, "open", "decided", version=case.version + 1, lease_user_id=None,
        lease_token=None, lease_until=None, effective_at=x.do("people", "SELECT now()")[0],
    )  # fmt: skip
    x.grant("people", case.image_id, case.pk)


@attack("decision_allowed")
def undo_of_another_persons_decision(world: World, x: Intruder) -> None:
    case = decided(world, window_s=60)
    (said,) = x.do("people", "SELECT id FROM decision WHERE case_id = %s", case.pk)
    x.do(
        "people",
        "INSERT INTO decision (id, case_id, version, user_id, outcome, sha256, effective_at, undoes_id) "
        "VALUES (%s, %s, %s, %s, 'undo', %s, now(), %s)",
        new_id(), case.pk, case.version, world.ben.pk, PICTURE, said,
    )  # fmt: skip


@attack("effective_within_a_minute")
def decision_that_takes_effect_next_year(world: World, x: Intruder) -> None:
    case = claimed(world)
    x.do(
        "people",
        "INSERT INTO decision (id, case_id, version, user_id, token, outcome, sha256, category, effective_at) "
        "VALUES (%s, %s, %s, %s, %s, 'deny', %s, 'weapons', now() + interval '1 year')",
        new_id(), case.pk, case.version, world.ada.pk, case.lease_token, PICTURE,
    )  # fmt: skip


@attack("rights")
def decision_that_was_made_yesterday(world: World, x: Intruder) -> None:
    case = claimed(world)
    x.do(
        "people",
        "INSERT INTO decision (id, case_id, version, user_id, token, outcome, sha256, effective_at, at) "
        "VALUES (%s, %s, %s, %s, %s, 'escalate', %s, now(), now() - interval '1 day')",
        new_id(), case.pk, case.version, world.ada.pk, case.lease_token, PICTURE,
    )  # fmt: skip


@attack("rights")
def decision_by_the_sweeper(world: World, x: Intruder) -> None:
    case = claimed(world)
    x.do(
        "sweeper",
        "INSERT INTO decision (id, case_id, version, user_id, token, outcome, sha256, effective_at) "
        "VALUES (%s, %s, %s, %s, %s, 'escalate', %s, now())",
        new_id(), case.pk, case.version, world.ada.pk, case.lease_token, PICTURE,
    )  # fmt: skip


@attack("rights")
def approvals_lowered(world: World, x: Intruder) -> None:
    world.one("held", approvals_required=2)
    x.do("people", "UPDATE review_case SET approvals_required = 1")


@attack("rights")
def decision_edited(world: World, x: Intruder) -> None:
    x.do("people", "UPDATE decision SET outcome = 'deny'")


@attack("rights")
def look_lengthened(world: World, x: Intruder) -> None:
    x.do("people", "UPDATE look SET ms = 60000")


# ---- work of one's own organization


def of_ones_own(world: World, case: Case) -> Case:
    """The case, claimed by Ada, who came to belong to its organization as a client after that."""
    with world.record.acting_as("people"):
        ClientMembership.objects.create(user=world.ada, organization=world.organization)
    return case


def attack_on_ones_own(outcome: str, *, prompt: bool = False) -> None:
    def run(world: World, x: Intruder) -> None:
        generation_id, _ = world.one("held prompt" if prompt else "held")
        case = world.take(world.ada, world.case(generation_id).pk)
        if not prompt:
            world.look(world.ada, case)
        shown = bytes(world.generation(generation_id).prompt_sha256) if prompt else PICTURE
        of_ones_own(world, case)
        insert_decision(x, case, world.ada, outcome, token=case.lease_token, version=case.version, sha256=shown)

    run.__name__ = f"{outcome}_of_work_of_ones_own_organization"
    attack("not_ones_own")(run)


for each in ("release", "deny", "escalate"):
    attack_on_ones_own(each)
attack_on_ones_own("approve", prompt=True)


@attack("not_ones_own")
def look_at_work_of_ones_own_organization(world: World, x: Intruder) -> None:
    case = of_ones_own(world, claimed(world))
    x.do(
        "people",
        "INSERT INTO look (id, case_id, user_id, sha256, form, ms) VALUES (%s, %s, %s, %s, 'clear', 2000)",
        new_id(), case.pk, world.ada.pk, PICTURE,
    )  # fmt: skip


@attack("rights")
def membership_ended_by_the_sweeper(world: World, x: Intruder) -> None:
    of_ones_own(world, claimed(world))
    x.do("sweeper", "DELETE FROM client_membership")
