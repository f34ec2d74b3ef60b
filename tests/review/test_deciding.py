"""What a person says on a page: what is recorded, what is refused, and what the page then tells."""

import threading
import uuid
from collections.abc import Callable

import pytest

from gateway.models import Case, Decision, Look
from tests.review.desk_world import DeskWorld
from tests.review.visitor import REVEAL, Visitor, case_of

SignIn = Callable[..., Visitor]


def claimed(visitor: Visitor) -> uuid.UUID:
    case_id = visitor.take()
    assert case_id is not None
    return case_id


def seen(visitor: Visitor, case_id: uuid.UUID, ms: int = 1200) -> None:
    """Look for so long by everybody's clocks."""
    proof = visitor.reveal(case_id).headers[REVEAL]
    threading.Event().wait(ms / 1000 + 0.02)
    assert visitor.look(case_id, ms=ms, reveal=proof).json()["ms"] == ms


def nothing_was_decided(case_id: uuid.UUID) -> bool:
    return not Decision.objects.exists() and Case.objects.get(pk=case_id).status == "open"


def test_an_image_is_released_after_a_look(world: DeskWorld, rita: Visitor) -> None:
    (case,) = world.held_images(1)
    claimed(rita)
    seen(rita, case.pk)

    assert rita.decide(case.pk, "release").status_code == 302

    assert world.statuses(case.generation_id) == ("generating", ["granted"])


def test_a_release_without_a_look_is_refused_and_the_note_kept(world: DeskWorld, rita: Visitor) -> None:
    (case,) = world.held_images(1)
    claimed(rita)

    response = rita.decide(case.pk, "release", note="looks <b>fine</b>")

    text = response.content.decode()
    assert response.status_code == 409
    assert "Your decision was not recorded" in text
    assert "at least 1000 ms" in text
    assert "looks &lt;b&gt;fine&lt;/b&gt;" in text
    assert nothing_was_decided(case.pk)


@pytest.mark.parametrize(("ms", "status"), [(999, 409), (1000, 302)])
def test_a_look_of_a_second_is_enough_and_less_is_not(world: DeskWorld, rita: Visitor, ms: int, status: int) -> None:
    (case,) = world.held_images(1)
    claimed(rita)
    seen(rita, case.pk, ms)

    assert rita.decide(case.pk, "release").status_code == status


def test_a_look_lasts_no_longer_than_the_doors_own_clock_says(world: DeskWorld, rita: Visitor) -> None:
    (case,) = world.held_images(1)
    claimed(rita)

    answer = rita.look(case.pk, ms=60_000, reveal=rita.reveal(case.pk).headers[REVEAL]).json()

    assert answer["ms"] < 1000
    assert answer["enough"] is False
    assert rita.decide(case.pk, "release").status_code == 409


def test_a_look_at_one_image_counts_for_no_other(world: DeskWorld, rita: Visitor) -> None:
    first, second = world.held_images(2)
    claimed(rita)
    proof = rita.reveal(first.pk).headers[REVEAL]

    assert rita.look(second.pk, ms=10, reveal=proof).status_code == 400
    assert not Look.objects.exists()


def test_a_look_is_the_lookers_own(world: DeskWorld, rita: Visitor, sign_in: SignIn) -> None:
    (case,) = world.held_images(1)
    claimed(rita)
    proof = rita.reveal(case.pk).headers[REVEAL]

    assert sign_in("other").look(case.pk, ms=10, reveal=proof).status_code == 400
    assert rita.look(case.pk, ms=10, reveal=proof[:-2] + "xx").status_code == 400
    assert rita.look(case.pk, ms="long", reveal=proof).status_code == 400  # type: ignore[arg-type]
    assert not Look.objects.exists()


def test_a_denial_needs_no_look_but_a_reason(world: DeskWorld, rita: Visitor) -> None:
    (case,) = world.held_images(1)
    claimed(rita)

    assert rita.decide(case.pk, "deny").status_code == 409
    assert nothing_was_decided(case.pk)
    assert rita.decide(case.pk, "deny", category="violence").status_code == 302

    assert world.statuses(case.generation_id) == ("completed", ["rejected"])
    assert Decision.objects.get().category == "violence"


