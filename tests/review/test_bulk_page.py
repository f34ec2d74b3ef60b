"""Denying many cases on a page: what is listed, the number that is typed, what was left out, and taking it back."""

import re
import uuid
from collections.abc import Callable
from html import unescape

import pytest
from django.http import HttpResponse

from gateway.models import AuditEntry, AuditPrivate, Case, Decision, Queue
from review.history import pseudonym
from tests.review.desk_world import DeskWorld
from tests.review.test_queues import add_queue, move
from tests.review.visitor import Visitor

SignIn = Callable[..., Visitor]


@pytest.fixture
def sam(sign_in: SignIn) -> Visitor:
    return sign_in("sam", "senior")


def listed(response: HttpResponse) -> dict[uuid.UUID, str]:
    """What can be ticked on this page, by case."""
    values = re.findall(r'name="case" value="([^"]*)"', response.content.decode())
    return {uuid.UUID(value.split(" ")[0]): value for value in values}


def deny(sam: Visitor, ticked: list[str], **changes: str) -> HttpResponse:
    fields = {"search": "kind=prompt", "category": "hate", "count": str(len(ticked)), "note": "one flood", **changes}
    return sam.post("/review/bulk/deny", case=ticked, **fields)


def test_nothing_is_listed_until_something_is_asked_for(world: DeskWorld, sam: Visitor) -> None:
    world.held_prompt("a crowd")

    assert listed(sam.get("/review/bulk/")) == {}
    assert not [entry for entry in AuditEntry.objects.all() if b"cases.listed" in bytes(entry.body)]


def test_cases_are_found_by_what_they_have_in_common(world: DeskWorld, sam: Visitor) -> None:
    with world.record.acting_as("people"):
        other = world.new_organization("night market")
    crowd, again = world.held_prompt("a crowd"), world.held_prompt("a crowd")
    duel = world.held_prompt("a duel", requester="somebody else")
    market = world.held_prompt("a market", organization=other)
    (image,) = world.held_images(1, prompt="a hill")
    digest = bytes(world.generation(crowd.generation_id).prompt_sha256).hex()
    somebody_else = pseudonym(world.organization.pk, "somebody else")

    for asked, expected in (
        ("kind=prompt", [crowd, again, duel, market]),
        ("kind=image", [image]),
        (f"words={digest}", [crowd, again]),
        (f"words={digest[:8]}", [crowd, again]),
        (f"requester={somebody_else}", [duel]),
        ("organization=night+market", [market]),
        ("category=sexual", [image]),
        ("category=violence&organization=first", [crowd, again, duel]),
        ("queue=default", [crowd, again, duel, market, image]),
        ("hours=1", []),
    ):
        assert list(listed(sam.get(f"/review/bulk/?{asked}"))) == [case.pk for case in expected], asked


