"""A picture on a list that no person put there, or that says something else than they did."""

import uuid
from typing import Any

from gateway.models import Case, Decision, User
from gateway.models.fields import new_id
from tests.record.attacks.intruder import Intruder, attack
from tests.record.world import LOOK, PICTURE, World

OTHER = b"\x01" * 32


def said(world: World, outcome: str, **asked: Any) -> Case:
    """A held picture about which Ada said this, due and not carried out; remembered unless the attack wants it not."""
    world.undo_window(0.001)
    generation_id, _ = world.one("held")
    world.say(world.ada, world.case(generation_id).pk, outcome, **{"remembered": True, **asked})
    return world.case(generation_id)


def put(x: Intruder, side: str, case: Case, *, status: str, role: str = "sweeper", **changes: Any) -> None:
    """The picture's move, as the lifecycle makes it, and beside it this entry on a list."""
    with x.as_("people").cursor() as cursor:
        cursor.execute("SELECT id, category FROM decision WHERE case_id = %s ORDER BY id DESC LIMIT 1", [case.pk])
        decision_id, category = cursor.fetchone() or (None, None)
    if status == "granted":
        x.move(role, "image", case.image_id, "held", status, grant_id=x.grant(role, case.image_id, case.pk))  # type: ignore[arg-type]
    elif status != "held":
        x.move(role, "image", case.image_id, "held", status)  # type: ignore[arg-type]
    values = {"id": new_id(), "side": side, "sha256": PICTURE, "decision_id": decision_id}
    if side == "block":
        values |= {"category": category, "pdq": LOOK.pdq, "quality": LOOK.quality, "colours": LOOK.colours}
    values |= changes
    names = ", ".join(values)
    places = ", ".join(["%s"] * len(values))
    x.do(role, f"INSERT INTO known_picture ({names}) VALUES ({places})", *values.values())
    x.entry(role, values["id"], None, "listed")
    if status != "held":
        x.move(role, "review_case", case.pk, "decided", "closed", effective_at=None)


@attack("known_picture_allowed")
def picture_refused_for_ever_by_nobody(world: World, x: Intruder) -> None:
    put(x, "block", said(world, "deny"), status="rejected", decision_id=new_id())


@attack("known_picture_allowed")
def picture_remembered_though_nobody_asked_for_it(world: World, x: Intruder) -> None:
    put(x, "block", said(world, "deny", remembered=False), status="rejected")


@attack("known_picture_allowed")
def picture_remembered_inside_the_undo_window(world: World, x: Intruder) -> None:
    world.undo_window(60)
    generation_id, _ = world.one("held")
    world.say(world.ada, world.case(generation_id).pk, "deny", remembered=True)
    put(x, "block", world.case(generation_id), status="held")


@attack("known_picture_allowed")
def other_bytes_than_those_denied_on_the_list(world: World, x: Intruder) -> None:
    put(x, "block", said(world, "deny"), status="rejected", sha256=OTHER)


@attack("known_picture_allowed")
def another_look_than_the_denied_pictures_on_the_list(world: World, x: Intruder) -> None:
    put(x, "block", said(world, "deny"), status="rejected", pdq=OTHER)


@attack("known_picture_allowed")
def picture_on_the_list_for_another_reason(world: World, x: Intruder) -> None:
    put(x, "block", said(world, "deny"), status="rejected", category="sexual/minors")


@attack("known_picture_allowed")
def denied_picture_on_the_allow_list(world: World, x: Intruder) -> None:
    case = said(world, "deny")
    leave = {"organization_id": world.organization.pk, "policy_sha256": "0" * 64, "approvals": 1}
    put(x, "allow", case, status="rejected", **leave)


@attack("known_picture_allowed")
def released_picture_allowed_to_another_organization(world: World, x: Intruder) -> None:
    with world.record.acting_as("people"):
        second = world.new_organization("second")
    _allowed(world, x, organization_id=second.pk)


@attack("known_picture_allowed")
def released_picture_allowed_by_more_people_than_said_so(world: World, x: Intruder) -> None:
    _allowed(world, x, approvals=2)