def test_a_prompt_is_approved_and_its_images_come_back(world: DeskWorld, rita: Visitor) -> None:
    case = world.held_prompt("a crowd")
    claimed(rita)

    assert rita.decide(case.pk, "approve").status_code == 302

    assert world.statuses(case.generation_id) == ("generating", ["pending"])


def test_a_denied_prompt_is_never_made(world: DeskWorld, rita: Visitor) -> None:
    case = world.held_prompt("a crowd")
    claimed(rita)

    rita.decide(case.pk, "deny", category="hate", note="a note")

    assert world.statuses(case.generation_id) == ("blocked", ["canceled"])
    assert Decision.objects.get().note == "a note"


@pytest.mark.parametrize(
    "change",
    [
        {"version": "2"},
        {"sha256": "00" * 32},
        {"token": str(uuid.UUID(int=7))},
        {"token": "nonsense"},
        {"version": ""},
        {"sha256": "xyz"},
        {"outcome": "publish"},
        {"outcome": ""},
        {"note": "n" * 4001},
        {"outcome": "release"},
    ],
    ids=lambda change: "-".join(f"{key}={value[:8]}" for key, value in change.items()),
)
def test_a_form_that_does_not_fit_the_case_changes_nothing(
    world: DeskWorld, rita: Visitor, change: dict[str, str]
) -> None:
    case = world.held_prompt("a crowd")
    claimed(rita)

    response = rita.decide(case.pk, **{"outcome": "approve", **change})

    assert response.status_code == 409
    assert nothing_was_decided(case.pk)


def test_the_second_of_two_submits_is_told_what_counts(world: DeskWorld, rita: Visitor) -> None:
    world.undo_window(8)
    case = world.held_prompt("a crowd")
    claimed(rita)
    form = rita.form(case.pk)
    rita.post(f"/review/cases/{case.pk}/decide", **form, outcome="deny", category="hate")

    again = rita.post(f"/review/cases/{case.pk}/decide", **form, outcome="approve", note="kept words")

    text = again.content.decode()
    assert again.status_code == 409
    assert "kept words" in text
    assert "hate" in text
    assert Decision.objects.count() == 1


def test_a_lost_claim_decides_nothing(world: DeskWorld, rita: Visitor) -> None:
    case = world.held_prompt("a crowd")
    claimed(rita)
    form = rita.form(case.pk)
    with world.record.admin() as admin:
        admin.execute("UPDATE review_case SET lease_until = now() - interval '1 second'")

    response = rita.post(f"/review/cases/{case.pk}/decide", **form, outcome="approve", note="kept words")

    assert response.status_code == 409
    assert "claim_lost" in response.content.decode()
    assert nothing_was_decided(case.pk)


def test_nobody_sees_a_case_that_another_has(world: DeskWorld, rita: Visitor, sign_in: SignIn) -> None:
    case = world.held_prompt("secret words of a client")
    claimed(rita)

    response = sign_in("other").get(f"/review/cases/{case.pk}/")

    assert response.status_code == 409
    assert "secret words" not in response.content.decode()


def test_after_a_decision_the_next_image_of_the_request_comes_and_then_the_next_request(
    world: DeskWorld, rita: Visitor
) -> None:
    first, second = world.held_images(2)
    later = world.held_prompt("a crowd")
    assert claimed(rita) == first.pk

    assert case_of(rita.decide(first.pk, "deny", category="ip")) == second.pk
    assert case_of(rita.decide(second.pk, "deny", category="ip")) == later.pk
    assert case_of(rita.decide(later.pk, "deny", category="ip")) is None


def test_undo_gives_the_case_back_to_its_decider_alone(world: DeskWorld, rita: Visitor, sign_in: SignIn) -> None:
    world.undo_window(8)
    case = world.held_prompt("a crowd")
    claimed(rita)
    rita.decide(case.pk, "deny", category="hate")
    assert "Undo" in rita.get("/review/").content.decode()

    refused = sign_in("other").post(f"/review/cases/{case.pk}/undo")
    assert refused.status_code == 409
    assert case_of(rita.post(f"/review/cases/{case.pk}/undo")) == case.pk

    assert rita.get(f"/review/cases/{case.pk}/").status_code == 200
    assert rita.decide(case.pk, "approve").status_code == 302