@pytest.mark.parametrize(
    "asked",
    [
        "queue=nowhere", "organization=nobody", "requester=grey+goose+0000", "category=dislike", "kind=appeal",
        "hours=0", "hours=721", "hours=soon", "words=1234567", "words=12345", "words=zz345678",
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_read_is_named_and_nothing_is_listed(world: DeskWorld, sam: Visitor, asked: str) -> None:
    world.held_prompt("a crowd")

    response = sam.get(f"/review/bulk/?{asked}")

    assert response.status_code == 400
    assert f'id="e-{asked.partition("=")[0]}"' in response.content.decode()
    assert listed(response) == {}


def test_what_this_senior_could_not_be_given_is_not_listed(world: DeskWorld, sam: Visitor) -> None:
    with world.record.acting_as("people"):
        own = world.new_organization("own")
        sam.user.client_of.add(own)
    mine = world.held_prompt("a crowd")
    held, of_own = world.held_prompt("a duel"), world.held_prompt("a market", organization=own)
    sealed, (opted_out,) = world.held_prompt("a hill"), world.held_images(1)
    world.take(world.ada, held.pk)
    world.seal(sealed.generation_id)
    sam.post("/review/settings/", opted_out="sexual", reveal="hold")

    shown = listed(sam.get("/review/bulk/?queue=default"))

    assert set(shown) == {mine.pk}
    assert {held.pk, of_own.pk, sealed.pk, opted_out.pk}.isdisjoint(shown)


def test_a_senior_named_at_a_queue_denies_there_alone(world: DeskWorld, sam: Visitor) -> None:
    here, elsewhere = world.held_prompt("a crowd"), world.held_prompt("a duel")
    move(world, here.pk, add_queue(world, "floods", "sam"))

    assert list(listed(sam.get("/review/bulk/?kind=prompt"))) == [here.pk]
    assert sam.get("/review/bulk/?queue=default").status_code == 400
    assert elsewhere.pk not in listed(sam.get("/review/bulk/?kind=prompt"))
    assert Queue.objects.count() == 2


def test_words_are_shown_as_on_a_case_and_no_image_is(world: DeskWorld, sam: Visitor) -> None:
    world.held_prompt("a <b>crowd</b> cheer\u200bing")
    world.held_images(1, prompt="a hill")

    text = sam.get("/review/bulk/?queue=default").content.decode()

    assert "a &lt;b&gt;crowd&lt;/b&gt; cheer" in text
    assert "ZWSP" in text
    assert "<img" not in text
    assert "blurred" not in text


def test_that_cases_were_listed_is_in_the_log_with_what_was_asked_for(world: DeskWorld, sam: Visitor) -> None:
    world.held_prompt("a crowd")

    sam.get("/review/bulk/?kind=prompt")

    (entry,) = [each for each in AuditEntry.objects.all() if b"cases.listed" in bytes(each.body)]
    assert b'"number":1' in bytes(entry.body)
    assert b"kind=" not in bytes(entry.body)
    assert AuditPrivate.objects.get(audit_id=entry.id, field="search").value == {"kind": "prompt"}


def test_what_is_ticked_is_denied_and_the_rest_still_waits(world: DeskWorld, sam: Visitor) -> None:
    first, second, third = (world.held_prompt(words) for words in ("one", "two", "three"))
    ticks = listed(sam.get("/review/bulk/?kind=prompt"))

    response = deny(sam, [ticks[first.pk], ticks[third.pk]])

    assert response.status_code == 302
    said = Decision.objects.order_by("id")
    assert [(each.case_id, each.category, each.note) for each in said] == [
        (first.pk, "hate", "one flood"), (third.pk, "hate", "one flood"),
    ]  # fmt: skip
    assert Case.objects.get(pk=second.pk).status == "open"
    page = sam.get(response.headers["Location"]).content.decode()
    assert "2 denied together" in page
    assert "Take back all 2" in page


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"count": "1"}, "you typed 1, and 2 are ticked"),
        ({"count": "3"}, "you typed 3, and 2 are ticked"),
        ({"count": ""}, "you typed no number, and 2 are ticked"),
        ({"category": ""}, "a denial needs a reason from the taxonomy"),
        ({"category": "dislike"}, "a denial needs a reason from the taxonomy"),
        ({"note": "n" * 4001}, "a note has 4001 characters; the limit is 4000"),
    ],
)
def test_a_form_that_does_not_fit_denies_nothing_and_keeps_what_was_typed(
    world: DeskWorld, sam: Visitor, change: dict[str, str], why: str
) -> None:
    one, two, _ = (world.held_prompt(words) for words in ("one", "two", "three"))
    ticks = listed(sam.get("/review/bulk/?kind=prompt"))

    response = deny(sam, [ticks[one.pk], ticks[two.pk]], **change)

    text = unescape(response.content.decode())
    assert response.status_code == 409
    assert why in text.lower().replace("taxonomy", "taxonomy")
    assert not Decision.objects.exists()
    assert len(re.findall(r'name="case" value="[^"]*" checked', text)) == 2
    assert change.get("note", "one flood") in text


def test_nothing_or_nonsense_that_is_ticked_denies_nothing(world: DeskWorld, sam: Visitor) -> None:
    world.held_prompt("one")

    for ticked in ([], ["nonsense"], [f"{uuid.UUID(int=7)} one two"]):
        assert deny(sam, ticked).status_code == 409
    assert not Decision.objects.exists()


def test_what_somebody_took_meanwhile_is_left_out_and_named(world: DeskWorld, sam: Visitor) -> None:
    taken, free = world.held_prompt("one"), world.held_prompt("two")
    ticks = listed(sam.get("/review/bulk/?kind=prompt"))
    world.take(world.ada, taken.pk)

    page = sam.get(deny(sam, list(ticks.values())).headers["Location"]).content.decode()

    assert "1 denied together" in page
    assert f"c-{taken.pk.hex[-6:].upper()}</code> somebody else has this request in hand" in page
    assert list(Decision.objects.values_list("case", flat=True)) == [free.pk]


def test_a_batch_is_taken_back_on_its_page(world: DeskWorld, sam: Visitor) -> None:
    cases = [world.held_prompt("one"), world.held_prompt("two")]
    address = deny(sam, list(listed(sam.get("/review/bulk/?kind=prompt")).values())).headers["Location"]

    assert sam.post(f"{address}undo").headers["Location"] == address

    assert "2 taken back" in sam.get(address).content.decode()
    assert set(Case.objects.filter(status="open", lease_user=None).values_list("pk", flat=True)) == {
        case.pk for case in cases
    }


def test_a_batch_is_shown_to_the_one_who_said_it_alone(world: DeskWorld, sam: Visitor, sign_in: SignIn) -> None:
    world.held_prompt("one")
    address = deny(sam, list(listed(sam.get("/review/bulk/?kind=prompt")).values())).headers["Location"]
    other = sign_in("other", "senior")

    assert other.get(address).status_code == 404
    other.post(f"{address}undo")
    assert Case.objects.get().status == "decided"


def test_a_break_that_is_required_comes_before_many_cases_too(
    world: DeskWorld, sam: Visitor, configured: Callable[..., None]
) -> None:
    world.held_prompt("one")
    sam.get("/review/bulk/?kind=prompt")
    with world.record.admin() as admin:
        admin.execute("UPDATE work_stretch SET began_at = now() - interval '3 hours', last_at = now()")

    assert sam.get("/review/bulk/?kind=prompt").headers["Location"] == "/review/break/"
