"""The entry of a change: in its transaction, in canonical bytes, and silent about what not every reader may know."""

import json

import pytest
import rfc8785
from django.db import connection, transaction

from gateway.audit.actions import UnknownActionError
from gateway.audit.canonical import commitment
from gateway.audit.log import Actor, record
from gateway.errors import DecisionRefusedError, NotCancelableError
from gateway.models import AuditEntry, AuditPrivate
from gateway.models.fields import new_id
from tests.record.world import PROMPT, RULE, SCORE, World

NOTE = "the hands are wrong"


def everything_happens(world: World) -> None:
    world.one("released")
    held, _ = world.one("held", approvals_required=2)
    world.say(world.ada, world.case(held).pk, "release")
    case = world.take(world.ben, world.case(held).pk)
    world.decide(world.ben, case, "deny", note=NOTE)
    blocked = world.accept()
    world.settle_prompt(world.lease("prompt", blocked), "block")
    canceled, _ = world.one("held prompt")
    world.cancel(canceled)
    sealed, _ = world.one("released")
    world.seal(sealed)
    world.lift_seal(sealed)


def bodies() -> list[bytes]:
    return [bytes(body) for body in AuditEntry.objects.values_list("body", flat=True)]


def test_every_entry_is_canonical(world: World) -> None:
    everything_happens(world)

    assert bodies()
    assert [body for body in bodies() if rfc8785.dumps(json.loads(body)) != body] == []


def test_the_way_of_a_released_picture_can_be_read_from_the_log(world: World) -> None:
    generation_id, image_id = world.one("released")

    assert world.actions(image_id) == ["image.cleared", "image.generated", "image.granted", "image.released"]
    assert world.actions(generation_id) == ["generation.accepted", "prompt.cleared", "generation.derived"]
    path = [(entry["from"], entry["to"]) for entry in world.entries(image_id)]
    assert path == [
        ("waiting", "pending"), ("pending", "generated"), ("generated", "granted"), ("granted", "released"),
    ]  # fmt: skip


def test_no_entry_names_a_person_or_holds_a_prompt_a_note_or_a_matched_rule(world: World) -> None:
    everything_happens(world)

    log = b"\n".join(bodies()).decode()
    for secret in (
        PROMPT,
        NOTE,
        str(world.ada.pk),
        str(world.ben.pk),
        str(world.officer.pk),
        '"ada"',
        RULE,
        str(SCORE),
    ):
        assert secret not in log


def test_what_an_entry_commits_to_can_be_opened_and_only_by_its_own_value(world: World) -> None:
    everything_happens(world)

    openings = AuditPrivate.objects.all()
    assert {o.audience for o in openings} == {"operator", "organization", "officer"}
    for opening in openings:
        entry = json.loads(bytes(AuditEntry.objects.get(id=opening.audit_id).body))
        committed = entry["commitments"][opening.field]
        assert commitment(bytes(opening.salt), opening.value) == committed
        assert commitment(bytes(opening.salt), "another value") != committed


def test_the_assessments_of_what_is_sealed_open_for_officers_alone(world: World) -> None:
    generation_id = world.accept()

    world.settle_prompt(world.lease("prompt", generation_id), "seal")

    assert set(
        AuditPrivate.objects.filter(field__in=["assessments", "reasons"]).values_list("audience", flat=True)
    ) == {"officer"}


def test_what_is_refused_leaves_no_entry(world: World) -> None:
    ended, _ = world.one("released")
    held, _ = world.one("held")
    case = world.take(world.ada, world.case(held).pk)
    before = len(bodies())

    with pytest.raises(NotCancelableError):
        world.cancel(ended)
    with pytest.raises(DecisionRefusedError):
        world.decide(world.ada, case, "release")

    assert len(bodies()) == before


def test_an_action_that_the_registry_does_not_know_is_refused(world: World) -> None:
    with transaction.atomic(), pytest.raises(UnknownActionError):
        record(kind="key", target=new_id(), was=None, to="x", action="key.lost", actor=Actor("system", "test"))


def test_hundreds_of_changes_in_one_transaction_have_an_entry_each(world: World) -> None:
    generation_id = world.accept(num_images=400)

    world.settle_prompt(world.lease("prompt", generation_id))

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit WHERE to_status = 'pending'")
        assert cursor.fetchone()[0] == 400