@attack("known_picture_allowed")
def released_picture_allowed_under_another_policy(world: World, x: Intruder) -> None:
    _allowed(world, x, policy_sha256="1" * 64)


def _allowed(world: World, x: Intruder, **changes: Any) -> None:
    case = _released(world)
    leave = {"organization_id": world.organization.pk, "policy_sha256": "0" * 64, "approvals": 1}
    put(x, "allow", case, status="granted", **{**leave, **changes})


def _released(world: World) -> Case:
    """A release that its policy lets stand, due and not carried out."""
    with world.record.admin() as admin:
        admin.execute(
            "INSERT INTO policy_version (sha256, version, document) VALUES (%s, 'v', '{\"known\": {\"allow\": true}}')",
            ["0" * 64],
        )
    return said(world, "release")


@attack("rights")
def picture_remembered_by_a_checker(world: World, x: Intruder) -> None:
    put(x, "block", said(world, "deny"), status="held", role="screening")


@attack("audited")
def picture_remembered_without_entry(world: World, x: Intruder) -> None:
    case = said(world, "deny")
    with x.as_("people").cursor() as cursor:
        cursor.execute("SELECT id FROM decision WHERE case_id = %s", [case.pk])
        (decision_id,) = cursor.fetchone() or (None,)
    x.move("sweeper", "image", case.image_id, "held", "rejected")  # type: ignore[arg-type]
    x.do(
        "sweeper",
        "INSERT INTO known_picture (id, side, sha256, category, decision_id, pdq, quality, colours) "
        "VALUES (%s, 'block', %s, 'weapons', %s, %s, %s, %s)",
        new_id(), PICTURE, decision_id, LOOK.pdq, LOOK.quality, LOOK.colours,
    )  # fmt: skip
    x.move("sweeper", "review_case", case.pk, "decided", "closed", effective_at=None)


def listed(world: World) -> uuid.UUID:
    """A picture on the block list; its id."""
    generation_id, _ = world.one("held")
    world.say(world.ada, world.case(generation_id).pk, "deny", remembered=True)
    with world.record.acting_as("people"):
        known: uuid.UUID = Decision.objects.get(remember=True).known_picture.pk
    return known


def retire(x: Intruder, known: uuid.UUID, person: User, *, reason: str = "harmless after a second look") -> None:
    x.do(
        "people",
        "UPDATE known_picture SET retired_at = now(), retired_by_id = %s, retire_reason = %s WHERE id = %s",
        person.pk, reason, known,
    )  # fmt: skip


@attack("known_picture_retired")
def retired_picture_back_on_its_list(world: World, x: Intruder) -> None:
    known = listed(world)
    retire(x, known, world.second)
    x.entry("people", known, "listed", "retired")
    x.commit()
    x.do("people", "UPDATE known_picture SET retired_at = NULL, retired_by_id = NULL WHERE id = %s", known)
    x.entry("people", known, "retired", "listed")


@attack("audited")
def picture_taken_off_its_list_without_entry(world: World, x: Intruder) -> None:
    retire(x, listed(world), world.second)


@attack("known_retired_for_a_reason")
def picture_taken_off_its_list_by_a_reviewer(world: World, x: Intruder) -> None:
    known = listed(world)
    retire(x, known, world.ada)
    x.entry("people", known, "listed", "retired")


@attack("known_retired_for_a_reason")
def picture_taken_off_its_list_without_a_reason(world: World, x: Intruder) -> None:
    known = listed(world)
    retire(x, known, world.second, reason="because of this    ")
    x.entry("people", known, "listed", "retired")


@attack("known_retired_for_a_reason")
def sealed_picture_taken_off_its_list_by_a_senior(world: World, x: Intruder) -> None:
    known = listed(world)
    world.seal(world.one_value("SELECT id FROM generation"))
    retire(x, known, world.second)
    x.entry("people", known, "listed", "retired")


@attack("rights")
def picture_on_its_list_turned_into_another(world: World, x: Intruder) -> None:
    x.do("people", "UPDATE known_picture SET sha256 = %s WHERE id = %s", OTHER, listed(world))
