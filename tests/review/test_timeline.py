"""What happened to a case and what was written of it, for those who come after; what a second approver is not told."""

import pytest

from gateway.models import Case, User
from review.desk import shown_sha256
from review.timeline import first_approvers, notes, pseudonym, timeline
from tests.review.desk_world import DeskWorld
from tests.review.visitor import Visitor


def say(world: DeskWorld, person: User, case: Case, outcome: str, note: str = "") -> None:
    claimed = world.take(person, case.pk)
    world.look(person, claimed, sha256=shown_sha256(case), ms=1500)
    world.decide(person, claimed, outcome, sha256=shown_sha256(case), note=note)


def told(case: Case, user: User) -> list[str]:
    now = Case.objects.select_related("generation", "image").get(pk=case.pk)
    return [event.text for event in timeline(now, user, first_approvers(now, user))]


def written(case: Case, user: User) -> list[tuple[str, str]]:
    return [(note.by, note.text) for note in notes(case, user, first_approvers(case, user))]


def test_it_tells_of_claims_looks_decisions_and_what_was_taken_back(world: DeskWorld) -> None:
    world.undo_window(60)
    (case,) = world.held_images(1)
    say(world, world.ada, case, "deny")
    world.undo(world.ada, case.pk)

    ada = pseudonym(world.ada.pk)
    assert told(case, world.ben) == [
        "Request accepted",
        "Prompt screened: allow",
        "Image screened: hold",
        "This image is held; a person is asked",
        f"{ada} claimed it",
        f"{ada} saw it for 1.5 s",
        f"{ada} denied the image for weapons",
        f"{ada} took that back",
        f"{ada} claimed it",
    ]
    assert told(case, world.ada)[-1] == "You claimed it"


def test_several_looks_of_one_person_are_one_line(world: DeskWorld) -> None:
    (case,) = world.held_images(1)
    claimed = world.take(world.ada, case.pk)
    for ms in (300, 2400, 900):
        world.look(world.ada, claimed, sha256=shown_sha256(case), ms=ms)

    assert [line for line in told(case, world.ada) if "saw" in line] == ["You saw it for 2.4 s, the longest of 3 looks"]


def test_an_escalation_and_its_note_are_told_to_the_next(world: DeskWorld) -> None:
    (case,) = world.held_images(1)
    say(world, world.ada, case, "escalate", "is this somebody we know?")

    assert told(case, world.second)[-1] == f"{pseudonym(world.ada.pk)} escalated the image"
    assert written(case, world.second) == [(pseudonym(world.ada.pk), "is this somebody we know?")]


def test_what_was_said_of_the_prompt_is_told_beside_its_image(world: DeskWorld) -> None:
    case = world.held_prompt("a knight")
    say(world, world.ada, case, "approve", "a game, I think")
    world.store(world.claim("pending")[0])
    (image_id,) = world.image_ids(case.generation_id)
    shown = bytes(world.image(image_id).master_sha256 or b"")
    world.settle_image(world.claim("generated")[0], "allow", sha256=shown)

    assert written(world.case(case.generation_id), world.ben) == [(pseudonym(world.ada.pk), "a game, I think")]


@pytest.mark.parametrize("then", ["nothing", "escalated"])
def test_a_second_approver_is_told_neither_who_was_first_nor_what_they_said(world: DeskWorld, then: str) -> None:
    (case,) = world.held_images(1, approvals_required=2)
    say(world, world.ada, case, "escalate", "Ada asks")
    say(world, world.ben, case, "escalate", "Ben asks")
    say(world, world.ada, case, "release", "Ada likes it")
    if then == "escalated":
        say(world, world.ben, case, "escalate", "Ben asks again")

    lines = told(case, world.second)

    assert pseudonym(world.ada.pk) not in " ".join(lines)
    assert "First approval; who gave it and why is not shown" in lines
    assert "Ada" not in str(written(case, world.second))
    assert "Ben asks" in str(written(case, world.second))


def test_whoever_approved_first_sees_their_own_words(world: DeskWorld) -> None:
    (case,) = world.held_images(1, approvals_required=2)
    say(world, world.ada, case, "release", "I like it")

    assert written(case, world.ada) == [("You", "I like it")]
    assert "You released the image" in told(case, world.ada)


def test_an_approval_that_was_undone_hides_nothing(world: DeskWorld) -> None:
    world.undo_window(60)
    (case,) = world.held_images(1, approvals_required=2)
    say(world, world.ada, case, "release", "too soon")
    world.undo(world.ada, case.pk)

    assert written(case, world.ben) == [(pseudonym(world.ada.pk), "too soon")]


def test_notes_stand_on_the_page_as_plain_text(world: DeskWorld, rita: Visitor) -> None:
    (case,) = world.held_images(1)
    say(world, world.ada, case, "escalate", "<b>look</b>\nat the hands")
    world.take(rita.user, case.pk)

    text = rita.get(f"/review/cases/{case.pk}/").content.decode()

    assert "&lt;b&gt;look&lt;/b&gt;<br>at the hands" in text