def test_what_took_effect_cannot_be_undone(world: DeskWorld, rita: Visitor) -> None:
    case = world.held_prompt("a crowd")
    claimed(rita)
    rita.decide(case.pk, "deny", category="hate")

    response = rita.post(f"/review/cases/{case.pk}/undo")

    assert response.status_code == 409
    assert "Nothing was undone" in response.content.decode()


def test_a_skip_decides_nothing_and_is_not_offered_again_until_asked(world: DeskWorld, rita: Visitor) -> None:
    first, second = world.held_prompt("one"), world.held_prompt("two")
    assert claimed(rita) == first.pk

    assert case_of(rita.decide(first.pk, "skip")) == second.pk
    assert case_of(rita.decide(second.pk, "skip")) is None
    assert rita.take() is None

    assert not Decision.objects.exists()
    assert not Case.objects.filter(lease_user__isnull=False).exists()
    assert "you skipped" in rita.get("/review/?empty").content.decode()
    assert case_of(rita.post("/review/next", again="1")) == first.pk


def test_the_second_approver_is_shown_neither_the_first_note_nor_who_wrote_it(
    world: DeskWorld, rita: Visitor, sign_in: SignIn
) -> None:
    (case,) = world.held_images(1, approvals_required=2)
    claimed(rita)
    seen(rita, case.pk)
    rita.decide(case.pk, "release", note="perfectly harmless")
    senior = sign_in("sena", "senior")
    assert claimed(senior) == case.pk

    text = senior.get(f"/review/cases/{case.pk}/").content.decode()

    assert "It needs a second approval" in text
    assert "perfectly harmless" not in text
    assert rita.user.pk.hex[-4:].upper() not in text.split("Timeline")[1]


def test_the_log_shows_decisions_by_outcome_and_nobodys_words(world: DeskWorld, rita: Visitor, sign_in: SignIn) -> None:
    world.undo_window(8)
    case = world.held_prompt("secret words of a client")
    claimed(rita)
    rita.decide(case.pk, "deny", category="hate", note="a note")
    rita.post(f"/review/cases/{case.pk}/undo")
    rita.decide(case.pk, "escalate", note="a note")
    auditor = sign_in("aud", "auditor")

    def said(asked: str) -> list[str]:
        return [each.outcome for each in auditor.get(f"/review/decisions?{asked}").context["page"].decisions]

    assert said("") == ["escalate", "deny"]
    assert said("outcome=escalate") == ["escalate"]
    assert said("effect=undone") == ["deny"]
    assert said("outcome=release") == []
    text = auditor.get("/review/decisions").content.decode()
    assert "secret words" not in text
    assert "a note" not in text


def test_the_heartbeat_keeps_a_claim_and_says_when_it_is_lost(world: DeskWorld, rita: Visitor) -> None:
    case = world.held_prompt("a crowd")
    claimed(rita)
    token = rita.form(case.pk)["token"]

    assert rita.post("/review/claim", token=token).json()["until_ms"] > 0
    with world.record.admin() as admin:
        admin.execute("UPDATE review_case SET lease_until = now() - interval '1 second'")
    for each in (token, "nonsense"):
        response = rita.post("/review/claim", token=each)
        assert (response.status_code, response.json()) == (409, {"code": "claim_lost"})


def test_the_queues_page_says_when_no_checker_lives(world: DeskWorld, rita: Visitor) -> None:
    assert "No checker is running" not in rita.get("/review/").content.decode()
    with world.record.admin() as admin:
        admin.execute("UPDATE workers SET last_beat = now() - interval '1 hour' WHERE kind = 'screening'")

    assert "No checker is running" in rita.get("/review/").content.decode()


def test_what_is_sealed_is_a_count(world: DeskWorld, rita: Visitor) -> None:
    case = world.held_prompt("secret words of a client")
    world.seal(case.generation_id)

    text = rita.get("/review/").content.decode()

    assert 'Sealed</a> <b class="end">1</b>' in text
    assert "secret words" not in text
